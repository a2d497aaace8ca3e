"""Whose tags changed in the sandbox Alation, by comparison over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qsync_pipeline.catalogs.alation import changes as module
from qsync_pipeline.catalogs.base import TagNews, TellsChanges
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.testing import RunningSandbox, kinds_of, running_sandbox


class Reader:
    """A catalog asked again and again."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        (config,) = (one for one in load_config(sandbox.config).integrations if one.type == "alation")
        self.sandbox = sandbox
        catalog = open_catalog(config)
        assert isinstance(catalog, TellsChanges)
        self.catalog: Any = catalog
        self.cursor: str | None = None

    def ask(self) -> dict[str, TagNews]:
        changes = self.catalog.changes(self.cursor, propagated=False)
        self.cursor = changes.cursor
        return {news.asset: news for news in changes.found}

    def turns(self) -> dict[str, TagNews]:
        """Everything that shows once every tag had its turn."""
        found: dict[str, TagNews] = {}
        for _ in range(30):
            found |= self.ask()
        return found

    def alation(self, do: str, **words: Any) -> list[str]:
        return self.sandbox.control.mutate({"system": "alation", "do": do, **words})

    def tables(self) -> dict[str, str]:
        """Ids by name."""
        rows = self.sandbox.control.state("alation", like="%")
        return {row["name"]: row["id"] for row in rows if row["kind"].casefold() in ("table", "view")}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("small", seed=5, kinds=kinds_of("qualytics", "alation")) as running:
        yield running


@pytest.fixture
def reader(sandbox: RunningSandbox) -> Iterator[Reader]:
    one = Reader(sandbox)
    assert one.turns() == {}, "first readings replay nothing"
    yield one
    one.catalog.close()


def test_a_tag_put_on_and_taken_off_is_told_at_the_next_call(reader: Reader) -> None:
    name, asset = next(iter(reader.tables().items()))
    reader.alation("tag", asset=name, tag="Fresh")
    found = reader.ask()
    assert set(found) == {asset}
    assert (found[asset].tag, found[asset].added, found[asset].action) == ("Fresh", True, "tagged")
    reader.alation("untag", asset=name, tag="Fresh")
    found = reader.ask()
    assert set(found) == {asset}
    assert (found[asset].added, found[asset].action) == (False, "retagged")
    assert reader.turns() == {}


def test_one_object_losing_the_tag_that_another_gets_shows_when_the_tag_has_its_turn(reader: Reader) -> None:
    (first, one), (second, other) = list(reader.tables().items())[:2]
    reader.alation("tag", asset=first, tag="Moving")
    reader.ask()
    reader.alation("untag", asset=first, tag="Moving")
    reader.alation("tag", asset=second, tag="Moving")
    assert set(reader.turns()) == {one, other}


def test_a_renamed_tag_concerns_everything_that_carries_it(reader: Reader) -> None:
    chosen = list(reader.tables().items())[:3]
    for name, _ in chosen:
        reader.alation("tag", asset=name, tag="Old Name")
    reader.ask()
    reader.alation("rename_tag", **{"from": "Old Name", "to": "New Name"})
    assert set(reader.ask()) == {asset for _, asset in chosen}


def test_a_tag_on_a_data_source_concerns_its_schemas(reader: Reader) -> None:
    rows = reader.sandbox.control.state("alation", like="%")
    source = next(row for row in rows if row["id"].startswith("data:"))
    reader.alation("tag", asset=source["name"], tag="On Top")
    found = reader.ask()
    assert found
    assert {news.type_name for news in found.values()} == {"schema"}


def test_more_changes_than_fit_one_call_are_told_over_several(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_READ", 5)
    chosen = list(reader.tables().items())[:6]
    for number, (name, _) in enumerate(chosen):
        reader.alation("tag", asset=name, tag=f"Spread {number}")
    assert 0 < len(reader.ask()) < 6
    for _ in range(6):
        last = reader.ask()
    assert last == {}


def test_a_call_reads_the_list_of_tags_and_a_few_of_them_whatever_their_number(reader: Reader) -> None:
    reader.turns()
    reader.sandbox.control.reset_requests()
    assert reader.ask() == {}
    assert reader.sandbox.control.count("alation", "GET") <= 2 + module.TURNS


def test_a_cursor_that_is_not_understood_is_a_first_reading(reader: Reader) -> None:
    reader.alation("tag", asset=next(iter(reader.tables())), tag="Unnoticed")
    reader.cursor = "something else"
    assert reader.turns() == {}
