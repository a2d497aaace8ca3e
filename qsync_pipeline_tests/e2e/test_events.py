"""By event: what happens in Qualytics shows up in the catalog, only the tables concerned are touched, and
our own writes start nothing."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Event
from qsync_pipeline_tests.e2e.events import Daemon, without_waiting
from qsync_pipeline_tests.e2e.harness import World, world

POLL, EVENTS = "qualytics_changes", "atlan_events"
FEW = 20
"""Requests to a catalog that an event on one table may cost, whatever the size of the estate."""


@pytest.fixture(scope="module", autouse=True)
def at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        without_waiting(patch)
        yield


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """The sensors of a world in step, past their first look."""
    with world("small", seed=6) as one:
        assert one.sync().ok
        one.control.advance(5)
        watching = Daemon(one)
        assert watching.tick(POLL, EVENTS) == 0
        yield watching
        assert watching.ok
        one.quiet()
        one.check()


def settle(daemon: Daemon) -> int:
    """Tick until nothing more is started; says how many runs that took."""
    started = 0
    while more := daemon.tick(POLL, EVENTS):
        started += more
    daemon.world.control.advance(5)
    return started


def test_a_finished_scan_shows_up_in_the_catalog_and_only_its_table_is_touched(daemon: Daemon) -> None:
    one = daemon.world
    table = one.tables(alert="none")[0]
    before = one.whole_state()
    one.mutate(
        {"system": "qualytics", "do": "raise_anomaly", "asset": table, "rule": "notNull"},
        {"system": "qualytics", "do": "set_score", "asset": table, "dimension": "total", "value": 41.5},
        {"system": "qualytics", "do": "finish_scan", "asset": table},
    )
    one.control.reset_requests()
    assert settle(daemon) >= 1
    asked = one.control.requests()["requests"]
    assert sum(row["count"] for row in asked if row["system"] == "atlan") <= FEW
    assert one.attributes(table)["Quality Score Total"] == 41.5
    assert one.alert(table) is not None
    schema = table.rpartition(".")[0]
    touched = {name.rpartition(" (")[0] for system, name, _ in one.changed(before) if system == "atlan"}
    assert all(name in (schema, table) or name.startswith(f"{table}.") for name in touched)


def test_a_burst_of_events_starts_at_most_two_runs_for_each_datastore_and_nothing_is_lost(
    daemon: Daemon,
) -> None:
    one = daemon.world
    daemon.runs.clear()
    tables = one.tables(alert="none")[:12]
    for number in range(1000):
        table = tables[number % len(tables)]
        one.control.mutate({"system": "qualytics", "do": "raise_anomaly", "asset": table, "rule": "notNull"})
    one.control.advance(5)
    settle(daemon)
    assert daemon.runs
    assert max(daemon.runs.values()) <= 2
    for table in tables:
        raised = one.attributes(table, "qualytics")["Anomaly Count"]
        assert one.attributes(table)["Anomaly Count"] == raised >= 80


def test_our_own_writes_start_no_further_runs(daemon: Daemon) -> None:
    one = daemon.world
    one.qualytics("raise_anomaly", one.tables()[-1], rule="notNull")
    assert settle(daemon) >= 1
    for _ in range(100):
        one.control.advance(60)
        assert daemon.tick(POLL, EVENTS) == 0


def test_an_event_told_twice_starts_one_run(daemon: Daemon) -> None:
    number = next(iter(_ids(daemon.world)))
    event = Event(key="operation:9999:success", source="webhook", kind="operation", direction="push",
                  datastore_id=number)  # fmt: skip
    with daemon.world.ledger() as ledger:
        assert ledger.events.note([event, event]) == 1
    assert daemon.tick(EVENTS) == 1
    with daemon.world.ledger() as ledger:
        assert ledger.events.note([event]) == 0
    assert daemon.tick(EVENTS) == 0


def test_an_event_about_a_datastore_that_qualytics_does_not_show_starts_nothing(daemon: Daemon) -> None:
    event = Event(key="operation:1:success", source="webhook", kind="operation", direction="push",
                  datastore_id=987654)  # fmt: skip
    with daemon.world.ledger() as ledger:
        ledger.events.note([event])
    assert daemon.tick(EVENTS) == 0
    assert daemon.tick(EVENTS) == 0


def test_while_a_run_is_at_a_datastore_its_events_wait(daemon: Daemon) -> None:
    one = daemon.world
    number, key = next(iter(_ids(one).items()))
    tags = {"qsync/integration": "atlan", "dagster/partition": key}
    run_id = dg_run(one, tags)
    event = Event(key="operation:77:success", source="webhook", kind="operation", direction="push",
                  datastore_id=number)  # fmt: skip
    with one.ledger() as ledger:
        ledger.events.note([event])
    assert daemon.tick(EVENTS) == 0
    one.instance.report_run_canceled(one.instance.get_run_by_id(run_id))  # type: ignore[arg-type]  # it is there
    assert daemon.tick(EVENTS) == 1


def test_an_integration_that_is_not_event_driven_has_no_sensor_and_no_comparison(daemon: Daemon) -> None:
    one = daemon.world
    try:
        one.configure(event_driven=False)
        definitions = build_definitions(one.config())
        names = {each.name for each in [*(definitions.sensors or ()), *(definitions.schedules or ())]}
        assert not names & {EVENTS, "atlan_compare"}
    finally:
        one.configure(event_driven=None)


def dg_run(one: World, tags: dict[str, str]) -> str:
    """A run that was started elsewhere and is still at it."""
    run = dg.DagsterRun(job_name="atlan_push", tags=tags, status=dg.DagsterRunStatus.STARTED)
    return one.instance.add_run(run).run_id


def _ids(one: World) -> dict[int, str]:
    with one.ledger() as ledger:
        return ledger.datastores.keys()
