"""The alert plan of one datastore: opened, updated in place, cleared; never a person's (DESIGN.md §5.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from qsync_pipeline.core.displaced import REASON, displaced
from qsync_pipeline.core.left import GONE, unmatched, why_left
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import reader_text
from qsync_pipeline.core.quality import SurfacePlan, asset_change
from qsync_pipeline.core.rows import Action, Alert, CatalogAsset, Held, Link, Status, Unit, release, within
from qsync_pipeline.core.rules import LEVEL_OF, AlertRules

Owner = Literal["nobody", "ours", "person"]

UNKNOWN = "it carries our marker, and the ledger does not know it: it is taken up by command (--adopt)"


def owner_of(alert: Alert | None, row: Held | None, rules: AlertRules) -> Owner:
    """Whose an alert is: what the ledger holds by text, or what carries our marker and a recorded actor.

    The author alone proves nothing, and a changed token changes no ownership.
    """
    if alert is None:
        return "nobody"
    texts = [row.value, row.pending] if row is not None else []
    if any(text is not None and same_alert(alert, text) for text in texts):
        return "ours"
    if not carries(alert, rules.marker):
        return "person"
    return "ours" if alert.by in rules.actors or (rules.adopt and row is None) else "person"


def carries(alert: Alert, marker: str) -> bool:
    """Whether this marker stands in an alert, whole: ``qsync=one`` is no part of ``qsync=one_more``."""
    return re.search(re.escape(marker) + r"(?![\w-])", alert.text) is not None


def plan_alerts(
    surface: str,
    units: Sequence[Unit],
    links: Sequence[Link],
    snapshot: Snapshot,
    held: Iterable[Held],
    rules: AlertRules,
    gone_units: Iterable[str] = (),
    presence: Mapping[str, str] | None = None,
) -> SurfacePlan:
    """The alert changes of one datastore; arguments as for ``plan_attributes``."""
    rows = {row.target: row for row in held}
    plan = SurfacePlan()
    by_unit = {unit.id: unit for unit in units}
    claimed: set[str] = set()
    for link in links:
        claimed.update(link.assets)
        if link.bucket != "matched":
            plan.freeze(sum(1 for id_ in link.assets if id_ in rows), unmatched(link))
            continue
        for id_ in link.assets:
            asset, unit = snapshot.by_id[id_], by_unit[link.unit]
            _one(surface, unit, asset, rows.get(id_), rules, plan)
    gone = frozenset(gone_units)
    others = displaced(rows.values(), links, snapshot, by_unit)
    by_link = {link.unit: link for link in links}
    for target, row in rows.items():
        if target in claimed:
            continue
        left = snapshot.by_id.get(target)
        why = REASON if target in others else GONE if row.extra.get("unit") in gone else ""
        proved = bool(left.readable and why) if left else (presence or {}).get(target) == "gone"
        if proved:
            _leftover(surface, target, left, row, rules, why, plan)
        else:
            plan.freeze(1, why_left(row, left, by_link))
    return plan


def _one(
    surface: str, unit: Unit, asset: CatalogAsset, row: Held | None, rules: AlertRules, plan: SurfacePlan
) -> None:
    takes_part = rules.enabled and LEVEL_OF[unit.level] in rules.levels
    wanted = _wanted(unit, rules) if takes_part and unit.anomaly_count else None
    owner = owner_of(asset.alert, row, rules)
    if owner == "person":
        _beside_a_person(surface, unit, asset, row, wanted, plan)
    elif wanted is None:
        if owner == "ours" and row is None and not rules.adopt:
            plan.counts["unowned"] += 1
            _add(surface, "remove", asset, unit, None, UNKNOWN, plan, status="skipped")
        elif owner == "ours" and takes_part:
            # Cleared is how an alert ends: an update, no removal that a guard should count.
            _add(surface, "update", asset, unit, None, "no open anomalies any more", plan)
        elif owner == "ours":
            _add(surface, "remove", asset, unit, None, "alerts are switched off here", plan)
        elif row is not None:
            plan.changes.append(release(surface, row, asset.qualified_name, "already cleared"))
    elif owner == "nobody":
        drifted = row is not None and row.value is not None and not row.has_pending
        plan.counts["drift"] += drifted
        if drifted and rules.on_drift == "keep":
            reason = "somebody cleared it in the catalog, and on_drift is keep"
            _add(surface, "create", asset, unit, wanted, reason, plan, status="skipped")
        else:
            reason = "somebody cleared it in the catalog" if drifted else "open anomalies"
            _add(surface, "create", asset, unit, wanted, reason, plan, drift=drifted)
    elif same_alert(asset.alert, wanted):
        if row is None or row.has_pending or not same_alert(asset.alert, row.value or {}):
            # Where a write was thought to have failed, the alert shows that it did not.
            _add(surface, "note", asset, unit, wanted, "stands as it should: taken up", plan)
        else:
            plan.counts["unchanged"] += 1
    else:
        _add(surface, "update", asset, unit, wanted, "the open anomalies changed", plan)


def _beside_a_person(
    surface: str,
    unit: Unit,
    asset: CatalogAsset,
    row: Held | None,
    wanted: dict[str, str] | None,
    plan: SurfacePlan,
) -> None:
    """While a person's stands, ours waits. A person who edited ours has taken it over."""
    by = asset.alert.by if asset.alert else None
    if row is not None:
        confirmed = row.value is not None
        plan.counts["taken_over"] += confirmed
        reason = f"{by or 'somebody'} took our alert over" if confirmed else "a person's stands there"
        plan.changes.append(release(surface, row, asset.qualified_name, reason))
    if wanted is not None:
        reason = f"an alert of {by or 'a person'} stands there; ours waits"
        _add(surface, "create", asset, unit, wanted, reason, plan, status="waiting")


def _leftover(
    surface: str,
    target: str,
    asset: CatalogAsset | None,
    row: Held,
    rules: AlertRules,
    why: str,
    plan: SurfacePlan,
) -> None:
    """An alert of ours on an asset that is gone, or that no unit stands for; ``why`` is the ground to take
    it off."""
    if asset is None:
        name = str(row.extra.get("qualified_name", target))
        plan.changes.append(release(surface, row, name, "the asset was deleted in the catalog"))
    elif owner_of(asset.alert, row, rules) == "ours":
        _add(surface, "remove", asset, None, None, why, plan)
    else:
        plan.changes.append(release(surface, row, asset.qualified_name, why))


def _wanted(unit: Unit, rules: AlertRules) -> dict[str, str]:
    title, text = rules.render(unit)
    return {"type": rules.type, "title": title, "text": text}


def same_alert(alert: Alert | None, text: Mapping[str, Any]) -> bool:
    """Whether a reader sees this alert: type, title and text; who wrote it does not matter."""
    return (
        alert is not None
        and alert.type == text.get("type", alert.type)
        and reader_text(alert.title) == reader_text(str(text.get("title", "")))
        and reader_text(alert.text) == reader_text(str(text.get("text", "")))
    )


def _add(
    surface: str,
    action: Action,
    asset: CatalogAsset,
    unit: Unit | None,
    after: dict[str, str] | None,
    reason: str,
    plan: SurfacePlan,
    status: Status = "planned",
    *,
    drift: bool = False,
) -> None:
    alert = asset.alert
    before = {"type": alert.type, "title": alert.title, "text": alert.text, "by": alert.by} if alert else None
    extra = {"merge": False, **({"drift": True} if drift else {}), **(within(unit) if unit else {})}
    source = unit.id if unit else ""
    plan.changes.append(asset_change(surface, action, asset, source, before, after, reason, extra, status))
