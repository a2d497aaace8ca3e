"""Operations: queued, running, done, by the sandbox's clock (qualytics-api.md §1.8, §2.11, decision 33)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qsync_pipeline.sandbox.qualytics.model import Container, Datastore, Operation
from qsync_pipeline.sandbox.qualytics.store import Store, iso, live_checks, live_containers

OPERATION_TYPES = ("sync", "catalog", "profile", "scan", "external_scan", "materialize", "export", "promote")
"""What ``POST /operations/run`` takes; ``catalog`` is the old name of ``sync`` (§2.11, decision 32)."""


def result_of(operation: Operation, now: float) -> str:
    """queued, running, success, failure or aborted (§1.8)."""
    if operation.aborted_at is not None:
        return "aborted"
    if now < operation.begins:
        return "queued"
    if now < operation.ends:
        return "running"
    return "failure" if operation.failure is not None else "success"


class Operator:
    """Starts operations and brings about what they do once their time has come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: list[Operation] = []
        self._fail_next: str | None = None

    def fail_next(self, message: str) -> None:
        """The next operation to be started ends as a failure with this message."""
        self._fail_next = message

    def start(
        self,
        kind: str,
        datastore: Datastore | None,
        containers: Sequence[Container],
        request: dict[str, Any],
        *,
        at_once: bool = False,
    ) -> Operation:
        """A new operation; ``at_once`` has it done already."""
        now = self._store.clock.now()
        switches = self._store.switches
        begins = now if at_once else now + switches.queue_seconds
        operation = Operation(
            id=self._store.ids.take("operation"),
            type=switches.sync_type if kind in ("sync", "catalog") else kind,
            datastore=datastore,
            created=now,
            begins=begins,
            ends=begins if at_once else begins + switches.run_seconds,
            containers=list(containers),
            request=request,
            failure=self._fail_next,
        )
        self._fail_next = None
        self._store.operations[operation.id] = operation
        self._pending.append(operation)
        self._store.touch(None)
        self.settle()
        return operation

    def abort(self, operation: Operation) -> None:
        """Stop it; nothing happens to one that is finished (§2.11)."""
        now = self._store.clock.now()
        if result_of(operation, now) in ("queued", "running"):
            operation.aborted_at = now
            self._store.touch(None)

    def settle(self) -> None:
        """Bring about what every operation did that has finished by now."""
        if not self._pending:
            return
        now = self._store.clock.now()
        for operation in list(self._pending):
            result = result_of(operation, now)
            if result in ("queued", "running"):
                continue
            self._pending.remove(operation)
            if result == "success":
                self._take_effect(operation)
            self._store.touch(operation.datastore)
            self._store.tell("finished", operation)

    def _take_effect(self, operation: Operation) -> None:
        when = iso(operation.ends)
        for container in operation.containers:
            if operation.type == "scan":
                mark_scanned(container, when)
            elif operation.type == "profile":
                container.last_profiled = when


def mark_scanned(container: Container, when: str) -> None:
    """What a scan leaves behind: every Active check is asserted anew, and passes where no anomaly is open."""
    container.last_scanned = when
    for check in live_checks(container):
        check.last_asserted = when
        check.is_passing = not any(anomaly.is_open for anomaly in check.anomalies.values())


def choose_containers(
    datastore: Datastore, names: Sequence[str] | None, tags: Sequence[str] | None
) -> list[Container]:
    """The containers that an operation takes in: by name, by tag, or all (§2.11)."""
    chosen = list(live_containers(datastore))
    if names:
        chosen = [item for item in chosen if item.name in names]
    if tags:
        chosen = [item for item in chosen if any(tag.name in tags for tag in item.tags or ())]
    return chosen
