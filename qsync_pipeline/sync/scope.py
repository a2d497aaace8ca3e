"""Only these tables: what a run that was asked for a few containers reads, keeps and acts on (DESIGN.md §3).

A scoped stage reads the containers of its scope anew and puts them in the place of their rows in the stored
table of the datastore; the rest stays as it was last read. So matching sees the whole datastore, while plans
and writes keep to the scope. Where nothing whole is stored, the stage reads the whole datastore instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import CatalogAsset, Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Holding

Row = TypeVar("Row", bound=msgspec.Struct)

Earlier = Callable[[str], Table[Any] | None]
"""The stored table of a stage for a key, or null where there is none."""

META = "scope"
"""Meta of a table of which only a part was read anew: the folded names of the containers."""

_ORDER = {"datastore": 0, "container": 1, "field": 2}


def nothing_stored(key: str) -> Table[Any] | None:
    """An :data:`Earlier` that knows no table."""
    return None


def stored_whole(earlier: Earlier, key: str) -> Table[Any] | None:
    """The stored table of a datastore, if it is whole: neither failed nor of one that had vanished."""
    table = earlier(key)
    if table is None or table.failure is not None or table.meta.get("vanished"):
        return None
    return table


def scope_of(*tables: Table[Any]) -> frozenset[str] | None:
    """The containers (folded names) that these tables were read anew for; null for whole datastores.

    Where one stage was scoped and another had to read everything, the scope stands: what was not read anew
    on both sides is not acted on.
    """
    scopes = [frozenset(table.meta[META]) for table in tables if META in table.meta]
    if not scopes:
        return None
    return scopes[0].intersection(*scopes[1:])


def folded(names: Iterable[str]) -> frozenset[str]:
    """Names as they are compared."""
    return frozenset(fold(name) for name in names)


def merged_units(stored: Sequence[Unit], fresh: Sequence[Unit], scope: Collection[str]) -> list[Unit]:
    """The stored inventory with the scope's containers replaced by what was read now.

    The datastore's own unit, always read, is replaced as well.
    """
    ids = {unit.container_id for unit in fresh if unit.container_id is not None}
    kept = [
        unit
        for unit in stored
        if unit.level != "datastore"
        and fold(unit.container or "") not in scope
        and unit.container_id not in ids
    ]
    return sorted([*fresh, *kept], key=lambda unit: _ORDER[unit.level])


def merged_assets(
    stored: Sequence[CatalogAsset], fresh: Sequence[CatalogAsset], replaced: Collection[str]
) -> list[CatalogAsset]:
    """The stored snapshot with these assets (ids) taken out and what was read now put in."""
    out = {asset.id for asset in fresh} | set(replaced)
    return [asset for asset in stored if asset.id not in out] + list(fresh)


def units_of(units: Sequence[Unit], scope: frozenset[str] | None) -> Sequence[Unit]:
    """The units that a scope acts on: its containers, their fields, and the datastore's own."""
    if scope is None:
        return units
    return [unit for unit in units if unit.level == "datastore" or fold(unit.container or "") in scope]


def links_of(links: Sequence[Link], units: Sequence[Unit], scope: frozenset[str] | None) -> Sequence[Link]:
    """The links of these units."""
    if scope is None:
        return links
    ids = {unit.id for unit in units}
    return [link for link in links if link.unit in ids]


def held_tags(
    held: Iterable[Holding], units: Sequence[Unit], missing: Collection[str], scope: frozenset[str] | None
) -> list[Holding]:
    """The tag holdings on these units, and on those that turned out to be missing."""
    ids = {unit.id for unit in units} | set(missing)
    return [row for row in held if scope is None or row.target in ids]


def held_values(
    held: Iterable[Holding],
    units: Sequence[Unit],
    links: Sequence[Link],
    missing: Collection[str],
    scope: frozenset[str] | None,
) -> list[Holding]:
    """What we hold in the catalog for these units. ``links`` are those of the whole datastore: what is on an
    asset that another unit has meanwhile is that unit's concern."""
    if scope is None:
        return list(held)
    ids = {unit.id for unit in units} | set(missing)
    elsewhere = {asset for link in links if link.unit not in ids for asset in link.assets}
    return [row for row in held if row.extra.get("unit") in ids and row.target not in elsewhere]
