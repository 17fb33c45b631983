"""How fast events become records and records events, by one core: `python benchmarks/codec.py`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time
from timeit import repeat
from uuid import UUID

from mint_events.catalogue import MintSubmitted
from mint_events.codec import Codec
from mint_events.envelope import root
from mint_events.plain import from_plain, to_plain
from mint_events.schema.history import load_history
from mint_events.upcasters import read_binary, write_binary

ROUNDS, CALLS = 7, 20_000

EVENT = MintSubmitted(
    mint_id="order-2026-000001",
    mint_address="FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z",
    attempt=1,
    signature="5" * 88,
    transaction=bytes(900),
    blockhash="4" * 44,
    last_valid_block_height=312_000_000,
    endpoint="http://127.0.0.1:8899",
    priority_fee=1_000,
    compute_unit_limit=120_000,
    earlier=("3" * 88,),
)
ENVELOPE = root(EVENT, id=UUID(int=7), source="chain-minter", time=datetime(2026, 5, 4, tzinfo=UTC))


def per_second(call: Callable[[], object]) -> float:
    """Calls a second of processor time, the best of some rounds."""
    return CALLS / min(repeat(call, timer=process_time, number=CALLS, repeat=ROUNDS))


def main() -> None:
    """Measure the event alone (Avro, dataclass) and the whole record (frame, headers, envelope)."""
    codec, schema = Codec(), load_history().current(MintSubmitted).parsed
    write, read = to_plain(MintSubmitted), from_plain(MintSubmitted)
    payload, record = write_binary(write(EVENT), schema), codec.encode(ENVELOPE)

    def decode_record() -> object:
        return codec.decode("mint.chain", 0, 1, 2, record.key, record.value, record.headers)

    figures: dict[str, Callable[[], object]] = {
        "event encoded": lambda: write_binary(write(EVENT), schema),
        "event decoded": lambda: read(read_binary(payload, schema, schema)),
        "record encoded": lambda: codec.encode(ENVELOPE),
        "record decoded": decode_record,
    }
    for name, call in figures.items():
        print(f"{name:<16}{per_second(call):>12,.0f} /s")


if __name__ == "__main__":
    main()
