"""What came of an integration's runs: counts, reasons, checks, and the exit status (DESIGN.md §6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qsync_pipeline.checks import IN_STEP
from qsync_pipeline.cli import EXIT_REJECTED, EXIT_UNREACHABLE, EXIT_USAGE
from qsync_pipeline.cli.running import Ran
from qsync_pipeline.core.plan import OUTCOMES, add_counts
from qsync_pipeline.core.rows import BUCKETS
from qsync_pipeline.ledger import Ledger, Report
from qsync_pipeline.sync import mapping, planning

OUT_OF_REACH = frozenset({"unreachable", "unauthorized"})
"""Classes of failures that end with exit status 3, wherever they happen."""
NOT_REACHED = OUT_OF_REACH | {"notthesystem"}
"""The same for a whole integration: there a page of HTML says that nothing was reached at all."""

Requests = dict[str, dict[str, int]]


@dataclass
class Summary:
    """One integration. ``mapping`` has all eight buckets, ``plan`` and ``outcome`` a row per surface."""

    ran: Ran
    mapping: dict[str, int]
    matched_by: dict[str, int]
    plan: dict[str, dict[str, int]]
    outcome: dict[str, dict[str, int]]
    reasons: Counter[str]
    parked: list[str]
    requests: Requests
    refused: int = 0
    """Given lines that a dry run finds overtaken; a run that writes counts them among the outcomes."""
    left: Counter[str] = field(default_factory=Counter)
    """Why tags and values of ours were left as they are though nothing wants them there."""
    unowned: int = 0
    """What carries our marks and is not in the ledger; with ``--adopt`` it was taken up by these runs."""
    failed: list[Report] = field(default_factory=list)
    """Reports of stages that failed, those apart that only pass on an earlier failure."""

    @property
    def status(self) -> int:
        """The exit status: 2 config, 3 unreachable or refused, 1 rejected, parked, failed, 0 in step."""
        if any(report.error_class == "config" for report in self.failed):
            return EXIT_USAGE
        if any(one.error_class in (OUT_OF_REACH if one.datastore else NOT_REACHED) for one in self.failed):
            return EXIT_UNREACHABLE
        troubled = self.refused or any(row["rejected"] or row["parked"] for row in self.outcome.values())
        # Whether earlier syncs left something unwritten is no fault of a plan: it lists just that.
        passed_over = {IN_STEP} if self.ran.dry_run else set()
        checks = any(one.failed and one.name not in passed_over for one in self.ran.checks.values())
        if troubled or checks or self.parked or self.failed or self.ran.failures:
            return EXIT_REJECTED
        return 0

    def to_json(self) -> dict[str, Any]:
        """The integration's part of ``--json``."""
        return {
            "mapping": self.mapping,
            "matched_by": self.matched_by,
            "plan": self.plan,
            "outcome": self.outcome,
            "requests": self.requests,
            "seconds": round(self.ran.seconds, 3),
            "not_written": dict(self.reasons.most_common(20)),
            "parked": self.parked,
            "left": dict(self.left.most_common(20)),
            "unowned": self.unowned,
            "failed": [
                {"datastore": one.datastore or None, "stage": one.stage, "reason": one.error}
                for one in self.failed
            ],
            "checks": [
                {
                    "asset": check.asset,
                    "check": check.name,
                    "passed": check.passed,
                    "severity": check.severity,
                    "description": check.description,
                }
                for check in self.ran.checks.values()
            ],
            "tag_mode": self.ran.tag_mode or None,
            "runs": self.ran.run_ids,
        }


def summarize(ran: Ran, reports: Ledger, before: Requests | None = None) -> Summary:
    """Add up the reports of an integration's runs; ``before`` are requests made ahead of them."""
    rows = [one for one in reports.reports.of_runs(ran.run_ids) if one.integration == ran.integration]
    matching = [one.counts for one in rows if one.stage == mapping.STAGE]
    plan = _surfaces(one.counts.get("plan", {}) for one in rows)
    outcome = _surfaces(one.counts.get("outcome", {}) for one in rows)
    for surface in {*plan, *outcome}:
        plan[surface] = dict.fromkeys(("create", "update", "remove"), 0) | plan.get(surface, {})
        outcome[surface] = dict.fromkeys(OUTCOMES, 0) | outcome.get(surface, {})
    reasons: Counter[str] = Counter()
    for one in rows:
        reasons.update(one.counts.get("reasons", {}))
    refused: Counter[str] = Counter()
    for one in rows if ran.dry_run else ():
        refused.update(one.counts.get("refused", {}))
    return Summary(
        ran=ran,
        mapping={bucket: sum(c.get("buckets", {}).get(bucket, 0) for c in matching) for bucket in BUCKETS},
        matched_by=_added(c.get("matched_by", {}) for c in matching),
        plan=plan,
        outcome=outcome,
        reasons=reasons + refused,
        refused=refused.total(),
        left=Counter(_added(one.counts.get(planning.LEFT, {}) for one in rows)),
        unowned=sum(one.counts.get("counts", {}).get("unowned", 0) for one in rows),
        parked=sorted({reason for one in rows for reason in one.counts.get("parked", ())}),
        requests=_requests(reports.reports.requests(ran.run_ids).get(ran.integration, {}), before or {}),
        failed=[one for one in rows if not one.ok and one.error_class != "upstream"],
    )


def status_of_all(summaries: Sequence[Summary]) -> int:
    """The exit status of a command: the first of 2, 3, 1 that an integration has, else 0."""
    found = {summary.status for summary in summaries}
    return next((status for status in (EXIT_USAGE, EXIT_UNREACHABLE, EXIT_REJECTED) if status in found), 0)


def _surfaces(tables: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for table in tables:
        total = add_counts(total, {surface: dict(row) for surface, row in table.items()})
    return total


def _added(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for table in tables:
        total.update(table)
    return dict(total)


def _requests(counted: Mapping[str, Mapping[str, int]], before: Requests) -> Requests:
    return {
        system: {
            kind: counted.get(system, {}).get(kind, 0) + before.get(system, {}).get(kind, 0)
            for kind in ("read", "write")
        }
        for system in ("catalog", "qualytics")
    }
