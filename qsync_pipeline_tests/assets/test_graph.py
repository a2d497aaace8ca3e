"""The graph that a config makes, and how Dagster is made to behave on it (DESIGN.md §3). Nothing is run but
for a start that has to fail."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import qsync_pipeline
from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.automation.ranges import SLOTS, ranges, run_config, run_tags, slot
from qsync_pipeline.config import load_config
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.resources import SyncSettings
from qsync_pipeline_tests.sync.fakes import config_in

SIX = "Cost: hence six partitioned assets per integration"
PARTITIONS = "Partitioned by datastore"
CHECKS = "Checks give one result per run"
SAFE = "Class defaults of Launchpad settings are the safe values"
SLOT_TAGS = "Runs from clocks and sensors carry a tag"

PARTITIONED = [
    "asset_mapping", "catalog_assets", "external_tags", "quality_metadata", "quality_plan", "tag_plan",
]  # fmt: skip


@pytest.fixture
def definitions(tmp_path: Path) -> dg.Definitions:
    """Of a config with two integrations, ``atlan`` and ``second``."""
    return build_definitions(config_in(tmp_path))


def graph(definitions: dg.Definitions) -> dg.AssetGraph:  # type: ignore[name-defined]  # not exported
    return definitions.resolve_asset_graph()


@pytest.mark.rule("3", SIX)
@pytest.mark.rule("3", PARTITIONS)
@pytest.mark.rule("3", "Tables are rows, never assets or partitions")
@pytest.mark.rule("3", "`<integration>/definitions` (unpartitioned)")
def test_six_assets_of_each_integration_have_a_partition_per_datastore(definitions: dg.Definitions) -> None:
    nodes = {node.key.to_user_string(): node for node in graph(definitions).asset_nodes}
    for name in ("atlan", "second"):
        mine = {key.removeprefix(f"{name}/"): node for key, node in nodes.items() if key.startswith(name)}
        assert sorted(key for key, node in mine.items() if node.is_partitioned) == PARTITIONED
        assert [key for key, node in mine.items() if not node.is_partitioned] == ["definitions"]
    for node in nodes.values():
        if node.is_partitioned:
            assert node.partitions_def == DATASTORES
            assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert len(nodes) == 1 + 2 * 7


@pytest.mark.rule("3", "`qualytics_inventory` is read once and shared")
def test_the_inventory_is_one_asset_that_all_integrations_read(definitions: dg.Definitions) -> None:
    below = graph(definitions).get(dg.AssetKey("qualytics_inventory")).child_keys
    assert {key.path[0] for key in below} == {"atlan", "second"}


@pytest.mark.rule("3", CHECKS)
@pytest.mark.rule("3", "Those of write assets are `check_specs` inside the asset")
def test_checks_are_unpartitioned_and_never_blocking(definitions: dg.Definitions) -> None:
    checks = {
        spec.key: spec
        for asset in definitions.assets or ()
        if isinstance(asset, dg.AssetsDefinition)
        for spec in asset.check_specs
    }
    assert {key.name for key in checks} >= {"coverage", "rejected", "in_step"}
    assert not any(spec.blocking for spec in checks.values())
    assert all(spec.partitions_def is None for spec in checks.values())
    written = {key.asset_key.path[-1] for key in checks if key.name == "rejected"}
    assert written == {"external_tags", "quality_metadata"}


@pytest.mark.rule("3", "Jobs per integration: `pull`, `push`, `sync`")
def test_every_integration_has_three_jobs(definitions: dg.Definitions) -> None:
    names = {job.name for job in definitions.resolve_all_job_defs()}
    assert names >= {f"{one}_{job}" for one in ("atlan", "second") for job in ("pull", "push", "sync")}


@pytest.mark.rule("3", "Sensors and schedules run when the config asks for them")
def test_a_clock_runs_where_the_config_has_one_and_there_is_none_elsewhere(tmp_path: Path) -> None:
    config_in(tmp_path)
    path = tmp_path / "qsync.yaml"
    document = yaml.safe_load(path.read_text())
    for one in document["integrations"]:
        one["event_driven"] = False
    document["integrations"][0]["schedule"] = {"cron": "0 6 * * *"}
    path.write_text(yaml.safe_dump(document))
    definitions = build_definitions(load_config(path))
    clocks = [one for one in definitions.schedules or () if isinstance(one, dg.ScheduleDefinition)]
    assert [(one.name, one.default_status) for one in clocks] == [
        ("atlan_schedule", dg.DefaultScheduleStatus.RUNNING)
    ]


@pytest.mark.rule("3", "The job's and the asset group's partition dialogs both honour the policy")
def test_a_start_without_a_datastore_fails_and_says_where_to_choose_one(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        done = definitions.resolve_job_def("atlan_pull").execute_in_process(
            instance=instance, raise_on_error=False
        )
    assert not done.success
    said = [str(event.event_specific_data) for event in done.all_events if event.is_step_failure]
    assert len(said) == 2, "the step that makes definitions stops as well, before it asks anybody"
    assert all("No datastore was chosen" in one and "partition dialog" in one for one in said)


def test_definitions_alone_need_no_datastore(definitions: dg.Definitions) -> None:
    job = definitions.resolve_implicit_global_asset_job_def()
    alone = job.get_subset(
        asset_selection={dg.AssetKey([name, "definitions"]) for name in ("atlan", "second")}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        done = alone.execute_in_process(instance=instance, raise_on_error=False)
    said = [str(event.event_specific_data) for event in done.all_events if event.is_step_failure]
    assert len(said) == 2, "there is no catalog at these addresses"
    assert not any("No datastore" in one for one in said)


@pytest.mark.rule("3", SAFE)
def test_launchpad_settings_default_to_what_does_no_harm_and_a_run_request_sets_them_all() -> None:
    safe = SyncSettings()
    assert (safe.dry_run, safe.first_write, safe.adopt) == (True, False, False)
    sent = run_config(dry_run=False).resources["settings"]["config"]
    assert set(sent) == set(SyncSettings.model_fields)


keys = st.lists(st.sampled_from([f"{n}-x" for n in range(12)]), unique=True)


@pytest.mark.rule("3", "One run takes one contiguous range")
@given(order=keys, wanted=st.sets(st.sampled_from([f"{n}-x" for n in range(14)])))
def test_a_set_with_gaps_becomes_one_run_for_each_gap_free_range(order: list[str], wanted: set[str]) -> None:
    parts = ranges(order, wanted)
    assert [key for part in parts for key in part] == [key for key in order if key in wanted]
    for part in parts:
        at = order.index(part[0])
        assert order[at : at + len(part)] == part
    for before, after in pairwise(parts):
        assert order.index(after[0]) > order.index(before[-1]) + 1, "two ranges that touch are one"


@pytest.mark.rule("3", SLOT_TAGS)
def test_runs_that_share_a_datastore_share_a_slot_and_the_instance_lets_one_in_at_a_time() -> None:
    first = run_tags("atlan", "both", ["1-a", "2-b"], "schedule")
    second = run_tags("atlan", "push", ["2-b", "3-c"], "sensor")
    assert first[slot("2-b")] == second[slot("2-b")] == "atlan"
    settings = yaml.safe_load((Path(qsync_pipeline.__file__).parent / "dagster.yaml").read_text())
    limits = {one["key"]: one for one in settings["concurrency"]["runs"]["tag_concurrency_limits"]}
    assert set(limits) == {f"qsync/slot-{number:02d}" for number in range(SLOTS)}
    for one in limits.values():
        assert (one["limit"], one["value"]) == (1, {"applyLimitPerUniqueValue": True})


@pytest.mark.rule("3", "At start, runs of dead processes on this host are failed")
def test_a_run_that_nobody_watches_is_ended_by_the_instance() -> None:
    settings = yaml.safe_load((Path(qsync_pipeline.__file__).parent / "dagster.yaml").read_text())
    assert settings["run_monitoring"]["enabled"]
    assert settings["run_monitoring"]["max_runtime_seconds"] > 0
