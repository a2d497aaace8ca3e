"""From the score in Qualytics to the listing of the catalog: writes are confirmed, the lag is measured."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from qsync_pipeline.automation.confirming import build_confirming
from qsync_pipeline.automation.sensors import datastores_sensor
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger, Query
from qsync_pipeline.sync.judging import judge_freshness
from qsync_pipeline_tests.e2e.harness import World, world

CHECK = "quality_metadata:freshness"


@pytest.fixture(scope="module")
def synced() -> Iterator[World]:
    with world() as one:
        one.sync()
        yield one


def tick(one: World) -> str:
    """One tick of the sensor that looks again; what it says."""
    config = one.config()
    (sensor,) = build_confirming(config)
    resources = build_definitions(config).resources or {}
    needed = {name: resources[name] for name in ("ledger", "atlan")}
    with dg.build_sensor_context(instance=one.instance, resources=needed) as context:
        return str(sensor.evaluate_tick(context).skip_message)


def words(one: World) -> set[str]:
    """What the journal says of all that was written to the catalog."""
    with one.ledger() as ledger:
        entries = ledger.outcomes.find(
            Query(integration="atlan", surface="custom_metadata", outcome="applied")
        )
    return {entry.confirmed for entry in entries}


@pytest.mark.parametrize("by", ["the sensor", "the next run"])
def test_what_a_sync_wrote_is_confirmed_from_the_listing(synced: World, by: str) -> None:
    table = synced.tables()[0]
    synced.qualytics("set_score", table, dimension="accuracy", value=51.0 if by == "the sensor" else 52.0)
    synced.sync()
    with synced.ledger() as ledger:
        assert sum(ledger.awaited.counts("atlan").values()) > 0, "no run waits for the index"
        after = _written(ledger)
    synced.control.advance(10)
    synced.control.reset_requests()
    if by == "the sensor":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("qsync_pipeline.automation.confirming.SETTLED", -60.0)
            assert tick(synced).endswith("0 still do.")
        assert synced.control.count("atlan") < 15
        assert synced.control.count("qualytics") == 0
    else:
        synced.sync()
    assert words(synced) == {"seen"}
    with synced.ledger() as ledger:
        rows = ledger.holdings.by_target("atlan", "custom_metadata", [after])
        assert all(row.confirmed_at for held in rows.values() for row in held)


def _written(ledger: Ledger) -> str:
    entries = ledger.outcomes.find(Query(surface="custom_metadata", outcome="applied"), limit=1)
    return str(entries[0].target)


def test_with_nothing_to_see_the_sensor_asks_nobody(synced: World) -> None:
    synced.sync()
    synced.control.reset_requests()
    assert tick(synced) == "Nothing waits to be seen."
    assert synced.control.count("atlan") == 0


def test_a_finished_scan_is_measured_from_its_end_and_judged_against_the_objective(synced: World) -> None:
    table = synced.tables()[0]
    synced.sync()
    synced.qualytics("set_score", table, dimension="accuracy", value=61.0)
    synced.qualytics("finish_scan", table)
    synced.sync()
    synced.control.advance(10)
    done = synced.sync()
    passed, metadata = done.checks[CHECK]
    assert passed
    assert metadata["datastores measured"] == 1
    assert metadata["written, not yet seen"] == 0
    with synced.ledger() as ledger:
        (lag,) = ledger.awaited.lags("atlan").values()
        assert 0 <= lag.worst < 120
        assert judge_freshness(ledger, "atlan", -1.0).faults == [lag.datastore]
    synced.configure(objective_minutes=1)
    with synced.ledger() as ledger, ledger._db.write() as connection:
        connection.exec_driver_sql("UPDATE qsync_lags SET worst = 600")
    red = synced.sync()
    passed, metadata = red.checks[CHECK]
    assert not passed
    assert lag.datastore in str(metadata["datastores at fault"])
    assert red.ok, "late is a warning, and fails nothing"
    synced.configure(objective_minutes=None)


def test_the_first_sync_of_an_estate_measures_nothing() -> None:
    with world() as one:
        one.sync()
        one.control.advance(10)
        _, metadata = one.sync().checks[CHECK]
        assert metadata["datastores measured"] == 0


def test_old_entries_go_by_themselves_once_a_day(synced: World) -> None:
    with synced.ledger() as ledger, ledger._db.write() as connection:
        connection.exec_driver_sql("UPDATE qsync_outcomes SET at = 1000.0")
        connection.exec_driver_sql("DELETE FROM qsync_leases WHERE name = 'pruning'")
    resources = build_definitions(synced.config()).resources or {}
    named = {name: resources[name] for name in ("ledger", "qualytics")}
    with dg.build_sensor_context(instance=synced.instance, resources=named) as context:
        datastores_sensor.evaluate_tick(context)
    with synced.ledger() as ledger:
        assert ledger.outcomes.find(Query()) == []
        assert ledger.holdings.counts()["atlan"]
    synced.quiet()
