"""May new mints begin? Every reason not to, and that nothing else keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.catalogue import Layer, LayerHealthReported, MaintenanceBegun
from mint_events.gate import Cause, Maintenance, Report, closures, maintenance_of, report_of

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
AUTHORITY = "authority"


def report(
    layer: Layer, fault: str | None = None, *, seconds: float = 30, instance: str = "one"
) -> Report:
    """What an instance says that holds for so many seconds from now on."""
    return Report(
        layer=layer,
        instance=instance,
        fault=fault,
        expires=NOW + timedelta(seconds=seconds),
        authorities=frozenset({AUTHORITY}),
    )


def maintenance(layer: Layer) -> Maintenance:
    return Maintenance(layer=layer, by="ann", reason="disk is replaced", since=NOW)


ALL_WELL = [report(layer) for layer in Layer]


def causes(
    reports: list[Report], closed: list[Maintenance], authority: str | None = AUTHORITY
) -> list[tuple[Layer, Cause]]:
    found = closures(reports, closed, NOW, authority=authority)
    return [(closure.layer, closure.cause) for closure in found]


@pytest.mark.requirement("MF-3")
def test_mints_begin_while_every_layer_is_reported_well() -> None:
    assert causes(ALL_WELL, []) == []


@pytest.mark.requirement("MF-3")
def test_before_any_report_nothing_is_known_of_any_layer() -> None:
    assert causes([], []) == [(layer, Cause.UNKNOWN) for layer in Layer]


@pytest.mark.requirement("MF-3")
@pytest.mark.parametrize("layer", Layer)
class TestOneLayer:
    """Each of the three is needed."""

    def others(self, layer: Layer) -> list[Report]:
        return [each for each in ALL_WELL if each.layer is not layer]

    def test_that_is_down_keeps_mints(self, layer: Layer) -> None:
        assert causes([*self.others(layer), report(layer, "refused")], []) == [(layer, Cause.DOWN)]

    def test_of_which_nobody_speaks_keeps_mints(self, layer: Layer) -> None:
        assert causes(self.others(layer), []) == [(layer, Cause.UNKNOWN)]

    @pytest.mark.parametrize(("seconds", "found"), [(0.001, []), (0, [Cause.UNKNOWN])])
    def test_whose_report_has_lapsed_keeps_mints(
        self, layer: Layer, seconds: float, found: list[Cause]
    ) -> None:
        reports = [*self.others(layer), report(layer, seconds=seconds)]
        assert causes(reports, []) == [(layer, cause) for cause in found]

    def test_in_maintenance_keeps_mints_though_it_is_well(self, layer: Layer) -> None:
        assert causes(ALL_WELL, [maintenance(layer)]) == [(layer, Cause.MAINTENANCE)]

    def test_in_maintenance_that_is_down_has_both_reasons(self, layer: Layer) -> None:
        reports = [*self.others(layer), report(layer, "refused")]
        found = causes(reports, [maintenance(layer)])
        assert found == [(layer, Cause.MAINTENANCE), (layer, Cause.DOWN)]

    def test_that_one_instance_finds_well_is_well(self, layer: Layer) -> None:
        assert causes([*ALL_WELL, report(layer, "refused", instance="two")], []) == []

    def test_is_not_well_by_an_instance_that_fell_silent(self, layer: Layer) -> None:
        silent = report(layer, seconds=-1, instance="two")
        reports = [*self.others(layer), report(layer, "refused"), silent]
        assert causes(reports, []) == [(layer, Cause.DOWN)]


@pytest.mark.requirement("MF-3")
def test_another_authority_that_can_pay_is_no_help() -> None:
    (closure,) = closures(ALL_WELL, [], NOW, authority="another")
    assert (closure.layer, closure.cause) == (Layer.SOLANA, Cause.DOWN)
    assert "another can not pay" in closure.detail
    assert causes(ALL_WELL, [], None) == []


def test_the_reasons_are_told_with_who_says_so() -> None:
    reports = [report(Layer.IPFS, "pinata refuses"), report(Layer.SOLANA), report(Layer.DATABASE)]
    details = [each.detail for each in closures(reports, [maintenance(Layer.DATABASE)], NOW)]
    assert details == ["one: pinata refuses", "closed by ann: disk is replaced"]


def test_a_report_holds_from_when_it_was_said() -> None:
    event = LayerHealthReported(
        layer=Layer.SOLANA, instance="one", fault=None, valid_seconds=30, authorities=(AUTHORITY,)
    )
    assert report_of(event, NOW) == report(Layer.SOLANA)
    begun = MaintenanceBegun(layer=Layer.IPFS, by="ann", reason="disk is replaced")
    assert maintenance_of(begun, NOW) == maintenance(Layer.IPFS)


reports_of_all = st.lists(
    st.builds(
        report,
        st.sampled_from(Layer),
        st.none() | st.just("refused"),
        seconds=st.floats(-60, 60),
        instance=st.sampled_from(["one", "two"]),
    )
)


@pytest.mark.requirement("MF-3")
@given(reports=reports_of_all, closed=st.sets(st.sampled_from(Layer)), after=st.floats(0, 120))
def test_mints_begin_if_and_only_if_each_layer_is_well_by_somebody_and_closed_by_nobody(
    reports: list[Report], closed: set[Layer], after: float
) -> None:
    now = NOW + timedelta(seconds=after)
    well = {r.layer for r in reports if r.fault is None and r.expires > now}

    found = closures(reports, [maintenance(layer) for layer in closed], now)

    assert (not found) == (well == set(Layer) and not closed)
    assert {closure.layer for closure in found} == (set(Layer) - well) | closed
