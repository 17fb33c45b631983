"""How long a record's retries go on, and where they wait: the figures of NR-4 and NR-6."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from mint_events.bus import Limits, Wait
from mint_runtime.settings import ServiceSettings, split_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """The consumer's limits, and the waits that it parks by, ascending; none: it never parks."""

    limits: Limits
    parking: tuple[Wait, ...]


class RetrySettings(ServiceSettings):
    """For settings of a service that consumes."""

    retry_budget_attempts: int = Field(
        default=20,
        ge=1,
        description="attempts that a record may fail in before it is parked, at least 1",
    )
    retry_budget_seconds: float = Field(
        default=120.0,
        gt=0,
        description="seconds that a record's retries may take before it is parked, above 0",
    )
    parking_seconds: Annotated[tuple[float, ...], NoDecode, BeforeValidator(split_list)] = Field(
        default=(30.0, 300.0, 1800.0),
        min_length=1,
        description="seconds, ascending, that a parked record waits; after the last one it is a "
        "dead letter",
    )

    @field_validator("parking_seconds")
    @classmethod
    def _ascend(cls, seconds: tuple[float, ...]) -> tuple[float, ...]:
        if seconds[0] <= 0 or any(high <= low for low, high in pairwise(seconds)):
            raise ValueError("each has to be above 0 and longer than the one before it")
        return seconds

    def retries(
        self,
        *,
        max_in_flight: int,
        retry_base: float = 1.0,
        retry_ceiling: float = 60.0,
    ) -> Retries:
        """The retries of a consumer that works on so many records at a time.

        Its waits between attempts begin at `retry_base` seconds and end at `retry_ceiling`.
        """
        limits = Limits(
            max_in_flight=max_in_flight,
            retry_base=retry_base,
            retry_ceiling=retry_ceiling,
            budget_attempts=self.retry_budget_attempts,
            budget_seconds=self.retry_budget_seconds,
        )
        return Retries(limits=limits, parking=tuple(map(Wait, self.parking_seconds)))
