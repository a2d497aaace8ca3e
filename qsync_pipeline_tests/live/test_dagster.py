"""With Dagster's webserver and daemon up: starts by hand, by clock's tags and from the command line keep out
of each other's way; cancelling ends after the batch in flight; events show up by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from qsync_pipeline.automation.ranges import run_tags
from qsync_pipeline.sandbox.testing import ATLAN_ONLY
from qsync_pipeline_tests.live.harness import ENDED, Live, live, until

SETTINGS = {"dry_run": False, "first_write": False, "adopt": False}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    directory = tmp_path_factory.mktemp("live")
    with live(directory, "small", 3, start=("webserver", "daemon"), kinds=ATLAN_ONLY) as one:
        yield one


def drifted(one: Live, many: int) -> list[str]:
    """Let people change our values on so many tables; returns the tables."""
    ours = {each["name"] for each in one.control.state("qualytics", like="%") if each["kind"] == "table"}
    tables = [
        each["name"]
        for each in one.control.state("atlan", like="%")
        if each["kind"] == "Table"
        and each["name"] in ours
        and each["attributes"].get("Check Count") is not None
    ][:many]
    one.control.mutate(
        *(
            {"system": "atlan", "do": "set_attribute", "asset": name, "name": "Check Count", "value": 999}
            for name in tables
        )
    )
    one.control.advance(300)
    return tables


def checks(one: Live, tables: list[str]) -> list[Any]:
    return [one.seen("atlan", name)["attributes"]["Check Count"] for name in tables]


def test_a_start_without_a_partition_fails_at_once_and_says_where_to_choose_one(world: Live) -> None:
    run_id = world.launch("atlan_push", SETTINGS, {})
    assert world.ended(run_id) == "FAILURE"
    data = world.ask(
        """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
             ... on ExecutionStepFailureEvent { message error { message } failureMetadata { description } }
        } } } }""",
        id=run_id,
    )
    assert "Pick a partition in the Launchpad" in str(data)


def test_a_datastore_is_synced_from_the_launchpad_with_its_partition(world: Live) -> None:
    tables = drifted(world, 30)
    key = world.partitions()[0]
    run_id = world.launch("atlan_push", SETTINGS, {"dagster/partition": key})
    assert world.ended(run_id) == "SUCCESS"
    assert 999 in checks(world, tables)
    run_id = world.launch("atlan_sync", SETTINGS, run_tags("atlan", "both", world.partitions(), "by hand"))
    assert world.ended(run_id) == "SUCCESS"
    assert 999 not in checks(world, tables)


def test_a_dry_run_from_the_launchpad_writes_nothing(world: Live) -> None:
    tables = drifted(world, 3)
    settings = {**SETTINGS, "dry_run": True, "approve": ["0123abcd"]}
    run_id = world.launch("atlan_sync", settings, run_tags("atlan", "both", world.partitions(), "by hand"))
    assert world.ended(run_id) == "SUCCESS"
    assert checks(world, tables) == [999] * len(tables)
    assert any("approve: of no effect in a dry run" in line for line in world.logged(run_id))
    world.sync()
    assert 999 not in checks(world, tables)


def test_a_run_to_undo_that_the_journal_does_not_know_fails_the_run(world: Live) -> None:
    settings = {**SETTINGS, "revert": "0123abcd"}
    run_id = world.launch("atlan_push", settings, run_tags("atlan", "push", world.partitions(), "by hand"))
    assert world.ended(run_id) == "FAILURE"


def test_cancelling_ends_after_the_batch_in_flight_and_the_next_run_does_the_rest(world: Live) -> None:
    tables = drifted(world, 400)
    world.control.faults(
        {"system": "atlan", "method": "POST", "route": "/api/meta/entity/bulk", "kind": "delay", "seconds": 3}
    )
    world.control.reset_requests()
    run_id = world.launch("atlan_push", SETTINGS, run_tags("atlan", "push", world.partitions(), "by hand"))
    until(lambda: any(rule["fired"] for rule in world.control.faults_in_force()) or None, "the first write")
    world.terminate(run_id)
    assert world.ended(run_id) == "CANCELED"
    world.control.clear_faults()
    with world.ledger() as ledger:
        assert not [row for key in world.partitions() for row in ledger.holdings.of(key) if row.has_pending]
    world.control.advance(300)
    again = world.sync()["atlan"]
    assert again["outcome"]["custom_metadata"]["rejected"] == 0
    assert 999 not in checks(world, tables)
    world.control.advance(300)
    assert world.sync()["atlan"]["requests"]["catalog"]["write"] == 0


def test_overlapping_starts_wait_for_each_other_and_disjoint_ones_go_on_meanwhile(world: Live) -> None:
    keys = world.partitions()
    drifted(world, 400)
    clock = run_tags("atlan", "push", keys[:1], "schedule")
    with _at_work_elsewhere(world, keys[0]):
        same = [world.launch("atlan_push", SETTINGS, clock) for _ in range(2)]
        other = world.launch("atlan_push", SETTINGS, run_tags("atlan", "push", keys[1:2], "schedule"))
        assert world.ended(other) == "SUCCESS", "disjoint runs wait for each other"
        until(lambda: _waiting(world) & set(same) or None, "a run that waits and says so")
        # Only now: a command waits in no queue, and one that came first would keep both runs in theirs.
        command = world.qsync("sync", "--json", "--quiet", "--direction", "push", "--datastore", keys[0])
        until(lambda: _waiting(world) - set(same) or None, "a command that waits and says so")
        assert not {world.status(run_id) for run_id in same} & ENDED, "a run went on without the claim"
        assert command.poll() is None, "the command went on without the claim"
    assert {world.ended(run_id) for run_id in same} == {"SUCCESS"}
    command.communicate(timeout=120)
    assert command.returncode == 0
    times = {run["runId"]: (run["startTime"], run["endTime"]) for run in world.runs()}
    first, second = sorted(times[run_id] for run_id in same)
    assert first[1] <= second[0], "two runs of one datastore at a time"
    world.control.advance(300)
    assert world.sync()["atlan"]["requests"]["catalog"]["write"] == 0


@contextmanager
def _at_work_elsewhere(one: Live, key: str) -> Iterator[None]:
    """A run of another machine has this datastore; it gives it back at the end, come what may."""
    with one.ledger() as ledger:
        claim = ledger.claims.acquire("atlan", key, "long-run", host="elsewhere", pid=1, ttl=600)
        assert claim is not None
        try:
            yield
        finally:
            ledger.claims.release(claim)


def _waiting(one: Live) -> set[str]:
    """The runs that say that they wait for the one elsewhere."""
    says = "waiting for run long-run on elsewhere"
    return {run["runId"] for run in one.runs() if any(says in line for line in one.logged(run["runId"]))}


def test_what_happens_in_qualytics_shows_up_without_a_hand_on_it_though_the_daemon_was_killed(
    world: Live,
) -> None:
    ours = [each for each in world.control.state("qualytics", like="%") if each["kind"] == "table"]
    shown = {each["name"]: each for each in world.control.state("atlan", like="%")}
    table = next(
        each["name"]
        for each in ours
        if each["name"] in shown
        and each["attributes"]["Anomaly Count"] == shown[each["name"]]["attributes"].get("Anomaly Count") == 0
    )
    until(lambda: _watching(world), "the sensors' first look")
    world.kill("daemon")
    world.control.mutate({"system": "qualytics", "do": "raise_anomaly", "asset": table, "rule": "notNull"})
    world.start("daemon")
    until(lambda: (world.seen("atlan", table)["attributes"]["Anomaly Count"] == 1) or None, "the anomaly")
    world.idle()


def _watching(one: Live) -> bool | None:
    data = one.ask(
        """{ sensorsOrError(repositorySelector: {repositoryName: "__repository__",
             repositoryLocationName: "qsync"}) { ... on Sensors { results { name sensorState {
             ticks(limit: 1) { status } } } } } }"""
    )
    ticked = {one["name"] for one in data["sensorsOrError"]["results"] if one["sensorState"]["ticks"]}
    return {"qualytics_changes", "atlan_events"} <= ticked or None
