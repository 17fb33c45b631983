"""Given what happened to some mints, when one more event comes, then these steps are taken."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest

from mint_events import catalogue as c
from mint_events.envelope import Envelope
from mint_events.state import Status, fold, status_of
from reconciler.projection import ReferenceRow
from reconciler.saga import Policy
from reconciler.unit_of_work import SOURCE, UnitOfWork

from . import given as g

FAILED = c.CheckOutcome.FAILED


class Mints:
    """Works events through one unit of work, and keeps what followed."""

    def __init__(self, policy: Policy = g.POLICY, references: Sequence[ReferenceRow] = ()) -> None:
        self.work = UnitOfWork((), references, policy, now=lambda: g.at(100))
        self.positions = iter(range(1, 1000))
        self.history: list[Envelope] = []

    def when(self, event: c.Event, second: float = 0, *, salt: object = "") -> list[c.Event]:
        """The events that follow from this one."""
        cause = g.sent(event, second, salt=salt)
        effects = list(self.work.absorb(cause, next(self.positions)))
        self.history += [cause, *effects]
        return [effect.event for effect in effects]

    def given(self, *events: c.Event) -> Mints:
        for event in events:
            self.when(event)
        return self

    def status(self, mint_id: str = "mint-1") -> Status:
        return status_of(fold(mint_id, [e for e in self.history if e.mint_id == mint_id]))


def kinds(events: Sequence[c.Event]) -> list[tuple[str, str]]:
    return [(type(event).__name__, c.subject_of(event)) for event in events]


@pytest.mark.requirement("MF-1")
def test_a_valid_request_is_accepted_in_order_of_arrival() -> None:
    mints = Mints()
    assert mints.when(g.request()) == [
        c.MintAccepted(mint_id="mint-1", request=g.request(), arrival=1)
    ]
    (accepted,) = mints.when(g.request("mint-2"))
    assert isinstance(accepted, c.MintAccepted)
    assert accepted.arrival == 2


@pytest.mark.requirement("MF-2")
def test_an_invalid_request_is_rejected_and_the_field_is_named() -> None:
    mints = Mints()
    (rejected,) = mints.when(g.request(level=101))
    assert rejected == c.MintRejected(
        mint_id="mint-1",
        user_id="user-1",
        reason=c.RejectionReason.INVALID_FIELD,
        field="level",
        detail="level: 101 is not in 1 to 100",
    )
    assert mints.status() is Status.REJECTED


@pytest.mark.requirement("MF-1")
def test_the_same_request_again_reports_where_its_mint_stands() -> None:
    mints = Mints().given(g.request(), g.pinned())
    (reported,) = mints.when(g.request(), salt="again")
    assert isinstance(reported, c.MintStateReported)
    assert reported.status == "prepared"
    assert reported.mint_address is not None


@pytest.mark.requirement("MF-1")
def test_another_request_under_the_same_id_is_rejected_and_the_first_goes_on() -> None:
    mints = Mints().given(g.request())
    (rejected,) = mints.when(g.request(level=4))
    assert isinstance(rejected, c.MintRejected)
    assert rejected.reason is c.RejectionReason.IDEMPOTENCY_CONFLICT
    assert kinds(mints.when(g.pinned())) == [("MintPrepared", "mint-1")]


@pytest.mark.requirement("MF-1")
def test_the_id_of_a_rejected_request_is_spent() -> None:
    mints = Mints().given(g.request(level=0))
    assert kinds(mints.when(g.request(level=0), salt="again")) == [("MintStateReported", "mint-1")]
    assert kinds(mints.when(g.request(level=1))) == [("MintRejected", "mint-1")]
    assert mints.status() is Status.REJECTED


@pytest.mark.requirement("MF-5")
def test_a_pinned_mint_takes_its_users_lock() -> None:
    (prepared,) = Mints().given(g.request()).when(g.pinned())
    assert isinstance(prepared, c.MintPrepared)
    assert prepared.fencing_token == 2
    assert prepared.uri == "ipfs://bafymeta-mint-1"
    assert prepared.authority == g.AUTHORITY
    assert prepared.lock_held_until is c.LockHold.VERIFIED


@pytest.mark.requirement("CH-1")
def test_the_mint_address_follows_from_authority_and_mint_id_alone() -> None:
    (one,) = Mints().given(g.request()).when(g.pinned())
    (again,) = Mints(g.UNTIL_COMPLETED).given(g.request(name="Other")).when(g.pinned(image="x"))
    assert isinstance(one, c.MintPrepared)
    assert isinstance(again, c.MintPrepared)
    assert one.mint_address == again.mint_address


@pytest.mark.requirement("MF-5")
def test_the_users_second_mint_waits_until_the_first_is_verified() -> None:
    mints = Mints().given(g.request(), g.request("mint-2"), g.pinned())
    assert mints.when(g.pinned("mint-2")) == []
    assert mints.when(g.confirmed()) == []
    (prepared,) = mints.when(g.phase(1))
    assert isinstance(prepared, c.MintPrepared)
    assert (prepared.mint_id, prepared.fencing_token) == ("mint-2", 6)


@pytest.mark.requirement("MF-5")
def test_arrival_decides_not_who_is_pinned_first() -> None:
    mints = Mints().given(g.request(), g.request("mint-2"))
    assert mints.when(g.pinned("mint-2")) == []
    assert kinds(mints.when(g.pinned())) == [("MintPrepared", "mint-1")]


@pytest.mark.requirement("MF-5")
def test_mints_of_other_users_do_not_wait() -> None:
    mints = Mints().given(g.request(), g.request("mint-2", user_id="user-2"))
    assert kinds(mints.when(g.pinned("mint-2"))) == [("MintPrepared", "mint-2")]


@pytest.mark.requirement("MF-5")
def test_a_next_mint_that_is_not_pinned_yet_takes_the_lock_when_it_is() -> None:
    mints = Mints().given(g.request(), g.request("mint-2"), g.pinned(), g.confirmed())
    assert mints.when(g.phase(1)) == []
    assert kinds(mints.when(g.pinned("mint-2"))) == [("MintPrepared", "mint-2")]


@pytest.mark.requirement("MF-5")
def test_a_setting_holds_the_lock_until_the_mint_is_completed() -> None:
    mints = Mints(g.UNTIL_COMPLETED).given(g.request(), g.request("mint-2"))
    mints.given(g.pinned(), g.pinned("mint-2"), g.confirmed())
    assert mints.when(g.phase(1)) == []
    assert kinds(mints.when(g.phase(2))) == [
        ("MintCompleted", "mint-1"),
        ("MintPrepared", "mint-2"),
    ]


@pytest.mark.requirement("MF-7")
def test_a_mint_is_completed_when_it_is_confirmed_and_both_phases_passed() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed())
    assert mints.when(g.phase(1)) == []
    (completed,) = mints.when(g.phase(2))
    assert completed == c.MintCompleted(
        mint_id="mint-1",
        user_id="user-1",
        mint_address="address-mint-1",
        metadata_cid="bafymeta-mint-1",
    )


@pytest.mark.requirement("MF-7")
def test_a_phase_without_the_other_completes_nothing() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed())
    assert mints.when(g.phase(2)) == []
    assert kinds(mints.when(g.phase(1))) == [("MintCompleted", "mint-1")]


@pytest.mark.requirement("VE-5")
def test_an_inconclusive_phase_is_not_a_passed_one() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed(), g.phase(1))
    assert mints.when(g.phase(2, c.CheckOutcome.INCONCLUSIVE)) == []
    assert mints.status() is Status.VERIFIED


def test_phases_that_are_read_before_the_confirmation_complete_the_mint_with_it() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.phase(1), g.phase(2))
    assert kinds(mints.when(g.confirmed())) == [("MintCompleted", "mint-1")]


@pytest.mark.requirement("MF-8")
@pytest.mark.parametrize("number", [1, 2])
def test_a_failed_phase_calls_for_a_person(number: int) -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed())
    (called,) = mints.when(g.phase(number, FAILED))
    assert isinstance(called, c.InterventionRequired)
    assert called.reason == f"phase_{number}_failed"
    assert "metadata_account" in called.detail


@pytest.mark.requirement("MF-8")
@pytest.mark.parametrize("outcome", list(c.ChainOutcome))
def test_a_parked_mint_calls_for_a_person_and_keeps_the_lock(outcome: c.ChainOutcome) -> None:
    mints = Mints().given(g.request(), g.request("mint-2"), g.pinned(), g.pinned("mint-2"))
    (called,) = mints.when(g.parked(outcome))
    assert isinstance(called, c.InterventionRequired)
    assert called.reason == f"chain_{outcome}"
    assert mints.status("mint-2") is Status.PINNED


@pytest.mark.requirement("MF-8")
def test_what_waits_for_a_person_is_not_completed_by_itself() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed(), g.phase(1, FAILED))
    assert mints.when(g.phase(2)) == []
    assert mints.when(g.phase(1), salt="later") == []
    assert mints.status() is Status.INTERVENTION


@pytest.mark.requirement("CH-10", "MF-8")
def test_an_update_of_the_uri_that_failed_calls_for_a_person_once() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed(), g.phase(1))
    (called,) = mints.when(g.uri_failed())
    assert called == c.InterventionRequired(
        mint_id="mint-1",
        user_id="user-1",
        reason="uri_not_updated",
        detail="address-mint-1 does not name ipfs://bafynew: its metadata account is immutable",
    )
    assert mints.status() is Status.INTERVENTION
    assert mints.when(g.phase(2)) == []


@pytest.mark.requirement("CH-10", "MF-8")
def test_a_completed_mint_stays_completed_when_its_uri_can_not_be_updated() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed(), g.phase(1), g.phase(2))
    assert kinds(mints.when(g.uri_failed())) == [("InterventionRequired", "mint-1")]
    assert mints.status() is Status.COMPLETED
    assert kinds(mints.when(g.uri_failed(uri="another"))) == [("InterventionRequired", "mint-1")]
    assert mints.when(g.request(), salt="again") != []
    assert mints.when(g.phase(2), salt="again") == []


@pytest.mark.requirement("CH-10")
def test_a_person_is_called_also_where_the_rest_of_the_mint_is_read_later() -> None:
    mints = Mints()
    assert kinds(mints.when(g.uri_failed())) == [("InterventionRequired", "mint-1")]
    mints.given(g.request(), g.pinned(), g.confirmed())
    assert mints.status() is Status.INTERVENTION


@pytest.mark.requirement("CH-10")
def test_an_update_of_the_uri_changes_nothing_else() -> None:
    mints = Mints().given(g.request(), g.pinned(), g.confirmed(), g.phase(1))
    assert mints.when(g.uri_updated()) == []
    assert kinds(mints.when(g.phase(2))) == [("MintCompleted", "mint-1")]
    assert mints.status() is Status.COMPLETED


@pytest.mark.requirement("MF-9")
def test_a_mint_whose_content_can_not_be_pinned_fails_and_its_pins_are_given_up() -> None:
    mints = Mints().given(g.request())
    failed, unpin = mints.when(g.pin_failed("mint-1", g.asset("bafyimage")))
    assert isinstance(failed, c.MintFailed)
    assert "the provider refused" in failed.detail
    assert unpin == c.UnpinRequested(mint_id="mint-1", cids=("bafyimage",))
    assert mints.status() is Status.FAILED


@pytest.mark.requirement("MF-9")
def test_a_failed_mint_lets_the_users_next_one_begin() -> None:
    mints = Mints().given(g.request(), g.request("mint-2"), g.pinned("mint-2"))
    assert kinds(mints.when(g.pin_failed())) == [
        ("MintFailed", "mint-1"),
        ("MintPrepared", "mint-2"),
    ]


@pytest.mark.requirement("MF-9")
def test_content_that_another_mint_has_pinned_stays() -> None:
    mints = Mints().given(g.request(), g.request("mint-2", user_id="user-2"), g.pinned("mint-2"))
    effects = mints.when(g.pin_failed("mint-1", g.asset("bafyimage"), g.asset("bafyonly")))
    assert effects[1:] == [c.UnpinRequested(mint_id="mint-1", cids=("bafyonly",))]


@pytest.mark.requirement("MF-9")
def test_an_image_that_another_mint_is_about_to_pin_stays() -> None:
    mints = Mints().given(g.request(), g.request("mint-2", user_id="user-2"))
    digest = sha256(g.PNG).hexdigest()
    effects = mints.when(g.pin_failed("mint-1", g.asset("bafyimage", digest)))
    assert kinds(effects) == [("MintFailed", "mint-1")]


@pytest.mark.requirement("MF-9")
def test_content_that_a_stored_mint_refers_to_stays() -> None:
    kept = ReferenceRow(reference="bafyimage", mint_id="mint-of-last-year")
    mints = Mints(references=(kept,)).given(g.request())
    effects = mints.when(g.pin_failed("mint-1", g.asset("bafyimage")))
    assert kinds(effects) == [("MintFailed", "mint-1")]


@pytest.mark.requirement("MF-9")
def test_content_that_is_pinned_after_its_mint_has_failed_is_given_up_too() -> None:
    mints = Mints().given(g.request(), g.pin_failed())
    (unpin,) = mints.when(g.pinned())
    assert unpin == c.UnpinRequested(mint_id="mint-1", cids=("bafyimage", "bafymeta-mint-1"))


def test_a_pin_failure_after_the_content_was_pinned_fails_nothing() -> None:
    mints = Mints().given(g.request(), g.pinned())
    assert mints.when(g.pin_failed()) == []
    assert mints.status() is Status.PREPARED


def test_events_of_a_mint_that_nobody_asked_for_lead_to_nothing() -> None:
    mints = Mints()
    for event in (g.pinned(), g.confirmed(), g.phase(1), g.phase(2), g.pin_failed()):
        assert mints.when(event) == []


@pytest.mark.requirement("MF-8")
def test_every_effect_says_what_it_follows_from_and_stays_in_its_own_mints_trace() -> None:
    mints = Mints().given(g.request(), g.request("mint-2"), g.pinned("mint-2"))
    mints.given(g.pin_failed())
    by_kind = {(e.type, e.mint_id): e for e in mints.history}
    failed, prepared = by_kind["MintFailed", "mint-1"], by_kind["MintPrepared", "mint-2"]
    second = by_kind["MintRequested", "mint-2"]
    assert failed.causation_id == by_kind["AssetPinFailed", "mint-1"].id
    assert prepared.causation_id == failed.id
    assert prepared.correlation_id == second.correlation_id
    assert prepared.traceparent is not None
    assert second.traceparent is not None
    assert prepared.traceparent.split("-")[1] == second.traceparent.split("-")[1]
    assert prepared.source == SOURCE
    assert prepared.time == g.at(100)


def test_a_request_that_is_read_after_all_the_rest_leads_to_the_same_end() -> None:
    mints = Mints().given(g.pinned(), g.confirmed(), g.phase(1), g.phase(2))
    assert kinds(mints.when(g.request())) == [
        ("MintAccepted", "mint-1"),
        ("MintPrepared", "mint-1"),
        ("MintCompleted", "mint-1"),
    ]
