"""Settings of the verifier, each by the environment variable `TRIMINT_` + its name."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator

from mint_chain.addresses import parse_address
from mint_events.bus import Wait
from mint_resilience.failures import Permanent
from mint_runtime.addresses import Address, parse_addresses
from mint_runtime.dependencies import BreakerSettings
from mint_runtime.retries import RetrySettings
from mint_runtime.settings import CommaList
from verifier.examination import Limits
from verifier.phase import Waits
from verifier.plan import Rules


class VerifierSettings(BreakerSettings, RetrySettings):
    """Endpoints, limits per layer and waits. Times are in seconds."""

    solana_rpc_urls: CommaList = Field(
        min_length=1,
        description="Solana RPC endpoints, the preferred one first, each a URL or name=URL",
    )
    solana_authority: str = Field(
        description="public key (base58) of the mint and update authority, never the secret key"
    )
    ipfs_gateways: CommaList = Field(
        min_length=1, description="base URLs of one or more IPFS gateways, preferred first"
    )
    partner_gateways: CommaList = Field(
        default=(), description="base URLs of the gateways a partner uses; default: the others'"
    )
    partner_url: str | None = Field(
        default=None, pattern=r"^https?://", description="URL of a partner's own level endpoint"
    )
    database_read_url: SecretStr = Field(
        description="postgresql:// URL of a role that may only SELECT"
    )
    database_read_connections: int = Field(
        default=4, ge=1, description="most connections to the database, from 1"
    )
    gateways_required: int | None = Field(
        default=None,
        ge=1,
        description="gateways that have to serve the content, at most all; default: the majority",
    )
    verify_delay: float = Field(
        default=300.0, gt=0, description="seconds from phase 1 to phase 2, above 0"
    )
    recheck_waits: CommaList = Field(
        default=("30", "120", "600"),
        min_length=1,
        description="seconds until an undecided check is tried again, comma separated",
    )
    finality_timeout: float = Field(
        default=45.0, gt=0, description="seconds to wait for finalization at a time, above 0"
    )
    finality_interval: float = Field(
        default=1.0, gt=0, description="seconds between two polls for finalization, above 0"
    )
    check_backoff: float = Field(
        default=1.0, ge=0, description="seconds before a check's second attempt, doubled each time"
    )
    solana_check_attempts: int = Field(default=3, ge=2, description="attempts, from 2")
    solana_check_timeout: float = Field(default=10.0, gt=0, description="seconds, above 0")
    ipfs_check_attempts: int = Field(default=3, ge=2, description="attempts, from 2")
    ipfs_check_timeout: float = Field(default=30.0, gt=0, description="seconds, above 0")
    ipfs_checks_at_once: int = Field(
        default=32, ge=1, description="checks that hold content in memory at a time, from 1"
    )
    database_check_attempts: int = Field(default=2, ge=2, description="attempts, from 2")
    database_check_timeout: float = Field(default=5.0, gt=0, description="seconds, above 0")
    partner_check_attempts: int = Field(default=2, ge=2, description="attempts, from 2")
    partner_check_timeout: float = Field(default=30.0, gt=0, description="seconds, above 0")
    verifier_in_flight: int = Field(
        default=512, ge=1, description="mints in work at the same time, from 1"
    )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The RPC endpoints in order of preference. Raises `ValueError` that shows no URL."""
        return parse_addresses(self.solana_rpc_urls)

    @model_validator(mode="after")
    def _has_usable_endpoints(self) -> VerifierSettings:
        try:
            self.addresses  # noqa: B018 - asked for what it raises
        except ValueError as error:
            raise ValueError(f"TRIMINT_SOLANA_RPC_URLS: {error}") from None
        return self

    @model_validator(mode="after")
    def _possible(self) -> VerifierSettings:
        if self.required_gateways > len(self.ipfs_gateways):
            raise ValueError(
                f"TRIMINT_GATEWAYS_REQUIRED: expected at most {len(self.ipfs_gateways)}, the number"
                f" of TRIMINT_IPFS_GATEWAYS, got {self.gateways_required}"
            )
        if not all(wait.isdigit() and int(wait) for wait in self.recheck_waits):
            raise ValueError("TRIMINT_RECHECK_WAITS: expected whole seconds above 0")
        try:
            parse_address(self.solana_authority)
        except Permanent as fault:
            raise ValueError(f"TRIMINT_SOLANA_AUTHORITY: {fault}") from fault
        return self

    @property
    def required_gateways(self) -> int:
        """The k of "k of n gateways"."""
        return self.gateways_required or len(self.ipfs_gateways) // 2 + 1

    @property
    def waits(self) -> Waits:
        """Seconds until later work is done."""
        return Waits(phase_2=self.verify_delay, retries=tuple(map(float, self.recheck_waits)))

    @property
    def delays(self) -> tuple[Wait, ...]:
        """Every wait that work for later may have, each once."""
        seconds = {self.waits.phase_2, *self.waits.retries}
        return tuple(Wait(wait) for wait in sorted(seconds))

    @property
    def rules(self) -> Rules:
        """What the checks need to know beside the mint."""
        return Rules(
            solana=self._limits(self.solana_check_attempts, self.solana_check_timeout),
            ipfs=self._limits(self.ipfs_check_attempts, self.ipfs_check_timeout),
            database=self._limits(self.database_check_attempts, self.database_check_timeout),
            partner=self._limits(self.partner_check_attempts, self.partner_check_timeout),
            finality=self.finality_timeout,
            gateways_required=self.required_gateways,
            downloads=self.ipfs_checks_at_once,
            queries=self.database_read_connections,
            partner_url=self.partner_url,
        )

    def _limits(self, attempts: int, timeout: float) -> Limits:
        return Limits(attempts=attempts, timeout=timeout, backoff=self.check_backoff)
