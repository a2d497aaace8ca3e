"""Which finished operations matter, and which containers they took in. Pure.

An operation does not list its containers (qualytics-api.md §2.11). The containers themselves do tell when
they were last scanned and profiled (§2.2), and that puts them into an operation's time or outside it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qsync_pipeline.qualytics.feeds import OperationRow
from qsync_pipeline.qualytics.models import Container, ContainerMetrics
from qsync_pipeline.sync.feeds.newest import seconds

SCANS = frozenset({"scan", "external_scan"})
PROFILES = frozenset({"profile"})
WHOLE = frozenset({"sync", "catalog"})
"""One kind under its newer and its older name (§2.11): it finds and loses containers and fields."""
SLACK = 1.0
"""Seconds by which a container's own time may lie outside its operation's. What lies further out is found by
comparison all the same (:mod:`.memory`)."""


def matters(row: OperationRow) -> bool:
    """Whether an operation that ended changed what is synced: all of it, or what it did before it failed."""
    if row.datastore is None or row.result is None or row.type.casefold() not in SCANS | PROFILES | WHOLE:
        return False
    return row.result.casefold() == "success" or row.analyzed > 0


def ended(known: Collection[int], running: Collection[int], new: Collection[int]) -> list[int]:
    """Operations that were running at the last look and are not any more, but for those that are new anyway.

    The list is sorted by creation: one that ran for hours ends far down in it.
    """
    return sorted(set(known) - set(running) - set(new))


def covered(
    row: OperationRow, containers: Sequence[Container], differing: Collection[int] = ()
) -> list[str] | None:
    """The containers that an operation took in, by name; null where that cannot be told: all of them.

    ``differing`` are those (ids) that are not as they were at the last look. Where any of them is among those
    in question, the others are a neighbouring operation's, and were told of before.
    """
    kind = row.type.casefold()
    start = seconds(row.start_time) or seconds(row.created)
    if kind in WHOLE or start is None:
        return None
    end = seconds(row.end_time)
    hits = []
    for container in containers:
        at = _touched(kind, container)
        if at is not None and at >= start - SLACK and (end is None or at <= end + SLACK):
            hits.append(container)
    hits = [container for container in hits if container.id in differing] or hits
    return [container.name for container in hits] if 0 < len(hits) < len(containers) else None


def _touched(kind: str, container: Container) -> float | None:
    metrics = container.metrics
    if not isinstance(metrics, ContainerMetrics):
        return None
    return seconds((metrics.last_scanned if kind in SCANS else metrics.last_profiled) or None)
