"""Updates of the URI of NFTs in the sandbox's chain, and what the chain says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from mint_chain import borsh
from mint_chain.accounts import Metadata
from mint_chain.addresses import TOKEN_METADATA_PROGRAM, metadata_address
from mint_events.bus import Publish
from mint_events.catalogue import (
    MetadataUriUpdated,
    MintConfirmed,
    MintPrepared,
    MintSubmitted,
    UriUpdateFailed,
    UriUpdateRequested,
)
from mint_events.envelope import Envelope
from mint_sandbox.solana.chain import Commitment

from .world import Process, World, happened, received

NEW = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
OTHER = "ipfs://bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
_UPDATE_METADATA_ACCOUNT_V2 = 15

End = MetadataUriUpdated | UriUpdateFailed


async def minted(world: World, mint_id: str = "mint-1", **changes: object) -> MintConfirmed:
    """An NFT that is whole, of which nothing is in flight any more."""
    process = await world.process()
    outputs = await process.handle(received(happened(world.prepared(mint_id, **changes))))
    world.journal.carry_out(outputs)
    first, *_ = outputs
    assert isinstance(first, Publish)
    assert isinstance(first.envelope.event, MintConfirmed)
    assert await world.journal.read(0) == {}
    return first.envelope.event


def asked(prepared: MintPrepared, uri: str = NEW, since_slot: int = 0) -> UriUpdateRequested:
    return UriUpdateRequested(
        mint_id=prepared.mint_id, uri=uri, since_slot=since_slot, prepared=prepared
    )


async def told(
    process: Process, world: World, event: UriUpdateRequested, times: str = ""
) -> Envelope:
    """The answer as it is published, once the update is at its end; `times` tells its requests
    apart."""
    outputs = await process.handle(received(happened(event, f"{event.uri}{times}")))
    world.journal.carry_out(outputs)
    publish, *_ = outputs
    assert isinstance(publish, Publish)
    return publish.envelope


async def updated(world: World, event: UriUpdateRequested, times: str = "") -> End:
    """The update's end, by a process of its own."""
    end = (await told(await world.process(), world, event, times)).event
    assert isinstance(end, MetadataUriUpdated | UriUpdateFailed)
    return end


def submitted(world: World, uri: str | None) -> list[MintSubmitted]:
    """The transactions that were signed to set the URI, or to make the NFT; each once, though a
    process that has read one back tells it again."""
    found = [each for each in world.journal.submissions() if each.uri == uri]
    return [*{each.signature: each for each in found}.values()]


def metadata_of(world: World, mint_id: str = "mint-1") -> Metadata:
    metadata = world.there(mint_id).metadata
    assert metadata is not None
    return metadata


def landed(world: World, mint_id: str = "mint-1") -> list[str]:
    """The signatures of all transactions that name the metadata account, the oldest first."""
    account = metadata_address(world.address(mint_id))
    found = [*world.chain.ledger.history.mentioning(account)]
    return [str(each.signature) for each in sorted(found, key=lambda each: each.slot)]


def change(
    world: World, *, update_authority: Pubkey | None = None, is_mutable: bool | None = None
) -> None:
    """Let the authority change its NFT beside the service."""
    data = (
        borsh.u8(_UPDATE_METADATA_ACCOUNT_V2)
        + borsh.option(None)
        + borsh.option(None if update_authority is None else bytes(update_authority))
        + borsh.option(None)
        + borsh.option(None if is_mutable is None else borsh.boolean(is_mutable))
    )
    accounts = [
        AccountMeta(metadata_address(world.address("mint-1")), is_signer=False, is_writable=True),
        AccountMeta(world.authority.address, is_signer=True, is_writable=False),
    ]
    land(world, Instruction(TOKEN_METADATA_PROGRAM, data, accounts), world.authority.keypair)


def land(world: World, instruction: Instruction, payer: Keypair) -> None:
    """Land a transaction, and wait until it is confirmed."""
    recent = world.chain.ledger.chain.latest_blockhash(Commitment.PROCESSED)
    message = Message.new_with_blockhash([instruction], payer.pubkey(), recent.blockhash)
    result = world.chain.ledger.submit(VersionedTransaction(message, [payer]))
    assert result is not None
    assert result.err is None
    world.pass_blocks(2)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody signals what happens on the chain
            await asyncio.sleep(0.005)
