"""What people did to tags, read from the sandbox's activity log over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qsync_pipeline.catalogs.atlan import changes as module
from qsync_pipeline.catalogs.base import TagNews, TellsChanges
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox

TABLE = "SALES_DB.SALES.ORDERS"
LAG = 31
"""Seconds after which the sandbox's log shows an entry; 30 by default."""


class Reader:
    """A catalog asked again and again."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        (config,) = (one for one in load_config(sandbox.config).integrations if one.type == "atlan")
        self.sandbox = sandbox
        catalog = open_catalog(config)
        assert isinstance(catalog, TellsChanges)
        self.catalog: Any = catalog
        self.cursor: str | None = None

    def ask(self, *, propagated: bool = False) -> list[TagNews]:
        changes = self.catalog.changes(self.cursor, propagated=propagated)
        self.cursor = changes.cursor
        return list(changes.found)

    def settled(self, *, propagated: bool = False) -> list[TagNews]:
        """Everything until nothing more comes, after the lag."""
        self.sandbox.control.advance(LAG)
        found: list[TagNews] = []
        while news := self.ask(propagated=propagated):
            found += news
        return found

    def atlan(self, do: str, **words: Any) -> list[str]:
        return self.sandbox.control.mutate({"system": "atlan", "do": do, **words})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("small", seed=5, kinds=ATLAN_ONLY) as running:
        yield running


@pytest.fixture
def reader(sandbox: RunningSandbox) -> Iterator[Reader]:
    one = Reader(sandbox)
    sandbox.control.advance(LAG)
    assert one.ask() == [], "a first reading replays nothing"
    yield one
    one.catalog.close()


def test_a_tag_put_on_by_a_person_is_told_once_with_its_asset_and_author(reader: Reader) -> None:
    reader.atlan("tag", asset=TABLE, tag="Fresh")
    (news,) = reader.settled()
    assert (news.type_name, news.action, news.added) == ("Table", "CLASSIFICATION_ADD", False)
    assert news.qualified_name.endswith("/SALES_DB/SALES/ORDERS")
    assert news.actor
    assert news.actor != reader.catalog.identity().actor
    reader.sandbox.control.advance(60)
    assert reader.ask() == []


def test_putting_on_and_taking_off_at_one_time_are_both_told(reader: Reader) -> None:
    reader.atlan("tag", asset=TABLE, tag="Twice")
    reader.atlan("untag", asset=TABLE, tag="Twice")
    assert sorted(news.action for news in reader.settled()) == ["CLASSIFICATION_ADD", "CLASSIFICATION_DELETE"]


def test_entries_that_show_only_after_later_ones_are_told_all_the_same(reader: Reader) -> None:
    log: Any = getattr(reader.sandbox.systems["atlan"], "store").audits  # noqa: B009 - not in the seam
    reader.atlan("tag", asset=TABLE, tag="Late")
    late = log._records.pop()
    reader.atlan("tag", asset=TABLE, tag="Punctual")
    assert len(reader.settled()) == 1
    log._records.append(late)
    assert [news.at_ms for news in reader.settled()] == [late.created]


def test_more_entries_than_fit_one_call_are_told_over_several(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    monkeypatch.setattr(module, "MOST_PAGES", 2)
    for number in range(20):
        reader.atlan("tag", asset=TABLE, tag=f"Many {number}")
    reader.sandbox.control.advance(LAG)
    assert 0 < len(reader.ask()) <= 6
    told = 6 + len(reader.settled())
    assert told >= 20


def test_copies_of_a_tag_that_spreads_count_where_they_are_wanted(reader: Reader) -> None:
    other = Reader(reader.sandbox)
    other.ask(propagated=True)
    reader.atlan("tag", asset=TABLE, tag="Spreading", propagate=True)
    reader.sandbox.control.advance(LAG)  # copies are made by a task of their own
    assert [news.action for news in reader.settled()] == ["CLASSIFICATION_ADD"]
    actions = [news.action for news in other.settled(propagated=True)]
    assert actions.count("CLASSIFICATION_ADD") == 1
    assert actions.count("PROPAGATED_CLASSIFICATION_ADD") >= 1


def test_a_quiet_log_costs_one_request_however_long_it_is(reader: Reader) -> None:
    reader.settled()
    reader.sandbox.control.advance(3600)
    reader.ask()
    reader.sandbox.control.reset_requests()
    assert reader.ask() == []
    assert reader.sandbox.control.count("atlan") == 1


def test_a_cursor_that_is_not_understood_is_a_first_reading(reader: Reader) -> None:
    reader.atlan("tag", asset=TABLE, tag="Before")
    reader.sandbox.control.advance(LAG)
    reader.cursor = "something else"
    assert reader.ask() == []
    assert reader.ask() == []
