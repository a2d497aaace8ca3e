"""Whose tags changed, by comparison: Alation has no log of it and no webhook (alation-api.md §2.13).

Every call reads the list of tags. What carries a tag is read again where its count, name or description
differs from the last time; and, a few tags in turn, where nothing shows, because one object may have lost the
tag that another one got. The cursor holds what carries what: about 12 bytes for each tag on an object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import msgspec

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.keys import OTYPES, asset_id, split_id
from qsync_pipeline.catalogs.alation.models import Tag
from qsync_pipeline.catalogs.base import Changes, TagNews
from qsync_pipeline.transport.errors import NotFound

TURNS = 3
"""Tags read again in each call though nothing shows that they changed."""
MOST_READ = 40
"""Lists read in one call; what is left differs at the next call as well."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One tag as it was: what it is called and says, how many objects carry it, and which."""

    name: str
    description: str
    count: int | None
    assets: list[str]

    def shows(self, tag: Tag) -> bool:
        """Whether the list of tags looks as it did."""
        return (self.name, self.description, self.count) == _face(tag)


class Position(msgspec.Struct, frozen=True):
    """All tags by id. ``ready``: all of them were read once, so that a new one is news."""

    tags: dict[int, Kept] = {}
    turn: int = 0
    ready: bool = False


def read_changes(
    client: AlationClient, cursor: str | None, *, now: Callable[[], float] = time.time
) -> Changes:
    """See :meth:`.base.TellsChanges.changes`."""
    before = _load(cursor)
    listed = {tag.id: tag for tag in client.tags()}
    kept = {number: one for number, one in before.tags.items() if number in listed}
    differ = [number for number, tag in listed.items() if number not in kept or not kept[number].shows(tag)]
    quiet = sorted(number for number in kept if number not in set(differ))
    turns = [number for number in quiet if number > before.turn][:TURNS]
    wanted = [*differ[: MOST_READ - TURNS], *turns]
    news: dict[str, TagNews] = {}
    at_ms = int(now() * 1000)

    def tell(assets: Iterable[str], action: str, tag: str) -> None:
        for asset in assets:
            added = action == "tagged" and (asset not in news or news[asset].added)
            news[asset] = TagNews(
                asset=asset,
                type_name=asset.partition(":")[0],
                qualified_name="",
                action=action if added else "retagged",
                at_ms=at_ms,
                tag=tag,
                added=added,
            )

    for number in wanted:
        tag = listed[number]
        old = kept.get(number)
        try:
            assets = _carriers(client, tag)
        except NotFound:  # it went or has another name by now, or a name that no URL reaches
            assets = old.assets if old else []
        kept[number] = Kept(*_face(tag), assets)
        if old is None:
            if before.ready:
                tell(assets, "tagged", tag.name)
            continue
        tell(set(assets) - set(old.assets), "tagged", tag.name)
        tell(set(old.assets) - set(assets), "untagged", old.name)
        if (old.name, old.description) != (tag.name, tag.description or ""):
            tell(assets, "retagged", tag.name)
    for number, old in before.tags.items():
        if number not in listed:
            tell(old.assets, "untagged", old.name)
    ready = before.ready or not (listed.keys() - kept.keys())
    after = Position(kept, turns[-1] if len(turns) == TURNS else 0, ready)
    return Changes(tuple(_below_sources(client, news)), msgspec.json.encode(after).decode(), "poll")


def _carriers(client: AlationClient, tag: Tag) -> list[str]:
    if tag.number_of_objects_tagged == 0:
        return []
    rows = client.tagged(tag.name)
    return sorted({row.on.asset for row in rows if row.on is not None and row.on.otype in OTYPES})


def _below_sources(client: AlationClient, news: dict[str, TagNews]) -> list[TagNews]:
    """The news; that of a data source as its schemas', since no link of ours leads to a data source."""
    parts = [split for asset in news if (split := split_id(asset)) is not None]
    sources = {number for otype, number in parts if otype == "data"}
    found = {asset: one for asset, one in news.items() if not asset.startswith("data:")}
    if sources:
        for schema in client.schemas():
            if schema.ds_id in sources:
                above = news[asset_id("data", schema.ds_id)]
                asset = asset_id("schema", schema.id)
                found.setdefault(asset, TagNews(asset, "schema", "", above.action, above.at_ms))
    return list(found.values())


def _face(tag: Tag) -> tuple[str, str, int | None]:
    return tag.name, tag.description or "", tag.number_of_objects_tagged


def _load(cursor: str | None) -> Position:
    if not cursor:
        return Position()
    try:
        return msgspec.json.decode(cursor, type=Position)
    except msgspec.MsgspecError:
        return Position()
