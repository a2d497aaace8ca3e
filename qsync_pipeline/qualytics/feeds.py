"""What Qualytics tells of its own accord, newest first (qualytics-api.md §2.13), and counts by datastore.

Rows are light: which object, when, of which datastore and container. Everything here may raise the errors of
:mod:`qsync_pipeline.transport.errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.models import Score, Stub
from qsync_pipeline.transport.paging import Page
from qsync_pipeline.transport.query import Scalar

IDS_PER_CALL = 100
"""Keeps the URI well below the 4,096 characters that the usual ingress takes (§1.6)."""


class OperationProgress(msgspec.Struct, frozen=True):
    """How far an operation came (§2.11)."""

    total_containers: int | None = None
    containers_analyzed: int | None = None


class OperationRow(msgspec.Struct, frozen=True):
    """An operation (§2.11). It does not say which containers it took in, only how many."""

    id: int
    type: str = ""
    created: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    result: str | None = None
    datastore: Stub | None = None
    status: OperationProgress | None = None

    @property
    def analyzed(self) -> int:
        """How many containers it got through."""
        return (self.status.containers_analyzed if self.status else None) or 0


class QualityRow(msgspec.Struct, frozen=True):
    """An anomaly or a check, as far as it says where it is (§2.6, §2.7)."""

    id: int
    created: str | None = None
    status: str | None = None
    datastore: Stub | None = None
    container: Stub | None = None


class Counts(msgspec.Struct, frozen=True):
    """Of a datastore's ``metrics`` what shows that checks, anomalies or scores in it changed (§2.1)."""

    containers: int | None = None
    active_checks: int | None = None
    active_anomalies: int | None = None
    quality_score: Score | None = None


class CountedDatastore(msgspec.Struct, frozen=True):
    """A row of the list of datastores; older builds may leave ``metrics`` out."""

    id: int
    metrics: Counts | None = None


class Feeds:
    """The feeds of one deployment, a page per call; pages count from 1."""

    def __init__(self, client: QualyticsClient) -> None:
        self.client = client
        self.page_size = client.page_size

    def finished_operations(self, page: int) -> Page[OperationRow]:
        """Operations that ended, by the time they were *created*, newest first."""
        return self._page("/operations", OperationRow, page, [("finished", True), ("sort_created", "desc")])

    def unfinished_operations(self) -> list[OperationRow]:
        """Operations that are queued or running; read whole."""
        rows = self.client.pages("/operations", OperationRow, [("finished", False)])
        return [row for row in rows if row.end_time is None]

    def operations(self, numbers: Sequence[int]) -> list[OperationRow]:
        """Operations by id; those that were deleted are left out."""
        found: list[OperationRow] = []
        for start in range(0, len(numbers), IDS_PER_CALL):
            part: list[tuple[str, Scalar]] = [("id", one) for one in numbers[start : start + IDS_PER_CALL]]
            found += self.client.pages("/operations", OperationRow, part)
        asked = set(numbers)
        return [row for row in found if row.id in asked]

    def anomalies(self, page: int) -> Page[QualityRow]:
        """Anomalies of every status by detection, newest first."""
        return self._page("/anomalies", QualityRow, page, [("archived", "include"), ("sort_created", "desc")])

    def checks(self, page: int) -> Page[QualityRow]:
        """Checks of every status by creation, newest first."""
        return self._page(
            "/quality-checks", QualityRow, page, [("archived", "include"), ("sort_created", "desc")]
        )

    def datastores(self, page: int) -> Page[CountedDatastore]:
        """Datastores with their counts; enrichment datastores are no part of any sync."""
        return self._page("/datastores", CountedDatastore, page, [("sort_created", "asc")])

    def _page(self, path: str, row: type[Any], page: int, params: Sequence[tuple[str, Scalar]]) -> Page[Any]:
        envelope: Any = Page[row]  # type: ignore[valid-type]  # msgspec builds its decoder from the real type
        found: Page[Any] = self.client.session.request(
            "GET",
            path,
            kind="read",
            params=[*params, ("page", page), ("size", self.page_size)],
            decode=envelope,
        )
        return found
