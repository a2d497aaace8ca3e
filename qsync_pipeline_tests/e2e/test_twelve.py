"""One of twelve datastores fails: the others settle, and it settles alone afterwards (DESIGN.md §3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from qsync_pipeline.cli import run as qsync
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline_tests.e2e.harness import World, world
from qsync_pipeline_tests.e2e.test_demo import domains, enrichment

ALONE = "So inside a run each datastore fails on its own"
SHOWN = "Write assets are generators"
STATUS = "Read and plan assets put each datastore's status"
CHECKS = "Checks give one result per run"
BEFORE_FAILURE = "Those of write assets are `check_specs` inside the asset"
STAGES = ("catalog_assets", "asset_mapping", "tag_plan", "quality_plan")


@pytest.fixture
def twelve() -> Iterator[World]:
    """The demo estate with two tables in each of its datastores, all of which may be written."""
    estate = make_estate("demo", 1)
    for connection in estate.connections:
        connection.access = "full"
    for datastore in estate.datastores:
        place = estate.schema_of(datastore)
        if place is not None:
            del place[2].tables[2:]
    with world(estate, seed=1) as one:
        yield one


def run(capsys: pytest.CaptureFixture[str], one: World, *options: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = qsync(["sync", "--config", str(one.sandbox.config), "--json", "--quiet", *options])
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    return status, said["integrations"]["atlan"]


def status_of(one: World, stage: str, keys: list[str]) -> dict[str, str]:
    """The status that the UI shows of each partition of a stage."""
    home = str(one.ledger_directory / "dagster_home")
    with dg.DagsterInstance.from_config(home) as instance:
        partitions = dg.DynamicPartitionsDefinition(name="datastores")
        found = instance.get_status_by_partition(dg.AssetKey(["atlan", stage]), keys, partitions)
    return {key: status.value if status else "" for key, status in (found or {}).items()}


def said_of(one: World, stage: str, key: str) -> str:
    """What the metadata of a partition calls its status."""
    home = str(one.ledger_directory / "dagster_home")
    with dg.DagsterInstance.from_config(home) as instance:
        (record,) = instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(["atlan", stage]), asset_partitions=[key]), limit=1
        ).records
    assert record.asset_materialization is not None
    return str(record.asset_materialization.metadata["status"].value)


def at_fault(one: World, stage: str, check: str) -> str:
    """The datastores that the newest result of a check names."""
    home = str(one.ledger_directory / "dagster_home")
    key = dg.AssetCheckKey(dg.AssetKey(["atlan", stage]), check)
    with dg.DagsterInstance.from_config(home) as instance:
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert found.event is not None
    assert found.event.dagster_event is not None
    evaluation: Any = found.event.dagster_event.event_specific_data
    assert not evaluation.passed
    return str(evaluation.metadata["datastores at fault"].value)


@pytest.mark.rule("3", ALONE)
@pytest.mark.rule("3", SHOWN)
@pytest.mark.rule("3", STATUS)
@pytest.mark.rule("3", CHECKS)
@pytest.mark.rule("3", BEFORE_FAILURE)
def test_eleven_settle_and_the_twelfth_settles_alone(
    twelve: World, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = sorted(twelve.keys().values())
    assert len(keys) == 12
    table = next(name for name in twelve.tables() if name.startswith("pagila."))
    unit = twelve.state("qualytics", table)["id"]
    route = f"/api/containers/{unit.split(':')[1]}/fields"
    twelve.control.faults({"system": "qualytics", "route": route, "method": "GET", "status": 422})
    status, said = run(capsys, twelve)
    failed = {one["datastore"] for one in said["failed"]}
    (bad,) = failed
    assert status == 1
    for stage in ("external_tags", "quality_metadata"):
        shown = status_of(twelve, stage, keys)
        assert {key for key, word in shown.items() if word == "FAILED"} == {bad}
        assert sum(word == "MATERIALIZED" for word in shown.values()) == 11
    for stage in STAGES:
        assert said_of(twelve, stage, bad) == ("ok" if stage == "catalog_assets" else "failed")
        assert said_of(twelve, stage, next(key for key in keys if key != bad)) == "ok"
    for stage, check in (
        ("asset_mapping", "coverage"),
        ("external_tags", "rejected"),
        ("quality_metadata", "in_step"),
    ):
        assert at_fault(twelve, stage, check) == bad
    assert twelve.attributes(table) == {}

    twelve.control.clear_faults()
    status, said = run(capsys, twelve, "--datastore", bad)
    assert (status, said["failed"]) == (0, [])
    assert twelve.attributes(table)["URL"]
    assert set(status_of(twelve, "quality_metadata", keys).values()) == {"MATERIALIZED"}
    twelve.check(left_out=enrichment(twelve), **domains(twelve))
