"""Guards: what is too much to remove without asking, and what is not worth repeating (DESIGN.md §5.5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.guards import hold_back, park
from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.rules import GuardRules

PARKED = "Parked for approval: removals above 30"
GOES_ON = "Everything else goes on"
AN_UPDATE = "An alert cleared at zero is an update"
RETRY = "A rejected item is tried again when its payload or our permissions changed"


def change(action: Any = "remove", surface: str = "tags", n: int = 0, **more: Any) -> Change:
    return Change(surface, action, f"field:{n}", f"name {n}", **more)


def removals(n: int, **more: Any) -> list[Change]:
    return [change(n=i, **more) for i in range(n)]


@pytest.mark.rule("5.5", PARKED)
@pytest.mark.parametrize(
    ("items", "held", "parked"),
    [
        (25, 25, False),
        (26, 26, True),
        (26, 86, True),
        (26, 87, False),
        (30, 100, False),
        (31, 100, True),
        (1, 1, False),
    ],
)
def test_removals_are_parked_above_both_limits_only(items: int, held: int, parked: bool) -> None:
    changes, scopes = park(removals(items), {"tags": held}, GuardRules())
    assert bool(scopes) is parked
    assert {one.status for one in changes} == {"parked" if parked else "planned"}
    if parked:
        assert (scopes[0].items, scopes[0].held) == (items, held)
        assert f"{items} of {held}" in changes[0].reason


@pytest.mark.rule("5.5", PARKED)
def test_a_scope_that_reads_nothing_any_more_parks_a_single_removal() -> None:
    changes, scopes = park(removals(1), {"tags": 50}, GuardRules(), emptied=["tags"])
    assert changes[0].status == "parked"
    assert "reads none" in scopes[0].reason


@pytest.mark.rule("5.5", GOES_ON)
@pytest.mark.rule("3", "Guards act in the core")
def test_each_surface_is_judged_by_itself_and_all_but_removals_goes_on() -> None:
    others = [
        change("create", n=100),
        change("update", n=101),
        change("note", n=102),
        change(surface="alerts", n=1),
    ]
    changes, scopes = park([*others, *removals(40)], {"tags": 40, "alerts": 2}, GuardRules())
    assert changes[:4] == others
    assert [scope.surface for scope in scopes] == ["tags"]


@pytest.mark.rule("5.5", AN_UPDATE)
def test_what_is_exempt_is_neither_counted_nor_parked() -> None:
    exempt = removals(100, extra={"exempt": True})
    assert park([*exempt, *removals(25)], {"tags": 125}, GuardRules())[1] == []
    changes, scopes = park([*exempt, *removals(26)], {"tags": 60}, GuardRules())
    assert [scope.items for scope in scopes] == [26]
    assert changes[:100] == exempt


@pytest.mark.rule("5.5", PARKED)
def test_copies_are_not_counted_and_wait_with_the_rest_when_it_is_parked() -> None:
    copies = removals(100, extra={"copy_of": "datastore:1"})
    assert park([change(), *copies], {"tags": 1}, GuardRules()) == ([change(), *copies], [])
    changes, scopes = park([*removals(26), *copies], {"tags": 26}, GuardRules())
    assert scopes[0].items == 26
    assert {one.status for one in changes} == {"parked"}


def test_what_is_skipped_or_waiting_is_no_removal() -> None:
    assert park(removals(100, status="skipped"), {"tags": 100}, GuardRules())[1] == []


kinds = st.sampled_from(["create", "update", "remove", "note"])
extras = st.sampled_from([{}, {}, {"exempt": True}, {"copy_of": "x"}])
lines = st.builds(
    Change,
    surface=st.sampled_from(["tags", "alerts"]),
    action=kinds,
    target=st.just("t"),
    name=st.just("n"),
    status=st.sampled_from(["planned", "planned", "skipped", "waiting"]),
    extra=extras,
)


@pytest.mark.rule("5.5", PARKED)
@pytest.mark.rule("5.5", GOES_ON)
@given(
    changes=st.lists(lines, max_size=40),
    held=st.dictionaries(st.sampled_from(["tags", "alerts"]), st.integers(0, 60)),
    share=st.sampled_from([0.0, 0.1, 0.3, 1.0]),
    items=st.integers(0, 10),
)
def test_a_guard_parks_planned_removals_above_both_limits_and_touches_nothing_else(
    changes: list[Change], held: dict[str, int], share: float, items: int
) -> None:
    rules = GuardRules(share, items)
    result, parked = park(changes, held, rules)
    assert len(result) == len(changes)
    surfaces = {scope.surface for scope in parked}
    for scope in parked:
        assert scope.items > items
        assert scope.items > share * scope.held
        assert scope.items <= scope.held
    for before, after in zip(changes, result, strict=True):
        if after.status == "parked":
            assert (before.action, before.status) == ("remove", "planned")
            assert before.surface in surfaces
            assert not before.extra.get("exempt")
        else:
            assert after == before
        if before.surface not in surfaces:
            assert after == before
    assert park(result, held, rules) == (result, []), "what is parked is not counted again"


@pytest.mark.rule("5.5", RETRY)
def test_a_write_for_which_there_is_a_reason_is_held_back_and_says_why() -> None:
    changes = [change(n=1), change(n=2), change("note", n=1), change(n=1, status="parked")]
    result = hold_back(changes, lambda one: "refused before" if one.target == "field:1" else None)
    assert [(one.status, one.reason) for one in result] == [
        ("skipped", "refused before"),
        ("planned", ""),
        ("planned", ""),
        ("parked", ""),
    ]
