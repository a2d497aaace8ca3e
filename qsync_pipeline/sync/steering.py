"""Plans that are not worked out from the two sides: lines of a file, what is retired, what is reverted.

They are planned from a fresh reading like any other plan, and carried out by the same writing stages. Assets
that the snapshot does not show (they left the scope) are asked for by id, which is why these plans, unlike
the others, may need the network. Guards are not asked: every line was asked for by a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.definitions import DefinitionBook, TagDefinition
from qsync_pipeline.core.definitions_back import given_back, stays, undo_definitions
from qsync_pipeline.core.names import fold, tag_key
from qsync_pipeline.core.plan import plan_counts
from qsync_pipeline.core.reverting import UNSEEN, Undo, undo_on_asset, undos
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, TagRef, Unit
from qsync_pipeline.core.steering import Place, came_along, steer_tags
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.withdrawal import Ground, withdraw
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.lines import Now, verify
from qsync_pipeline.sync.rules import alert_rules
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.errors import ConfigError

PRUNED = (
    "revert: the journal is forgetting run {} (ledger.keep_days): part of what it did is not known any more, "
    "so nothing of it is undone"
)
META = "steered"
"""Meta of a plan table that is none of a sync: what it comes from, for people."""


def what_for(run: Run) -> str:
    """What a steered run is about, for people."""
    if run.lines:
        return f"lines of {run.lines}"
    if run.retire:
        return "retired" if run.retire == "all" else "retired: what was left behind"
    return f"reverts run {run.revert}"


def steered_tags(
    run: Run,
    stage: str,
    key: str,
    inventory: Table[Unit],
    links: Table[Link],
    book: DefinitionBook,
    deployment: Table[TagDefinition],
    *,
    ends: Sequence[str] = (),
) -> Table[Change]:
    """The tag plan of one datastore.

    ``ends`` are the datastores of the range that this one is the last of; definitions that nothing will
    carry any more go with it.
    """
    held = [row for row in run.ledger.holdings.of(key) if row.surface == tags.SURFACE]
    unchanged: Counter[str] = Counter()
    if run.lines:
        pairs = {(link.unit, asset) for link in links.rows for asset in link.assets if _matched(link)}
        known = definitions.by_key(deployment.rows)
        now = Now(
            units={unit.id: unit for unit in inventory.rows},
            held=_mine(run, held),
            pairs=pairs if run.plan_file.header.kind == "plan" else None,
            definitions=known,
            native={name for name in known if book.standing(name) == "native"},
        )
        verified = verify(run.plan_file.of(run.name, stage, key), now)
        changes, unchanged = verified.changes, verified.unchanged
    elif run.retire:
        changes = _retired_tags(run, inventory, links, held, book)
        if ends:
            changes += _retired_definitions(run, book, deployment, ends)
    else:
        changes = _reverted_tags(run, key, inventory, links, held, book)
        changes += _reverted_definitions(run, key, book, deployment, ends)
    table = _finished(run, stage, key, changes, (definitions.SURFACE, tags.SURFACE), unchanged)
    if not inventory.meta.get("vanished"):
        table.meta["read_at"] = inventory.meta["read_at"]
    touched = {change.target for change in changes}
    table.meta["containers"] = {
        str(unit.field_id): unit.container_id
        for unit in inventory.rows
        if unit.field_id and unit.id in touched
    }
    return table


def steered_quality(
    run: Run,
    stage: str,
    key: str,
    assets: Table[CatalogAsset],
    links: Table[Link],
) -> Table[Change]:
    """The plan of one datastore over all surfaces of the catalog."""
    surfaces = tuple(surface.name for surface in run.catalog.surfaces)
    roles = {surface.name: surface.role for surface in run.catalog.surfaces}
    held = [row for row in run.ledger.holdings.of(key, integration=run.name) if row.surface in surfaces]
    unchanged: Counter[str] = Counter()
    if run.lines:
        lines = run.plan_file.of(run.name, stage, key)
        pairs = {(link.unit, asset) for link in links.rows for asset in link.assets if _matched(link)}
        now = Now(
            assets=_assets(run, assets, [change.target for change in lines]),
            held=_mine(run, held),
            pairs=pairs if run.plan_file.header.kind == "plan" else None,
            linked={link.unit for link in links.rows},
            roles=roles,
            decimals=run.integration.decimals,
        )
        verified = verify(lines, now)
        changes, unchanged = verified.changes, verified.unchanged
    elif run.retire:
        matched = {asset for link in links.rows for asset in link.assets if _matched(link)}
        rows = [row for row in held if run.retire == "all" or row.target not in matched]
        changes = withdrawn(run, rows, assets, "the integration is retired")
    else:
        changes = []
        undone = [one for one in _undos(run, key) if one.surface in surfaces]
        shown = _assets(run, assets, [one.target for one in undone])
        by_place = {(row.surface, row.target, row.key): row for row in held}
        for one in undone:
            row = by_place.get((one.surface, one.target, one.key))
            role, asset = roles[one.surface], shown.get(one.target)
            changes += undo_on_asset(one, role, asset, row, run.integration.decimals, what_for(run))
    return _finished(run, stage, key, changes, surfaces, unchanged)


def withdrawn(run: Run, held: Iterable[Holding], assets: Table[CatalogAsset], reason: str) -> list[Change]:
    """The lines that take back these holdings in the catalog."""
    rows = list(held)
    ground = Ground(
        assets=_assets(run, assets, [row.target for row in rows]),
        presence=assets.meta["presence"],
        decimals=run.integration.decimals,
        alerts=alert_rules(run.config, run.integration, run.actors),
    )
    changes: list[Change] = []
    for surface in run.catalog.surfaces:
        mine = [row for row in rows if row.surface == surface.name]
        changes += withdraw(surface.name, surface.role, mine, ground, reason)
    return changes


def _matched(link: Link) -> bool:
    return link.bucket == "matched"


def _mine(run: Run, held: Iterable[Holding]) -> dict[tuple[str, str, str], Holding]:
    return {(row.surface, row.target, row.key): row for row in held if row.integration == run.name}


def _assets(run: Run, assets: Table[CatalogAsset], wanted: Iterable[str]) -> Mapping[str, CatalogAsset]:
    """Assets by id as they are now; those that the snapshot does not show are asked for by id.

    The index is no help: it tells where schemas are, not what stands on them.
    """
    shown = {asset.id: asset for asset in assets.rows}
    presence: Mapping[str, str] = assets.meta["presence"]
    unseen = sorted({id_ for id_ in wanted if id_ not in shown and presence.get(id_) != "gone"})
    return {**shown, **run.catalog.reread(unseen)} if unseen else shown


def _retired_tags(
    run: Run,
    inventory: Table[Unit],
    links: Table[Link],
    held: Sequence[Holding],
    book: DefinitionBook,
) -> list[Change]:
    """All tags of ours, or those on what has left the scope, with the copies that go along."""
    matched = {link.unit for link in links.rows if _matched(link)}
    mine = [row for row in held if row.integration == run.name]
    off = {(row.target, row.key) for row in mine if run.retire == "all" or row.target not in matched}
    return _steered(run, inventory, links, held, book, off, {}, "the integration is retired")


def _steered(
    run: Run,
    inventory: Table[Unit],
    links: Table[Link],
    held: Sequence[Holding],
    book: DefinitionBook,
    off: Collection[Place],
    on: Mapping[Place, TagRef],
    reason: str,
) -> list[Change]:
    presence: Mapping[str, str] = inventory.meta["missing"]
    if inventory.meta.get("vanished"):
        presence = {row.target: inventory.meta["vanished"] for row in held}
    names = {link.unit: link.name for link in links.rows}
    return steer_tags(inventory.rows, names, held, book, presence, off, on, lambda place: reason)


def _retired_definitions(
    run: Run, book: DefinitionBook, deployment: Table[TagDefinition], ends: Sequence[str]
) -> list[Change]:
    """What becomes of the tag definitions: those that nothing carries go, those taken over are given back.

    What people or other integrations still need is named; what we need elsewhere is left alone.
    """
    records = run.ledger.tag_definitions.all()
    known = definitions.by_key(deployment.rows)
    lines = [change for change in book.left_over() if _is_of(run, records[change.key].made_by)]
    if run.retire == "left_behind":
        return lines
    leaving = {change.key for change in lines}
    elsewhere, others = _still_held(run, ends)
    for key, record in records.items():
        there = known.get(key)
        if there is None or key in leaving or key in elsewhere or not _is_of(run, record.made_by):
            continue
        if record.made:
            lines.append(stays(there))
        elif key not in others and (line := given_back(record, there, "the integration is retired")):
            lines.append(line)
    return lines


def _is_of(run: Run, made_by: str) -> bool:
    """Whether a definition is this integration's to clear away: its own, or of one that is no more."""
    names = {fold(one.name) for one in run.config.integrations}
    return made_by == run.name or fold(made_by) not in names


def _still_held(run: Run, ends: Sequence[str]) -> tuple[set[str], set[str]]:
    """Keys of tags that this integration holds on other datastores than these, and others hold anywhere."""
    elsewhere: set[str] = set()
    others: set[str] = set()
    for key in run.ledger.datastores.keys().values():
        for row in run.ledger.holdings.of(key, surface=tags.SURFACE):
            if row.integration != run.name:
                others.add(row.key)
            elif key not in ends:
                elsewhere.add(row.key)
    return elsewhere, others


def _reverted_tags(
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
    return [*_steered(run, inventory, links, held, book, off, on, what_for(run)), *left]


def _reverted_definitions(
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
        definitions.by_key(deployment.rows),
        run.ledger.tag_definitions.all(),
        {change.key: change for change in book.left_over()} if ends else {},
        what_for(run),
    )


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
    return undos(entry for entry in entries if key in (None, entry.datastore))


def _finished(
    run: Run,
    stage: str,
    key: str,
    changes: Sequence[Change],
    surfaces: Sequence[str],
    unchanged: Mapping[str, int],
) -> Table[Change]:
    """The table, and its report: partial, because it says nothing of what a sync would do."""
    statuses = Counter(change.status for change in changes)
    meta = {
        "plan": plan_counts(changes, surfaces),
        "counts": {"refused": statuses["refused"]} if statuses["refused"] else {},
        "unchanged": dict(unchanged),
        META: what_for(run),
    }
    refused = Counter(change.reason for change in changes if change.status == "refused")
    told = {"statuses": dict(statuses), "refused": dict(refused), "parked": []}
    run.report(stage, key, meta | told, partial=True)
    return Table(Change, changes, meta=meta)
