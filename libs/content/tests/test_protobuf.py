"""The wire format reads back what it wrote, and refuses what is cut short."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.protobuf import bytes_field, fields, number_field, varint
from mint_resilience.failures import Permanent

numbers = st.integers(0, 2**64 - 1)
field_numbers = st.integers(1, 2**29 - 1)


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02")]
)
def test_a_varint_is_seven_bits_a_byte_the_lowest_first(number: int, encoded: str) -> None:
    assert varint(number).hex() == encoded


@given(st.lists(st.tuples(field_numbers, numbers | st.binary(max_size=300)), max_size=10))
def test_a_message_reads_back_in_order(written: list[tuple[int, int | bytes]]) -> None:
    message = b"".join(
        number_field(field, value) if isinstance(value, int) else bytes_field(field, value)
        for field, value in written
    )

    assert list(fields(message)) == written


@given(st.binary(min_size=1, max_size=200))
def test_a_field_that_is_cut_short_is_refused(value: bytes) -> None:
    with pytest.raises(Permanent, match="ends inside"):
        list(fields(bytes_field(1, value)[:-1]))


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_but_permanent(message: bytes) -> None:
    with suppress(Permanent):
        list(fields(message))
