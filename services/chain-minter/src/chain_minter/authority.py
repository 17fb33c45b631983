"""The mint and update authorities' keys: read once, used to sign, never shown.

Source: the JSON array of 64 numbers (secret seed, then public key) that `solana-keygen` writes.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_resilience.failures import Permanent

Authorities = Mapping[str, "Authority"]
"""The authorities whose keys are held, by their addresses (base58)."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Authority:
    """Holds the key; neither its text nor its representation shows it."""

    __slots__ = ("address", "keypair")

    def __init__(self, keypair: Keypair) -> None:
        self.keypair = keypair
        self.address: Pubkey = keypair.pubkey()

    def __repr__(self) -> str:
        return f"Authority({self.address})"


def read_authority_file(path: Path) -> Authority:
    """Read the key from a file that only its owner may use.

    Raises `Permanent` when the file cannot be read, others may use it, or it holds no key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Permanent(f"the authority's key file {path} cannot be read: {error}") from error
    if mode & _OTHERS:
        raise Permanent(
            f"the authority's key file {path} has mode {stat.S_IMODE(mode):o}:"
            f" others than its owner may use it; run chmod 600 {path}"
        )
    return parse_authority(text, origin=str(path))


def parse_authority(text: str, *, origin: str) -> Authority:
    """Read the key from its JSON; `origin` names it in the error, which never shows the key.

    Raises `Permanent` when it is no key.
    """
    try:
        return Authority(Keypair.from_json(text))
    except ValueError:
        # no cause attached: its message may quote what was read
        raise Permanent(
            f"{origin} holds no key: expected the JSON array of 64 numbers of solana-keygen"
        ) from None


def by_address(authorities: Iterable[Authority]) -> Authorities:
    """The authorities by their addresses, in their order."""
    return {str(authority.address): authority for authority in authorities}
