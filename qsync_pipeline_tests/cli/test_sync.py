"""``qsync sync`` over the small estate."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from qsync_pipeline.config import load_config
from qsync_pipeline.core.plan import OUTCOMES
from qsync_pipeline.core.rows import BUCKETS
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sandbox.testing import RunningSandbox
from qsync_pipeline_tests.cli.conftest import Qsync, edited, files, world

IN_MEMORY = pytest.mark.usefixtures("in_memory")
SURFACES = {"definitions", "tag_definitions", "external_tags", "custom_metadata", "announcements"}


@pytest.mark.rule("5.2", "The run and the README name the mode and its differences")
def test_a_first_and_a_second_sync(qsync: Qsync, sandbox: RunningSandbox) -> None:
    sandbox.control.reset_requests()
    first = qsync("sync", "--config", sandbox.config, "--json")
    assert first.status == 0, first.err
    assert list(first.object) == ["integrations"]
    assert first.atlan["tag_mode"].startswith("managed tags")
    assert list(first.atlan["mapping"]) == list(BUCKETS)
    assert set(first.atlan["plan"]) == set(first.atlan["outcome"]) == SURFACES
    for surface, planned in first.atlan["plan"].items():
        assert list(planned) == ["create", "update", "remove"]
        came = first.atlan["outcome"][surface]
        assert list(came) == list(OUTCOMES)
        assert came["applied"] <= sum(planned.values())
        assert came["rejected"] == came["parked"] == 0
    assert first.atlan["outcome"]["custom_metadata"]["applied"] > 0
    assert first.atlan["outcome"]["external_tags"]["applied"] > 0
    assert first.atlan["seconds"] > 0
    for system, ours in (("atlan", "catalog"), ("qualytics", "qualytics")):
        sent = first.atlan["requests"][ours]
        assert sent["read"] + sent["write"] == sandbox.control.count(system)  # those before the run as well

    after = world(sandbox)
    sandbox.control.reset_requests()
    second = qsync("sync", "--config", sandbox.config, "--json")
    assert second.status == 0, second.err
    assert all(not any(row.values()) for row in second.atlan["plan"].values())
    assert all(not row["applied"] for row in second.atlan["outcome"].values())
    assert [second.atlan["requests"][system]["write"] for system in ("catalog", "qualytics")] == [0, 0]
    assert sandbox.control.count("qualytics", "POST", "PUT", "PATCH", "DELETE") == 0
    assert sandbox.control.count("atlan", "PUT", "PATCH", "DELETE") == 0
    assert sandbox.control.count("atlan", "POST", route="/api/meta/entity/bulk") == 0
    assert world(sandbox) == after


@IN_MEMORY
def test_lines_are_plain_where_nobody_watches(
    qsync: Qsync, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = qsync("sync", "--config", sandbox.config)
    assert said.status == 0
    assert "\x1b" not in said.out + said.err
    assert said.err == ""
    for stage in ("definitions", "qualytics_inventory", "asset_mapping", "quality_metadata", "external_tags"):
        assert f"  {stage}: done" in said.out
    assert "mapping: " in said.out
    assert "check atlan/asset_mapping: coverage: " in said.out
    assert "DEBUG" not in said.out
    for secret in sandbox.ready().values():
        if isinstance(secret, dict) and "token" in secret:
            assert secret["token"] not in said.out


@IN_MEMORY
def test_quiet_says_nothing_where_nothing_is_wrong(qsync: Qsync, sandbox: RunningSandbox) -> None:
    said = qsync("sync", "--config", sandbox.config, "--quiet", "--direction", "push")
    assert (said.status, said.out, said.err) == (0, "", "")


@IN_MEMORY
def test_one_direction_touches_one_side_only(qsync: Qsync, sandbox: RunningSandbox) -> None:
    before = world(sandbox)
    said = qsync("sync", "--config", sandbox.config, "--direction", "pull", "--json")
    assert said.status == 0
    assert set(said.atlan["plan"]) == {"tag_definitions", "external_tags"}
    assert said.atlan["requests"]["catalog"]["write"] == 0
    assert world(sandbox)["atlan"] == before["atlan"]


@IN_MEMORY
@pytest.mark.rule("3", "One run takes one contiguous range")
def test_datastores_with_a_gap_between_them_take_two_runs(qsync: Qsync, sandbox: RunningSandbox) -> None:
    pull = ("--config", sandbox.config, "--direction", "pull", "--json")
    apart = qsync("sync", *pull, "--datastore", "1", "--datastore", "web shop")
    assert apart.status == 0, apart.err
    assert len(apart.atlan["runs"]) == 2
    between = qsync("plan", *pull, "--datastore", "2-crm")
    assert len(between.atlan["runs"]) == 1
    whole = qsync("plan", *pull)
    assert len(whole.atlan["runs"]) == 1
    objects = [sum(one.atlan["mapping"].values()) for one in (apart, between, whole)]
    assert objects[0] + objects[1] == objects[2]


def test_without_a_dagster_home_there_is_one_beside_the_config(qsync: Qsync, sandbox: RunningSandbox) -> None:
    said = qsync("sync", "--config", sandbox.config, "--direction", "push", "--json")
    home = sandbox.config.parent / ".qsync" / "dagster_home"
    assert f"Dagster home: {home}" in said.err
    assert "tag_concurrency_limits" in (home / "dagster.yaml").read_text(encoding="utf-8")
    with DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()
        assert run.run_id == said.atlan["runs"][0]
        assert run.status is DagsterRunStatus.SUCCESS
        assert run.job_name == "atlan_push"
        assert instance.get_dynamic_partitions("datastores") == ["1-sales-warehouse", "2-crm", "3-web-shop"]
    with Ledger.open(load_config(sandbox.config).ledger.reveal_url(), read_only=True) as ledger:
        record = ledger.runs.get(run.run_id)
        assert record is not None
        assert record.ended_at is not None


def test_a_home_of_the_user_is_used_and_gets_no_files_of_ours(
    qsync: Qsync, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "my home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    said = qsync("sync", "--config", sandbox.config, "--direction", "push", "--json")
    assert said.status == 0
    assert not (home / "dagster.yaml").exists()
    assert not (sandbox.config.parent / ".qsync" / "dagster_home").exists()
    with DagsterInstance.from_config(str(home)) as instance:
        assert [run.run_id for run in instance.get_runs()] == said.atlan["runs"]


@IN_MEMORY
@pytest.mark.rule("5.5", "First contact: an integration with an empty ledger only plans")
def test_first_contact_writes_only_when_it_is_asked_to(qsync: Qsync, sandbox: RunningSandbox) -> None:
    config = edited(sandbox, "first_write: true", "first_write: false")
    push = ("sync", "--config", config, "--direction", "push", "--json")
    before = world(sandbox)
    waits = qsync(*push)
    assert waits.status == 1
    assert waits.atlan["outcome"]["custom_metadata"]["parked"] > 0
    assert any("first contact" in reason for reason in waits.atlan["not_written"])
    assert world(sandbox) == before
    plan = qsync("plan", "--config", config, "--direction", "push", "--json")
    assert (plan.status, plan.atlan["plan"]) == (0, waits.atlan["plan"]), "a plan waits for nobody's leave"
    asked = qsync(*push, "--first-write")
    assert asked.status == 0, asked.err
    assert asked.atlan["outcome"]["custom_metadata"]["applied"] > 0


@IN_MEMORY
def test_a_failed_datastore_is_named_and_the_others_go_on(qsync: Qsync, sandbox: RunningSandbox) -> None:
    sandbox.control.faults(
        {"system": "qualytics", "route": "/api/containers", "kind": "drop_key", "key": "items", "count": 1}
    )
    said = qsync("sync", "--config", sandbox.config, "--json")
    assert said.status == 1
    assert len({one["datastore"] for one in said.atlan["failed"]}) == 1
    assert said.atlan["outcome"]["custom_metadata"]["applied"] > 0
    [failed] = {one["datastore"] for one in said.atlan["failed"]}
    assert f"{failed}: qualytics_inventory failed" in said.err
    again = qsync("sync", "--config", sandbox.config, "--json")
    assert again.status == 0, again.err


@pytest.mark.rule("5.6", "Secrets never reach")
def test_what_is_on_disk_holds_no_token(qsync: Qsync, sandbox: RunningSandbox) -> None:
    qsync("sync", "--config", sandbox.config, "--json")
    tokens = [one["token"] for one in sandbox.ready().values() if isinstance(one, dict) and "token" in one]
    assert len(tokens) == 2
    for name, content in files(sandbox.config.parent / ".qsync").items():
        for token in tokens:
            assert token.encode() not in content, name


@IN_MEMORY
def test_only_these_tables_of_one_datastore_are_synced(qsync: Qsync, sandbox: RunningSandbox) -> None:
    assert qsync("sync", "--config", sandbox.config, "--json", "--quiet").status == 0
    units = [one for one in sandbox.control.state("qualytics", like="%") if one["kind"] == "table"]
    table = units[0]["name"].rpartition(".")[2]
    number = units[0]["attributes"]["URL"].split("/datastores/")[1].split("/")[0]
    options = ("sync", "--config", sandbox.config, "--json", "--quiet", "--datastore", number)
    said = qsync(*options, "--table", table.lower())
    assert said.status == 0
    assert 0 < sum(said.atlan["outcome"]["custom_metadata"].values()) < 50
    wrong = qsync(*options, "--table", f"{table}S_TYPO")
    assert (wrong.status, table in wrong.err) == (2, True)
    assert qsync("sync", "--config", sandbox.config, "--table", table).status == 2
