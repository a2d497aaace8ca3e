"""The data-health plan of one datastore: one row per active check on a table (DESIGN.md §5.3).

``Last Updated`` is the time of the sync that writes a row, so it is the writer's to fill in: a row is written
when rule, status, value or description changed, or when the check was asserted anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qsync_pipeline.core.left import GONE, unmatched, why_left
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import fold, reader_text
from qsync_pipeline.core.quality import SurfacePlan, asset_change
from qsync_pipeline.core.rows import (
    Action,
    CatalogAsset,
    CheckRow,
    HealthRow,
    Held,
    Link,
    Status,
    Unit,
    release,
)
from qsync_pipeline.core.rules import HealthRules

ALERT, NO_ISSUES = "Alert", "No Issues"
SHOWN = ("rule", "object", "status", "value", "description")
"""What a reader sees of a row, its time apart."""


def health_key(check: CheckRow) -> str:
    """The key of a check's row, the same over all runs."""
    return f"check:{check.id}"


def wanted_row(check: CheckRow, asset: CatalogAsset) -> dict[str, Any]:
    """What a check's row should say."""
    return {
        "rule": check.rule_type,
        "object": asset.name,
        "status": ALERT if check.anomalies else NO_ISSUES,
        "value": check.anomalies,
        "description": check.description,
    }


def plan_health(
    surface: str,
    units: Sequence[Unit],
    links: Sequence[Link],
    snapshot: Snapshot,
    held: Iterable[Held],
    rules: HealthRules,
    gone_units: Iterable[str] = (),
    presence: Mapping[str, str] | None = None,
) -> SurfacePlan:
    """The row changes of one datastore; arguments as for ``plan_attributes``. Tables and views only."""
    plan = SurfacePlan()
    rows: dict[str, dict[str, Held]] = defaultdict(dict)
    for row in held:
        rows[row.target][row.key] = row
    by_unit = {unit.id: unit for unit in units}
    claimed: set[str] = set()
    for link in links:
        if link.level != "container":
            continue
        claimed.update(link.assets)
        for id_ in link.assets:
            if link.bucket == "matched":
                _asset(surface, by_unit[link.unit], snapshot.by_id[id_], rows.get(id_, {}), rules, plan)
            else:
                plan.freeze(len(rows.get(id_, {})), unmatched(link))
    gone = frozenset(gone_units)
    by_link = {link.unit: link for link in links}
    for target, ours in rows.items():
        if target not in claimed:
            _leftover(surface, target, snapshot, ours, gone, presence or {}, by_link, plan)
    return plan


def _asset(
    surface: str,
    unit: Unit,
    asset: CatalogAsset,
    ours: Mapping[str, Held],
    rules: HealthRules,
    plan: SurfacePlan,
) -> None:
    there = {row.key: row for row in asset.health}
    wanted = {health_key(check): check for check in unit.checks}
    for key, check in wanted.items():
        _row(surface, unit, asset, check, there.get(key), ours.get(key), rules, plan)
    for key in sorted(there.keys() - wanted.keys() - ours.keys()):
        # It has our key prefix, and the ledger does not know it: a lost ledger removes nothing unasked.
        if rules.adopt:
            reason = "it has our key prefix and no active check: taken up"
            _add(surface, "remove", unit.id, asset, key, there[key], None, reason, plan)
        else:
            plan.counts["unowned"] += 1
    for key, row in ours.items():
        if key in wanted:
            continue
        if key in there:
            _add(surface, "remove", unit.id, asset, key, there[key], None, "its check is archived", plan)
        else:
            plan.changes.append(release(surface, row, asset.qualified_name, "the row is gone already"))


def _row(
    surface: str,
    unit: Unit,
    asset: CatalogAsset,
    check: CheckRow,
    actual: HealthRow | None,
    row: Held | None,
    rules: HealthRules,
    plan: SurfacePlan,
) -> None:
    key, after = health_key(check), wanted_row(check, asset)
    extra: dict[str, Any] = {"asserted": check.last_asserted}
    confirmed = row is not None and row.value is not None and not row.has_pending

    def write(action: Action, reason: str, drifted: bool = False) -> None:
        plan.counts["drift"] += drifted
        kept = drifted and rules.on_drift == "keep"
        if kept:
            reason += ", and on_drift is keep"
        status: Status = "skipped" if kept else "planned"
        more = extra | ({"drift": True} if drifted else {})
        _add(surface, action, unit.id, asset, key, actual, after, reason, plan, more, status)

    if actual is None:
        write("create", "somebody removed the row" if confirmed else "no row yet", confirmed)
    elif not same_row(actual, after):
        drifted = confirmed and row is not None and not same_row(actual, row.value)
        write("update", "somebody changed the row" if drifted else "changed in Qualytics", drifted)
    elif row is None or row.has_pending or not same_row(actual, row.value or {}):
        # Where a write was thought to have failed, the row shows that it did not.
        write("note", "stands as it should: taken up")
    elif row.extra.get("asserted") != check.last_asserted:
        write("update", "asserted anew")
    else:
        plan.counts["unchanged"] += 1


def _leftover(
    surface: str,
    target: str,
    snapshot: Snapshot,
    ours: Mapping[str, Held],
    gone_units: frozenset[str],
    presence: Mapping[str, str],
    links: Mapping[str, Link],
    plan: SurfacePlan,
) -> None:
    asset = snapshot.by_id.get(target)
    there = {row.key: row for row in asset.health} if asset else {}
    for key, row in ours.items():
        unit, reason = str(row.extra.get("unit", "")), ""
        if asset is not None and asset.readable:
            gone = unit in gone_units
            reason = GONE if gone else _in_the_way(asset, links.get(unit), snapshot)
        if asset is None and presence.get(target) == "gone":
            name = str(row.extra.get("qualified_name", target))
            plan.changes.append(release(surface, row, name, "the asset was deleted in the catalog"))
        elif asset is not None and reason:
            if key in there:
                _add(surface, "remove", "", asset, key, there[key], None, reason, plan)
            else:
                plan.changes.append(release(surface, row, asset.qualified_name, reason))
        else:
            plan.freeze(1, why_left(row, asset, links))


def _in_the_way(asset: CatalogAsset, link: Link | None, snapshot: Snapshot) -> str:
    """Why a row has to go for the same row to stand where it belongs now; empty where it need not.

    A catalog may name the object of a row without case (alation-api.md §2.0): of one check there is then one
    row on all objects that differ by case only.
    """
    for id_ in link.assets if link is not None and link.bucket == "matched" else ():
        if fold(snapshot.by_id[id_].qualified_name) == fold(asset.qualified_name):
            return "its object belongs to another table now, whose name differs by case only"
    return ""


def same_row(actual: HealthRow, wanted: Mapping[str, Any]) -> bool:
    """Whether a reader sees no difference, the time apart."""
    return all(
        reader_text(str(getattr(actual, name))) == reader_text(str(wanted.get(name))) for name in SHOWN
    )


def _add(
    surface: str,
    action: Action,
    unit: str,
    asset: CatalogAsset,
    key: str,
    actual: HealthRow | None,
    after: dict[str, Any] | None,
    reason: str,
    plan: SurfacePlan,
    extra: Mapping[str, Any] | None = None,
    status: Status = "planned",
) -> None:
    before = {name: getattr(actual, name) for name in SHOWN} if actual else None
    more = {"merge": False, **(extra or {})}
    plan.changes.append(asset_change(surface, action, asset, unit, before, after, reason, more, status, key))
