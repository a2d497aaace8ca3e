"""Whatever the order of changes, polls and failures: every change is covered by an event noted after it."""

from __future__ import annotations

import contextlib

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qsync_pipeline.transport.errors import Unreachable
from qsync_pipeline_tests.sync.feeds.fakes import FakeQualytics, MemoryLedger, Operation, poller

PICK = st.integers(0, 10_000)


class Noticing(RuleBasedStateMachine):
    """``covered`` holds, by container, what it looked like when an event about it was last noted."""

    integrations: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.world = FakeQualytics()
        self.ledger = MemoryLedger()
        self.cursor: str | None = None
        self.noted = 0
        self.operations_owed: dict[int, Operation] = {}
        for datastore in range(1, 5):
            self.world.containers_of[datastore] = {}
            for _ in range(3):
                self._add(datastore)
        self.covered: dict[int, object] = {}

    def _add(self, datastore: int) -> int:
        number = self.world.number()
        self.world.containers_of[datastore][number] = f"T{number}"
        self.world.scores[number] = 0
        return number

    def _containers(self) -> list[int]:
        return [number for found in self.world.containers_of.values() for number in found]

    @initialize()
    def start(self) -> None:
        self._settle()
        assert self.ledger.events.all == [], "a first start replays nothing"
        self.covered = {number: self.world.content(number) for number in self._containers()}

    # What people and scans do. No state of a container ever comes back: descriptions and scores count up.

    @rule(pick=PICK)
    def score(self, pick: int) -> None:
        container = self._containers()[pick % len(self._containers())]
        self.world.scores[container] += 1

    @rule(pick=PICK, many=st.integers(1, 8))
    def raise_anomalies(self, pick: int, many: int) -> None:
        containers = self._containers()
        for number in range(many):
            where = containers[(pick + number * 5) % len(containers)]
            self.world.anomaly_rows[self.world.number()] = (where, "Active", self.world.now)

    @precondition(lambda self: self.world.anomaly_rows)
    @rule(pick=PICK, status=st.sampled_from(["Resolved", "gone"]))
    def end_anomaly(self, pick: int, status: str) -> None:
        rows = self.world.anomaly_rows
        number = sorted(rows)[pick % len(rows)]
        where, _, at = rows.pop(number)
        if status != "gone":
            rows[number] = (where, status, at)

    @rule(pick=PICK)
    def add_check(self, pick: int) -> None:
        containers = self._containers()
        self.world.check_rows[self.world.number()] = (containers[pick % len(containers)], "")

    @precondition(lambda self: self.world.check_rows)
    @rule(pick=PICK, drop=st.booleans())
    def change_check(self, pick: int, drop: bool) -> None:
        rows = self.world.check_rows
        number = sorted(rows)[pick % len(rows)]
        where, words = rows.pop(number)
        if not drop:
            rows[number] = (where, words + "x")

    @rule(pick=PICK)
    def start_scan(self, pick: int) -> None:
        datastore = 1 + pick % 4
        found = self.world.containers_of[datastore]
        container = sorted(found)[pick % len(found)]
        number = self.world.number()
        scan = Operation(number, datastore, [found[container]], self.world.now)
        self.world.operation_rows[number] = scan

    @precondition(lambda self: any(row.ended is None for row in self.world.operation_rows.values()))
    @rule(pick=PICK)
    def end_scan(self, pick: int) -> None:
        running = [row for row in self.world.operation_rows.values() if row.ended is None]
        row = running[pick % len(running)]
        # A table scanned twice at one and the same time shows no difference, and need not be told of again.
        self.world.now += 5
        row.ended, row.result = self.world.now, "success"
        for number, name in self.world.containers_of[row.datastore].items():
            if name in row.names:
                self.world.scanned[number] = self.world.now
        self.operations_owed[row.id] = row

    @rule(seconds=st.sampled_from([0.0, 1.0, 700.0, 100_000.0]))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds

    # Polls.

    @rule()
    def poll(self) -> None:
        self.cursor = poller(self.world, self.ledger, self.integrations).tick(self.cursor).cursor
        self._take()

    @rule(after=st.integers(0, 12))
    def poll_that_fails(self, after: int) -> None:
        self.world.patience = after
        with contextlib.suppress(Unreachable):
            self.cursor = poller(self.world, self.ledger, self.integrations).tick(self.cursor).cursor
        self.world.patience = None
        self._take()

    @rule()
    def crash_before_the_cursor_was_kept(self) -> None:
        poller(self.world, self.ledger, self.integrations).tick(self.cursor)
        self._take()

    def _take(self) -> None:
        """The events that are new cover their containers as they are now: nothing changed since."""
        for event in self.ledger.events.all[self.noted :]:
            for number, name in self.world.containers_of[event.datastore_id].items():
                if event.container in ("", name):
                    self.covered[number] = self.world.content(number)
            self.operations_owed = {
                number: row
                for number, row in self.operations_owed.items()
                if row.datastore != event.datastore_id or event.container not in ("", *row.names)
            }
        self.noted = len(self.ledger.events.all)

    def _settle(self) -> None:
        """So many polls that every datastore had its turn."""
        for _ in range(40):
            self.poll()

    @invariant()
    def nothing_is_told_twice(self) -> None:
        keys = [event.key for event in self.ledger.events.all]
        assert len(keys) == len(set(keys))

    def teardown(self) -> None:
        self._settle()
        for number in self._containers():
            assert self.covered[number] == self.world.content(number), f"container {number}"
        assert not self.operations_owed
        before = len(self.ledger.events.all)
        self._settle()
        assert len(self.ledger.events.all) == before, "nothing happened, and something was noted"


Noticing.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestEveryChangeIsCovered = Noticing.TestCase
