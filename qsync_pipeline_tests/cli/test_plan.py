"""``qsync plan``: the whole truth, and no trace."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from qsync_pipeline.sandbox.testing import RunningSandbox
from qsync_pipeline_tests.cli.conftest import Qsync, edited, files, world

IN_MEMORY = pytest.mark.usefixtures("in_memory")

READS_BY_POST = {"/api/meta/search/indexsearch", "/api/meta/entity/bulk", "/api/meta/entity/evaluator"}


def test_it_leaves_no_trace_and_a_sync_then_does_what_it_said(
    qsync: Qsync, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before, on_disk = world(sandbox), files(sandbox.config.parent)
    sandbox.control.reset_requests()
    plan = qsync("plan", "--config", sandbox.config, "--json")
    assert plan.status == 0, plan.err
    assert sandbox.control.count("qualytics", "POST", "PUT", "PATCH", "DELETE") == 0
    assert sandbox.control.count("atlan", "PUT", "PATCH", "DELETE") == 0
    posted = {
        row["route"]
        for row in sandbox.control.requests()["requests"]
        if row["system"] == "atlan" and row["method"] == "POST"
    }
    assert posted <= READS_BY_POST - {"/api/meta/entity/bulk"}
    assert world(sandbox) == before
    assert files(sandbox.config.parent) == on_disk  # no ledger, no tables
    assert list(home.iterdir()) == []
    assert list(scratch.iterdir()) == []
    assert all(not any(row.values()) for row in plan.atlan["outcome"].values())
    assert [plan.atlan["requests"][system]["write"] for system in ("catalog", "qualytics")] == [0, 0]

    sync = qsync("sync", "--config", sandbox.config, "--json")
    assert sync.atlan["plan"] == plan.atlan["plan"]
    assert sync.atlan["mapping"] == plan.atlan["mapping"]


def test_a_plan_over_a_ledger_changes_no_byte_of_it(qsync: Qsync, sandbox: RunningSandbox) -> None:
    assert qsync("sync", "--config", sandbox.config, "--quiet").status == 0
    sandbox.control.mutate(
        {"system": "atlan", "do": "tag", "asset": "SALES_DB.SALES.PRODUCT", "tag": "Brand new"}
    )
    sandbox.control.advance(5)  # the search index lags behind by a second
    on_disk = files(sandbox.config.parent)
    said = qsync("plan", "--config", sandbox.config)
    assert said.status == 0, said.out
    assert "Brand new" in said.out
    assert files(sandbox.config.parent) == on_disk


@IN_MEMORY
def test_every_line_has_object_values_and_reason(qsync: Qsync, sandbox: RunningSandbox) -> None:
    said = qsync("plan", "--config", sandbox.config, "--datastore", "1-sales-warehouse")
    assert "\x1b" not in said.out
    assert "atlan: definitions in the catalog" in said.out
    assert "atlan: 1-sales-warehouse" in said.out
    assert "atlan: 2-crm" not in said.out
    lines = [one.split() for one in said.out.splitlines()]
    assert ["surface", "action", "object", "before", "after", "reason"] in lines
    assert any(line[:4] == ["definitions", "create", "Qualytics", "-"] for line in lines)
    assert "more (--all shows them)" in said.out
    whole = qsync("plan", "--config", sandbox.config, "--datastore", "1-sales-warehouse", "--all")
    assert "--all shows them" not in whole.out
    assert len(whole.out.splitlines()) > len(said.out.splitlines())


@IN_MEMORY
def test_nothing_to_do_is_no_error_either(qsync: Qsync, sandbox: RunningSandbox) -> None:
    assert qsync("sync", "--config", sandbox.config, "--quiet").status == 0
    said = qsync("plan", "--config", sandbox.config, "--json")
    assert said.status == 0
    assert all(not any(row.values()) for row in said.atlan["plan"].values())


@IN_MEMORY
@pytest.mark.rule("5.1", "An empty domain, or a run that matched nothing")
def test_a_domain_with_nothing_in_it_is_a_failed_check(qsync: Qsync, sandbox: RunningSandbox) -> None:
    config = edited(sandbox, "domains: []", 'domains: ["Innovation Lab"]')
    said = qsync("plan", "--config", config, "--json")
    assert said.status == 1
    [check] = [one for one in said.atlan["checks"] if one["check"] == "coverage"]
    assert (check["passed"], check["severity"]) == (False, "ERROR")
    assert "Innovation Lab" in check["description"]
