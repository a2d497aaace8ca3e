"""Qualytics' own tags on their way to the catalog (``push_tags``), and how they are kept from coming back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from qsync_pipeline.core import tags
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.quality import SurfacePlan
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, TagRef, Unit, is_left_off
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import is_of
from qsync_pipeline.core.tags_out import SURFACE, plan_tags_out, without_echoes
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.rules import tags_out_rules
from qsync_pipeline.sync.run import Run

META = "tags"
"""Meta of the index table: all tag definitions of the catalog, null where they could not be read."""


UNREAD = "the catalog's tags could not be read, so none are planned{}"
"""Why nothing goes onto the surface."""


def vocabulary_meta(run: Run, known: Sequence[TagRef] | None) -> dict[str, object]:
    """What the index table keeps of the catalog's tag definitions: nothing unless tags go out."""
    return {META: msgspec.to_builtins(known)} if run.integration.push_tags else {}


def plan_outgoing(
    run: Run,
    key: str,
    units: Sequence[Unit],
    links: Sequence[Link],
    snapshot: Snapshot,
    held: Iterable[Holding],
    index: Table[CatalogAsset],
    *,
    scoped: bool,
    gone: Iterable[str],
    presence: Mapping[str, str],
    unread: str,
) -> SurfacePlan:
    """The plan of the surface. ``unread`` is why the tags on the assets cannot all be told, if so.

    Empty where a run for a few tables left the tags out: a whole one sees to them. Where they could not be
    read it holds one line, which is refused and says so.
    """
    known = msgspec.convert(index.meta.get(META), list[TagRef] | None)
    left_out = META not in index.meta or (
        scoped and run.direction == "push" and "tags" in run.catalog.light_reads_omit
    )
    failed = not left_out and (unread or known is None)
    if left_out or failed:
        known = None
    definitions = run.ledger.tag_definitions.all()
    rules = tags_out_rules(
        run.config,
        run.integration,
        made=[folded for folded, record in definitions.items() if record.made],
        shared=[folded for folded, record in definitions.items() if record.taken_over and not record.made],
        pulled=_pulled(run.ledger.holdings.of(key, surface=tags.SURFACE), units),
        adopt=run.adopt,
    )
    plan = plan_tags_out(SURFACE, units, links, snapshot, held, known, rules, gone, presence)
    if failed:
        whole = next(unit for unit in units if unit.level == "datastore")
        why = UNREAD.format(f": {unread}" if unread else "")
        plan.changes.append(Change(SURFACE, "update", whole.id, whole.name, reason=why, status="refused"))
    return plan


def _pulled(held: Iterable[Holding], units: Iterable[Unit]) -> list[tuple[str, str]]:
    """Where a tag came from a catalog: not where one stands whose definition a person has made anew."""
    there = {(unit.id, tag_key(tag.name)): tag for unit in units for tag in unit.tags}
    places = ((row, (row.target, row.key)) for row in held)
    return [place for row, place in places if place not in there or is_of(row, there[place])]


def as_pulled(run: Run, key: str, table: Table[CatalogAsset]) -> Table[CatalogAsset]:
    """A snapshot without the tags that any integration on the same catalog has put there."""
    here = {one.name for one in run.config.integrations if one.url == run.integration.url}
    rows = run.ledger.holdings.of(key, surface=SURFACE)
    pushed = {(row.target, row.key) for row in rows if row.integration in here and not is_left_off(row)}
    return Table(CatalogAsset, without_echoes(table.rows, pushed), meta=table.meta)


def ground_of(connection: str, role: str) -> str:
    """What a permission is learned for: who may not tag on a connection may still write the rest there."""
    return f"{connection}#tags" if role == "tags" else connection
