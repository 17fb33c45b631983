"""Dead letters as tables for a person and as documents for a machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from mint_events.catalogue import DeadLetterDiscarded, DeadLetterRedriven
from mint_events.codec import Codec
from mint_resilience.failures import Poison
from trimint.dlq.letters import Letter, State

_SHORT = 8
_COLOURS = {State.OPEN: "yellow", State.REDRIVEN: "green", State.DISCARDED: "dim"}


def letters_table(letters: Sequence[Letter]) -> Table:
    """One row for each letter; the id is short, but long enough to name it by."""
    length = short_length(letters)
    table = Table("letter", "since (UTC)", "state", "service", "failure", "record", "mint", "why")
    for letter in letters:
        record = letter.record
        table.add_row(
            letter.id[:length],
            f"{letter.envelope.time:%Y-%m-%d %H:%M:%S}",
            Text(letter.state, _COLOURS[letter.state]),
            record.service,
            record.failure,
            Text(letter.place, overflow="fold"),
            Text(printable(record.mint_id), overflow="fold"),
            Text(printable(record.detail)),
        )
    return table


def short_length(letters: Sequence[Letter]) -> int:
    """How many characters tell these letters apart, at least 8."""
    ids = [letter.id for letter in letters]
    longest = max(map(len, ids), default=_SHORT)
    lengths = range(_SHORT, longest)
    return next((n for n in lengths if len({one[:n] for one in ids}) == len(ids)), longest)


def letter_table(letter: Letter, codec: Codec) -> Table:
    """All that is known of one letter."""
    table = Table(show_header=False, box=None)
    for name, value in document(letter, codec).items():
        if value not in (None, {}, ""):
            text = value if isinstance(value, str) else json.dumps(value, indent=2)
            table.add_row(Text(name, "dim"), Text(printable(text), overflow="fold"))
    return table


def document(letter: Letter, codec: Codec | None = None) -> dict[str, Any]:
    """The letter as plain data; with a codec also its record's event, if it can be decoded.

    Bytes are base64; a header or key that is text is shown as text.
    """
    record = letter.record
    found: dict[str, Any] = {
        "letter": letter.id,
        "at": letter.envelope.time.isoformat(),
        "state": letter.state.value,
        "service": record.service,
        "mint_id": record.mint_id,
        "failure": record.failure,
        "detail": record.detail,
        "attempts": record.attempts,
        "record": letter.place,
        "decision": _decision(letter),
    }
    if codec is not None:
        found["key"] = None if record.key is None else _text(record.key)
        found["headers"] = {name: _text(value) for name, value in record.headers.items()}
        found["value_bytes"] = len(record.value)
        found["event"] = _event(letter, codec)
        found["value"] = base64.b64encode(record.value).decode()
    return found


def _decision(letter: Letter) -> dict[str, str] | None:
    decision = letter.decision
    if decision is None:
        return None
    event = decision.event
    if not isinstance(event, DeadLetterRedriven | DeadLetterDiscarded):
        raise TypeError(f"{decision.type} is not a decision on a dead letter")
    told = {"at": decision.time.isoformat(), "by": event.by, "reason": event.reason}
    return told | ({"to": event.position} if isinstance(event, DeadLetterRedriven) else {})


def _event(letter: Letter, codec: Codec) -> str | None:
    """The type of the record's event; None when it can not be read, which may be why it is here."""
    record = letter.record
    try:
        received = codec.decode(
            record.topic,
            record.partition,
            record.offset,
            int(letter.envelope.time.timestamp() * 1000),
            record.mint_id.encode() if record.key is None else record.key,
            record.value,
            tuple(record.headers.items()),
        )
    except Poison:
        return None
    return received.envelope.type


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(value).decode()}"


def printable(text: str) -> str:
    """The text without what could steer a terminal: a bad record may hold anything."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
