"""Plans that are not worked out from the two sides: lines of a file, what is retired, what is reverted.

They are planned from a fresh reading like any other plan, and carried out by the same writing stages. Assets
that the snapshot does not show (they left the scope) are asked for by id, which is why these plans, unlike
the others, may need the network. Guards are not asked: every line was asked for by a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.plan import plan_counts
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import TagDefinition, by_key
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync import witness
from qsync_pipeline.sync.ground import assets_by_id, is_matched, what_for
from qsync_pipeline.sync.lines import Now, verify
from qsync_pipeline.sync.retired import REASON, retired_definitions, retired_tags, withdrawn
from qsync_pipeline.sync.reverted import reverted_definitions, reverted_quality, reverted_tags
from qsync_pipeline.sync.run import Run

META = "steered"
"""Meta of a plan table that is none of a sync: what it comes from, for people."""
IN_DOUBT = (
    "the ledger was restored from an older copy, and this datastore was not compared since: "
    "run qsync sync first"
)


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
        pairs = {(link.unit, asset) for link in links.rows for asset in link.assets if is_matched(link)}
        known = by_key(deployment.rows)
        now = Now(
            units={unit.id: unit for unit in inventory.rows},
            held=_mine(run, held),
            pairs=pairs if run.plan_file.header.kind == "plan" else None,
            definitions=known,
            beside={one.name: one for one in deployment.rows if known[tag_key(one.name)].name != one.name},
            native={name for name in known if book.standing(name) == "native"},
        )
        verified = verify(run.plan_file.of(run.name, stage, key), now)
        changes, unchanged = verified.changes, verified.unchanged
    elif run.retire:
        changes = retired_tags(run, inventory, links, held, book)
        if ends:
            changes += retired_definitions(run, book, deployment, ends)
    else:
        changes = reverted_tags(run, key, inventory, links, held, book)
        changes += reverted_definitions(run, key, book, deployment, ends)
    if witness.in_doubt(run, stage, key):
        changes = [_in_doubt(change, "refused" if run.lines else "skipped") for change in changes]
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
        pairs = {(link.unit, asset) for link in links.rows for asset in link.assets if is_matched(link)}
        now = Now(
            assets=assets_by_id(run, assets, [change.target for change in lines]),
            held=_mine(run, held),
            pairs=pairs if run.plan_file.header.kind == "plan" else None,
            linked={link.unit for link in links.rows},
            roles=roles,
            decimals=run.integration.decimals,
        )
        verified = verify(lines, now)
        changes, unchanged = verified.changes, verified.unchanged
    elif run.retire:
        matched = {asset for link in links.rows for asset in link.assets if is_matched(link)}
        rows = [row for row in held if run.retire == "all" or row.target not in matched]
        changes = withdrawn(run, rows, assets, REASON)
    else:
        changes = reverted_quality(run, key, assets, held, roles)
    return _finished(run, stage, key, changes, surfaces, unchanged)


def _in_doubt(change: Change, status: Literal["refused", "skipped"]) -> Change:
    """A removal that would go by the word of an older copy of the ledger is not carried out."""
    if change.action != "remove" or change.status != "planned":
        return change
    return replace(change, status=status, reason=IN_DOUBT)


def _mine(run: Run, held: Iterable[Holding]) -> dict[tuple[str, str, str], Holding]:
    return {(row.surface, row.target, row.key): row for row in held if row.integration == run.name}


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
