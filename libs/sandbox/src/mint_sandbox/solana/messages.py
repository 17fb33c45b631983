"""Reading a transaction's message: its accounts, which of them it writes, its priority fee. Pure.

Formats: Solana's transaction format; address lookup tables keep their addresses after a header of
56 bytes; the compute-budget program's instructions 2 and 3 set the unit limit and the unit price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from solders.account import Account
from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey

AnyMessage = Message | MessageV0

MEMO_PROGRAMS = frozenset(
    (
        Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
        Pubkey.from_string("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo"),
    )
)

BUILTINS = frozenset(
    Pubkey.from_string(address)
    for address in (
        "11111111111111111111111111111111",
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "ComputeBudget111111111111111111111111111111",
        "Ed25519SigVerify111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "LoaderV411111111111111111111111111111111111",
        "Vote111111111111111111111111111111111111111",
    )
)
"""Programs that are part of the validator (Agave's `builtins-default-costs`)."""

LAMPORTS_PER_SIGNATURE = 5_000
_LOOKUP_TABLE_HEADER = 56
_SET_UNIT_LIMIT, _SET_UNIT_PRICE = 2, 3
_UNITS_PER_BUILTIN, _UNITS_PER_INSTRUCTION, _MAX_UNITS = 3_000, 200_000, 1_400_000
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a transaction in the order that its instructions count them in."""

    static: tuple[Pubkey, ...]
    loaded_writable: tuple[Pubkey, ...]
    loaded_readonly: tuple[Pubkey, ...]
    written: frozenset[Pubkey]

    @property
    def all(self) -> tuple[Pubkey, ...]:
        """Static ones, then those loaded to be written, then those loaded to be read."""
        return self.static + self.loaded_writable + self.loaded_readonly


def accounts_of(message: AnyMessage, read: Callable[[Pubkey], Account | None]) -> Accounts:
    """Resolve the message's accounts; `read` gives the lookup tables as they are now."""
    static = tuple(message.account_keys)
    writable, readonly = _loaded(message, read)
    written = (key for index, key in enumerate(static) if is_writable(message, index))
    return Accounts(static, writable, readonly, frozenset((*written, *writable)))


def is_writable(message: AnyMessage, index: int) -> bool:
    """Whether the static account at `index` is declared writable by the message's header."""
    header, count = message.header, len(message.account_keys)
    signers = header.num_required_signatures
    if index < signers:
        return index < signers - header.num_readonly_signed_accounts
    return index < count - header.num_readonly_unsigned_accounts


def unit_price(message: AnyMessage) -> int:
    """The priority fee in micro-lamports per compute unit; 0 if none is set."""
    return _budget(message, _SET_UNIT_PRICE, 8) or 0


def fee(message: AnyMessage) -> int:
    """What the message costs in lamports: its signatures and its priority fee."""
    priority = -(-unit_price(message) * _unit_limit(message) // _MICRO)
    return message.header.num_required_signatures * LAMPORTS_PER_SIGNATURE + priority


def memo(message: AnyMessage) -> str | None:
    """The memos as `getSignaturesForAddress` shows them: `[length] text`, joined by `; `."""
    notes = [
        bytes(instruction.data)
        for instruction in message.instructions
        if message.account_keys[instruction.program_id_index] in MEMO_PROGRAMS
    ]
    return "; ".join(f"[{len(note)}] {note.decode(errors='replace')}" for note in notes) or None


def _loaded(
    message: AnyMessage, read: Callable[[Pubkey], Account | None]
) -> tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]]:
    if isinstance(message, Message):
        return (), ()
    writable: list[Pubkey] = []
    readonly: list[Pubkey] = []
    for lookup in message.address_table_lookups:
        table = _table(read(lookup.account_key))
        writable += _picked(table, lookup.writable_indexes)
        readonly += _picked(table, lookup.readonly_indexes)
    return tuple(writable), tuple(readonly)


def _table(account: Account | None) -> list[Pubkey]:
    data = account.data[_LOOKUP_TABLE_HEADER:] if account else b""
    return [Pubkey.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32)]


def _picked(table: list[Pubkey], indexes: bytes) -> list[Pubkey]:
    """Indexes beyond the table are left out: the virtual machine refuses such a transaction."""
    return [table[index] for index in indexes if index < len(table)]


def _budget(message: AnyMessage, tag: int, size: int) -> int | None:
    for instruction in message.instructions:
        data = bytes(instruction.data)
        program = message.account_keys[instruction.program_id_index]
        if program == COMPUTE_BUDGET and data[:1] == bytes((tag,)):
            return int.from_bytes(data[1 : 1 + size], "little")
    return None


def _unit_limit(message: AnyMessage) -> int:
    asked = _budget(message, _SET_UNIT_LIMIT, 4)
    if asked is None:
        keys = message.account_keys
        programs = [keys[instruction.program_id_index] for instruction in message.instructions]
        builtin = sum(program in BUILTINS for program in programs)
        others = len(programs) - builtin
        asked = builtin * _UNITS_PER_BUILTIN + others * _UNITS_PER_INSTRUCTION
    return min(asked, _MAX_UNITS)
