"""Runs that ended without a word in the ledger: killed, out of memory, failed before they began. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from qsync_pipeline.ledger import Report
from qsync_pipeline.sync import pull, push
from qsync_pipeline.sync.judging import Newest
from qsync_pipeline.sync.run import Direction

_LAST: Mapping[Direction, tuple[str, ...]] = {
    "pull": (pull.STAGE,),
    "push": (push.STAGE,),
    "both": (pull.STAGE, push.STAGE),
}
"""The stages that a run ends with."""


@dataclass(frozen=True)
class Crash:
    """A run that Dagster calls failed. Without ``datastores`` it was started without a partition, or its
    partitions are gone. ``began`` is in seconds since the epoch, ``why`` Dagster's own words."""

    run_id: str
    direction: Direction
    datastores: tuple[str, ...]
    began: float
    why: str = ""


def standing_crashes(
    failed: Iterable[Crash], reports: Sequence[Report], whole: Mapping[str, Newest]
) -> list[Crash]:
    """Failed runs that the ledger does not account for, each with the datastores it did not get through.

    ``reports`` are those of the failed runs: one that reported a failure is told of by that. ``whole`` are by
    stage the newest reports that covered a whole datastore; whatever later run got there made it good, or
    reported why not.
    """
    accounted = {report.run_id for report in reports if not report.ok}
    found: list[Crash] = []
    for run in failed:
        if run.run_id in accounted:
            continue
        last = [whole.get(stage, {}) for stage in _LAST[run.direction]]
        keys = run.datastores or ("",)
        left = tuple(key for key in keys if not all(_through(newest, key, run.began) for newest in last))
        if not left and _last_word(last, run.run_id):
            left = ("",)  # it got through everywhere, failed all the same, and no later run says otherwise
        if left:
            found.append(Crash(run.run_id, run.direction, left, run.began, run.why))
    return found


def _through(newest: Newest, key: str, began: float) -> bool:
    of_key: Collection[Report] = newest.values() if not key else [newest[key]] if key in newest else ()
    return any(report.at > began for report in of_key)


def _last_word(last: Sequence[Newest], run_id: str) -> bool:
    return any(report.run_id == run_id for newest in last for report in newest.values())
