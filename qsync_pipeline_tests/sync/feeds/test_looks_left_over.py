"""More happened than one tick of the poller may look into: the next ones do, before any turn is taken."""

from __future__ import annotations

import msgspec
import pytest

from qsync_pipeline.qualytics.feeds import CountedDatastore
from qsync_pipeline.sync.feeds.poller import LOOK_REQUESTS
from qsync_pipeline.transport.paging import Page
from qsync_pipeline_tests.sync.feeds.fakes import FakeFeeds, FakeQualytics, MemoryLedger, poller

DATASTORES = range(1, 41)


def test_what_one_tick_had_no_time_for_the_next_ones_look_into() -> None:
    world, ledger = FakeQualytics(page_size=100), MemoryLedger()
    for number in DATASTORES:
        world.containers_of[number] = {100 + number: f"T{number}"}
        world.scores[100 + number] = 50
    cursor: str | None = None
    for _ in DATASTORES:  # each has had its turn, and is known
        cursor = poller(world, ledger).tick(cursor).cursor
    ledger.events.all.clear()
    for number in DATASTORES:
        world.check_rows[number] = (100 + number, "a new check")
    ticks, due = 0, 1
    while due:
        before = world.calls
        noticed = poller(world, ledger).tick(cursor)
        cursor, due = noticed.cursor, noticed.due
        ticks += 1
        assert world.calls - before < LOOK_REQUESTS + 20
    assert ticks > 1, "it was more than one tick may look into"
    assert {event.datastore_id for event in ledger.events.all} == set(DATASTORES)


def test_a_list_of_datastores_that_claims_a_million_pages_is_not_asked_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = FakeQualytics(page_size=10)
    world.containers_of = {number: {} for number in DATASTORES}
    real = FakeFeeds.datastores

    def claims(feeds: FakeFeeds, page: int) -> Page[CountedDatastore]:
        return msgspec.structs.replace(real(feeds, page), pages=10**6)

    monkeypatch.setattr(FakeFeeds, "datastores", claims)
    poller(world, MemoryLedger()).tick(None)
    assert world.calls < 100
