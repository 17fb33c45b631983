"""What can be set in the chain-minter, by environment variables `TRIMINT_…`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from chain_minter.authority import Authority, parse_authority, read_authority_file
from mint_resilience.failures import Permanent
from mint_runtime.settings import CommaList, ServiceSettings


class MinterSettings(ServiceSettings):
    """Settings of the chain-minter; every default is safe but for what has none."""

    solana_rpc_urls: CommaList = Field(
        min_length=1, description="URLs of Solana RPC endpoints, the preferred one first"
    )
    solana_authority_key_file: Path | None = Field(
        default=None, description="path of the authority's key as solana-keygen writes it, mode 600"
    )
    solana_authority_key: SecretStr | None = Field(
        default=None, description="the authority's key itself, the JSON array of solana-keygen"
    )
    solana_rpc_seconds: float = Field(
        default=30.0, gt=0, description="seconds until an RPC endpoint is given up on, above 0"
    )
    solana_rpc_connections: int = Field(
        default=32, ge=1, description="calls to an RPC endpoint at the same time, at least 1"
    )
    solana_poll_seconds: float = Field(
        default=0.5, gt=0, description="seconds between two looks at what is in flight, above 0"
    )
    solana_resend_seconds: float = Field(
        default=2.0, gt=0, description="seconds until the same bytes are sent again, above 0"
    )
    solana_patience_seconds: float = Field(
        default=600.0,
        gt=0,
        description="seconds until a landed mint that nobody sees is parked as unknown, above 0",
    )
    solana_max_signatures: int = Field(
        default=3, ge=1, description="signatures that may fail before a mint is parked, at least 1"
    )
    solana_witnesses: int = Field(
        default=2,
        ge=1,
        description="endpoints that must agree that a transaction has expired, at least 1; all of"
        " them where fewer are configured",
    )
    solana_max_lag_blocks: int = Field(
        default=50,
        ge=0,
        description="blocks that an endpoint may lag behind most others for its word to count",
    )
    solana_fee_percentile: int = Field(
        default=75, ge=0, le=100, description="percentile of recent priority fees, 0 to 100"
    )
    solana_fee_floor: int = Field(
        default=1_000, ge=0, description="least price of a compute unit in micro-lamports"
    )
    solana_fee_cap: int = Field(
        default=1_000_000, ge=0, description="highest price of a compute unit in micro-lamports"
    )
    solana_unit_margin: float = Field(
        default=0.5, ge=0, description="fraction of compute units above what a simulation used"
    )
    solana_unit_fallback: int = Field(
        default=250_000, ge=1, le=1_400_000, description="compute units when no simulation succeeds"
    )
    mints_in_flight: int = Field(
        default=512, ge=1, description="mints that may be in work at a time, at least 1"
    )

    def authority(self) -> Authority:
        """The authority, its key read anew. Raises `Permanent` when there is none to be used."""
        if self.solana_authority_key is not None:
            text = self.solana_authority_key.get_secret_value()
            return parse_authority(text, origin="TRIMINT_SOLANA_AUTHORITY_KEY")
        if self.solana_authority_key_file is not None:
            return read_authority_file(self.solana_authority_key_file)
        raise Permanent(
            "TRIMINT_SOLANA_AUTHORITY_KEY_FILE: expected the path of the authority's key,"
            " but it is not set"
        )

    @model_validator(mode="after")
    def _has_a_usable_authority(self) -> Self:
        try:
            self.authority()
        except Permanent as failure:
            raise ValueError(str(failure)) from None
        return self
