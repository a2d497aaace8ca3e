"""What a webhook has told and every integration has pushed since is not told again by the poll, and whatever
the order of changes, webhooks, polls and runs: in the end every integration has read everything as it is."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import initialize, precondition, rule

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.events import Event
from qsync_pipeline.sync.feeds.memory import Memory, remembered
from qsync_pipeline.sync.feeds.sights import AWAIT, make_good, take_down
from qsync_pipeline_tests.sync.feeds.fakes import FakeQualytics, MemoryLedger, poller
from qsync_pipeline_tests.sync.feeds.test_poller_laws import PICK, Noticing

BOTH = ("alation", "atlan")


def seen(world: FakeQualytics, datastore: int) -> Memory:
    """What a run reads of a datastore."""
    return remembered(world.containers(datastore), world.checks(datastore), world.anomalies(datastore))


def told(number: int, datastore: int, container: str) -> Event:
    return Event(
        key=f"webhook:{number}",
        source="webhook",
        kind="anomaly",
        direction="push",
        datastore_id=datastore,
        container=container,
    )


class Beside:
    """A datastore with two tables, a poller that has seen them, and runs that one can have done."""

    def __init__(self) -> None:
        self.world, self.ledger = FakeQualytics(), MemoryLedger()
        self.world.containers_of[1] = {11: "ORDERS", 12: "ITEMS"}
        self.world.scores = {11: 50, 12: 50}
        self.cursor: str | None = None
        self.poll()
        self.poll()

    def poll(self) -> list[str]:
        """Containers of the events that one tick notes."""
        before = len(self.ledger.events.all)
        self.cursor = poller(self.world, self.ledger, BOTH).tick(self.cursor).cursor
        return [event.container for event in self.ledger.events.all[before:]]

    def webhook(self, container: str) -> None:
        self.ledger.events.note([told(len(self.ledger.events.all), 1, container)])

    def run(self, integration: str, *scope: str, pushes: bool = True) -> None:
        ledger = cast(Ledger, self.ledger)
        take_down(ledger, integration, "1", "a run", seen(self.world, 1), self.ledger.clock(), scope)
        if pushes:
            make_good(ledger, integration, "1", "a run")

    def raise_anomaly(self, container: int) -> None:
        self.world.anomaly_rows[self.world.number() + 1000] = (container, "Active", self.world.now)


@pytest.fixture
def beside() -> Beside:
    return Beside()


def test_a_run_of_one_table_forgets_nothing_of_the_others(beside: Beside) -> None:
    for number, name in ((12, "ITEMS"), (11, "ORDERS")):
        beside.raise_anomaly(number)
        beside.webhook(name)
        for integration in BOTH:
            beside.run(integration, name)
    beside.ledger.now += 10 * AWAIT
    assert beside.poll() == []


def test_what_every_integration_has_read_and_pushed_since_is_not_told_again(beside: Beside) -> None:
    beside.raise_anomaly(11)
    beside.webhook("ORDERS")
    beside.run("atlan", "ORDERS")
    beside.run("alation", "ORDERS")
    assert beside.poll() == []
    beside.ledger.now += 10 * AWAIT
    assert beside.poll() == []


def test_a_run_that_is_awaited_is_waited_for(beside: Beside) -> None:
    beside.raise_anomaly(11)
    beside.webhook("ORDERS")
    beside.run("atlan", "ORDERS")
    assert beside.poll() == [], "Alation's run has not been there yet"
    beside.run("alation", "ORDERS")
    beside.ledger.now += 10 * AWAIT
    assert beside.poll() == []


def test_a_run_that_never_came_or_failed_is_told_of_after_a_minute(beside: Beside) -> None:
    beside.raise_anomaly(11)
    beside.webhook("ORDERS")
    beside.run("atlan", "ORDERS")
    beside.run("alation", "ORDERS", pushes=False)
    make_good(cast(Ledger, beside.ledger), "alation", "1", "another run")
    assert beside.poll() == []
    beside.ledger.now += AWAIT
    assert beside.poll() == ["ORDERS"]


def test_what_changed_after_the_runs_had_read_is_told_at_once(beside: Beside) -> None:
    beside.raise_anomaly(11)
    beside.webhook("ORDERS")
    beside.run("atlan", "ORDERS")
    beside.run("alation", "ORDERS")
    beside.raise_anomaly(11)
    assert set(beside.poll()) == {"ORDERS"}


def test_a_run_covers_the_tables_of_its_scope_only(beside: Beside) -> None:
    beside.raise_anomaly(11)
    beside.raise_anomaly(12)
    beside.webhook("ORDERS")
    beside.run("atlan", "ORDERS")
    beside.run("alation", "ORDERS")
    assert beside.poll() == ["ITEMS"]


class NoticingBesideRuns(Noticing):
    """``known`` holds, by integration and container, what a run that pushed has read; a run takes the events
    of one datastore up to its reading. A run that fails is one that only webhooks asked for: what the poll
    itself told is not told again (the run shows as failed, and the next whole sync makes it good)."""

    integrations = BOTH

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, dict[int, object]] = {name: {} for name in BOTH}
        self.taken: dict[str, int] = dict.fromkeys(BOTH, 0)
        self.waiting: dict[str, dict[int, set[str]]] = {name: defaultdict(set) for name in BOTH}
        self.polled: dict[str, set[int]] = {name: set() for name in BOTH}
        self.reading: dict[tuple[str, int], tuple[set[str], dict[int, object], bool]] = {}

    @initialize()
    def start(self) -> None:
        super().start()
        for name in BOTH:
            self.known[name] = dict(self.covered)

    @rule(pick=PICK)
    def webhook(self, pick: int) -> None:
        containers = self._containers()
        number = containers[pick % len(containers)]
        datastore = self.world.place(number)
        event = told(len(self.ledger.events.all), datastore, self.world.containers_of[datastore][number])
        self.ledger.events.note([event])
        self._take()

    def _take_in(self, name: str) -> None:
        for event in self.ledger.events.all[self.taken[name] :]:
            self.waiting[name][event.datastore_id].add(event.container)
            if event.source == "poll":
                self.polled[name].add(event.datastore_id)
        self.taken[name] = len(self.ledger.events.all)

    @rule(name=st.sampled_from(BOTH), pick=PICK, fails=st.booleans())
    def begin_run(self, name: str, pick: int, fails: bool) -> None:
        self._take_in(name)
        free = [number for number in self.waiting[name] if (name, number) not in self.reading]
        if not free:
            return
        datastore = free[pick % len(free)]
        scope = self.waiting[name].pop(datastore)
        fails = fails and datastore not in self.polled[name]
        self.polled[name].discard(datastore)
        found = self.world.containers_of[datastore]
        read = {n: self.world.content(n) for n in found if scope & {"", found[n]}}
        self.reading[name, datastore] = (scope, read, fails)
        take_down(
            cast(Ledger, self.ledger),
            name,
            str(datastore),
            f"{name}:{datastore}",
            seen(self.world, datastore),
            self.ledger.clock(),
            () if "" in scope else scope,
        )

    @precondition(lambda self: self.reading)
    @rule(pick=PICK)
    def end_run(self, pick: int) -> None:
        place = sorted(self.reading)[pick % len(self.reading)]
        _, read, fails = self.reading.pop(place)
        if not fails:
            self.known[place[0]] |= read
            make_good(cast(Ledger, self.ledger), place[0], str(place[1]), f"{place[0]}:{place[1]}")

    @rule(seconds=st.sampled_from([5.0, AWAIT]))
    def time_passes(self, seconds: float) -> None:
        self.ledger.now += seconds

    def teardown(self) -> None:
        for _ in range(4):
            self.ledger.now += AWAIT
            self._settle()
            while self.reading:
                self.end_run(0)
            for name in BOTH:
                self._take_in(name)
                while self.waiting[name]:
                    self.begin_run(name, 0, False)
                    self.end_run(0)
        for name in BOTH:
            for number in self._containers():
                assert self.known[name][number] == self.world.content(number), f"{name}, container {number}"
        before = len(self.ledger.events.all)
        self.ledger.now += AWAIT
        self._settle()
        assert len(self.ledger.events.all) == before, "nothing happened, and something was noted"


NoticingBesideRuns.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestEveryIntegrationReadsEverything = NoticingBesideRuns.TestCase
