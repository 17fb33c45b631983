"""The example of the AsyncAPI document: a `MintRequested`, down to the bytes of its record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mint_events.catalogue import Creator, MintRequested
from mint_events.codec import Codec
from mint_events.envelope import root
from mint_events.plain import to_plain

# The public key of RFC 8032's first test vector: an address on the curve that is nobody's.
_WALLET = "FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z"

EXAMPLE = root(
    MintRequested(
        mint_id="order-2026-000001",
        user_id="user-7",
        wallet=_WALLET,
        name="Trader #1",
        symbol="AIW3",
        level=3,
        description="Level 3 trader",
        image_uri="ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        seller_fee_basis_points=250,
        creators=(Creator(address=_WALLET, share=100),),
    ),
    id=UUID("0197b0d2-5a4e-7c11-9d5e-0f6f4ce2a1b3"),
    source="/backend/orders",
    time=datetime(2026, 5, 4, 12, 30, tzinfo=UTC),
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def example() -> dict[str, Any]:
    """What a message says of its example: headers and payload, and the record as it is sent."""
    record = Codec().encode(EXAMPLE)
    return {
        "examples": [
            {
                "name": "one mint",
                "summary": "A mint of an image that is on IPFS already.",
                "headers": {name: value.decode() for name, value in record.headers},
                "payload": to_plain(MintRequested)(EXAMPLE.event),
            }
        ],
        "x-example-record": {"key": record.key.decode(), "value-hex": record.value.hex()},
    }
