"""Counting plans and outcomes, always in the same words."""

from __future__ import annotations

from collections.abc import Iterable

from qsync_pipeline.core.rows import Change, Outcome

PlanCounts = dict[str, dict[str, int]]
"""Surface -> create, update, remove (planned ones) -> how many."""

OutcomeCounts = dict[str, dict[str, int]]
"""Surface -> applied, unchanged, skipped, rejected, parked -> how many."""

_ACTIONS = ("create", "update", "remove")
OUTCOMES = ("applied", "unchanged", "skipped", "rejected", "parked")


def plan_counts(changes: Iterable[Change], surfaces: Iterable[str] = ()) -> PlanCounts:
    """What a plan would write; notes, skipped, waiting and parked lines write nothing and are not counted."""
    counts = {surface: dict.fromkeys(_ACTIONS, 0) for surface in surfaces}
    for change in changes:
        row = counts.setdefault(change.surface, dict.fromkeys(_ACTIONS, 0))
        if change.status == "planned" and change.action in row:
            row[change.action] += 1
    return counts


def outcome_counts(outcomes: Iterable[Outcome], surfaces: Iterable[str] = ()) -> OutcomeCounts:
    """What became of the changes of a plan."""
    counts = {surface: dict.fromkeys(OUTCOMES, 0) for surface in surfaces}
    for outcome in outcomes:
        row = counts.setdefault(outcome.change.surface, dict.fromkeys(OUTCOMES, 0))
        row[outcome.outcome] += 1
    return counts


def add_counts(
    left: dict[str, dict[str, int]], right: dict[str, dict[str, int]]
) -> dict[str, dict[str, int]]:
    """The sum of two tables of counts; neither is changed."""
    total = {surface: dict(row) for surface, row in left.items()}
    for surface, row in right.items():
        into = total.setdefault(surface, {})
        for name, count in row.items():
            into[name] = into.get(name, 0) + count
    return total
