"""The shared request budget: never more than the limit in any minute, and never stuck."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsync_pipeline.ledger import Ledger, budget
from qsync_pipeline_tests.ledger.conftest import Clock

steps = st.lists(st.sampled_from([0.0, 0.001, 0.3, 1.0, 7.9, 29.5, 59.999, 60.0, 61.0]), max_size=60)


def most_in_a_minute(times: list[float]) -> int:
    """The largest number of grants in any closed window of 60 seconds."""
    window: deque[float] = deque()
    most = 0
    for time in sorted(times):
        window.append(time)
        while window[0] < time - 60:
            window.popleft()
        most = max(most, len(window))
    return most


@settings(max_examples=60, deadline=None)
@given(limit=st.integers(1, 6), steps=steps, start=st.floats(0, 2e9))
@pytest.mark.rule("5.6", "One request budget per host")
def test_no_minute_holds_more_grants_than_the_limit(limit: int, steps: list[float], start: float) -> None:
    with Ledger.open("sqlite://") as ledger:
        now, granted = start, []
        for step in steps:
            now += step
            if ledger.budget.reserve("host", limit, now) == 0:
                granted.append(now)
        assert most_in_a_minute(granted) <= limit


@settings(max_examples=20, deadline=None)
@given(
    limit=st.integers(1, 6),
    times=st.lists(st.floats(0, 40) | st.integers(0, 40).map(float), max_size=60),
)
def test_callers_whose_clocks_are_a_little_apart_share_one_limit(limit: int, times: list[float]) -> None:
    with Ledger.open("sqlite://") as ledger:
        granted = [t for t in times if ledger.budget.reserve("host", limit, 1e9 + t) == 0]
        assert most_in_a_minute(granted) <= limit


@settings(max_examples=10, deadline=None)
@given(gaps=st.lists(st.sampled_from([0.0, 0.01, 0.05, 0.4]), min_size=50, max_size=50))
def test_a_large_limit_is_kept_in_seconds_and_never_exceeded(gaps: list[float]) -> None:
    with pytest.MonkeyPatch.context() as patch, Ledger.open("sqlite://") as ledger:
        patch.setattr(budget, "EXACT_UP_TO", 5)  # or the law would take thousands of calls
        now, granted = 1000.0, []
        for number in range(200):
            now += gaps[number % len(gaps)]
            wait = ledger.budget.reserve("host", 40, now)
            if wait == 0:
                granted.append(now)
            elif number % 7 == 0:
                now += wait
        assert most_in_a_minute(granted) <= 40


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(1, 700), burst=st.integers(0, 12), start=st.floats(1e9, 2e9))
def test_after_the_wait_that_was_named_the_request_is_granted(limit: int, burst: int, start: float) -> None:
    with Ledger.open("sqlite://") as ledger:
        now = start
        for _ in range(burst):
            wait = ledger.budget.reserve("host", limit, now)
            assert 0 <= wait <= 61.1
            if wait:
                now += wait
                assert ledger.budget.reserve("host", limit, now) == 0


def test_the_window_slides_grant_by_grant(ledger: Ledger) -> None:
    assert [ledger.budget.reserve("host", 2, now) for now in (100.0, 130.0)] == [0, 0]
    assert ledger.budget.reserve("host", 2, 140.0) == pytest.approx(20, abs=0.01)
    assert ledger.budget.reserve("host", 2, 160.01) == 0
    assert ledger.budget.reserve("host", 2, 160.01) == pytest.approx(29.99, abs=0.01)


def test_a_lowered_limit_counts_what_was_granted_under_the_higher_one(ledger: Ledger) -> None:
    for now in (100.0, 101.0, 102.0):
        assert ledger.budget.reserve("host", 3, now) == 0
    assert ledger.budget.reserve("host", 1, 103.0) == pytest.approx(59, abs=0.01)


def test_hosts_have_budgets_of_their_own(ledger: Ledger) -> None:
    assert ledger.budget.reserve("a", 1, 100.0) == 0
    assert ledger.budget.reserve("b", 1, 100.0) == 0
    assert ledger.budget.reserve("a", 1, 100.0) > 0


def test_a_large_budget_takes_few_rows(ledger: Ledger) -> None:
    for number in range(300):
        assert ledger.budget.reserve("host", 100_000, 1000 + number / 100) == 0
    with ledger._db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*), sum(n) FROM qsync_budget_grants").one() == (
            3,
            300,
        )


@pytest.mark.rule("5.6", "One request budget per host")
def test_a_lock_out_holds_everybody_and_only_ever_grows(open_ledger: Callable[..., Ledger]) -> None:
    open_ledger().budget.lock_out("host", 160.0)
    other = open_ledger().budget
    other.lock_out("host", 120.0)
    assert other.reserve("host", 10, 100.0) == 60.0
    assert other.reserve("elsewhere", 10, 100.0) == 0
    assert other.reserve("host", 10, 160.0) == 0


def test_a_clock_that_was_set_back_does_not_block_for_long(ledger: Ledger) -> None:
    assert ledger.budget.reserve("host", 1, 1_000_000.0) == 0
    assert ledger.budget.reserve("host", 1, 500_000.0) == 0


def test_a_budget_of_nothing_is_a_mistake(ledger: Ledger, clock: Clock) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ledger.budget.reserve("host", 0, clock.now)
