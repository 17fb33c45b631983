"""What can be set in the chain-minter, by environment variables `TRIMINT_…`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from chain_minter.authority import (
    Authorities,
    Authority,
    by_address,
    parse_authority,
    read_authority_file,
)
from chain_minter.watch import LOOK_SECONDS
from mint_resilience.failures import Permanent
from mint_resilience.rate import UNLIMITED, Rate
from mint_runtime.addresses import Address, parse_addresses
from mint_runtime.dependencies import BreakerSettings
from mint_runtime.layer_reports import ReportSettings
from mint_runtime.retries import RetrySettings
from mint_runtime.settings import CommaList


class MinterSettings(BreakerSettings, RetrySettings, ReportSettings):
    """Settings of the chain-minter; every default is safe but for what has none."""

    retry_budget_seconds: float = Field(
        default=600.0,
        gt=0,
        description="seconds that a mint, with all its waits for the chain, may take before it is"
        " parked, above 0",
    )
    solana_rpc_urls: CommaList = Field(
        min_length=1,
        description="Solana RPC endpoints, the preferred one first, each a URL or name=URL",
    )
    solana_rpc_rates: CommaList = Field(
        default=(),
        description="calls a second to each RPC endpoint, in their order, or one number for all;"
        " default: no limit",
    )
    solana_authority_key_file: Path | None = Field(
        default=None, description="path of the authority's key as solana-keygen writes it, mode 600"
    )
    solana_authority_key_files: CommaList = Field(
        default=(), description="paths of more such files: of every authority that mints have"
    )
    solana_authority_key: SecretStr | None = Field(
        default=None, description="the authority's key itself, the JSON array of solana-keygen"
    )
    solana_rpc_seconds: float = Field(
        default=5.0,
        gt=0,
        le=30,
        description="seconds that an RPC endpoint has to take a transaction, above 0, up to 30",
    )
    solana_read_seconds: float = Field(
        default=3.0,
        gt=0,
        le=30,
        description="seconds until a read is given up and asked elsewhere, above 0, up to 30",
    )
    solana_look_seconds: float = Field(
        default=3.0, gt=0, description="seconds between two looks at every endpoint, above 0"
    )
    solana_slot_age_seconds: float = Field(
        default=60.0, gt=0, description="seconds without a new slot after which no mint is begun"
    )
    solana_least_lamports: int = Field(
        default=30_000_000,
        ge=0,
        description="lamports below which an authority signs no more: what a mint costs, and some",
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
    solana_sendings_per_endpoint: int = Field(
        default=5,
        ge=1,
        description="sendings of the same bytes after which the next endpoint gets them, from 1",
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

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The endpoints in order of priority. Raises `ValueError` that shows no URL."""
        return parse_addresses(self.solana_rpc_urls)

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The rate of each endpoint. Raises `ValueError`."""
        count = len(self.solana_rpc_urls)
        told = tuple(map(_rate, self.solana_rpc_rates)) or (UNLIMITED,)
        rates = told * count if len(told) == 1 else told
        if len(rates) != count:
            raise ValueError(f"{len(told)} rates for {count} endpoints")
        return rates

    def authorities(self) -> Authorities:
        """The authorities, their keys read anew. Raises `Permanent` when one can not be used."""
        held = by_address(self._keys())
        if not held:
            raise Permanent(
                "TRIMINT_SOLANA_AUTHORITY_KEY_FILE: expected the path of the authority's key,"
                " but it is not set"
            )
        return held

    def _keys(self) -> Iterator[Authority]:
        if self.solana_authority_key is not None:
            text = self.solana_authority_key.get_secret_value()
            yield parse_authority(text, origin="TRIMINT_SOLANA_AUTHORITY_KEY")
        elif self.solana_authority_key_file is not None:
            yield read_authority_file(self.solana_authority_key_file)
        yield from map(read_authority_file, map(Path, self.solana_authority_key_files))

    @model_validator(mode="after")
    def _looks_often_enough(self) -> Self:
        most = self.health_valid_seconds - LOOK_SECONDS
        if self.solana_look_seconds >= most:
            raise ValueError(
                f"TRIMINT_SOLANA_LOOK_SECONDS: expected less than {most:g}, for a look may take"
                f" {LOOK_SECONDS:g} of the TRIMINT_HEALTH_VALID_SECONDS, got"
                f" {self.solana_look_seconds:g}"
            )
        return self

    @model_validator(mode="after")
    def _has_usable_authorities(self) -> Self:
        try:
            self.authorities()
        except Permanent as failure:
            raise ValueError(str(failure)) from None
        return self

    @model_validator(mode="after")
    def _has_usable_endpoints(self) -> Self:
        for variable, usable in (
            ("TRIMINT_SOLANA_RPC_URLS", lambda: self.addresses),
            ("TRIMINT_SOLANA_RPC_RATES", lambda: self.rates),
        ):
            try:
                usable()
            except ValueError as error:
                raise ValueError(f"{variable}: {error}") from None
        return self


def _rate(text: str) -> Rate:
    """So many calls a second, as many of them at once."""
    per_second = float(text)
    return Rate(per_second=per_second, burst=max(1, round(per_second)))
