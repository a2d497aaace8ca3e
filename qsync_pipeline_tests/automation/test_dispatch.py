"""A tick of the sensor that starts runs waits for something to happen, where nobody has to wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import dagster as dg
import pytest

from qsync_pipeline.automation import dispatch
from qsync_pipeline.automation.pending import QUIET, Pending
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.ledger import Event, Ledger


@dataclass
class Clock:
    """Time that passes only where somebody sleeps; ``then`` is called whenever it has moved on."""

    now: float = 1000.0
    then: Callable[[float], None] = lambda now: None
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds
        self.then(self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    one = Clock()
    monkeypatch.setattr(dispatch, "time", one)
    return one


@pytest.fixture
def ledger(clock: Clock) -> Iterator[Ledger]:
    with Ledger.open("sqlite://", clock=clock.monotonic) as book:
        yield book


ATLAN = cast(
    IntegrationConfig, type("Fake", (), {"name": "atlan", "event_driven": True, "pull_on_change": False})
)


def note(ledger: Ledger, number: int) -> None:
    event = Event(
        key=f"anomaly:{number}", source="webhook", kind="anomaly", direction="push", datastore_id=7,
        container="ORDERS",
    )  # fmt: skip
    ledger.events.note([event])


def watch(ledger: Ledger, *, side_by_side: bool, busy: set[int] | None = None) -> Pending:
    return dispatch._watch(ledger, Pending(0), ATLAN, busy or set(), side_by_side=side_by_side)


def test_what_happens_while_a_tick_waits_is_acted_on_by_this_very_tick(ledger: Ledger, clock: Clock) -> None:
    began = clock.now
    seen: list[float] = []

    def happen(now: float) -> None:
        if now - began > 2 and not seen:
            note(ledger, 1)
            seen.append(now)

    clock.then = happen
    pending = watch(ledger, side_by_side=True)
    assert set(pending.ripe(clock.now, ())) == {7}
    assert clock.now - seen[0] == pytest.approx(QUIET, abs=0.01), "as soon as the burst was over"


def test_a_tick_is_over_before_the_next_is_due_whatever_happens(ledger: Ledger, clock: Clock) -> None:
    began, numbers = clock.now, iter(range(1000))
    assert watch(ledger, side_by_side=True).wanted == {}
    assert clock.now - began <= dispatch.WATCH
    clock.then = lambda now: note(ledger, next(numbers))
    began = clock.now
    pending = watch(ledger, side_by_side=True)
    assert not pending.ripe(clock.now, ()), "the burst goes on"
    assert clock.now - began < 5


def test_where_ticks_wait_for_each_other_only_the_end_of_a_burst_is_waited_for(
    ledger: Ledger, clock: Clock
) -> None:
    assert watch(ledger, side_by_side=False).wanted == {}
    assert clock.slept == []
    note(ledger, 1)
    assert set(watch(ledger, side_by_side=False).ripe(clock.now, ())) == {7}
    assert sum(clock.slept) == pytest.approx(QUIET, abs=0.01)


def test_what_a_run_is_at_is_not_waited_for(ledger: Ledger, clock: Clock) -> None:
    note(ledger, 1)
    assert set(watch(ledger, side_by_side=False, busy={7}).wanted) == {7}
    assert clock.slept == []


def test_no_more_than_two_ticks_of_a_code_server_watch_at_a_time(ledger: Ledger, clock: Clock) -> None:
    waiting = []
    for _ in range(3):
        others = [dispatch._WATCHING.acquire(blocking=False) for _ in waiting]
        assert all(others)
        clock.slept.clear()
        watch(ledger, side_by_side=True)
        waiting.append(bool(clock.slept))
        for _ in others:
            dispatch._WATCHING.release()
    assert waiting == [True, True, False]


@pytest.mark.parametrize(
    ("settings", "expected"), [({"use_threads": True}, True), ({}, False), (None, False)]
)
def test_whether_ticks_run_side_by_side_is_the_instances_setting(
    settings: dict[str, Any] | None, expected: bool
) -> None:
    with dg.instance_for_test(overrides={"sensors": settings} if settings else None) as instance:
        assert dispatch._side_by_side(instance) is expected
