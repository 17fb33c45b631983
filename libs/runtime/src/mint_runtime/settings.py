"""Settings of a service: environment variables in, checked values out, or one line saying why not.

Every variable begins with `TRIMINT_`. A list is comma separated, in order of priority. Any variable
`TRIMINT_NAME` may be given as `TRIMINT_NAME_FILE`, the path of a file that holds the value (that is
how orchestrators hand over secrets). Set both and the variable itself wins.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, FilePath, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mint_events.bus import Cluster, Security
from mint_resilience.failpoints import Failpoint

PREFIX = "TRIMINT_"
BAD_SETTINGS_EXIT_CODE = 2


class SettingsError(Exception):
    """A variable is missing or unusable; the message is one line that names it."""


def split_list(value: object) -> object:
    """A comma separated text as its parts; anything else as it is."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)]
"""A setting that holds several values, separated by commas, the first one preferred."""


def _failpoint(value: object) -> object:
    return Failpoint.parse(value) if isinstance(value, str) else value


def _default_instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class ServiceSettings(BaseSettings):
    """What every service needs to know; a service's own settings extend it.

    Each field carries a description of what is expected: it is shown when the value is not that.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    kafka_brokers: CommaList = Field(
        min_length=1, description="host:port of one or more Kafka brokers, comma separated"
    )
    kafka_topic_prefix: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="letters, digits, '.', '_' or '-', put before every topic and group name",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="PLAIN", description="one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"
    )
    kafka_sasl_username: str | None = Field(default=None, description="name to log in to Kafka by")
    kafka_sasl_password: SecretStr | None = Field(
        default=None, description="password to log in to Kafka by"
    )
    kafka_ca_path: FilePath | None = Field(
        default=None, description="path of the CA certificates of Kafka; unset: the system's"
    )
    schema_registry_url: str | None = Field(
        default=None, pattern=r"^https?://", description="URL of a Confluent schema registry"
    )
    http_host: str = Field(
        default="127.0.0.1", description="address that health and metrics listen on"
    )
    http_port: int = Field(
        default=0, ge=0, le=65535, description="port from 0 to 65535, 0 for any free one"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="one of debug, info, warning, error"
    )
    shutdown_seconds: float = Field(
        default=25.0, gt=0, description="seconds that a clean stop may take, above 0"
    )
    service_instance: str = Field(
        default_factory=_default_instance,
        min_length=1,
        description="name of this process among the others of its service",
    )
    failpoint: Annotated[Failpoint | None, NoDecode, BeforeValidator(_failpoint)] = Field(
        default=None,
        description="a boundary, or boundary:n, to die at as by kill -9 (for tests only)",
    )

    @property
    def cluster(self) -> Cluster:
        """The Kafka cluster that these settings describe."""
        password = self.kafka_sasl_password
        security = Security(
            protocol=self.kafka_security_protocol,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_sasl_username,
            password=None if password is None else password.get_secret_value(),
            ca_file=self.kafka_ca_path,
        )
        return Cluster(
            brokers=self.kafka_brokers, prefix=self.kafka_topic_prefix, security=security
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first (tests), then the environment, then files that it names."""
        return init_settings, env_settings, _NamedFiles(settings_cls)


class _NamedFiles(PydanticBaseSettingsSource):
    """Reads `TRIMINT_NAME_FILE` for every field `name`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        path = os.environ.get(f"{_variable(field_name)}_FILE")
        return (None if path is None else _read(field_name, path)), field_name, False

    def __call__(self) -> dict[str, Any]:
        declared = self.settings_cls.model_fields
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in declared.items()
            # a field that is itself a path to a file keeps its own variable
            if f"{name}_file" not in declared
        }
        return {name: value for name, value in values.items() if value is not None}


def _read(field_name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{_variable(field_name)}_FILE: expected a readable file, got {path!r} ({error})"
        ) from error


def _variable(field_name: str) -> str:
    return PREFIX + field_name.upper()


_LOGIN = re.compile(r"(?<=//)[^\s/'\",@]+@|[^\s/'\",=@]+:[^\s/'\",@]*@")
_PATH = re.compile(r"(?P<host>://[^\s/?#'\",]*)[/?#][^\s'\",]+")

S = TypeVar("S", bound=ServiceSettings)


def load(settings: type[S]) -> S:
    """Read the settings from the environment.

    Raises `SettingsError` with one line that names every variable at fault and what it should be.
    """
    try:
        return settings()
    except ValidationError as error:
        faults = (_fault(settings, item) for item in error.errors(include_context=False))
        raise SettingsError("; ".join(dict.fromkeys(faults))) from error


def load_or_exit(settings: type[S]) -> S:
    """Read the settings; when one is bad, write the line to stderr and exit with code 2."""
    try:
        return load(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(BAD_SETTINGS_EXIT_CODE)


def _fault(settings: type[ServiceSettings], item: Any) -> str:
    """Describe one of pydantic's error items, e.g. `TRIMINT_X: expected a port, got 'x'`."""
    if not item["loc"]:  # a rule over several fields says itself which they are
        return str(item["msg"]).removeprefix("Value error, ")
    name = str(item["loc"][0])
    field = settings.model_fields[name]
    expected = field.description or item["msg"]
    return f"{_variable(name)}: expected {expected}, {_got(field, item)}"


def _got(field: FieldInfo, item: Any) -> str:
    if item["type"] == "missing":
        return "but it is not set"
    if "Secret" in repr(field.annotation):
        return "got something else (not shown: it is a secret)"
    value = os.environ.get(_variable(str(item["loc"][0])), "")
    return _without_keys(f"got {value!r}: {item['msg']}")


def _without_keys(text: str) -> str:
    """The text without what of URLs, or of what was meant as one, may be a key or a password."""
    return _PATH.sub(r"\g<host>/…", _LOGIN.sub("…@", text))


__all__ = ["CommaList", "SecretStr", "ServiceSettings", "SettingsError", "load", "load_or_exit"]
