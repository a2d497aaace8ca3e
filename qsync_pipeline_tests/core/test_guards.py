"""Guards: what is too much to remove without asking, and what is not worth repeating (DESIGN.md §5.5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qsync_pipeline.core.guards import code_of, fingerprint, hold_back, park
from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.rules import Bounds, GuardRules

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


@pytest.mark.parametrize("origin", ["field:0", "elsewhere"])
def test_an_approved_copy_goes_even_where_its_origin_is_no_line_of_the_plan(origin: str) -> None:
    copy = replace(removals(27)[-1], extra={"copy_of": origin})
    changes = [*removals(26), copy]
    _, (scope,) = park(changes, {"tags": 26}, GuardRules())
    _, (left,) = park(changes, {"tags": 26}, GuardRules(), approved={"tags": scope.lines})
    assert (left.lines, len(left.passed)) == ((), 27)
    mine = {"tags": (fingerprint(copy),)}
    _, (left,) = park(changes, {"tags": 26}, GuardRules(), approved=mine)
    assert len(left.passed) == (1 if origin == "elsewhere" else 0), "it waits with an origin that waits"


def test_what_is_skipped_or_waiting_is_no_removal() -> None:
    assert park(removals(100, status="skipped"), {"tags": 100}, GuardRules())[1] == []


kinds = st.sampled_from(["create", "update", "remove", "note"])
extras = st.sampled_from([{}, {}, {"exempt": True}, {"copy_of": "x"}, {"drift": True}])
lines = st.builds(
    Change,
    surface=st.sampled_from(["tags", "alerts"]),
    action=kinds,
    target=st.integers(0, 100).map(str),
    name=st.just("n"),
    after=st.sampled_from([None, "value"]),
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
def test_a_guard_parks_planned_lines_above_both_limits_and_touches_nothing_else(
    changes: list[Change], held: dict[str, int], share: float, items: int
) -> None:
    rules = GuardRules(share, items, Bounds(share, items), Bounds(share, items))
    result, parked = park(changes, held, rules)
    assert len(result) == len(changes)
    surfaces = {scope.surface for scope in parked}
    for scope in parked:
        assert scope.items > items
        assert scope.items > share * scope.held
        assert scope.items <= scope.held
    for before, after in zip(changes, result, strict=True):
        if after.status == "parked":
            overwrites = before.action in ("create", "update") and before.extra.get("drift")
            clears = before.action == "update" and before.after is None
            assert before.status == "planned"
            assert before.action == "remove" or overwrites or clears
            assert before.surface in surfaces
            assert not before.extra.get("exempt")
        else:
            assert after == before
        if before.surface not in surfaces:
            assert after == before
    assert park(result, held, rules) == (result, []), "what is parked is not counted again"
    everything = {scope.surface: scope.lines for scope in parked}
    freed, waiting = park(changes, held, rules, approved=everything)
    assert all(scope.items == 0 and not scope.lines for scope in waiting)
    assert [change.status for change in freed] == [change.status for change in changes]


def overwrites(n: int, **more: Any) -> list[Change]:
    marked = {"before": "theirs", "after": "ours", "extra": {"drift": True}} | more
    return [change("update", n=i, **marked) for i in range(n)]


def test_values_of_people_that_ours_would_overwrite_wait_above_limits_of_their_own() -> None:
    rules = GuardRules(overwrites=Bounds(0.5, 10))
    assert park(overwrites(10), {"tags": 10}, rules)[1] == []
    assert park(overwrites(11), {"tags": 30}, rules)[1] == []
    others = [change("update", n=n, before="a", after="b") for n in range(50, 90)]
    changes, scopes = park([*overwrites(11), *others, *removals(5)], {"tags": 20}, rules)
    assert [one.status for one in changes] == ["parked"] * 11 + ["planned"] * 45
    assert "11 of 20 were changed by people" in scopes[0].reason


def test_two_kinds_in_one_scope_wait_under_one_code_with_both_numbers() -> None:
    changes, scopes = park([*overwrites(30), *removals(30)], {"tags": 60}, GuardRules())
    assert {one.status for one in changes} == {"parked"}
    assert scopes[0].items == 60
    assert "would be removed" in scopes[0].reason
    assert "changed by people" in scopes[0].reason
    assert all(f"qsync approve {scopes[0].code}" in one.reason for one in changes)


def test_what_was_approved_passes_and_what_came_since_waits_under_a_new_code() -> None:
    _, [scope] = park(removals(30), {"tags": 30}, GuardRules())
    approved = {"tags": scope.lines}
    changes, [left] = park(removals(30), {"tags": 30}, GuardRules(), approved=approved)
    assert {one.status for one in changes} == {"planned"}
    assert all(one.reason.endswith("approved") for one in changes)
    assert (left.items, left.lines, set(left.passed)) == (0, (), set(scope.lines))

    changes, [left] = park(removals(31), {"tags": 31}, GuardRules(), approved=approved)
    assert [one.status for one in changes] == ["planned"] * 30 + ["parked"]
    assert (left.items, left.lines) == (1, (fingerprint(change(n=30)),))
    assert left.code != scope.code


def test_copies_are_no_part_of_what_is_said_to_be_approved_and_not() -> None:
    copies = [replace(one, extra={"copy_of": one.target}) for one in removals(31)]
    _, [scope] = park([*removals(30), *copies[:30]], {"tags": 30}, GuardRules())
    _, [left] = park([*removals(31), *copies], {"tags": 31}, GuardRules(), approved={"tags": scope.lines})
    assert "31 of 31 would be removed" in left.reason
    assert "30 of them were approved, 1 were not" in left.reason


def test_a_code_is_of_these_lines_in_this_place() -> None:
    lines = [fingerprint(one) for one in removals(3)]
    assert code_of("a/1-x/tags", lines) == code_of("a/1-x/tags", reversed(lines))
    assert len({code_of("a/1-x/tags", lines), code_of("b/1-x/tags", lines), code_of("a/1-x/tags", [])}) == 3


def test_a_line_stays_the_same_while_only_our_value_moves() -> None:
    first, second = overwrites(1)[0], overwrites(1, after="ours, later")[0]
    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(first) != fingerprint(overwrites(1, before="theirs, edited")[0])


def test_copies_pass_with_their_origin() -> None:
    copies = [change(n=n, extra={"copy_of": "field:0"}) for n in range(90, 95)]
    _, [scope] = park([*removals(30), *copies], {"tags": 30}, GuardRules())
    one_more = [*copies, change(n=96, extra={"copy_of": "field:0"})]
    changes, _ = park([*removals(30), *one_more], {"tags": 30}, GuardRules(), approved={"tags": scope.lines})
    assert {one.status for one in changes} == {"planned"}


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
