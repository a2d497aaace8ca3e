"""The exact inverse of one run, by the journal, where that is still what stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.definitions_back import undo_definitions
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.reverting import UNSEEN, Undo, undo_on_asset, undos
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, TagRef, Unit
from qsync_pipeline.core.steering import Place, came_along
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import TagDefinition, by_key
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.ground import assets_by_id, tags_off_and_on, what_for
from qsync_pipeline.sync.journalled import ELSEWHERE, PRUNED
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.errors import ConfigError


def reverted_tags(
    run: Run,
    key: str,
    inventory: Table[Unit],
    links: Table[Link],
    held: Sequence[Holding],
    book: DefinitionBook,
) -> list[Change]:
    """The tags that a run put on come off, those that it took off come back, where that is still so."""
    undone = _undos(run, key)
    units = {unit.id: {tag_key(tag.name) for tag in unit.tags} for unit in inventory.rows}
    mine = {(row.target, row.key) for row in held if row.integration == run.name}
    looks = {one.key: one.was for one in _undos(run) if one.surface == definitions.SURFACE and one.was}
    off: set[Place] = set()
    on: dict[Place, TagRef] = {}
    left: list[Change] = []
    for one in (one for one in undone if one.surface == tags.SURFACE):
        place, there = (one.target, one.key), units.get(one.target)
        if there is None:
            left.append(_left(one, UNSEEN))
        elif one.now is not None and one.was is None:
            if one.key not in there:
                left.append(_left(one, "taken off since: nothing to undo"))
            elif place not in mine:
                left.append(_left(one, "no longer ours: it is left as it is"))
            else:
                off.add(place)
        elif one.now is None and one.key not in there:
            on[place] = _tag_of(str(one.was), looks.get(one.key) or {})
        elif one.now is None and place not in mine:
            left.append(_left(one, "put on again since: it is left as it is"))
    # A run that died was at these: they are in no journal, and come off where they arrived.
    off |= {
        (row.target, row.key)
        for row in held
        if row.integration == run.name and row.pending_run == run.revert and row.value is None
        and row.pending is not None and row.target in units
    }  # fmt: skip
    ours = {(row.target, row.key): row.run_id == run.revert for row in held if row.integration == run.name}
    off |= came_along(inventory.rows, off, on, ours)
    return [*tags_off_and_on(run, inventory, links, held, book, off, on, what_for(run)), *left]


def reverted_definitions(
    run: Run,
    key: str,
    book: DefinitionBook,
    deployment: Table[TagDefinition],
    ends: Sequence[str],
) -> list[Change]:
    """What a run did to definitions, undone; what it made goes with the last datastore of the range."""
    here = [one for one in _undos(run, key) if one.surface == definitions.SURFACE and one.was is not None]
    again = [
        replace(change, reason=what_for(run))
        for one in here
        if one.now is None and book.standing(one.key) == "missing"
        for change in book.need(_tag_of(one.name, one.was))
    ]
    made = [one for end in ends for one in _undos(run, end) if one.surface == definitions.SURFACE]
    return again + undo_definitions(
        [one for one in here if one.now is not None] + [one for one in made if one.was is None],
        by_key(deployment.rows),
        run.ledger.tag_definitions.all(),
        {change.key: change for change in book.left_over()} if ends else {},
        what_for(run),
    )


def reverted_quality(
    run: Run,
    key: str,
    assets: Table[CatalogAsset],
    held: Sequence[Holding],
    roles: Mapping[str, str],
) -> list[Change]:
    """What a run wrote on the catalog's assets, taken back; ``roles`` are those of the surfaces by name."""
    undone = [one for one in _undos(run, key) if one.surface in roles]
    shown = assets_by_id(run, assets, [one.target for one in undone])
    by_place = {(row.surface, row.target, row.key): row for row in held}
    changes: list[Change] = []
    for one in undone:
        row = by_place.get((one.surface, one.target, one.key))
        role, asset = roles[one.surface], shown.get(one.target)
        changes += undo_on_asset(one, role, asset, row, run.integration.decimals, what_for(run))
    return changes


def _tag_of(name: str, look: Mapping[str, Any]) -> TagRef:
    return TagRef(name, color=look.get("color"), description=look.get("description"))


def _left(undo: Undo, why: str) -> Change:
    action = "remove" if undo.was is None else "create"
    return Change(
        undo.surface,
        action,  # type: ignore[arg-type]  # one of two literals
        undo.target,
        undo.name,
        undo.key,
        before=undo.now,
        after=undo.was,
        reason=why,
        status="skipped",
    )


def _undos(run: Run, key: str | None = None) -> list[Undo]:
    """What the run changed on one datastore, or on all. Raises ``ConfigError`` where part is forgotten."""
    if not run.ledger.outcomes.is_whole(run.revert):
        raise ConfigError(PRUNED.format(run.revert))
    entries = run.ledger.outcomes.of_run(run.revert, integration=run.name)
    if not entries:
        raise ConfigError(ELSEWHERE.format(run.revert, run.name))
    return undos(entry for entry in entries if key in (None, entry.datastore))
