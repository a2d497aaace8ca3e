"""Counting plans and outcomes, always in the same words (DESIGN.md §2, §6)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.plan import OUTCOMES, add_counts, outcome_counts, plan_counts
from qsync_pipeline.core.rows import Change, Outcome

surfaces = st.sampled_from(["tags", "alerts"])
lines = st.builds(
    Change,
    surface=surfaces,
    action=st.sampled_from(["create", "update", "remove", "note"]),
    target=st.just("t"),
    name=st.just("n"),
    status=st.sampled_from(["planned", "skipped", "parked", "waiting"]),
)
outcomes = st.builds(Outcome, change=lines, outcome=st.sampled_from(OUTCOMES))


def test_every_surface_that_is_asked_for_is_named_and_zero() -> None:
    assert plan_counts([], ["tags"]) == {"tags": {"create": 0, "update": 0, "remove": 0}}
    assert outcome_counts([], ["tags"]) == {"tags": dict.fromkeys(OUTCOMES, 0)}


@given(st.lists(lines))
def test_a_plan_counts_what_it_would_write_and_nothing_else(changes: list[Change]) -> None:
    counts = plan_counts(changes)
    writes = [one for one in changes if one.status == "planned" and one.action != "note"]
    assert sum(n for row in counts.values() for n in row.values()) == len(writes)


@given(st.lists(outcomes))
def test_outcomes_add_up(settled: list[Outcome]) -> None:
    counts = outcome_counts(settled)
    assert sum(n for row in counts.values() for n in row.values()) == len(settled)


@given(st.lists(outcomes), st.lists(outcomes))
def test_the_counts_of_two_runs_are_the_counts_of_both(one: list[Outcome], other: list[Outcome]) -> None:
    left, right = outcome_counts(one), outcome_counts(other)
    kept = {surface: dict(row) for surface, row in left.items()}
    assert add_counts(left, right) == outcome_counts(one + other)
    assert left == kept, "neither side is changed"
