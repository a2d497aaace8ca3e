"""Finding an object by what a person has at hand: an id, a URL, a name on either side. No network."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import CatalogAsset, Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.stored_tables import StoredTables
from qsync_pipeline.sync import inventory, mapping, snapshot

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_QUALYTICS = re.compile(r"/(datastores|containers|fields)/(\d+)")
_ALATION = re.compile(r"/(schema|table|attribute)/(\d+)")
NEAR = 5
"""How many near misses are named."""


@dataclass(frozen=True)
class Place:
    """An object of an integration: a Qualytics one, with its place in the mapping, or (``link`` null) an
    asset that only the catalog has."""

    integration: str
    datastore: str
    link: Link | None
    asset: CatalogAsset | None = None

    @property
    def name(self) -> str:
        """What it is called, on the side where it is."""
        return self.link.name if self.link else self.asset.qualified_name if self.asset else ""

    @property
    def id(self) -> str:
        """Its id there."""
        return self.link.unit if self.link else self.asset.id if self.asset else ""


class Stored:
    """The tables that the last runs left in ``storage``, by integration and datastore."""

    def __init__(self, storage: Path, integrations: Sequence[str], keys: Iterable[str]) -> None:
        self.storage = storage
        self.integrations = integrations
        self.keys = sorted(keys)

    def rows(self, integration: str, stage: str, key: str) -> tuple[object, ...]:
        """The rows of one table; none where it was never written or failed."""
        table = self.table(integration, stage, key)
        return table.rows if table is not None else ()

    def table(self, integration: str, stage: str, key: str) -> Table[Any] | None:
        """A table, or null where it was never written or failed. No integration: Qualytics' own."""
        table: Table[Any] | None = StoredTables(self.directory(integration, stage), stage).find(key)
        return table if table is not None and table.failure is None else None

    def directory(self, integration: str, stage: str) -> Path:
        """Where the tables of a stage are."""
        return self.storage / integration / stage if integration else self.storage / stage

    def places(self) -> Iterator[Place]:
        """Every object of the mappings."""
        for integration in self.integrations:
            for key in self.keys:
                for row in self.rows(integration, mapping.STAGE, key):
                    if isinstance(row, Link):
                        yield Place(integration, key, row)


def find(stored: Stored, text: str) -> list[Place]:
    """The objects that a text may mean, in the best of the ways in which it means anything.

    An id or a URL first; then a whole name as either side writes it; then the end of one. Where names differ
    by case only, the one that is written so is meant.
    """
    text = text.strip()
    if not text:
        return []
    places = list(stored.places())
    ids = ids_in(text)
    by_id = [place for place in places if place.link and ({place.link.unit, *place.link.assets} & ids)]
    if by_id:
        return by_id
    return _by_name(places, text) or _unlinked(stored, places, text, ids)


def ids_in(text: str) -> set[str]:
    """The ids that a text is or holds: unit ids (``container:12``), assets' ids, URLs of either side."""
    found = {text}
    if text.startswith(("http://", "https://")):
        if named := _QUALYTICS.findall(text):
            level, number = named[-1]
            found.add(f"{level[:-1]}:{number}")
        elif named := _ALATION.findall(text):
            found.add(":".join(named[-1]))
        found |= set(_UUID.findall(text))
    return found


def nearest(stored: Stored, text: str) -> list[str]:
    """Names that look like a text which names nothing."""
    depth = text.count(".")
    names: dict[str, str] = {}
    for place in stored.places():
        if place.link is None or (place.link.level == "field" and depth < 2):
            continue
        for name in (place.link.name, *_tails(place.link.asset_name, depth + 1)):
            names.setdefault(fold(name), name)
    return [names[key] for key in difflib.get_close_matches(fold(text), names, n=NEAR, cutoff=0.5)]


def _by_name(places: Sequence[Place], text: str) -> list[Place]:
    wanted = fold(text)
    whole: list[tuple[Place, str]] = []
    tail: list[tuple[Place, str]] = []
    for place in places:
        if place.link is None:
            continue
        for name in (place.link.name, place.link.asset_name):
            dotted = name.replace("/", ".")
            if wanted in (fold(name), fold(dotted)):
                whole.append((place, name))
            elif fold(dotted).endswith(f".{wanted}"):
                tail.append((place, dotted))
    found = whole or tail
    exact = [place for place, name in found if name.replace("/", ".").endswith(text.replace("/", "."))]
    return list(dict.fromkeys(exact or [place for place, _ in found]))


def _unlinked(stored: Stored, places: Sequence[Place], text: str, ids: set[str]) -> list[Place]:
    """What the mappings do not name so: a unit by its path in the source, an asset of the catalog alone."""
    wanted = fold(text)
    links = {(place.integration, place.id): place for place in places}
    paired = {(one.integration, asset) for one in places if one.link for asset in one.link.assets}
    found: list[Place] = []
    for key in stored.keys:
        for row in stored.rows("", inventory.STAGE, key):
            if isinstance(row, Unit) and fold(path_of(row)) == wanted:
                found += [place for (_, id_), place in links.items() if id_ == row.id]
        for integration in stored.integrations:
            for row in stored.rows(integration, snapshot.STAGE, key):
                if not isinstance(row, CatalogAsset) or (integration, row.id) in paired:
                    continue
                if row.id in ids or wanted in (fold(row.qualified_name), fold(dotted_path(row))):
                    found.append(Place(integration, key, None, row))
    return list({(place.integration, place.id): place for place in found}.values())


def path_of(unit: Unit) -> str:
    """``database.schema.table.column`` of a unit, as its source has it."""
    return ".".join(filter(None, (unit.database, unit.schema, unit.container, unit.field)))


def dotted_path(asset: CatalogAsset) -> str:
    """The same of an asset."""
    return ".".join(filter(None, (asset.database, asset.schema, asset.table, asset.column)))


def _tails(name: str, length: int) -> list[str]:
    parts = name.replace("/", ".").split(".")
    return [".".join(parts[-length:])] if name else []
