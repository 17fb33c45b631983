"""Settings of the reconciler, each by the environment variable `TRIMINT_` + its name."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator

from mint_chain.addresses import parse_address
from mint_events.catalogue import LockHold
from mint_resilience.failures import Permanent
from mint_resilience.postgres import endpoint_of
from mint_runtime.dependencies import BreakerSettings
from mint_runtime.layer_reports import ReportSettings
from mint_runtime.media import MediaSettings
from reconciler.saga import Policy
from reconciler.validation import Limits


class ReconcilerSettings(MediaSettings, ReportSettings, BreakerSettings):
    """The database, what may be minted, and how much is taken at a time."""

    database_url: SecretStr = Field(description="postgresql:// URL of the role that owns the data")
    database_connections: int = Field(
        default=10, ge=8, description="most connections to the database, from 8"
    )
    solana_authority: str = Field(
        description="public key (base58) of the mint and update authority, never the secret key"
    )
    level_min: int = Field(default=1, description="lowest level that may be minted")
    level_max: int = Field(default=100, description="highest level that may be minted")
    lock_held_until: LockHold = Field(
        default=LockHold.VERIFIED,
        description="verified or completed: when a mint gives its user's lock back",
    )
    patrol_seconds: float = Field(
        default=10.0,
        gt=0,
        description="seconds between looks for records that were passed over, above 0",
    )

    @model_validator(mode="after")
    def _possible(self) -> ReconcilerSettings:
        if self.level_min > self.level_max:
            raise ValueError(
                f"TRIMINT_LEVEL_MAX: expected at least TRIMINT_LEVEL_MIN ({self.level_min}),"
                f" got {self.level_max}"
            )
        try:
            parse_address(self.solana_authority)
        except Permanent as fault:
            raise ValueError(f"TRIMINT_SOLANA_AUTHORITY: {fault}") from fault
        try:
            endpoint_of(self.database_url.get_secret_value())
        except ValueError as fault:
            raise ValueError(f"TRIMINT_DATABASE_URL: {fault}") from None
        return self

    @property
    def policy(self) -> Policy:
        """What the saga goes by."""
        return Policy(
            authority=self.solana_authority,
            limits=Limits(
                level_min=self.level_min, level_max=self.level_max, media=self.accepted_media
            ),
            lock_held_until=self.lock_held_until,
        )
