"""Asset checks: unpartitioned, never blocking. Each judges the whole integration from the ledger, never only
what its run covered, and lists the datastores at fault (DESIGN.md §3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from qsync_pipeline.ledger import Report
from qsync_pipeline.outside_text import one_line
from qsync_pipeline.sync import mapping, snapshot
from qsync_pipeline.sync.judging import (
    judge_coverage,
    judge_drift,
    judge_freshness,
    judge_step,
    judge_writes,
    newest_reports,
    nothing_matched,
    told_drift,
)
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.redact import redact

COVERAGE, REJECTED, IN_STEP, DRIFT = "coverage", "rejected", "in_step", "drift"
FRESHNESS = "freshness"


def coverage_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """Whether what can be matched is matched."""
    return dg.AssetCheckSpec(
        COVERAGE,
        asset=asset,
        description="Fails when an integration matched nothing or a datastore could not be mapped; warns of "
        "objects that are ambiguous, forbidden, absent or of another kind, and of what could not be read.",
    )


def write_specs(asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of an asset that writes."""
    return [
        dg.AssetCheckSpec(
            REJECTED,
            asset=asset,
            description="Fails while anything stands rejected or parked, or a datastore failed.",
        ),
        dg.AssetCheckSpec(
            IN_STEP,
            asset=asset,
            description="Fails while a datastore's last sync left something of its plan unwritten.",
        ),
        dg.AssetCheckSpec(
            DRIFT,
            asset=asset,
            description="Warns of what somebody had changed after us when each datastore was last compared.",
        ),
    ]


def freshness_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """Whether scores are seen in the catalog soon enough."""
    return dg.AssetCheckSpec(
        FRESHNESS,
        asset=asset,
        description="Warns when a score took longer than `objective_minutes` from Qualytics to where people "
        "see it, or was looked for and is not there yet.",
    )


def coverage(run: Run, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """Judge the newest mapping of every datastore."""
    ours = run.reports.reports.of_runs([run.run_id])
    found = judge_coverage(_newest(run, mapping.STAGE, ours), _newest(run, snapshot.STAGE, ours, whole=True))
    severity = dg.AssetCheckSeverity.ERROR
    if found.failed:
        message = f"{len(found.failed)} datastores could not be mapped"
    elif not found.matched:
        message = "; ".join([nothing_matched(run.integration.domains), *found.warnings])
    elif found.warnings:
        severity = dg.AssetCheckSeverity.WARN
        message = "; ".join(found.warnings)
    else:
        message = "everything that takes part is matched"
    return dg.AssetCheckResult(
        passed=not found.red and not found.warnings,
        check_name=COVERAGE,
        asset_key=asset,
        severity=severity,
        description=one_line(redact(message)),
        metadata={
            **found.buckets,
            "datastores at fault": _listed(found.failed),
            "datastores without a place": _lines([f"{key}: {why}" for key, why in found.homeless.items()]),
            "tags that cannot be told": found.untold,
            "on assets such as": _lines(found.names),
            "not readable": _lines(found.gaps),
        },
    )


def write_checks(run: Run, asset: dg.AssetKey, stage: str, plan_stage: str) -> Iterator[dg.AssetCheckResult]:
    """Judge what stands rejected or parked, and whether the last sync of every datastore settled its plan."""
    ours = run.reports.reports.of_runs([run.run_id])
    newest = _newest(run, stage, ours)
    found = judge_writes(run.ledger, run.name, newest)
    rejected = sum(map(len, found.rejected.values()))
    reasons = sorted({one.reason for one in found.parked})
    yield dg.AssetCheckResult(
        passed=not found.faults,
        check_name=REJECTED,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{rejected} rejected, {len(found.parked)} scopes parked, {len(found.failed)} failed",
        metadata={
            "rejected": rejected,
            "parked scopes": len(found.parked),
            "failed datastores": len(found.failed),
            "datastores at fault": _listed(found.faults),
            **({"parked because": "; ".join(reasons[:5])} if reasons else {}),
        },
    )
    plans = _newest(run, plan_stage, ours)
    whole = newest_reports(run.ledger, run.name, stage, whole=True)
    step = judge_step(newest, plans, {key: report for key, report in whole.items() if key in newest})
    yield dg.AssetCheckResult(
        passed=not step.behind and not step.never,
        check_name=IN_STEP,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.ERROR,
        description=step.words,
        metadata={
            "datastores in step": len(newest) - len(step.behind),
            "datastores at fault": _listed(step.behind + step.never),
        },
    )
    drift = judge_drift(plans)
    yield dg.AssetCheckResult(
        passed=not drift,
        check_name=DRIFT,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.WARN,
        description=told_drift(drift, plans, run.integration.on_drift),
        metadata={"drift": sum(drift.values()), "datastores at fault": _listed(list(drift))},
    )


def freshness(run: Run, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """Judge how long the newest measured scores of every datastore took."""
    objective = run.integration.objective_seconds
    found = judge_freshness(run.ledger, run.name, objective)
    worst = max(found.lags.values(), default=None)
    if found.faults:
        message = f"{len(found.faults)} datastores beyond the objective of {objective / 60:g} minutes"
    elif worst is None:
        message = "no score was measured yet"
    else:
        message = f"seen within {worst / 60:.1f} minutes of the score"
    metadata: dict[str, float | int | str] = {
        "objective minutes": objective / 60,
        "written, not yet seen": found.waiting,
        "datastores measured": len(found.lags),
        "datastores at fault": _listed(found.faults),
    }
    if worst is not None:
        metadata["worst minutes"] = round(worst / 60, 2)
    return dg.AssetCheckResult(
        passed=not found.faults,
        check_name=FRESHNESS,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.WARN,
        description=message,
        metadata=metadata,
    )


def _newest(run: Run, stage: str, ours: Sequence[Report], *, whole: bool = False) -> dict[str, Report]:
    """The newest report of each datastore; in a plan, that of this run (of ``ours``) over what is known."""
    newest = newest_reports(run.ledger, run.name, stage, whole=whole)
    for report in ours:
        if report.stage == stage and report.integration == run.name and not (whole and report.partial):
            newest[report.datastore] = report
    newest.pop("", None)
    return newest


def _lines(lines: Sequence[str]) -> str:
    """Texts from outside as plain ones, the first twenty."""
    shown = [one_line(redact(line)) for line in lines[:20]]
    return "; ".join(shown) + (f"; and {len(lines) - 20} more" if len(lines) > 20 else "") or "none"


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys[:20]) + (f" and {len(keys) - 20} more" if len(keys) > 20 else "") or "none"
