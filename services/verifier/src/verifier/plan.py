"""Which looks serve which checks: the two phases, put together from the clients of this service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mint_content.cid import Cid
from verifier.catalogue import Check
from verifier.checks import database, ipfs, partner, solana
from verifier.database import RecordReader
from verifier.examination import Limits, Line, Probe
from verifier.expectation import Expectation
from verifier.finality import FinalityWatch
from verifier.gateways import Gateways
from verifier.partner import Partner, PartnerEndpoint
from verifier.rpc import SolanaReader
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
    """What the checks need to know beside the mint: limits per layer, and policies.

    `finality` is how long one look may wait for finalization, in seconds; `gateways_required` is
    the k of "k of n"; `downloads` is how many looks at content go on at once, each of which holds
    the content of a gateway, or of all of them, in memory; `queries` is how many go on at once at
    the database, whose time limit is not for waiting for a connection.
    """

    solana: Limits
    ipfs: Limits
    database: Limits
    partner: Limits
    finality: float
    gateways_required: int
    downloads: int
    queries: int
    partner_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The verifier's own ways to the three layers and to the partner."""

    chain: SolanaReader
    finality: FinalityWatch
    gateways: Gateways
    records: RecordReader
    partner: Partner
    partner_endpoint: PartnerEndpoint


class Plan:
    """Makes the looks of a phase for one mint."""

    def __init__(self, clients: Clients, rules: Rules) -> None:
        self._clients = clients
        self._rules = rules
        self._downloads = asyncio.Semaphore(rules.downloads)
        self._queries = asyncio.Semaphore(rules.queries)

    def phase_2(self, expected: Expectation) -> tuple[Check, ...]:
        """The checks of phase 2 that this mint has, with the partner's endpoint where it is set."""
        animation = (Check.ANIMATION_AVAILABLE,) if expected.animation_cid else ()
        return PHASE_2 + animation + ((Check.PARTNER_ENDPOINT,) if self._rules.partner_url else ())

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

    def _finality(self, expected: Expectation) -> Probe[solana.TransactionSeen]:
        urls, within = self._clients.chain.urls, self._rules.finality
        grace = self._rules.solana.timeout
        return Probe(
            endpoints=(", ".join(urls),),  # the watch goes through them by itself
            look=lambda _: self._clients.finality.seen(expected.signature, within=within),
            judges={
                Check.TRANSACTION_FINALIZED: partial(solana.transaction_finalized, expected),
            },
            limits=Limits(attempts=2, timeout=within + grace, backoff=self._rules.solana.backoff),
        )

    def _accounts(self, expected: Expectation) -> Probe[solana.AccountsSeen]:
        urls = self._clients.chain.urls
        return Probe(
            endpoints=urls,
            look=lambda url: self._clients.chain.nft_accounts(url, expected),
            judges={
                Check.MINT_ACCOUNT: partial(solana.mint_account, expected),
                Check.TOKEN_ACCOUNT: partial(solana.token_account, expected),
                Check.METADATA_ACCOUNT: partial(solana.metadata_account, expected),
                Check.MASTER_EDITION: partial(solana.master_edition, expected),
            },
            limits=self._rules.solana,
            denials=min(ENOUGH_DENIALS, len(urls)),
        )

    def _metadata(self, expected: Expectation) -> Probe[ipfs.GatewayAnswer]:
        """Content is missing only if every gateway says so."""
        gateways = self._clients.gateways
        return Probe(
            endpoints=gateways.urls,
            look=lambda url: gateways.answer(url, expected.metadata_cid),
            judges={
                Check.METADATA_RETRIEVABLE: partial(ipfs.metadata_retrievable, expected),
                Check.METADATA_LEVEL: partial(ipfs.metadata_level, expected),
            },
            limits=self._rules.ipfs,
            turns=self._downloads,
            denials=len(gateways.urls),
        )

    def _record(self, expected: Expectation) -> Probe[database.RecordSeen | None]:
        records = self._clients.records
        return Probe(
            endpoints=(records.endpoint,),
            look=lambda _: records.record(expected.mint_id),
            judges={Check.RECORD_AGREES: partial(database.record_agrees, expected)},
            limits=self._rules.database,
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
            endpoints=(", ".join(gateways.urls),),
            look=lambda _: gateways.answers(cid),
            judges={check: judge},
            limits=self._rules.ipfs,
            turns=self._downloads,
        )

    def _partner_flow(self, expected: Expectation) -> Probe[partner.PartnerSeen]:
        urls = self._clients.chain.urls
        return Probe(
            endpoints=urls,
            look=lambda url: self._clients.partner.find(
                url, expected.wallet, expected.authority, expected.mint
            ),
            judges={Check.PARTNER_FLOW: partial(partner.partner_flow, expected)},
            limits=self._rules.partner,
            denials=min(ENOUGH_DENIALS, len(urls)),
        )

    def _partner_endpoint(self, expected: Expectation) -> Line:
        """The partner's own endpoint; nothing where none is configured (any more)."""
        if self._rules.partner_url is None:
            return ()
        query = (
            ("wallet", str(expected.wallet)),
            ("authority", str(expected.authority)),
            ("mint", str(expected.mint)),
        )
        probe = Probe(
            endpoints=(self._rules.partner_url,),
            look=lambda url: self._clients.partner_endpoint.level(url, query),
            judges={Check.PARTNER_ENDPOINT: partial(partner.partner_endpoint, expected)},
            limits=self._rules.partner,
        )
        return (probe,)

    def _user_rows(self, expected: Expectation) -> Probe[database.UserRowsSeen]:
        records = self._clients.records
        return Probe(
            endpoints=(records.endpoint,),
            look=lambda _: records.user_rows(expected.user_id, expected.mint_id),
            judges={Check.NOTHING_ORPHANED: partial(database.nothing_orphaned, expected)},
            limits=self._rules.database,
            turns=self._queries,
        )
