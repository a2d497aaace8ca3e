"""Asset checks: unpartitioned, never blocking. Each judges the whole integration from the ledger, never only
what its run covered, and lists the datastores at fault (DESIGN.md §3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from qsync_pipeline.ledger import Report
from qsync_pipeline.sync import mapping
from qsync_pipeline.sync.run import Run

COVERAGE, REJECTED, IN_STEP = "coverage", "rejected", "in_step"


def coverage_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """Whether what can be matched is matched."""
    return dg.AssetCheckSpec(
        COVERAGE,
        asset=asset,
        description="Fails when an integration matched nothing or a datastore could not be mapped; warns of "
        "objects that are ambiguous, forbidden, absent or of another kind.",
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
    ]


def coverage(run: Run, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """Judge the newest mapping of every datastore."""
    newest = _newest(run, mapping.STAGE)
    sums: dict[str, int] = {}
    for report in newest.values():
        for bucket, number in report.counts.get("buckets", {}).items():
            sums[bucket] = sums.get(bucket, 0) + number
    failed = sorted(key for key, report in newest.items() if not report.ok)
    unsettled = sum(sums.get(name, 0) for name in ("ambiguous", "forbidden", "kind_mismatch", "absent"))
    matched = sums.get("matched", 0)
    if failed:
        severity, message = dg.AssetCheckSeverity.ERROR, f"{len(failed)} datastores could not be mapped"
    elif not matched:
        domains = ", ".join(run.integration.domains)
        severity = dg.AssetCheckSeverity.ERROR
        message = "nothing was matched at all" + (f" in the domains {domains}" if domains else "")
    elif unsettled:
        severity, message = dg.AssetCheckSeverity.WARN, f"{unsettled} objects have no partner in the catalog"
    else:
        severity, message = dg.AssetCheckSeverity.ERROR, "everything that takes part is matched"
    return dg.AssetCheckResult(
        passed=bool(matched) and not failed and not unsettled,
        check_name=COVERAGE,
        asset_key=asset,
        severity=severity,
        description=message,
        metadata={**sums, "datastores at fault": _listed(failed)},
    )


def write_checks(run: Run, asset: dg.AssetKey, stage: str, plan_stage: str) -> Iterator[dg.AssetCheckResult]:
    """Judge what stands rejected or parked, and whether the last sync of every datastore settled its plan."""
    newest = _newest(run, stage)
    failed = sorted(key for key, report in newest.items() if not report.ok)
    surfaces = {surface for report in newest.values() for surface in report.counts.get("outcome", {})}
    rejected = {
        key: number
        for key in run.ledger.datastores.keys().values()
        if (number := _standing(run, key, surfaces))
    }
    parked = {one.datastore: one.reason for one in run.ledger.parked.of(run.name) if one.surface in surfaces}
    faults = sorted({*failed, *rejected, *parked})
    yield dg.AssetCheckResult(
        passed=not faults,
        check_name=REJECTED,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{sum(rejected.values())} rejected, {len(parked)} scopes parked, {len(failed)} failed",
        metadata={
            "rejected": sum(rejected.values()),
            "parked scopes": len(parked),
            "failed datastores": len(failed),
            "datastores at fault": _listed(faults),
            **({"parked because": "; ".join(sorted(set(parked.values()))[:5])} if parked else {}),
        },
    )
    behind = sorted(key for key, report in newest.items() if not _settled(report))
    planned = set(run.ledger.reports.latest(run.name, plan_stage))
    never = sorted(planned - set(newest))
    yield dg.AssetCheckResult(
        passed=not behind and not never,
        check_name=IN_STEP,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_in_words(len(behind) + len(never)),
        metadata={
            "datastores in step": len(newest) - len(behind),
            "datastores at fault": _listed(behind + never),
        },
    )


def _in_words(behind: int) -> str:
    if not behind:
        return "in step"
    return f"{behind} datastore{'s are' if behind > 1 else ' is'} not in step"


def _settled(report: Report) -> bool:
    """A datastore is in step when nothing of its plan was refused, parked or lost."""
    outcome: Mapping[str, Mapping[str, int]] = report.counts.get("outcome", {})
    return report.ok and not any(row.get("rejected") or row.get("parked") for row in outcome.values())


def _standing(run: Run, key: str, surfaces: set[str]) -> int:
    rejections: Mapping[tuple[str, str, str], Any] = run.ledger.outcomes.latest_rejections(run.name, key)
    return sum(1 for surface, _, _ in rejections if surface in surfaces)


def _newest(run: Run, stage: str) -> dict[str, Report]:
    """The newest report of each datastore; in a plan, that of this run over what the ledger knew."""
    newest = dict(run.ledger.reports.latest(run.name, stage))
    for report in run.reports.reports.of_runs([run.run_id]):
        if report.stage == stage and report.integration == run.name:
            newest[report.datastore] = report
    newest.pop("", None)
    return newest


def _listed(keys: list[str]) -> str:
    return ", ".join(keys[:20]) + (f" and {len(keys) - 20} more" if len(keys) > 20 else "") or "none"
