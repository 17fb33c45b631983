"""Given a mint that is followed, when its events come in, then this is what a person is told."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from mint_events import catalogue as c
from trimint.board import Lines, LiveTable, board_for
from trimint.progress import Progress, advance, as_json, begin
from trimint.result import layer_text, result_table

from .conftest import Life


def followed(life: Life, *events: c.Event) -> Progress:
    progress = begin(life.envelope(life.request), life.request)
    for seconds, event in enumerate(events, start=1):
        progress = advance(progress, life.envelope(event, seconds))
    return progress


@pytest.mark.requirement("MF-8")
def test_a_mint_goes_through_its_statuses_with_the_time_of_each(life: Life) -> None:
    progress = followed(life, *life.events)

    seconds = [(step.status, (step.at - progress.steps[0].at).seconds) for step in progress.steps]
    assert seconds == [
        ("requested", 0),
        ("pinned", 2),
        ("prepared", 3),
        ("submitted", 4),
        ("confirmed", 5),
        ("verified", 7),
        ("completed", 10),
    ]
    assert progress.is_completed
    assert (progress.mint_address, progress.metadata_cid) == ("address", "metadata")


def test_a_mint_in_work_is_not_over(life: Life) -> None:
    progress = followed(life, *life.events[:-1])

    assert not progress.is_over
    assert (progress.status, progress.doing) == ("verified", "phase 2 passed")


@pytest.mark.requirement("MF-2")
def test_a_rejection_is_told_with_its_field_and_reason(life: Life) -> None:
    rejection = c.MintRejected(
        mint_id="m-1",
        user_id="alice",
        reason=c.RejectionReason.INVALID_FIELD,
        field="level",
        detail="1000 is not in 1 to 100",
    )

    progress = followed(life, rejection)

    assert (progress.status, progress.is_over, progress.is_completed) == ("rejected", True, False)
    assert progress.trouble == "level: 1000 is not in 1 to 100"


@pytest.mark.requirement("MF-1")
def test_a_conflict_ends_this_request_though_the_first_mint_goes_on(life: Life) -> None:
    rejection = c.MintRejected(
        mint_id="m-1",
        user_id="alice",
        reason=c.RejectionReason.IDEMPOTENCY_CONFLICT,
        field=None,
        detail="taken",
    )

    progress = followed(life, life.events[0], rejection)

    assert (progress.status, progress.trouble) == ("rejected", "idempotency_conflict: taken")


@pytest.mark.requirement("MF-1")
def test_a_mint_that_was_asked_for_before_is_where_it_was_reported_to_be(life: Life) -> None:
    report = c.MintStateReported(mint_id="m-1", status="completed", mint_address="address")

    progress = followed(life, report)

    assert progress.is_completed
    assert progress.mint_address == "address"


def test_a_mint_that_waits_for_a_person_is_over_and_says_why(life: Life) -> None:
    intervention = c.InterventionRequired(
        mint_id="m-1", user_id="alice", reason="phase 1 failed", detail="metadata_account"
    )

    progress = followed(life, *life.events[:6], intervention)

    assert (progress.status, progress.is_over) == ("intervention", True)
    assert progress.trouble == "phase 1 failed: metadata_account"


def test_an_update_of_the_uri_is_told_and_changes_no_status(life: Life) -> None:
    submitted = next(each for each in life.events if isinstance(each, c.MintSubmitted))
    updating = followed(life, *life.events, replace(submitted, uri="ipfs://new"))
    failed = c.UriUpdateFailed(
        mint_id="m-1",
        user_id="alice",
        mint_address="address",
        uri="ipfs://new",
        outcome=c.UriUpdateOutcome.REFUSED,
        signatures=(),
        detail="it is immutable",
    )
    ended = followed(life, *life.events, failed)

    assert updating.doing == "waits for Solana to confirm its new URI"
    assert (ended.doing, ended.trouble) == ("could not be given its new URI", "it is immutable")
    assert updating.is_completed
    assert ended.is_completed


def test_lines_tell_each_status_once(life: Life) -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out, width=20))
    for number in range(len(life.events) + 1):
        progress = followed(life, *life.events[:number])
        lines.show(progress, [progress])

    told = out.getvalue().splitlines()
    assert [line.split()[4] for line in told] == [
        "requested:",
        "pinned:",
        "prepared:",
        "submitted:",
        "confirmed:",
        "verified:",
        "completed:",
    ]
    assert told[-1].endswith("[1/1]")


def test_a_live_table_is_never_higher_than_the_terminal(life: Life) -> None:
    out = io.StringIO()
    many = [followed(life)] * 50

    with LiveTable(Console(file=out, force_terminal=True, width=80, height=20)) as board:
        board.show(many[0], many)

    assert "… and 36 more" in out.getvalue()


@pytest.mark.parametrize(("terminal", "kind"), [(True, LiveTable), (False, Lines)])
def test_the_board_suits_the_console(terminal: bool, kind: type[object]) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal)

    assert isinstance(board_for(console, quiet=False), kind)


def test_the_json_of_a_mint_has_its_steps_checks_and_places(life: Life) -> None:
    document = json.loads(json.dumps(as_json(followed(life, *life.events))))

    assert document["status"] == "completed"
    assert document["signature"] == "signature"
    assert list(document["steps"])[-1] == "completed"
    assert [each["check"] for each in document["checks"]] == ["mint_account", "image_available"]
    assert document["seconds"] == 10.0


def test_a_layers_checks_are_shown_by_phase_with_when_they_came(life: Life) -> None:
    progress = followed(life, *life.events)

    assert layer_text(progress, "solana").plain == "✓ 6.0 s"
    assert layer_text(progress, "database").plain == "—"


def test_the_table_shows_addresses_in_full_and_why_a_mint_failed(life: Life) -> None:
    out = io.StringIO()
    failed = c.MintFailed(mint_id="m-1", user_id="alice", detail="Pinata refused the image")
    done = [followed(life, *life.events), followed(life, failed)]

    Console(file=out, width=100).print(result_table(done))

    for text in ("address", "metadata", "Pinata refused the image"):
        assert text in out.getvalue()
