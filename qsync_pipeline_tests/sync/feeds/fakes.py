"""A Qualytics in memory, as the poller sees it, and a ledger that keeps nothing on disk."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import msgspec

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.events import Event
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.feeds import (
    CountedDatastore,
    Counts,
    Feeds,
    OperationProgress,
    OperationRow,
    QualityRow,
)
from qsync_pipeline.qualytics.models import Anomaly, Check, Container, ContainerMetrics, Score, Stub
from qsync_pipeline.sync.feeds.poller import Poller
from qsync_pipeline.transport.errors import Unreachable
from qsync_pipeline.transport.paging import Page

T = TypeVar("T")
START = 1_800_000_000.0


def text(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()


class Events:
    """The ledger's events in memory."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.all: list[Event] = []
        self.keys: set[str] = set()
        self.clock = clock

    def note(self, found: Iterable[Event]) -> int:
        new = [one for one in {event.key: event for event in found}.values() if one.key not in self.keys]
        self.all += [msgspec.structs.replace(one, noted_at=self.clock()) for one in new]
        self.keys.update(one.key for one in new)
        return len(new)

    def newest_noted(self, datastore_id: int) -> dict[str, float]:
        return {one.container: one.noted_at for one in self.all if one.datastore_id == datastore_id}

    def known(self, keys: Sequence[str]) -> set[str]:
        return self.keys.intersection(keys)


class Notes:
    """The ledger's notes in memory."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Any] = {}

    def get(self, integration: str, name: str, default: Any = None) -> Any:
        return self.values.get((integration, name), default)

    def put(self, integration: str, name: str, value: Any) -> None:
        self.values[integration, name] = value

    def drop(self, integration: str, name: str) -> None:
        self.values.pop((integration, name), None)


class Datastores:
    """The ledger's datastores: every id is its own key."""

    def keys(self) -> dict[int, str]:
        return {number: str(number) for number in range(1, 100)}


class MemoryLedger:
    """What the poller uses of a ledger."""

    def __init__(self) -> None:
        self.events = Events(self.clock)
        self.datastores = Datastores()
        self.notes = Notes()
        self.now = START

    def clock(self) -> float:
        self.now += 0.01
        return self.now


@dataclass
class Operation:
    id: int
    datastore: int
    names: list[str]
    began: float
    kind: str = "scan"
    ended: float | None = None
    result: str = "running"


@dataclass
class FakeQualytics:
    """Datastores of containers with a score, checks and anomalies. ``patience``: calls until they fail."""

    page_size: int = 3
    now: float = START
    patience: int | None = None
    calls: int = 0
    containers_of: dict[int, dict[int, str]] = field(default_factory=dict)
    scores: dict[int, int] = field(default_factory=dict)
    scanned: dict[int, float] = field(default_factory=dict)
    check_rows: dict[int, tuple[int, str]] = field(default_factory=dict)
    anomaly_rows: dict[int, tuple[int, str, float]] = field(default_factory=dict)
    operation_rows: dict[int, Operation] = field(default_factory=dict)
    last: int = 0

    def number(self) -> int:
        self.last += 1
        return self.last

    def place(self, container: int) -> int:
        return next(number for number, found in self.containers_of.items() if container in found)

    def content(self, container: int) -> object:
        """Everything of a container that a sync would carry over."""
        return (
            self.scores[container],
            sorted(row for row in self.check_rows.items() if row[1][0] == container),
            sorted(
                (number, status)
                for number, (where, status, _) in self.anomaly_rows.items()
                if where == container and status in ("Active", "Acknowledged")
            ),
        )

    def _called(self) -> None:
        self.calls += 1
        if self.patience is not None:
            self.patience -= 1
            if self.patience < 0:
                raise Unreachable("Qualytics: no answer")

    def _pages(self, rows: Sequence[T], page: int) -> Page[T]:
        self._called()
        size = self.page_size
        return Page(list(rows[(page - 1) * size : page * size]), len(rows), page, size, -(-len(rows) // size))

    # What a client offers.

    def containers(self, datastore: int) -> list[Container]:
        self._called()
        return [
            Container(
                id=number,
                name=name,
                metrics=ContainerMetrics(
                    quality_score=Score(total=float(self.scores[number])),
                    last_scanned=text(self.scanned[number]) if number in self.scanned else None,
                ),
                global_tags=[],
            )
            for number, name in self.containers_of.get(datastore, {}).items()
        ]

    def checks(self, datastore: int) -> list[Check]:
        self._called()
        return [
            Check(id=number, rule_type="notNull", description=words, container=Stub(where))
            for number, (where, words) in self.check_rows.items()
            if self.place(where) == datastore
        ]

    def anomalies(self, datastore: int) -> list[Anomaly]:
        self._called()
        return [
            Anomaly(id=number, status=status, container=Stub(where))
            for number, (where, status, _) in self.anomaly_rows.items()
            if self.place(where) == datastore and status in ("Active", "Acknowledged")
        ]

    def presence(self, level: str, number: int) -> str:
        self._called()
        return "present" if number in self.containers_of else "gone"


class FakeFeeds:
    """The feeds of a :class:`FakeQualytics`."""

    def __init__(self, world: FakeQualytics) -> None:
        self.world = world
        self.page_size = world.page_size

    def _operation(self, row: Operation) -> OperationRow:
        return OperationRow(
            id=row.id,
            type=row.kind,
            created=text(row.began),
            start_time=text(row.began),
            end_time=None if row.ended is None else text(row.ended),
            result=row.result,
            datastore=Stub(row.datastore),
            status=OperationProgress(len(row.names), len(row.names) if row.result == "success" else 0),
        )

    def finished_operations(self, page: int) -> Page[OperationRow]:
        rows = [row for row in self.world.operation_rows.values() if row.ended is not None]
        rows.sort(key=lambda row: (-row.began, -row.id))
        return self.world._pages([self._operation(row) for row in rows], page)

    def unfinished_operations(self) -> list[OperationRow]:
        self.world._called()
        return [self._operation(row) for row in self.world.operation_rows.values() if row.ended is None]

    def operations(self, numbers: Sequence[int]) -> list[OperationRow]:
        self.world._called()
        known = self.world.operation_rows
        return [self._operation(known[number]) for number in numbers if number in known]

    def anomalies(self, page: int) -> Page[QualityRow]:
        rows = [
            QualityRow(
                number,
                text(at),
                status,
                Stub(self.world.place(where)),
                Stub(where, self.world.containers_of[self.world.place(where)][where]),
            )
            for number, (where, status, at) in self.world.anomaly_rows.items()
        ]
        rows.sort(key=lambda row: (row.created or "", row.id), reverse=True)
        return self.world._pages(rows, page)

    def checks(self, page: int) -> Page[QualityRow]:
        return self.world._pages([], page)

    def datastores(self, page: int) -> Page[CountedDatastore]:
        world = self.world
        rows = []
        for number, found in world.containers_of.items():
            checks = sum(1 for where, _ in world.check_rows.values() if where in found)
            active = sum(
                1
                for where, status, _ in world.anomaly_rows.values()
                if where in found and status in ("Active", "Acknowledged")
            )
            rows.append(CountedDatastore(number, Counts(len(found), checks, active)))
        return world._pages(rows, page)


def poller(world: FakeQualytics, ledger: MemoryLedger, integrations: Collection[str] = ()) -> Poller:
    """The poller of a world in memory."""
    return Poller(
        cast(QualyticsClient, world),
        cast(Ledger, ledger),
        integrations=integrations,
        feeds=cast(Feeds, FakeFeeds(world)),
        monotonic=lambda: 0.0,
    )
