"""Noticing in a world in step: our own writes are no news, and people's changes are, at the right place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline.automation.catalog_news import notice_changes
from qsync_pipeline.catalogs.base import TellsChanges
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.ledger.events import Event
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sync.feeds.poller import Poller
from qsync_pipeline_tests.e2e.alation import both_world
from qsync_pipeline_tests.e2e.harness import World

TICKS = 100
LAG = 31
"""Seconds after which Atlan's activity log shows an entry."""


@pytest.fixture(scope="module")
def demo() -> Iterator[World]:
    """The demo estate with both catalogs: everything is watched from before the first sync on."""
    with both_world("demo", seed=1) as one:
        watch(one, 30)  # first ticks, and every datastore's first look
        for integration in ("atlan", "alation"):
            done = one.sync(integration=integration)
            assert done.ok, (done.failures, done.crashes)
        yield one


def watch(one: World, ticks: int, *, seconds: float = 20) -> list[Event]:
    """So many ticks of everything that watches, the clock advanced between them; what was noted."""
    config = one.config()
    with one.ledger() as ledger:
        before = ledger.events.newest()
        client = open_qualytics(config.qualytics)
        catalogs = [(open_catalog(integration), integration) for integration in config.integrations]
        for _ in range(ticks):
            cursor = Poller(client, ledger).tick(ledger.notes.get("", "test_cursor")).cursor
            ledger.notes.put("", "test_cursor", cursor)
            for catalog, integration in catalogs:
                assert isinstance(catalog, TellsChanges)
                notice_changes(catalog, ledger, integration)
            one.control.advance(seconds)
        client.close()
        for catalog, _ in catalogs:
            catalog.close()
        return ledger.events.after(before)


def where(events: list[Event]) -> set[tuple[str, int, str]]:
    return {(event.integration, event.datastore_id, event.container) for event in events}


def place(one: World, table: str) -> tuple[int, str]:
    """Datastore id and container name of a table, as Qualytics has them."""
    entry = one.state("qualytics", table)
    store = one.sandbox.systems["qualytics"].store  # type: ignore[attr-defined]  # not in the seam
    container = store.containers[int(entry["id"].partition(":")[2])]
    return container.datastore.id, container.name


def test_a_full_push_and_pull_are_no_news_in_a_hundred_ticks(demo: World) -> None:
    assert watch(demo, TICKS) == []


@pytest.mark.parametrize("catalog", ["atlan", "alation"])
def test_a_tag_of_a_persons_is_noticed_on_its_table(demo: World, catalog: str) -> None:
    table = demo.tables(catalog=catalog)[0]
    demo.mutate({"system": catalog, "do": "tag", "asset": table, "tag": "Noticed"})
    demo.control.advance(LAG)
    (event,) = watch(demo, 3)
    assert where([event]) == {(catalog, *place(demo, table))}
    assert (event.kind, event.direction) == ("tags", "pull")


def test_a_tag_on_a_column_is_noticed_on_its_table(demo: World) -> None:
    table = demo.tables()[0]
    demo.atlan("tag", demo.column_of(table), tag="Noticed Too")
    demo.control.advance(LAG)
    assert where(watch(demo, 2)) == {("atlan", *place(demo, table))}


def test_a_tag_on_a_schema_concerns_its_whole_datastore(demo: World) -> None:
    table = demo.tables()[0]
    demo.atlan("tag", table.rpartition(".")[0], tag="Schema Wide")
    demo.control.advance(LAG)
    assert where(watch(demo, 2)) == {("atlan", place(demo, table)[0], "")}


def test_a_scan_is_noticed_and_what_follows_from_it_is_not(demo: World) -> None:
    table = demo.tables()[1]
    demo.qualytics("finish_scan", table)
    assert where(watch(demo, 2)) == {("", *place(demo, table))}
    key = next(key for key in demo.keys().values() if key.startswith(f"{place(demo, table)[0]}-"))
    assert demo.sync(datastores=[key]).ok
    assert watch(demo, TICKS // 2) == []
