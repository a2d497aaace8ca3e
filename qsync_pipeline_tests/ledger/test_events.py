"""Events that were noticed, and what people were told of."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.ledger import Event, Ledger
from qsync_pipeline_tests.ledger.conftest import Clock


def event(key: str, **more: Any) -> Event:
    given_: dict[str, Any] = {"source": "poll", "kind": "operation", "direction": "push", "datastore_id": 7}
    return Event(key=key, **(given_ | more))


def test_events_come_in_the_order_they_were_noticed_after_a_cursor(ledger: Ledger) -> None:
    assert ledger.events.note([event("a"), event("b", container="ORDERS")]) == 2
    first, second = ledger.events.after(0)
    assert (first.key, second.key, second.container) == ("a", "b", "ORDERS")
    assert ledger.events.after(first.id) == [second]
    assert ledger.events.newest() == second.id


def test_one_happening_is_noted_once_whoever_tells_of_it(ledger: Ledger) -> None:
    ledger.events.note([event("operation:1", source="webhook")])
    assert ledger.events.note([event("operation:1"), event("operation:2"), event("operation:2")]) == 1
    assert [one.source for one in ledger.events.after(0)] == ["webhook", "poll"]
    assert ledger.events.known(["operation:1", "operation:9"]) == {"operation:1"}


def test_pruning_leaves_the_newest_so_that_no_id_is_given_twice(ledger: Ledger, clock: Clock) -> None:
    ledger.events.note([event("a"), event("b")])
    newest = ledger.events.newest()
    clock.now += 10
    assert ledger.events.prune(clock.now) == 1
    ledger.events.note([event("c")])
    assert [(one.key, one.id > newest) for one in ledger.events.after(0)] == [("b", False), ("c", True)]


@given(st.lists(st.sampled_from("abcdef"), max_size=20))
def test_however_often_an_event_is_told_it_stands_once_in_the_order_of_first_telling(keys: list[str]) -> None:
    with Ledger.open("sqlite://") as book:
        for key in keys:
            book.events.note([event(key)])
        assert [one.key for one in book.events.after(0)] == list(dict.fromkeys(keys))


def test_a_cause_is_told_once_until_it_has_gone_and_come_back(ledger: Ledger) -> None:
    ledger.notices.put({"parked:1-a": "three removals wait", "failed:1-a": "no answer"})
    ledger.notices.put({"parked:1-a": "four removals wait"})
    assert ledger.notices.told() == {"parked:1-a": "four removals wait", "failed:1-a": "no answer"}
    ledger.notices.forget(["parked:1-a", "unknown"])
    assert set(ledger.notices.told()) == {"failed:1-a"}
