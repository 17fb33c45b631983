"""What WebSocket clients are told: each feed says what is new since it was last asked.

Feeds are asked after every slot and every landed transaction; they look at the ledger themselves,
so nothing in the ledger knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Protocol

from solders.pubkey import Pubkey
from solders.signature import Signature

from mint_sandbox.solana.chain import Commitment
from mint_sandbox.solana.history import Landed
from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc import params as read
from mint_sandbox.solana.rpc.accounts import shown
from mint_sandbox.solana.rpc.errors import invalid_params, method_not_found
from mint_sandbox.solana.rpc.params import Options, Params


class Feed(Protocol):
    """One subscription's view of the ledger."""

    method: str
    """The name of its notifications."""

    def news(self) -> list[Any]:
        """What is new since the last call, oldest first."""
        ...

    @property
    def finished(self) -> bool:
        """Whether nothing will ever be new again."""
        ...


class SignatureFeed:
    """Tells once that a transaction has reached a commitment."""

    method = "signatureNotification"

    def __init__(self, ledger: Ledger, params: Params) -> None:
        self._ledger = ledger
        self._signature: Signature = params.signature(0)
        self._at = params.options(1).commitment()
        self.finished = False

    def news(self) -> list[Any]:
        """The result, the first time that it is there."""
        landed = self._ledger.landed(self._signature, self._at)
        if landed is None:
            return []
        self.finished = True
        return [_framed(landed.slot, {"err": landed.err})]


class AccountFeed:
    """Tells each new state of an account at a commitment."""

    method = "accountNotification"
    finished = False

    def __init__(self, ledger: Ledger, params: Params) -> None:
        self._ledger = ledger
        self._key: Pubkey = params.pubkey(0)
        self._options = params.options(1)
        self._at = self._options.commitment()
        self._last = ledger.account(self._key, self._at)

    def news(self) -> list[Any]:
        """The state, if it differs from the last one told."""
        account = self._ledger.account(self._key, self._at)
        if account == self._last:
            return []
        self._last = account
        state = shown(self._ledger, self._key, self._options, self._at) or _CLOSED
        return [_framed(self._ledger.chain.at(self._at).slot, state)]


class SlotFeed:
    """Tells each new block."""

    method = "slotNotification"
    finished = False

    def __init__(self, ledger: Ledger, _params: Params) -> None:
        self._ledger = ledger
        self._last = ledger.chain.tip.slot

    def news(self) -> list[Any]:
        """The open block, if it is a new one: feeds are asked at every one."""
        tip = self._ledger.chain.tip
        if tip.slot == self._last:
            return []
        self._last = tip.slot
        root = self._ledger.chain.at(Commitment.FINALIZED).slot
        return [{"slot": tip.slot, "parent": tip.parent_slot, "root": root}]


class LogsFeed:
    """Tells the logs of transactions, of all or of those that mention an address."""

    method = "logsNotification"
    finished = False

    def __init__(self, ledger: Ledger, params: Params) -> None:
        self._ledger = ledger
        self._mentioned = _mentioned(params)
        self._at = params.options(1).commitment()
        self._seen = len(ledger.history)

    def news(self) -> list[Any]:
        """The transactions that have reached the commitment since."""
        newest = self._ledger.chain.at(self._at).slot
        fresh = [one for one in self._ledger.history.since(self._seen) if one.slot <= newest]
        self._seen += len(fresh)
        return [_framed(one.slot, _logs(one)) for one in fresh if self._wants(one)]

    def _wants(self, landed: Landed) -> bool:
        return self._mentioned is None or self._ledger.history.mentions(landed, self._mentioned)


_FEEDS: Mapping[str, Callable[[Ledger, Params], Feed]] = {
    "account": AccountFeed,
    "logs": LogsFeed,
    "signature": SignatureFeed,
    "slot": SlotFeed,
}
_CLOSED = {
    "lamports": 0,
    "owner": str(Pubkey.default()),
    "data": ["", "base64"],
    "executable": False,
    "rentEpoch": 0,
    "space": 0,
}


class Subscriptions:
    """The subscriptions of one connection."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._feeds: dict[int, Feed] = {}
        self._ids = count(1)

    def call(self, name: str, params: Params) -> Any:
        """Answer `<kind>Subscribe` and `<kind>Unsubscribe`; raises RpcError for anything else."""
        kind, unsubscribes = name.removesuffix("Unsubscribe"), name.endswith("Unsubscribe")
        if unsubscribes and kind in _FEEDS:
            return self._unsubscribe(params.get(0, int))
        kind, subscribes = name.removesuffix("Subscribe"), name.endswith("Subscribe")
        if subscribes and kind in _FEEDS:
            return self._subscribe(_FEEDS[kind](self._ledger, params))
        raise method_not_found()

    def notifications(self) -> list[dict[str, Any]]:
        """All that is new; subscriptions that have nothing more to tell end."""
        told = [
            _notification(feed.method, number, result)
            for number, feed in self._feeds.items()
            for result in feed.news()
        ]
        self._feeds = {number: feed for number, feed in self._feeds.items() if not feed.finished}
        return told

    def _subscribe(self, feed: Feed) -> int:
        number = next(self._ids)
        self._feeds[number] = feed
        return number

    def _unsubscribe(self, number: int) -> bool:
        if self._feeds.pop(number, None) is None:
            raise invalid_params("Invalid subscription id.")
        return True


def _notification(method: str, number: int, result: Any) -> dict[str, Any]:
    params = {"result": result, "subscription": number}
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _framed(slot: int, value: Any) -> dict[str, Any]:
    return {"context": {"slot": slot}, "value": value}


def _mentioned(params: Params) -> Pubkey | None:
    wanted = params.get(0, object)
    if wanted in ("all", "allWithVotes"):
        return None
    mentions = Options(wanted).get("mentions", list) if isinstance(wanted, dict) else None
    if mentions is None or len(mentions) != 1:
        raise invalid_params("Invalid Request: Only 1 address supported")
    return read.pubkey(mentions[0])


def _logs(landed: Landed) -> dict[str, Any]:
    logs = landed.meta["logMessages"]
    return {"signature": str(landed.signature), "err": landed.err, "logs": logs}
