"""Names are read strictly and printed in one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.cid import Cid, Codec
from mint_resilience.failures import Permanent

RAW_TEXT = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
V0_TEXT = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"

cids = st.builds(
    Cid, st.just(1), st.sampled_from(Codec), st.binary(min_size=32, max_size=32)
) | st.builds(Cid, st.just(0), st.just(Codec.DAG_PB), st.binary(min_size=32, max_size=32))


@given(cids)
def test_text_and_bytes_of_any_cid_read_back_to_it(cid: Cid) -> None:
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(cid.to_bytes()) == cid
    assert Cid.from_uri(cid.uri) == cid


def test_the_empty_block_has_its_well_known_name() -> None:
    assert str(Cid.of_block(b"", Codec.RAW)) == RAW_TEXT


def test_a_cid_names_its_block_and_no_other() -> None:
    cid = Cid.of_block(b"level 3", Codec.RAW)

    assert cid.names(b"level 3")
    assert not cid.names(b"level 4")


def test_version_0_is_printed_in_base58() -> None:
    assert str(Cid.parse(V0_TEXT)) == V0_TEXT
    assert Cid.parse(V0_TEXT).codec is Codec.DAG_PB


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a CID"),
        ("hello", "is not a CID"),
        (RAW_TEXT[:-1], "is not"),
        (RAW_TEXT.upper(), "is not a CID"),
        (RAW_TEXT + "a", "is not"),
        ("b1", "is not base32"),
        ("bé", "is not base32"),
        (V0_TEXT[:-1] + "0", "no digit"),
        (V0_TEXT[:-1], "is not a CID"),
        ("bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua", "codec 0x71"),
        ("bafkrgqd6aeoy5fzx5bsf3yt5mbyqbd3lvfsgr2dzf5n5pm4fm6ilhs4iuw3lrqy64f6wd2pe", "multihash"),
    ],
)
def test_text_that_is_no_cid_of_ours_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(Permanent, match=why):
        Cid.parse(text)


@pytest.mark.parametrize("uri", ["https://ipfs.io/ipfs/" + RAW_TEXT, f"ipfs://{RAW_TEXT}/1.png"])
def test_only_a_plain_ipfs_address_is_read(uri: str) -> None:
    with pytest.raises(Permanent):
        Cid.from_uri(uri)
