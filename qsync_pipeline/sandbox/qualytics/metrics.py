"""Scores and counts as the API shows them (qualytics-api.md §2.2, §2.5)."""

from __future__ import annotations

import datetime
import random
from typing import Any

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline.sandbox.estate.model import Scores
from qsync_pipeline.sandbox.qualytics.model import Container, Datastore, Field
from qsync_pipeline.sandbox.qualytics.store import Store, live_checks, live_containers, open_anomalies

SCORE_KEYS = ("total", *DIMENSIONS)
"""Keys of a score object besides its date (§2.5); the eighth dimension is ``volumetrics``."""

HISTORY_DAYS = 10
"""How many daily rows ``/quality-scores`` holds at most (§2.5)."""


class Metrics:
    """Works out scores and counts; those of a datastore are remembered until something inside it changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._datastores: dict[int, tuple[int, dict[str, Any]]] = {}

    def score(self, scores: Scores | None, scored: str | None) -> dict[str, Any] | None:
        """A score object: 0-100 or null per dimension, null where it was not measured (§2.5)."""
        if scores is None:
            if not self._store.switches.score_object_when_unscored:
                return None
            scores = {}
        row: dict[str, Any] = {"created": scored}
        for key in SCORE_KEYS:
            row[key] = scores.get(key)
        return row

    def history(self, item: Datastore | Container) -> list[dict[str, Any]]:
        """Ten daily snapshots, newest first, the newest being the current score (§2.5, decision 10).

        The nine before it are made up around it, the same for every call of a day.
        """
        if item.scores is None:
            return []
        today = datetime.datetime.fromtimestamp(self._store.clock.now(), datetime.UTC).date()
        rows: list[dict[str, Any]] = []
        for back in range(HISTORY_DAYS):
            day = today - datetime.timedelta(days=back)
            noise = random.Random(f"{self._store.seed}-{item.id}-{day}")
            row: dict[str, Any] = {"date": day.isoformat()}
            for key in SCORE_KEYS:
                value = item.scores.get(key)
                if value is not None and back:
                    value = min(100.0, max(0.0, value + noise.uniform(-2.0, 2.0)))
                row[key] = value
            rows.append(row)
        return rows

    def container(self, container: Container) -> dict[str, Any]:
        """``metrics`` of a container; ``completeness`` is a fraction here and 0-100 in the score (§2.4)."""
        active = list(live_checks(container))
        return {
            "last_profiled": container.last_profiled,
            "last_scanned": container.last_scanned,
            "fields": len(container.fields),
            "records": container.records if container.last_profiled else None,
            "completeness": fraction(container.scores) if container.last_profiled else None,
            "active_checks": len(active),
            "important_checks": sum(1 for check in active if check.tags),
            "passing_checks": sum(1 for check in active if check.is_passing is True),
            "failing_checks": sum(1 for check in active if check.is_passing is False),
            "anomalies": len(container.anomalies),
            "active_anomalies": self.active_anomalies(container),
            "quality_score": self.score(container.scores, container.scored),
        }

    def active_anomalies(self, container: Container) -> int:
        """What the word "active" counts is a switch (decision 9)."""
        if self._store.switches.active_includes_acknowledged:
            return sum(1 for _ in open_anomalies(container))
        return sum(1 for item in container.anomalies.values() if item.status == "Active")

    def datastore(self, datastore: Datastore) -> dict[str, Any]:
        """``metrics`` of a datastore (§2.1)."""
        remembered = self._datastores.get(datastore.id)
        if remembered is not None and remembered[0] == datastore.revision:
            return remembered[1]
        row: dict[str, Any] = {
            "containers": 0,
            "records": 0,
            "fields_profiled": 0,
            "active_checks": 0,
            "active_anomalies": 0,
        }
        for container in live_containers(datastore):
            row["containers"] += 1
            row["records"] += container.records
            row["fields_profiled"] += len(container.fields) if container.last_profiled else 0
            row["active_checks"] += sum(1 for _ in live_checks(container))
            row["active_anomalies"] += self.active_anomalies(container)
        if self._store.switches.datastore_score_in_metrics:
            row["quality_score"] = self.score(datastore.scores, datastore.scored)
        self._datastores[datastore.id] = (datastore.revision, row)
        return row


def open_anomaly_count(item: Datastore | Container | Field) -> int | None:
    """Active and Acknowledged anomalies of an object, null where nothing was ever scanned (DESIGN.md §5.3).

    A field counts the anomalies whose failed checks name it.
    """
    if isinstance(item, Field):
        if item.container.last_scanned is None:
            return None
        return sum(1 for anomaly in open_anomalies(item.container) if anomaly.names(item))
    if isinstance(item, Container):
        return None if item.last_scanned is None else sum(1 for _ in open_anomalies(item))
    counts = [open_anomaly_count(container) for container in live_containers(item)]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def active_check_count(item: Datastore | Container | Field) -> int:
    """Active checks of an object; a field counts those that name it (DESIGN.md §5.3)."""
    if isinstance(item, Field):
        return sum(1 for check in live_checks(item.container) if item in check.fields)
    if isinstance(item, Container):
        return sum(1 for _ in live_checks(item))
    return sum(active_check_count(container) for container in live_containers(item))


def fraction(scores: Scores | None) -> float | None:
    """Completeness as fields and profiles show it: 0-1 (§2.4)."""
    value = (scores or {}).get("completeness")
    return None if value is None else round(value / 100, 6)
