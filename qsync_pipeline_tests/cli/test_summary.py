"""From the ledger's reports to counts and an exit status."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from qsync_pipeline.cli.running import Check, Ran
from qsync_pipeline.cli.summary import status_of_all, summarize
from qsync_pipeline.cli.tables import show_summary
from qsync_pipeline.core.rows import BUCKETS
from qsync_pipeline.ledger import Ledger, Report

NOTHING = {"applied": 0, "unchanged": 3, "skipped": 2, "rejected": 0, "parked": 0}


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open("sqlite://") as opened:
        yield opened


def report(
    ledger: Ledger, stage: str, *, run: str = "r1", key: str = "2-crm", error: str = "", **more: object
) -> None:
    kind = str(more.pop("error_class", "internal" if error else ""))
    ledger.reports.put(
        Report(run, "atlan", key, stage, ok=not error, error=error, error_class=kind, counts=dict(more))
    )


def ran(*runs: str) -> Ran:
    return Ran("atlan", "both", run_ids=list(runs or ("r1",)))


def test_counts_add_up_over_datastores_and_runs(ledger: Ledger) -> None:
    for run, key in (("r1", "2-crm"), ("r1", "3-web-shop"), ("r2", "5-hr"), ("other", "6-x")):
        report(ledger, "asset_mapping", run=run, key=key, buckets={"matched": 5, "absent": 1})
        report(
            ledger,
            "tag_plan",
            run=run,
            key=key,
            plan={"external_tags": {"create": 2, "update": 0, "remove": 1}},
        )
        came = {"external_tags": {**NOTHING, "applied": 3}}
        why = {"skipped: a native tag has this name": 2}
        report(ledger, "external_tags", run=run, key=key, outcome=came, reasons=why)
        ledger.reports.add_requests(run, "atlan", "catalog", "read", 4)
    summary = summarize(ran("r1", "r2"), ledger, {"qualytics": {"read": 2, "write": 0}})
    assert summary.mapping == dict.fromkeys(BUCKETS, 0) | {"matched": 15, "absent": 3}
    assert summary.plan == {"external_tags": {"create": 6, "update": 0, "remove": 3}}
    assert summary.outcome["external_tags"] == {
        "applied": 9,
        "unchanged": 9,
        "skipped": 6,
        "rejected": 0,
        "parked": 0,
    }
    assert summary.reasons == {"skipped: a native tag has this name": 6}
    assert summary.requests == {"catalog": {"read": 12, "write": 0}, "qualytics": {"read": 2, "write": 0}}
    assert summary.status == 0


@pytest.mark.rule(
    "5.1", "Leaving scope (outside the domain, excluded, forbidden, ambiguous) freezes both sides"
)
def test_what_is_ours_and_left_as_it_is_is_told_with_its_reason(ledger: Ledger) -> None:
    report(ledger, "tag_plan", left={"outside domain": 2})
    report(ledger, "quality_plan", left={"outside domain": 1, "excluded": 4})
    summary = summarize(ran(), ledger)
    assert (summary.to_json()["left"], summary.status) == ({"excluded": 4, "outside domain": 3}, 0)
    shown = io.StringIO()
    show_summary(Console(file=shown, width=200), summary, dry_run=False)
    assert "  ours, and left as it is:\n    4 x excluded\n    3 x outside domain\n" in shown.getvalue()


def test_what_carries_our_marks_and_is_not_in_the_ledger_is_told_with_the_way_to_take_it_up(
    ledger: Ledger,
) -> None:
    for stage in ("tag_plan", "quality_plan"):
        report(ledger, stage, counts={"unowned": 2})
    summary = summarize(ran(), ledger)
    assert (summary.unowned, summary.to_json()["unowned"], summary.status) == (4, 4, 0)
    shown = io.StringIO()
    show_summary(Console(file=shown, width=200), summary, dry_run=False)
    said = shown.getvalue()
    assert "unowned: 4 " in said
    assert "qsync sync --adopt" in said


def test_a_surface_that_was_only_planned_has_a_row_of_zeros(ledger: Ledger) -> None:
    report(ledger, "tag_plan", plan={"external_tags": {"create": 2, "update": 0, "remove": 1}})
    assert summarize(ran(), ledger).outcome == {"external_tags": dict.fromkeys(NOTHING, 0)}


@pytest.mark.parametrize("outcome", ["rejected", "parked"])
def test_what_was_refused_or_waits_is_status_1(ledger: Ledger, outcome: str) -> None:
    report(ledger, "external_tags", outcome={"external_tags": {**NOTHING, outcome: 1}})
    assert summarize(ran(), ledger).status == 1


def test_a_line_that_a_dry_run_finds_overtaken_is_status_1_and_told_once(ledger: Ledger) -> None:
    why = "refused: T: what stands there has changed since the plan was made"
    report(ledger, "quality_plan", refused={why: 1})
    dry = summarize(Ran("atlan", "push", dry_run=True, run_ids=["r1"]), ledger)
    assert (dry.status, dry.to_json()["not_written"]) == (1, {why: 1})
    report(
        ledger, "quality_metadata", outcome={"custom_metadata": {**NOTHING, "rejected": 1}}, reasons={why: 1}
    )
    written = summarize(ran(), ledger)
    assert (written.status, written.to_json()["not_written"]) == (1, {why: 1})


def test_a_parked_plan_is_status_1(ledger: Ledger) -> None:
    report(ledger, "tag_plan", plan={}, parked=["40 of 50 would be removed"])
    assert summarize(ran(), ledger).status == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("config", 2),
        ("unreachable", 3),
        ("unauthorized", 3),
        ("notthesystem", 3),
        ("malformed", 1),
        ("servererror", 1),
        ("internal", 1),
    ],
)
def test_the_class_of_a_failure_decides(ledger: Ledger, kind: str, status: int) -> None:
    report(ledger, "catalog_assets", key="", error="it failed", error_class=kind)
    assert summarize(ran(), ledger).status == status


def test_a_failure_that_is_passed_on_is_told_once(ledger: Ledger) -> None:
    report(ledger, "catalog_assets", error="it failed")
    report(ledger, "asset_mapping", error="it failed", error_class="upstream")
    assert [one.stage for one in summarize(ran(), ledger).failed] == ["catalog_assets"]


def test_config_comes_before_out_of_reach_and_that_before_the_rest(ledger: Ledger) -> None:
    report(ledger, "catalog_assets", run="r1", error="no", error_class="unreachable")
    report(ledger, "catalog_assets", run="r2", error="no", error_class="config")
    report(ledger, "catalog_assets", run="r3", error="no", error_class="internal")
    assert summarize(ran("r1", "r2", "r3"), ledger).status == 2
    each = [summarize(ran(run), ledger) for run in ("r1", "r2", "r3", "r4")]
    assert [one.status for one in each] == [3, 2, 1, 0]
    assert status_of_all(each) == 2
    assert status_of_all([each[0], each[2]]) == 3
    assert status_of_all(each[2:]) == 1
    assert status_of_all(each[3:]) == 0


@pytest.mark.parametrize(("severity", "status"), [("ERROR", 1), ("WARN", 0)])
def test_warnings_do_not_count(ledger: Ledger, severity: str, status: int) -> None:
    one = ran()
    one.checks["a", "coverage"] = Check("a", "coverage", passed=False, severity=severity, description="")
    assert summarize(one, ledger).status == status


@pytest.mark.parametrize(("check", "status"), [("in_step", 0), ("rejected", 1), ("coverage", 1)])
def test_what_earlier_syncs_left_unwritten_is_no_fault_of_a_plan(
    ledger: Ledger, check: str, status: int
) -> None:
    one = ran()
    one.checks["a", check] = Check("a", check, passed=False, severity="ERROR", description="")
    assert summarize(one, ledger).status == 1
    one.dry_run = True
    assert summarize(one, ledger).status == status


def test_a_step_that_failed_without_a_report_is_status_1(ledger: Ledger) -> None:
    one = ran()
    one.failures.append("asset_mapping: the disk is full")
    assert summarize(one, ledger).status == 1
