"""Text for others to read, without what it must not show: URLs, which may hold a key, and secrets.

What an endpoint's failure says is partly the endpoint's own words, and those may repeat anything
that it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr

from mint_runtime.addresses import secrets_in
from mint_runtime.settings import ServiceSettings

_SET_URL = re.compile(r"(?:[A-Za-z0-9._-]+=)?(?P<url>[a-z][a-z0-9+.-]*://.+)")
"""As settings have it, perhaps with the name of an endpoint before it."""

_URL = re.compile(
    r"""(?<![a-z0-9+.-])[a-z0-9+.-]+://(?:[^\s/?#'"]*@)?(?P<host>[^\s/?#'"]*)[^\s'"]*""",
    re.IGNORECASE,
)
_MOST_CHARACTERS = 500
_LEAST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Censor:
    """Knows what is secret; of a URL it leaves the host."""

    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, settings: ServiceSettings) -> Censor:
        """One that knows the secrets in these settings, the longest first."""
        secrets = {text for _, value in settings for text in _secrets(value)}
        long = (secret for secret in secrets if len(secret) >= _LEAST_SECRET)
        return cls(tuple(sorted(long, key=len, reverse=True)))

    def censored(self, text: str) -> str:
        """The text's beginning without them, which can be written as UTF-8."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        text = _URL.sub(r"\g<host>", text).encode(errors="replace").decode()
        return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _secrets(value: object) -> Iterator[str]:
    """What of a setting's value is secret: all of a secret one, each of a list, parts of URLs."""
    match value:
        case SecretStr():
            listed = [part.strip() for part in value.get_secret_value().split(",")]
            yield from (value.get_secret_value(), *listed)
            yield from _secrets(tuple(listed))
        case str():
            if address := _SET_URL.fullmatch(value):
                yield from secrets_in(address["url"])
        case tuple():
            for each in value:
                yield from _secrets(each)
