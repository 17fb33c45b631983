"""Another URI for an NFT that is on chain: the instruction, and who has set one before.

Source: Token Metadata's UpdateMetadataAccountV2 (= 15), whose `DataV2` takes the place of all that
the account says: name, symbol, URI, fee, creators, collection and uses.
"""

from __future__ import annotations

from typing import Final

from solders.instruction import AccountMeta, CompiledInstruction, Instruction
from solders.message import VersionedMessage
from solders.pubkey import Pubkey

from mint_chain import borsh
from mint_chain.accounts import Metadata, StoredCollection, StoredCreator, StoredUses
from mint_chain.addresses import TOKEN_METADATA_PROGRAM, metadata_address
from mint_chain.instructions import Step

MAX_URI_BYTES: Final = 200
"""The longest URI that Token Metadata takes, in UTF-8 (its `MAX_URI_LENGTH`)."""

_UPDATE_METADATA_ACCOUNT_V2 = 15


def set_uri(mint: Pubkey, there: Metadata, uri: str) -> Step:
    """Set the URI, and leave all else as it is `there`; only the update authority signs.

    The program refuses it (`Custom`) when the account is immutable (59), the authority is another
    (7), the URI is too long (13), or `there` is outdated in what is verified.
    """
    unchanged = borsh.option(None)
    update_authority = primary_sale_happened = is_mutable = unchanged
    data = (
        borsh.u8(_UPDATE_METADATA_ACCOUNT_V2)
        + borsh.option(_data(there, uri))
        + update_authority
        + primary_sale_happened
        + is_mutable
    )
    accounts = [
        AccountMeta(metadata_address(mint), is_signer=False, is_writable=True),
        AccountMeta(there.update_authority, is_signer=True, is_writable=False),
    ]
    return (Instruction(TOKEN_METADATA_PROGRAM, data, accounts),)


def sets_uri(message: VersionedMessage, mint: Pubkey, uri: str) -> bool:
    """Whether a transaction gives the NFT this URI, if it succeeds: by making or by updating it.

    Every instruction of Token Metadata that sets a URI, of whatever kind, holds it as a string.
    """
    metadata = metadata_address(mint)
    return any(
        message.account_keys[each.program_id_index] == TOKEN_METADATA_PROGRAM
        and metadata in _named(message, each)
        and borsh.string(uri) in bytes(each.data)
        for each in message.instructions
    )


def _named(message: VersionedMessage, instruction: CompiledInstruction) -> list[Pubkey]:
    """The accounts of an instruction, as far as the message itself names them."""
    keys = message.account_keys
    return [keys[index] for index in bytes(instruction.accounts) if index < len(keys)]


def _data(there: Metadata, uri: str) -> bytes:
    """`DataV2`. No creators are stored as none at all: the program refuses an empty list."""
    return (
        borsh.string(there.name)
        + borsh.string(there.symbol)
        + borsh.string(uri)
        + borsh.u16(there.seller_fee_basis_points)
        + borsh.option(borsh.vector(map(_creator, there.creators)) if there.creators else None)
        + borsh.option(_collection(there.collection) if there.collection else None)
        + borsh.option(_uses(there.uses) if there.uses else None)
    )


def _creator(creator: StoredCreator) -> bytes:
    return bytes(creator.address) + borsh.boolean(creator.verified) + borsh.u8(creator.share)


def _collection(collection: StoredCollection) -> bytes:
    return borsh.boolean(collection.verified) + bytes(collection.mint)


def _uses(uses: StoredUses) -> bytes:
    return borsh.u8(uses.method) + borsh.u64(uses.remaining) + borsh.u64(uses.total)
