"""Which looks serve which checks: the two phases, put together from the clients of this service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mint_content.cid import Cid
from mint_resilience.backoff import Backoff
from verifier.catalogue import Check
from verifier.checks import database, ipfs, partner, solana
from verifier.database import RecordReader
from verifier.examination import Line, Probe
from verifier.expectation import Expectation
from verifier.finality import FinalityWatch
from verifier.gateways import Gateways
from verifier.partner import Partner, PartnerEndpoint
from verifier.solana import SolanaReader
from verifier.verdict import Verdict

PHASE_1 = (
    Check.TRANSACTION_FINALIZED,
    Check.MINT_ACCOUNT,
    Check.TOKEN_ACCOUNT,
    Check.METADATA_ACCOUNT,
    Check.MASTER_EDITION,
    Check.METADATA_RETRIEVABLE,
    Check.METADATA_LEVEL,
    Check.RECORD_AGREES,
)
PHASE_2 = (
    Check.METADATA_AVAILABLE,
    Check.IMAGE_AVAILABLE,
    Check.PARTNER_FLOW,
    Check.NOTHING_ORPHANED,
)

ENOUGH_DENIALS = 2
"""Endpoints of a kind that have to agree on a failure, where there are as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the checks need to know beside the mint: how often each layer is looked at, and more.

    `finality` is how long one look may wait for finalization, in seconds; `gateways_required` is
    the k of "k of n". How many looks go on at once: `reads` at the chain; `downloads` at content,
    each of which holds that of a gateway, or of all of them, in memory; `queries` at the database,
    whose time limit is not for waiting for a connection.
    """

    solana: Backoff
    ipfs: Backoff
    database: Backoff
    partner: Backoff
    finality: float
    gateways_required: int
    reads: int
    downloads: int
    queries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The verifier's own ways to the three layers and to the partner.

    `partner_endpoint` is the partner's own, where there is one.
    """

    chain: SolanaReader
    finality: FinalityWatch
    gateways: Gateways
    records: RecordReader
    partner: Partner
    partner_endpoint: PartnerEndpoint | None


class Plan:
    """Makes the looks of a phase for one mint."""

    def __init__(self, clients: Clients, rules: Rules) -> None:
        self._clients = clients
        self._rules = rules
        self._reads = asyncio.Semaphore(rules.reads)
        self._downloads = asyncio.Semaphore(rules.downloads)
        self._queries = asyncio.Semaphore(rules.queries)

    def phase_2(self, expected: Expectation) -> tuple[Check, ...]:
        """The checks of phase 2 that this mint has, with the partner's endpoint where it is set."""
        animation = (Check.ANIMATION_AVAILABLE,) if expected.animation_cid else ()
        partner = (Check.PARTNER_ENDPOINT,) if self._clients.partner_endpoint else ()
        return PHASE_2 + animation + partner

    def lines(self, expected: Expectation, checks: Sequence[str]) -> list[Line]:
        """The looks that serve these checks, and no others."""
        every: tuple[Line, ...] = (
            (self._finality(expected), self._accounts(expected)),
            (self._metadata(expected),),
            (self._record(expected),),
            (self._metadata_everywhere(expected),),
            (self._image_everywhere(expected),),
            self._animation_everywhere(expected),
            (self._partner_flow(expected),),
            (self._user_rows(expected),),
            self._partner_endpoint(expected),
        )
        wanted = [tuple(probe.only(checks) for probe in line) for line in every]
        return [needed for line in wanted if (needed := tuple(p for p in line if p.judges))]

    @property
    def _chain_denials(self) -> int:
        return min(ENOUGH_DENIALS, len(self._clients.chain.names))

    def _finality(self, expected: Expectation) -> Probe[Sequence[solana.TransactionSeen]]:
        judge = partial(solana.transaction_finalized, expected, denials=self._chain_denials)
        return Probe(
            endpoints=(", ".join(self._clients.chain.names),),  # the watch sees to that by itself
            look=lambda _: self._clients.finality.seen(
                expected.signature, within=self._rules.finality
            ),
            judges={Check.TRANSACTION_FINALIZED: judge},
            policy=replace(self._rules.solana, attempts=2),
        )

    def _accounts(self, expected: Expectation) -> Probe[solana.AccountsSeen]:
        chain = self._clients.chain
        return Probe(
            endpoints=chain.names,
            look=lambda name: chain.nft_accounts(name, expected),
            judges={
                Check.MINT_ACCOUNT: partial(solana.mint_account, expected),
                Check.TOKEN_ACCOUNT: partial(solana.token_account, expected),
                Check.METADATA_ACCOUNT: partial(solana.metadata_account, expected),
                Check.MASTER_EDITION: partial(solana.master_edition, expected),
            },
            policy=self._rules.solana,
            turns=self._reads,
            denials=self._chain_denials,
        )

    def _metadata(self, expected: Expectation) -> Probe[ipfs.GatewayAnswer]:
        """Content is missing only if every gateway says so."""
        gateways = self._clients.gateways
        return Probe(
            endpoints=gateways.names,
            look=lambda name: gateways.answer(name, expected.metadata_cid),
            judges={
                Check.METADATA_RETRIEVABLE: partial(ipfs.metadata_retrievable, expected),
                Check.METADATA_LEVEL: partial(ipfs.metadata_level, expected),
            },
            policy=self._rules.ipfs,
            turns=self._downloads,
            denials=len(gateways.names),
        )

    def _record(self, expected: Expectation) -> Probe[database.RecordSeen | None]:
        records = self._clients.records
        return Probe(
            endpoints=(records.endpoint,),
            look=lambda _: records.record(expected.mint_id),
            judges={Check.RECORD_AGREES: partial(database.record_agrees, expected)},
            policy=self._rules.database,
            turns=self._queries,
        )

    def _metadata_everywhere(self, expected: Expectation) -> Probe[Sequence[ipfs.GatewayAnswer]]:
        judge = partial(ipfs.metadata_available, expected, required=self._rules.gateways_required)
        return self._everywhere(expected.metadata_cid, Check.METADATA_AVAILABLE, judge)

    def _image_everywhere(self, expected: Expectation) -> Probe[Sequence[ipfs.GatewayAnswer]]:
        judge = partial(ipfs.image_available, expected, required=self._rules.gateways_required)
        return self._everywhere(expected.image_cid, Check.IMAGE_AVAILABLE, judge)

    def _animation_everywhere(self, expected: Expectation) -> Line:
        """Nothing for a mint without an animation."""
        if expected.animation_cid is None:
            return ()
        judge = partial(ipfs.animation_available, expected, required=self._rules.gateways_required)
        return (self._everywhere(expected.animation_cid, Check.ANIMATION_AVAILABLE, judge),)

    def _everywhere(
        self, cid: Cid, check: Check, judge: Callable[[Sequence[ipfs.GatewayAnswer]], Verdict]
    ) -> Probe[Sequence[ipfs.GatewayAnswer]]:
        """Content asked of all gateways side by side."""
        gateways = self._clients.gateways
        return Probe(
            endpoints=(", ".join(gateways.names),),
            look=lambda _: gateways.answers(cid),
            judges={check: judge},
            policy=self._rules.ipfs,
            turns=self._downloads,
        )

    def _partner_flow(self, expected: Expectation) -> Probe[partner.PartnerSeen]:
        return Probe(
            endpoints=self._clients.chain.names,
            look=lambda name: self._clients.partner.find(
                name, expected.wallet, expected.authority, expected.mint
            ),
            judges={Check.PARTNER_FLOW: partial(partner.partner_flow, expected)},
            policy=self._rules.partner,
            turns=self._downloads,
            denials=self._chain_denials,
        )

    def _partner_endpoint(self, expected: Expectation) -> Line:
        """The partner's own endpoint; nothing where none is configured (any more)."""
        endpoint = self._clients.partner_endpoint
        if endpoint is None:
            return ()
        query = (
            ("wallet", str(expected.wallet)),
            ("authority", str(expected.authority)),
            ("mint", str(expected.mint)),
        )
        probe = Probe(
            endpoints=(endpoint.name,),
            look=lambda _: endpoint.level(query),
            judges={Check.PARTNER_ENDPOINT: partial(partner.partner_endpoint, expected)},
            policy=self._rules.partner,
        )
        return (probe,)

    def _user_rows(self, expected: Expectation) -> Probe[database.UserRowsSeen]:
        records = self._clients.records
        return Probe(
            endpoints=(records.endpoint,),
            look=lambda _: records.user_rows(expected.user_id, expected.mint_id),
            judges={Check.NOTHING_ORPHANED: partial(database.nothing_orphaned, expected)},
            policy=self._rules.database,
            turns=self._queries,
        )
