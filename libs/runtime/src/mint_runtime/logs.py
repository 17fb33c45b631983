"""Log lines as JSON on stdout, one object per line.

Every line has `timestamp` (RFC 3339, UTC), `level`, `service`, `event` and whatever is bound in the
context (`mint_id`, `trace_id`); an exception is a structured list under `exception`, without the
values of local variables, since those may hold secrets.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from mint_resilience.failures import Failure

# These write a line per request, with the URL in it: URLs may carry a provider's API key.
_QUIET_LIBRARIES = ("httpx", "httpcore", "httpx2", "httpcore2", "aiohttp.access")


class _Milder(logging.Filter):
    """Makes aiokafka's errors warnings.

    It logs an election, a rebalance or a new coordinator as an error and then copes with it; what
    it does not cope with it raises, and the bus logs that.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("aiokafka") and record.levelno == logging.ERROR:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def told(failure: Failure) -> dict[str, str | None]:
    """What a log line says of a failure: its class, at which endpoint, and what happened (NR-1)."""
    return {"failure": failure.kind, "endpoint": failure.endpoint, "detail": str(failure)}


def configure(service: str, level: str = "info", *, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's log lines through one JSON formatter."""
    shared = _shared_processors(service)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_formatter(shared))
    handler.addFilter(_Milder())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for library in _QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def _shared_processors(service: str) -> list[Processor]:
    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"service": service, **event}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
    ]


def _formatter(shared: list[Processor]) -> structlog.stdlib.ProcessorFormatter:
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(tracebacks),
            structlog.processors.JSONRenderer(),
        ],
    )
