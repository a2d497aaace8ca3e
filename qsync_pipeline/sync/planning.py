"""Stages: the tag plan and the quality plan. No network; the ledger is read, and parked scopes are noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qsync_pipeline.core import alerts, definitions, health, quality, tags
from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.guards import Parked, hold_back
from qsync_pipeline.core.plan import plan_counts
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, Unit, release
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import TagDefinition
from qsync_pipeline.core.tag_plan import without_datastore, without_needless
from qsync_pipeline.core.unowned import unowned_assets
from qsync_pipeline.ledger import Holding, payload_hash
from qsync_pipeline.sync import witness
from qsync_pipeline.sync.confirming import scored_times
from qsync_pipeline.sync.mapping import snapshot_of
from qsync_pipeline.sync.outgoing_tags import as_pulled, ground_of, plan_outgoing
from qsync_pipeline.sync.parking import guarded, note_parked, park_vanished
from qsync_pipeline.sync.retired import withdrawn
from qsync_pipeline.sync.rules import alert_rules, health_rules, quality_rules, tag_rules
from qsync_pipeline.sync.run import Run, alone
from qsync_pipeline.sync.scope import META, held_tags, held_values, links_of, scope_of, units_of
from qsync_pipeline.sync.scoped_snapshot import TAGS_UNREAD
from qsync_pipeline.sync.snapshot import grants_of, variants_of
from qsync_pipeline.sync.steering import steered_quality, steered_tags
from qsync_pipeline.sync.tag_definitions import unreachable_names
from qsync_pipeline.transport.errors import Malformed

TAG_STAGE = "tag_plan"
QUALITY_STAGE = "quality_plan"

READ_AT = "read_at"
"""When Qualytics was read: of the inventory, and in the reports of the quality plan."""

LEFT = "left"
"""Of plans and of their reports: why ours was left as it is, and how often, the commonest reasons."""
MOST_REASONS = 20

GONE = "its datastore is gone in Qualytics"

TRANSIENT = frozenset({"throttle", "server", "conflict"})
"""Classes of rejections that are worth another try in the next run, whatever it brings."""


def plan_tags_of_range(
    run: Run,
    keys: Sequence[str],
    inventory: Mapping[str, Table[Unit]],
    assets: Mapping[str, Table[CatalogAsset]],
    links: Mapping[str, Table[Link]],
    index: Table[CatalogAsset],
    deployment: Table[TagDefinition],
    *,
    clean_up: bool = True,
) -> Iterator[tuple[str, Table[Change]]]:
    """The tag plan of every datastore of this range.

    A definition that several datastores need stands in the plan of the first; definitions that nothing will
    carry any more stand in that of the last, if there is to be a ``clean_up``, and unless that one was read
    in part only.
    """
    rules = tag_rules(run.config, run.integration, native=run.native_tags, adopt=run.adopt)
    doubted = any(witness.in_doubt(run, TAG_STAGE, key) for key in keys)
    known = witness.trusted_definitions(run, deployment.rows, rules.ours, doubted=doubted)
    book = DefinitionBook(known, rules, unreachable_names(run), variants_of(index))
    for position, key in enumerate(keys):
        last = clean_up and position == len(keys) - 1

        def work(key: str = key, last: bool = last) -> Table[Change]:
            if run.steered:
                ends = keys if last else ()
                return steered_tags(
                    run, TAG_STAGE, key, inventory[key], links[key], book, deployment, ends=ends
                )
            return _plan_tags(run, key, inventory[key], assets[key], links[key], index, book, clean_up=last)

        yield key, alone(run, TAG_STAGE, key, Change, work)


def _plan_tags(
    run: Run,
    key: str,
    inventory: Table[Unit],
    assets: Table[CatalogAsset],
    links: Table[Link],
    index: Table[CatalogAsset],
    book: DefinitionBook,
    *,
    clean_up: bool,
) -> Table[Change]:
    held = [row for row in run.ledger.holdings.of(key) if row.surface == tags.SURFACE]
    mine = [row for row in held if row.integration == run.name]
    doubted = witness.in_doubt(run, TAG_STAGE, key)
    if inventory.meta.get("vanished"):
        gone = inventory.meta["vanished"] == "gone"
        waiting, parked, approved = park_vanished(run, key, mine, gone=gone)
        released = [release(tags.SURFACE, row, row.target, GONE) for row in approved]
        for change in waiting:
            book.use(change.key, +1)  # what waits may still stand there
        left_over = book.left_over() if clean_up and not doubted else []
        changes = [*waiting, *released, *left_over]
        surfaces = (definitions.SURFACE, tags.SURFACE)
        return _finish(run, TAG_STAGE, key, changes, surfaces, Counter(), parked)
    if unread := assets.meta.get(TAGS_UNREAD):
        raise Malformed(f"{run.name}: the catalog's tags could not be read, so none are planned: {unread}")
    scope = scope_of(inventory, assets)
    units = units_of(inventory.rows, scope)
    missing: Mapping[str, str] = inventory.meta["missing"]
    plan = tags.plan_tags(
        units,
        links_of(links.rows, units, scope),
        snapshot_of(as_pulled(run, key, index), as_pulled(run, key, assets)),
        held_tags(held, units, missing, scope),
        book,
        book.rules,
        missing,
    )
    left_out: list[Change] = []
    if scope is not None:
        # What is on the datastore itself flows down to all of it: that is left to a whole run.
        plan, left_out = without_datastore(plan)
    if doubted:
        plan.changes, dropped = witness.released(plan.changes, (tags.SURFACE,))
        left_out += dropped
    for change in left_out:
        book.use(change.key, +1)  # it stays on its object
    emptied = _emptied(assets, links, mine)
    changes, parked = guarded(
        run, key, plan.changes, {tags.SURFACE: len(mine)}, emptied, scoped=scope is not None
    )
    changes = _hold_back(run, key, plan.definitions + changes, grants_of(index))
    settled = {(row.target, row.key) for row in mine if not row.has_pending}
    changes, stands = without_needless(changes, settled)
    plan.counts["unchanged"] += stands
    for change in changes:
        if change.action == "remove" and change.status != "planned":
            book.use(change.key, +1)  # what waits still stands on its object
    left_over = book.left_over() if clean_up and scope is None and not doubted else []
    surfaces = (definitions.SURFACE, tags.SURFACE)
    table = _finish(
        run, TAG_STAGE, key, changes + left_over, surfaces, plan.counts, parked, frozen=plan.frozen,
        scope=scope,
    )  # fmt: skip
    # Fields are read again container by container; a change knows its field only.
    touched = {change.target for change in changes}
    table.meta["read_at"] = inventory.meta["read_at"]
    table.meta["containers"] = {
        str(unit.field_id): unit.container_id
        for unit in inventory.rows
        if unit.field_id and unit.id in touched
    }
    return table


def plan_quality_of_range(
    run: Run,
    keys: Sequence[str],
    inventory: Mapping[str, Table[Unit]],
    assets: Mapping[str, Table[CatalogAsset]],
    links: Mapping[str, Table[Link]],
    index: Table[CatalogAsset],
) -> Iterator[tuple[str, Table[Change]]]:
    """The quality plan of every datastore of this range, over all surfaces of the catalog."""
    for key in keys:

        def work(key: str = key) -> Table[Change]:
            if run.steered:
                return steered_quality(run, QUALITY_STAGE, key, assets[key], links[key])
            return _plan_quality(run, key, inventory[key], assets[key], links[key], index)

        yield key, alone(run, QUALITY_STAGE, key, Change, work)


def _plan_quality(
    run: Run,
    key: str,
    inventory: Table[Unit],
    assets: Table[CatalogAsset],
    links: Table[Link],
    index: Table[CatalogAsset],
) -> Table[Change]:
    surfaces = tuple(surface.name for surface in run.catalog.surfaces)
    held = [row for row in run.ledger.holdings.of(key, integration=run.name) if row.surface in surfaces]
    if inventory.meta.get("vanished"):
        gone = inventory.meta["vanished"] == "gone"
        waiting, parked, approved = park_vanished(run, key, held, gone=gone)
        changes = [*waiting, *withdrawn(run, approved, assets, f"{GONE}; approved")]
        return _finish(run, QUALITY_STAGE, key, changes, surfaces, Counter(), parked)
    snapshot = snapshot_of(index, assets)
    missing: Mapping[str, str] = inventory.meta["missing"]
    gone_units = {unit for unit, state in missing.items() if state in ("gone", "missing")}
    presence = assets.meta["presence"]
    scope = scope_of(inventory, assets)
    units = units_of(inventory.rows, scope)
    in_scope = links_of(links.rows, units, scope)
    if scope is None:
        held += _taken_over(run, in_scope, surfaces)
    ours = held_values(held, units, links.rows, missing, scope)
    if not run.integration.count_acknowledged:
        units = tuple(map(quality.active_only, units))
    changes = []
    counts: Counter[str] = Counter()
    frozen: Counter[str] = Counter()
    unchanged: Counter[str] = Counter()
    for surface in run.catalog.surfaces:
        rows = [row for row in ours if row.surface == surface.name]
        args = (surface.name, units, in_scope, snapshot, rows)
        if surface.role == "attributes":
            rules = quality_rules(run.config, run.integration, adopt=run.adopt)
            plan = quality.plan_attributes(*args, rules, gone_units, presence)
        elif surface.role == "tags":
            plan = plan_outgoing(
                run, key, *args[1:], index, scoped=scope is not None, gone=gone_units, presence=presence,
                unread=assets.meta.get(TAGS_UNREAD, ""),
            )  # fmt: skip
        elif surface.role == "alerts":
            plan = alerts.plan_alerts(
                *args,
                alert_rules(run.config, run.integration, run.actors, adopt=run.adopt),
                gone_units,
                presence,
            )
        else:
            plan = health.plan_health(
                *args, health_rules(run.integration, adopt=run.adopt), gone_units, presence
            )
        changes += plan.changes
        counts += plan.counts
        frozen += plan.frozen
        unchanged[surface.name] = plan.counts["unchanged"]
    if scope is None:
        known = alert_rules(run.config, run.integration, run.actors)
        strays = unowned_assets(links.rows, snapshot, {row.target for row in held}, known)
        counts["unowned"] += len(strays)
    if witness.in_doubt(run, QUALITY_STAGE, key):
        carrying_tags = [surface.name for surface in run.catalog.surfaces if surface.role == "tags"]
        changes, _ = witness.released(changes, carrying_tags)
    totals = Counter(row.surface for row in held)
    emptied = _emptied(assets, links, held)
    changes, parked = guarded(run, key, changes, totals, emptied, scoped=scope is not None)
    changes = _hold_back(run, key, changes, grants_of(index))
    compared = run.ledger.reports.latest(run.name, QUALITY_STAGE, whole=True).get(key)
    compared_at = compared.counts.get(READ_AT) if compared else None
    scored = scored_times(run.ledger, inventory.rows, changes, held, compared_at)
    table = _finish(
        run, QUALITY_STAGE, key, changes, surfaces, counts, parked, unchanged, frozen, scope=scope,
        read_at=inventory.meta.get(READ_AT),
    )  # fmt: skip
    table.meta["scored"] = scored
    return table


def _taken_over(run: Run, links: Sequence[Link], surfaces: Sequence[str]) -> list[Holding]:
    """What is held through datastores that Qualytics lists no more, on assets that are this one's now: it
    makes way for what this one has to say, so that no asset shows a bit of each."""
    targets = {asset for link in links if link.bucket == "matched" for asset in link.assets}
    return [
        row
        for one in run.ledger.datastores.all()
        if one.vanished_at is not None
        for row in run.ledger.holdings.of(one.key, integration=run.name)
        if row.surface in surfaces and row.target in targets
    ]


def _emptied(assets: Table[CatalogAsset], links: Table[Link], held: Sequence[Holding]) -> set[str]:
    """Surfaces of a scope that held rows and whose matching reads none any more."""
    if any(asset.level in ("table", "column") for asset in assets.rows):
        return set()
    if any(link.bucket == "matched" for link in links.rows if link.level != "datastore"):
        return set()
    return {row.surface for row in held}


def _hold_back(run: Run, key: str, changes: Sequence[Change], granted: frozenset[str]) -> list[Change]:
    """The retry rule (DESIGN.md §5.5): what was rejected is tried again for a reason, not by the clock.

    ``granted`` are connections that refused us and would no longer.
    """
    standing = run.ledger.outcomes.latest_rejections(run.name, key)
    if not standing:
        return list(changes)
    oldest = run.ledger.clock() - 3600.0 * run.integration.retry_rejected_after_hours
    roles = {surface.name: surface.role for surface in run.catalog.surfaces}

    def reason(change: Change) -> str | None:
        rejection = standing.get((change.surface, change.target, change.key))
        if rejection is None or rejection.error_class in TRANSIENT or rejection.at < oldest:
            return None
        if rejection.retry:
            return None
        if rejection.payload_hash != payload_hash(change.after):
            return None
        ground = ground_of(change.connection, roles.get(change.surface, ""))
        if rejection.error_class == "permission" and ground in granted:
            return None
        return f"rejected before and nothing changed since: {rejection.reason}"

    return hold_back(changes, reason)


def _forget_rejected(run: Run, key: str, surfaces: Sequence[str], changes: Sequence[Change]) -> None:
    """Take off the list what stood rejected and is no line of this whole plan any more.

    Either nobody wants it now, or it stands there: a write with an unreadable answer may have been accepted.
    """
    if run.dry_run or run.ledger.read_only:
        return
    wanted = {(change.surface, change.target, change.key) for change in changes}
    standing = run.ledger.rejections.find(integration=run.name, datastore=key)
    run.ledger.rejections.drop(
        [
            one
            for one in standing
            if one.surface in surfaces and (one.surface, one.target, one.key) not in wanted
        ]
    )


def _finish(
    run: Run,
    stage: str,
    key: str,
    changes: Sequence[Change],
    surfaces: Sequence[str],
    counts: Mapping[str, int],
    parked: Sequence[Parked],
    unchanged: Mapping[str, int] | None = None,
    frozen: Mapping[str, int] | None = None,
    *,
    scope: frozenset[str] | None = None,
    read_at: float | None = None,
) -> Table[Change]:
    planned = plan_counts(changes, surfaces)
    note_parked(run, key, surfaces, changes, parked, scoped=scope is not None)
    if scope is None:
        _forget_rejected(run, key, surfaces, changes)
    if unchanged is None:
        unchanged = {surfaces[-1]: counts.get("unchanged", 0)}
    meta: dict[str, Any] = {"plan": planned, "counts": dict(counts), "unchanged": dict(unchanged)}
    if scope is not None:
        meta[META] = sorted(scope)
    statuses = Counter(change.status for change in changes)
    if read_at is not None:
        meta[READ_AT] = read_at
    refused = Counter(change.reason for change in changes if change.status == "refused")
    meta[LEFT] = dict(Counter(frozen or {}).most_common(MOST_REASONS))
    told = {"parked": [one.reason for one in parked if one.reason], "refused": dict(refused)}
    run.report(stage, key, meta | {"statuses": dict(statuses)} | told, partial=scope is not None)
    return Table(Change, changes, meta=meta)
