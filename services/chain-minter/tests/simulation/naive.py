"""How other minting tools went wrong, as their users have reported it, in the model's terms.

Each returns whether the tool tells its user that the mint has succeeded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chain_minter.goals import WholeNft
from chain_minter.rpc import Refused
from mint_chain.nft import ABSENT
from mint_resilience.failures import Failure

from .ledger import METADATA, Transaction
from .nodes import Node
from .ports import Chain, Signer
from .subject import MINT_ID, nft_of
from .weakened import AddressOfAttempt
from .world import World

Tool = Callable[["Desk"], Awaitable[bool]]
TRIES = 5


class Desk:
    """What such a tool works with: an endpoint, and a new key for each mint account."""

    def __init__(self, world: World, signer: type[Signer] = AddressOfAttempt) -> None:
        self.world = world
        self.chain = Chain(world)
        self._signer = signer(world, self.chain)

    async def sign(self) -> Transaction:
        event = await self._signer.sign(WholeNft(nft_of(MINT_ID)), ABSENT, attempt=1, last=None)
        return self.world.ledger.transactions[event.signature]

    async def send(self, transaction: Transaction) -> None:
        await self.chain.first("send", lambda node: node.send(transaction))

    async def is_confirmed(self, transaction: Transaction, *, seconds: float) -> bool:
        """Poll the first endpoint for so long."""
        end = self.world.now() + seconds
        while self.world.now() < end:
            await self.world.pause(1.0, "poll")
            _, status = self.endpoint(0).status(transaction.signature, search=False)
            if status is not None and status.error is None:
                return True
        return False

    def endpoint(self, number: int) -> Node:
        node = self.world.nodes[number]
        node.answer(self.world.now())
        return node


async def mints_again_until_metadata_show(desk: Desk) -> bool:
    for _ in range(TRIES):
        transaction = await desk.sign()
        await desk.send(transaction)
        await desk.is_confirmed(transaction, seconds=30)
        _, parts = desk.endpoint(0).parts(transaction.address)
        if METADATA in parts:
            return True
    return False


async def takes_a_new_key_on_every_retry(desk: Desk) -> bool:
    for _ in range(TRIES):
        try:
            await desk.send(await desk.sign())
        except Failure:
            await desk.world.pause(1.0, "retry")
        else:
            return True
    return False


async def expires_by_the_wall_clock(desk: Desk) -> bool:
    for _ in range(TRIES):
        transaction = await desk.sign()
        await desk.send(transaction)
        if await desk.is_confirmed(transaction, seconds=30):
            return True
    return False


async def asks_any_node_whether_the_blockhash_is_valid(desk: Desk) -> bool:
    """The last endpoint is asked; a node that lags does not know the blockhash yet."""
    for _ in range(TRIES):
        transaction = await desk.sign()
        await desk.send(transaction)
        while desk.endpoint(-1).is_blockhash_valid(transaction)[1]:
            if await desk.is_confirmed(transaction, seconds=2):
                return True
    return False


async def takes_already_processed_for_failure(desk: Desk) -> bool:
    transaction = await desk.sign()
    try:
        await desk.send(transaction)
        await desk.world.pause(5.0, "no answer yet: send again")
        await desk.send(transaction)
    except Refused:
        return False
    return await desk.is_confirmed(transaction, seconds=30)
