"""What stands wrong with an integration, judged from the ledger.

Asset checks show it and notices tell of it: both judge by these functions, so that neither is red where the
other is silent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from qsync_pipeline.ledger import Ledger, ParkedScope, Rejection, Report
from qsync_pipeline.sync import definitions, inventory, mapping, planning, pull, push, snapshot
from qsync_pipeline.sync.out_of_sight import GAPS, UNTOLD

NAMED = 3
"""Things that a sentence names one by one; all of them are in the metadata."""

WRITES = {pull.STAGE: planning.TAG_STAGE, push.STAGE: planning.QUALITY_STAGE}
"""The stages that write, each with the stage whose plan it carries out."""

STAGES = (
    inventory.STAGE,
    definitions.STAGE,
    snapshot.STAGE,
    mapping.STAGE,
    planning.TAG_STAGE,
    pull.STAGE,
    planning.QUALITY_STAGE,
    push.STAGE,
)
"""Every stage that reports, in the order of a run."""

RETIRED_AT = "retired_at"
"""Ledger note of an integration: by writing stage, when all that it held was taken back (epoch seconds)."""

Newest = Mapping[str, Report]
"""The newest report of each datastore, by its key, for one stage."""


def closed(ledger: Ledger, integration: str) -> frozenset[str]:
    """Datastores that Qualytics no longer lists and on which nothing of the integration is held or waits.

    No run comes there any more, so what the last one said of them is nobody's business.
    """
    vanished = [one.key for one in ledger.datastores.all() if one.vanished_at is not None]
    if not vanished:
        return frozenset()
    waiting = {scope.datastore for scope in ledger.parked.of(integration)}
    return frozenset(
        key for key in vanished if key not in waiting and not ledger.holdings.of(key, integration=integration)
    )


def newest_reports(ledger: Ledger, integration: str, stage: str, *, whole: bool = False) -> dict[str, Report]:
    """The newest report of each datastore that may still have another (:meth:`.reports.Reports.latest`).

    What a writing stage said before the integration was retired is over as well.
    """
    found = ledger.reports.latest(integration, stage, whole=whole)
    over = closed(ledger, integration)
    writes = next((one for one, planned in WRITES.items() if stage in (one, planned)), "")
    since = float(ledger.notes.get(integration, RETIRED_AT, {}).get(writes, 0.0))
    return {key: report for key, report in found.items() if key not in over and report.at > since}


@dataclass(frozen=True)
class Coverage:
    """Whether what can be matched is matched, and could be read. ``buckets`` are sums, ``failed`` datastores.

    ``homeless`` says of datastores why they have no place in the catalog, with the config line that settles
    it; ``untold`` are assets whose tags cannot all be told, with the first ``names``; ``gaps`` are shared
    reads that were incomplete.
    """

    buckets: Mapping[str, int]
    failed: tuple[str, ...]
    homeless: Mapping[str, str] = field(default_factory=dict)
    untold: int = 0
    names: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def matched(self) -> int:
        """Objects with a partner."""
        return self.buckets.get("matched", 0)

    @property
    def unsettled(self) -> int:
        """Objects that should have a partner and have none."""
        return sum(self.buckets.get(name, 0) for name in mapping.UNSETTLED)

    @property
    def warnings(self) -> list[str]:
        """What is not as it should be and not red, in words."""
        found = []
        if self.unsettled:
            found.append(f"{self.unsettled} objects have no partner in the catalog")
        if self.homeless:
            first = [f"{key} ({why})" for key, why in islice(self.homeless.items(), NAMED)]
            more = len(self.homeless) - len(first)
            found.append(f"without a place: {', '.join(first)}" + (f" and {more} more" if more else ""))
        if self.untold:
            more = self.untold - min(NAMED, len(self.names))
            named = ", ".join(self.names[:NAMED]) + (f" and {more} more" if more else "")
            found.append(f"tags that the token cannot tell stand on {named}: none of ours goes there")
        return [*found, *self.gaps]

    @property
    def red(self) -> bool:
        """Whether it is more than a warning."""
        return bool(self.failed) or not self.matched


def judge_coverage(newest: Newest, read: Newest) -> Coverage:
    """The newest mapping of every datastore, added up; ``read`` are the newest whole snapshots."""
    buckets: dict[str, int] = {}
    for report in newest.values():
        for bucket, number in report.counts.get("buckets", {}).items():
            buckets[bucket] = buckets.get(bucket, 0) + number
    untold = [report.counts.get(UNTOLD, {}) for key, report in sorted(read.items()) if key in newest]
    return Coverage(
        buckets,
        tuple(sorted(key for key, report in newest.items() if not report.ok)),
        {
            key: report.counts[mapping.WITHOUT_PLACE]
            for key, report in sorted(newest.items())
            if mapping.WITHOUT_PLACE in report.counts
        },
        sum(one.get("number", 0) for one in untold),
        tuple(name for one in untold for name in one.get("names", ())),
        tuple(
            dict.fromkeys(
                gap for report in (*read.values(), *newest.values()) for gap in report.counts.get(GAPS, ())
            )
        ),
    )


def nothing_matched(domains: Sequence[str]) -> str:
    """The words for an integration that matched nothing."""
    return "nothing was matched at all" + (f" in the domains {', '.join(domains)}" if domains else "")


@dataclass(frozen=True)
class Unwritten:
    """What stands rejected (by datastore) or parked of a writing stage, and the datastores it failed for."""

    failed: tuple[str, ...]
    rejected: Mapping[str, tuple[Rejection, ...]]
    parked: tuple[ParkedScope, ...]

    @property
    def faults(self) -> list[str]:
        """The datastores at fault."""
        return sorted({*self.failed, *self.rejected, *(one.datastore for one in self.parked)})


def judge_writes(ledger: Ledger, integration: str, newest: Newest) -> Unwritten:
    """What stands in the ledger against the surfaces that a writing stage reported on."""
    surfaces = {surface for report in newest.values() for surface in report.counts.get("outcome", {})}
    rejected: dict[str, tuple[Rejection, ...]] = {}
    for key in set(ledger.datastores.keys().values()) - closed(ledger, integration):
        standing = ledger.outcomes.latest_rejections(integration, key)
        if here := tuple(one for (surface, _, _), one in standing.items() if surface in surfaces):
            rejected[key] = here
    return Unwritten(
        failed=tuple(sorted(key for key, report in newest.items() if not report.ok)),
        rejected=dict(sorted(rejected.items())),
        parked=tuple(one for one in ledger.parked.of(integration) if one.surface in surfaces),
    )


@dataclass(frozen=True)
class InStep:
    """Datastores whose last sync left some of its plan unwritten, and those planned and never written."""

    behind: tuple[str, ...]
    never: tuple[str, ...]

    @property
    def words(self) -> str:
        """``in step``, or how many datastores are not."""
        number = len(self.behind) + len(self.never)
        if not number:
            return "in step"
        return f"{number} datastore{'s are' if number > 1 else ' is'} not in step"


def judge_step(newest: Newest, planned: Collection[str], whole: Newest) -> InStep:
    """Whether the last sync of every datastore settled its plan.

    ``whole`` are the newest reports that covered a whole datastore: a few tables that went well since say
    nothing of what that one left behind.
    """
    behind = {key for reports in (newest, whole) for key, report in reports.items() if not settled(report)}
    return InStep(tuple(sorted(behind - {""})), tuple(sorted(set(planned) - set(newest) - {""})))


def judge_drift(plans: Newest) -> dict[str, int]:
    """How many values or tags of ours somebody had changed, by datastore, when each was last planned."""
    found = {key: int(report.counts.get("counts", {}).get("drift", 0)) for key, report in plans.items()}
    return {key: number for key, number in sorted(found.items()) if key and number}


def told_drift(drift: Mapping[str, int], plans: Newest, on_drift: str) -> str:
    """The same in words, with what becomes of it."""
    if not drift:
        return "no drift"
    what = "reset" if on_drift == "reset" else "left alone"
    if on_drift == "reset" and any(plans[key].counts.get("parked") for key in drift):
        what += ", but for what waits for approval"
    return f"{sum(drift.values())} changed by somebody after us, {what}"


@dataclass(frozen=True)
class Freshness:
    """How long scores took from Qualytics to where people see them. Seconds, by datastore.

    ``lags`` are the worst of each datastore's newest run that was measured, ``late`` those beyond the
    objective, ``unseen`` how many writes were looked for, were not there, and are beyond it already.
    """

    lags: Mapping[str, float]
    late: Mapping[str, float]
    unseen: Mapping[str, int]
    waiting: int

    @property
    def faults(self) -> list[str]:
        """The datastores at fault."""
        return sorted({*self.late, *self.unseen})


def judge_freshness(ledger: Ledger, integration: str, objective: float) -> Freshness:
    """Hold what was measured against the objective, in seconds."""
    lags = {key: lag.worst for key, lag in ledger.awaited.lags(integration).items()}
    return Freshness(
        lags=lags,
        late={key: lag for key, lag in lags.items() if lag > objective},
        unseen=ledger.awaited.overdue(integration, ledger.clock() - objective),
        waiting=sum(ledger.awaited.counts(integration).values()),
    )


def settled(report: Report) -> bool:
    """A datastore is in step when nothing of its plan was refused, parked or lost."""
    outcome: Mapping[str, Mapping[str, int]] = report.counts.get("outcome", {})
    return report.ok and not any(row.get("rejected") or row.get("parked") for row in outcome.values())


def standing_failures(by_stage: Mapping[str, Newest]) -> list[Report]:
    """Newest reports that are failures, without those that only pass on an earlier one.

    A report without a datastore is about the whole integration. It is over as soon as the stage succeeded for
    any datastore after it: what failed then (credentials, reach) works again.
    """
    found: list[Report] = []
    for newest in by_stage.values():
        last_good = max((one.at for one in newest.values() if one.ok), default=0.0)
        for key, report in sorted(newest.items()):
            if report.ok or report.error_class == "upstream" or (not key and report.at < last_good):
                continue
            found.append(report)
    return found
