"""Laws of the request budget (DESIGN.md §5.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.transport.budget import WINDOW, LocalBudget

HOST = "acme.atlan.com"
steps = st.lists(st.floats(0, 40), min_size=1, max_size=60)


@given(steps, st.integers(1, 8))
def test_never_more_than_the_limit_in_any_window(gaps: list[float], limit: int) -> None:
    budget, now, grants = LocalBudget(), 1000.0, []
    for gap in gaps:
        now += gap
        if budget.reserve(HOST, limit, now) == 0:
            grants.append(now)
    for start in grants:
        assert sum(1 for g in grants if start <= g < start + WINDOW - 1e-6) <= limit


@given(steps, st.integers(1, 8))
def test_who_waits_as_long_as_told_is_granted_at_once(gaps: list[float], limit: int) -> None:
    budget, now = LocalBudget(), 1000.0
    for gap in gaps:
        now += gap
        if wait := budget.reserve(HOST, limit, now):
            assert 0 < wait <= WINDOW + 1e-6
            now += wait + 1e-6
            assert budget.reserve(HOST, limit, now) == 0


@given(st.floats(0.5, 600), st.floats(0, 600))
def test_a_lock_out_holds_until_it_is_over(seconds: float, later: float) -> None:
    budget = LocalBudget()
    budget.lock_out(HOST, 1000.0 + seconds)
    wait = budget.reserve(HOST, 5, 1000.0 + later)
    assert wait == pytest.approx(max(seconds - later, 0.0))
    assert budget.reserve("other.example", 5, 1000.0) == 0


def test_an_earlier_lock_out_never_shortens_a_later_one() -> None:
    budget = LocalBudget()
    budget.lock_out(HOST, 1100.0)
    budget.lock_out(HOST, 1050.0)
    assert budget.reserve(HOST, 5, 1060.0) == pytest.approx(40.0)


def test_a_lowered_limit_counts_what_was_granted_before() -> None:
    budget = LocalBudget()
    for second in range(5):
        assert budget.reserve(HOST, 5, 1000.0 + second) == 0
    assert budget.reserve(HOST, 2, 1005.0) == pytest.approx(1003.0 + WINDOW - 1005.0)


def test_clocks_that_differ_between_threads_do_not_widen_the_window() -> None:
    budget = LocalBudget()
    assert budget.reserve(HOST, 1, 1000.0) == 0
    assert budget.reserve(HOST, 1, 990.0) > 0


def test_a_clock_that_was_set_back_does_not_block() -> None:
    budget = LocalBudget()
    assert budget.reserve(HOST, 1, 10_000.0) == 0
    assert budget.reserve(HOST, 1, 5_000.0) == 0


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        LocalBudget().reserve(HOST, 0, 0.0)
