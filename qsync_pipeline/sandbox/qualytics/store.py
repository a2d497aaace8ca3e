"""The state of one deployment: every object by id, who may be seen, and how things come and go."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator

from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline.sandbox.qualytics.model import (
    Anomaly,
    Check,
    Connection,
    Container,
    Datastore,
    Field,
    Operation,
    Taggable,
)
from qsync_pipeline.sandbox.qualytics.switches import QualyticsSwitches
from qsync_pipeline.sandbox.qualytics.tags import TagBook


def iso(seconds: float) -> str:
    """A point in time as the API writes it: UTC with microseconds and ``Z`` (qualytics-api.md §1.6)."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Ids:
    """Integer sequences per type; the seed sets where each begins, as deployments differ (decision 43)."""

    def __init__(self, seed: int) -> None:
        self._start = random.Random(f"ids-{seed}")
        self._last: dict[str, int] = {}

    def take(self, kind: str) -> int:
        number = self._last[kind] + 1 if kind in self._last else self._start.randint(1, 40)
        self._last[kind] = number
        return number


class Store:
    """All objects and their indexes. ``revision`` rises with every change, for whoever remembers answers."""

    def __init__(self, clock: VirtualClock, switches: QualyticsSwitches, seed: int) -> None:
        self.clock = clock
        self.switches = switches
        self.seed = seed
        self.ids = Ids(seed)
        self.revision = 0
        self.connections: dict[int, Connection] = {}
        self.datastores: dict[int, Datastore] = {}
        self.containers: dict[int, Container] = {}
        self.fields: dict[int, Field] = {}
        self.checks: dict[int, Check] = {}
        self.anomalies: dict[int, Anomaly] = {}
        self.operations: dict[int, Operation] = {}
        self.templates: dict[int, Check] = {}
        self.denied: set[int] = set()
        """Datastores that the token's teams cannot see (§2.14)."""
        self.listeners: list[Callable[[str, Operation | Anomaly | Check], None]] = []
        """Told of what flows are about: ``finished``, ``detected``, ``status``, ``archived``, ``deleted``."""
        self.tags = TagBook(self)

    def tell(self, what: str, item: Operation | Anomaly | Check) -> None:
        """This has just happened (or, for what is deleted, is about to)."""
        for listener in self.listeners:
            listener(what, item)

    def now(self) -> str:
        return iso(self.clock.now())

    # -- visibility -----------------------------------------------------------------------------------

    def visible(self, item: Datastore | Container | Field | Check | Anomaly) -> bool:
        """Whether the token's teams may see it (§2.14): lists leave out silently what they may not."""
        if not self.denied:
            return True
        owner = self.owner(item)
        return owner is None or owner.id not in self.denied

    def owner(self, item: Datastore | Container | Field | Check | Anomaly) -> Datastore | None:
        """The datastore that an object belongs to; templates belong to none."""
        match item:
            case Datastore():
                return item
            case Container():
                return item.datastore
            case Check():
                return item.container.datastore if item.container else None
            case _:
                return item.container.datastore

    def seen_datastores(self) -> list[Datastore]:
        return [item for item in self.datastores.values() if item.id not in self.denied]

    # -- change ---------------------------------------------------------------------------------------

    def touch(self, datastore: Datastore | None) -> None:
        """Note that something changed, inside this datastore or anywhere."""
        self.revision += 1
        if datastore is not None:
            datastore.revision += 1

    def touch_item(self, item: Taggable) -> None:
        """Note that this object changed."""
        if isinstance(item, Datastore | Container | Field | Check | Anomaly):
            self.touch(self.owner(item))

    def add_datastore(self, datastore: Datastore) -> None:
        self.datastores[datastore.id] = datastore
        datastore.connection.datastores[datastore.id] = datastore
        self.touch(datastore)

    def add_container(self, container: Container) -> None:
        """Put it in place; it inherits the datastore's native tags (§2.8)."""
        self.containers[container.id] = container
        container.datastore.containers[container.id] = container
        self.tags.inherit_container(container)
        self.touch(container.datastore)

    def add_field(self, column: Field) -> None:
        """Put it in place; it inherits the native tags above it (§2.8)."""
        self.fields[column.id] = column
        column.container.fields[column.id] = column
        self.tags.inherit_field(column)
        self.touch(column.container.datastore)

    def add_check(self, check: Check) -> None:
        """Put it in place; it takes copies of the tags above it, at creation only (§2.8)."""
        if check.container is None:
            self.templates[check.id] = check
            self.touch(None)
            return
        self.checks[check.id] = check
        check.container.checks[check.id] = check
        self.tags.copy_from(check, check.fields or (check.container,))
        self.touch(check.container.datastore)

    def add_anomaly(self, anomaly: Anomaly) -> None:
        """Put it in place; it takes copies of its checks' tags, at creation only (decision 22)."""
        self.anomalies[anomaly.id] = anomaly
        anomaly.container.anomalies[anomaly.id] = anomaly
        for check in anomaly.checks:
            check.anomalies[anomaly.id] = anomaly
        self.tags.copy_from(anomaly, anomaly.checks or (anomaly.container,))
        self.touch(anomaly.container.datastore)

    # -- removal (each cascades downwards, §2.1, §2.2) ----------------------------------------------------

    def remove_datastore(self, datastore: Datastore) -> None:
        for container in list(datastore.containers.values()):
            self.remove_container(container)
        self.tags.forget(datastore)
        del self.datastores[datastore.id]
        del datastore.connection.datastores[datastore.id]
        for other in self.datastores.values():
            if other.enrichment is datastore:
                other.enrichment = None
        self.touch(datastore)

    def remove_container(self, container: Container) -> None:
        for anomaly in list(container.anomalies.values()):
            self.remove_anomaly(anomaly)
        for check in list(container.checks.values()):
            self.remove_check(check)
        for column in list(container.fields.values()):
            self.remove_field(column)
        self.tags.forget(container)
        del self.containers[container.id]
        del container.datastore.containers[container.id]
        self.touch(container.datastore)

    def remove_field(self, column: Field) -> None:
        """Checks that name only this field go as well; others just stop naming it."""
        for check in list(column.container.checks.values()):
            if column in check.fields:
                rest = tuple(item for item in check.fields if item is not column)
                if rest:
                    check.fields = rest
                else:
                    for anomaly in list(check.anomalies.values()):
                        self.remove_anomaly(anomaly)
                    self.remove_check(check)
        self.tags.forget(column)
        del self.fields[column.id]
        del column.container.fields[column.id]
        self.touch(column.container.datastore)

    def remove_check(self, check: Check) -> None:
        self.tags.forget(check)
        if check.container is None:
            del self.templates[check.id]
            self.touch(None)
            return
        for anomaly in check.anomalies.values():
            anomaly.checks = tuple(item for item in anomaly.checks if item is not check)
        del self.checks[check.id]
        del check.container.checks[check.id]
        self.touch(check.container.datastore)

    def remove_anomaly(self, anomaly: Anomaly) -> None:
        self.tags.forget(anomaly)
        for check in anomaly.checks:
            check.anomalies.pop(anomaly.id, None)
        del self.anomalies[anomaly.id]
        del anomaly.container.anomalies[anomaly.id]
        self.touch(anomaly.container.datastore)


def live_containers(datastore: Datastore) -> Iterator[Container]:
    """Containers that are not archived (``deleted_at``, §2.2)."""
    return (item for item in datastore.containers.values() if item.deleted_at is None)


def live_checks(container: Container, status: str = "Active") -> Iterator[Check]:
    """Checks of this status that are not archived (§2.6)."""
    return (item for item in container.checks.values() if item.status == status and item.deleted_at is None)


def open_anomalies(container: Container) -> Iterator[Anomaly]:
    """Active and Acknowledged anomalies (§2.7)."""
    return (item for item in container.anomalies.values() if item.is_open)
