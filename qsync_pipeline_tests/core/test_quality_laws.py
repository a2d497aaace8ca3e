"""Laws of the twelve attributes, over runs that end well and runs that die (DESIGN.md §5.5)."""

from __future__ import annotations

from dataclasses import replace as with_rules
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.quality import attributes_of, same_value
from qsync_pipeline_tests.core.build import datastore, table
from qsync_pipeline_tests.core.catalog_world import QUALITY, CatalogWorld
from qsync_pipeline_tests.core.test_quality import AGAIN, DRIFT, GONE, THREE_WAY, TOTAL, T, world

scores = st.floats(0, 100)
measured = st.fixed_dictionaries(
    {
        "scores": st.fixed_dictionaries({"total": st.none() | scores, "coverage": st.none() | scores}),
        "check_count": st.integers(0, 3),
        "anomaly_count": st.none() | st.integers(0, 2),
    }
)
names = st.sampled_from([TOTAL, "Quality Score Coverage", "Check Count", "Anomaly Count", "Steward"])
typed = st.dictionaries(names, st.none() | st.integers(0, 100) | st.just("n/a"), max_size=2)
happenings = st.lists(
    st.tuples(st.just("measure"), measured)
    | st.tuples(st.just("edit"), typed)
    | st.tuples(st.just("sync"), st.none()),
    max_size=6,
)


def tell(w: CatalogWorld, events: list[tuple[str, Any]]) -> None:
    for what, value in events:
        if what == "measure":
            w.measure("container:1", **value)
        elif what == "edit":
            w.edit(T.id, **value)
        else:
            w.sync()


@pytest.mark.rule("5.5", AGAIN)
@pytest.mark.rule("5.5", THREE_WAY)
@given(stood=typed, events=happenings, keep=st.booleans())
def test_after_a_run_another_does_nothing_and_foreign_attributes_are_untouched(
    stood: dict[str, Any], events: list[tuple[str, Any]], keep: bool
) -> None:
    there = {name: value for name, value in stood.items() if value is not None}
    w = world(
        table("ORDERS", attributes=there), quality=with_rules(QUALITY, on_drift="keep" if keep else "reset")
    )
    w.sync()
    tell(w, events)
    steward = w.shows(T.id).get("Steward")
    w.sync()
    assert w.settled()
    assert w.shows(T.id).get("Steward") == steward
    if not keep:
        unit = next(unit for unit in w.units if unit.id == "container:1")
        for name, wanted in attributes_of(unit, QUALITY).items():
            shown = w.shows(T.id).get(name)
            assert same_value(wanted, shown, 1) or (wanted is None and same_value(shown, there.get(name), 1))


@pytest.mark.rule("5.5", THREE_WAY)
@pytest.mark.rule("5.5", DRIFT)
@given(stood=typed, events=happenings, last=measured, steps=st.integers(1, 8))
def test_a_run_that_dies_at_any_point_is_finished_by_the_next_and_is_no_drift(
    stood: dict[str, Any], events: list[tuple[str, Any]], last: dict[str, Any], steps: int
) -> None:
    there = {name: value for name, value in stood.items() if value is not None}
    worlds = [world(table("ORDERS", attributes=there)) for _ in range(2)]
    for w in worlds:
        tell(w, events)
        w.sync()
        w.measure("container:1", **last)
    undisturbed, died = worlds
    undisturbed.sync()
    died.sync(steps=steps)
    assert died.plan().counts["drift"] == 0
    died.sync()
    assert died.assets == undisturbed.assets
    held = [{place: row.value for place, row in w.held.items()} for w in worlds]
    assert held[0] == held[1]
    assert all(not row.has_pending for row in died.held.values())
    assert died.settled()


@pytest.mark.rule("5.1", GONE)
@pytest.mark.parametrize("rich", [False, True])
@given(runs=st.lists(st.tuples(measured, st.integers(1, 8)), min_size=1, max_size=4))
def test_however_often_runs_died_nothing_of_ours_outlives_its_object(
    rich: bool, runs: list[tuple[dict[str, Any], int]]
) -> None:
    w = world(rich=rich)
    for values, steps in runs:
        w.measure("container:1", **values)
        w.sync(steps=steps)
    w.units, w.gone = [datastore()], {"container:1"}
    w.sync()
    assert w.shows(T.id) == {}
    assert w.settled()
