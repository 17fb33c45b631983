"""Mint requests as an upstream system would make them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

from PIL import Image
from solders.keypair import Keypair

from mint_events.catalogue import MintRequested


def picture(number: int) -> bytes:
    """A small PNG whose bytes nobody else's number has."""
    image = Image.new("RGB", (16, 16), ((number * 37) % 256, (number // 256) % 256, number % 256))
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def order(name: str, number: int = 1, *, user_id: str | None = None) -> MintRequested:
    """A valid request with the mint_id `name-number`; each user_id has a wallet of its own."""
    user = user_id or f"{name}-user-{number}"
    return MintRequested(
        mint_id=f"{name}-{number}",
        user_id=user,
        wallet=wallet_of(user),
        name=f"Badge #{number}",
        symbol="BADGE",
        level=1 + number % 10,
        description="Awarded by a test.",
        image=picture(number),
        seller_fee_basis_points=250,
    )


def video(number: int) -> bytes:
    """An MP4 of no pictures, whose bytes nobody else's number has."""
    file_type = _box(b"ftyp", b"mp42" + bytes(4) + b"mp42isom")
    return file_type + _box(b"free", number.to_bytes(8, "big")) + _box(b"mdat", b"")


def _box(kind: bytes, body: bytes) -> bytes:
    """A box of the ISO base media file format (ISO/IEC 14496-12, 4.2)."""
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def wallet_of(user_id: str) -> str:
    """The user's wallet: the same for the same user."""
    return str(Keypair.from_seed(user_id.encode().ljust(32, b".")[:32]).pubkey())


def orders(
    name: str, count: int, *, users: int | None = None, first: int = 1
) -> list[MintRequested]:
    """`count` requests from number `first` on, spread over `users` users (else, each its own)."""
    return [
        order(name, number, user_id=f"{name}-user-{number % (users or count)}")
        for number in range(first, first + count)
    ]


def with_level(request: MintRequested, level: int) -> MintRequested:
    """The same request but for its level: another body under the same id."""
    return replace(request, level=level)
