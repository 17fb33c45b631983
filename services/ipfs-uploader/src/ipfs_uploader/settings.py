"""What the uploader needs to know, from the environment."""

from __future__ import annotations

from pydantic import Field

from mint_resilience.backoff import UPLOAD, Backoff
from mint_runtime.settings import CommaList, SecretStr, ServiceSettings

_URL = r"^https?://"


class UploaderSettings(ServiceSettings):
    """The uploader's settings; `TRIMINT_KUBO_RPC_URL` unset means that there is no backup."""

    pinata_api_url: str = Field(
        default="https://api.pinata.cloud", pattern=_URL, description="URL of Pinata's API"
    )
    pinata_upload_url: str = Field(
        default="https://uploads.pinata.cloud", pattern=_URL, description="URL of Pinata's uploads"
    )
    pinata_jwt: SecretStr = Field(min_length=1, description="a token of Pinata")
    kubo_rpc_url: str | None = Field(
        default=None, pattern=_URL, description="URL of a Kubo node's RPC, without /api/v0"
    )
    ipfs_gateways: CommaList = Field(
        default=("https://gateway.pinata.cloud", "https://ipfs.io", "https://dweb.link"),
        min_length=1,
        description="base URLs of gateways, comma separated, the preferred one first",
    )
    image_max_bytes: int = Field(
        default=10 * 1024 * 1024, gt=0, description="largest image accepted, in bytes, above 0"
    )
    ipfs_seconds: float = Field(
        default=30.0, gt=0, description="seconds that one IPFS call may take, above 0"
    )
    ipfs_attempts: int = Field(
        default=UPLOAD.attempts, ge=1, description="tries per provider and retrieval, from 1"
    )
    ipfs_backoff_seconds: float = Field(
        default=UPLOAD.base, ge=0, description="seconds before the second try, doubled after"
    )
    readiness_seconds: float = Field(
        default=30.0, ge=0, description="seconds that an answer about readiness is good for"
    )
    uploads_in_flight: int = Field(
        default=8, ge=1, description="mints worked on at the same time, from 1"
    )

    @property
    def backoff(self) -> Backoff:
        """How often and how patiently a call to IPFS is tried."""
        return Backoff(attempts=self.ipfs_attempts, base=self.ipfs_backoff_seconds)
