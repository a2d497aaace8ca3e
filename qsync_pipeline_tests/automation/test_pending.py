"""What events ask for until a run takes it: grouped, held until the burst is over, never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.automation.pending import MANY, PATIENCE, QUIET, Pending, decode
from qsync_pipeline.automation.schedules import oldest_share, shares
from qsync_pipeline.ledger import Event

BOTH = frozenset({"pull", "push"})


def event(number: int, at: float = 0.0, **more: object) -> Event:
    given_ = {"datastore_id": 1, "direction": "push", "source": "poll", "kind": "operation", **more}
    return Event(key=f"k{number}", id=number, noted_at=at, **given_)  # type: ignore[arg-type]  # by name


def test_events_of_one_datastore_become_one_wish_with_their_tables() -> None:
    pending = Pending(0).taking(
        [event(1, container="B"), event(2, container="A"), event(3, container="B")], concerning=BOTH
    )
    (one,) = pending.ripe(QUIET, busy=()).values()
    assert (one.containers, one.whole, one.direction, one.first, one.last) == (
        ("A", "B"),
        False,
        "push",
        1,
        3,
    )


def test_an_event_without_a_table_asks_for_the_whole_datastore() -> None:
    pending = Pending(0).taking([event(1, container="A"), event(2)], concerning=BOTH)
    assert pending.wanted[1].whole


def test_more_tables_than_are_worth_naming_ask_for_the_whole_datastore() -> None:
    events = [event(n, container=f"T{n}") for n in range(1, MANY + 2)]
    assert Pending(0).taking(events, concerning=BOTH).wanted[1].whole


def test_a_burst_is_waited_for_but_not_for_ever() -> None:
    pending = Pending(0).taking([event(1, at=100.0), event(2, at=100.8)], concerning=BOTH)
    assert pending.ripe(100.9 + QUIET - 0.2, busy=()) == {}
    assert set(pending.ripe(100.8 + QUIET, busy=())) == {1}
    endless = Pending(0).taking([event(n, at=100.0 + n / 2) for n in range(60)], concerning=BOTH)
    assert set(endless.ripe(100.0 + PATIENCE, busy=())) == {1}


def test_what_comes_in_while_a_run_is_at_the_datastore_waits_for_its_end() -> None:
    pending = Pending(0).taking([event(1), event(2, datastore_id=2)], concerning=BOTH)
    assert set(pending.ripe(QUIET, busy={1})) == {2}
    assert set(pending.without([2]).ripe(QUIET, busy=())) == {1}


def test_events_of_both_kinds_make_one_run_both_ways_and_unwanted_kinds_none() -> None:
    events = [event(1), event(2, direction="pull"), event(3, datastore_id=2, direction="pull")]
    assert Pending(0).taking(events, concerning=BOTH).wanted[1].direction == "both"
    only_push = Pending(0).taking(events, concerning={"push"})
    assert (set(only_push.wanted), only_push.wanted[1].direction, only_push.last) == ({1}, "push", 3)


_EVENTS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["", "A", "B", "C"]), st.booleans()), max_size=40
)


@given(_EVENTS)
def test_every_event_is_covered_by_a_run_that_starts_after_it(steps: list[tuple[int, str, bool]]) -> None:
    """Whatever the order of events and ticks, each is in a later wish: its table, or the whole datastore."""
    pending, covered, uncovered, now = Pending(0), [], [], 0.0
    for number, (datastore, container, tick) in enumerate(steps, start=1):
        pending = decode(pending.encode()).taking(
            [event(number, at=now, datastore_id=datastore, container=container)], concerning=BOTH
        )
        uncovered.append((number, datastore, container))
        if tick:
            now += QUIET
            ripe = pending.ripe(now, busy={1})
            covered += [(number, one) for number, one in ripe.items()]
            pending = pending.without(ripe)
    covered += list(pending.ripe(now + PATIENCE, busy=()).items())
    for number, datastore, container in uncovered:
        assert any(
            key == datastore
            and one.first <= number <= one.last
            and (one.whole or container in one.containers)
            for key, one in covered
        )


@given(
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, 48))),
)
def test_a_share_each_hour_covers_the_whole_estate_in_time(case: tuple[int, int]) -> None:
    number, hours = case
    last: dict[str, float | None] = {f"{n}-d": None for n in range(number)}
    for hour in range(1, hours + 1):
        last.update(dict.fromkeys(oldest_share(last, hours), float(hour)))
    assert all(last.values())


@pytest.mark.rule("3", "On a cluster the clock splits the datastores into K contiguous ranges, one run each")
@given(st.integers(0, 100), st.integers(1, 64))
def test_a_clock_splits_the_datastores_into_contiguous_parts_of_about_one_size(
    number: int, runs: int
) -> None:
    keys = [str(n) for n in range(number)]
    parts = shares(keys, runs)
    assert [key for part in parts for key in part] == keys
    assert len(parts) == min(runs, number)
    assert not parts or max(map(len, parts)) - min(map(len, parts)) <= 1
