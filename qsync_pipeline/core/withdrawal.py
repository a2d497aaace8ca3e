"""Taking back what is ours on a catalog's assets, whatever became of the objects it stands for.

Everything goes by what the ledger holds and what the asset shows now: a value that stands as we wrote it
goes, or makes room for what stood there before us. What a person changed or took over stays, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.core.alerts import owner_of
from qsync_pipeline.core.health import SHOWN, same_row
from qsync_pipeline.core.quality import as_read, asset_change, same_value
from qsync_pipeline.core.rows import CatalogAsset, Change, Held, release
from qsync_pipeline.core.rules import AlertRules
from qsync_pipeline.core.tags_out import our_tag

OUT_OF_SIGHT = "the asset is out of sight, and not known to be gone: what is ours on it stays"
GONE = "the asset was deleted in the catalog"
NOTHING_LEFT = "nothing of ours is left"


@dataclass(frozen=True)
class Ground:
    """On what withdrawing goes: assets by id, what became of others, and how values are compared."""

    assets: Mapping[str, CatalogAsset]
    presence: Mapping[str, str]
    decimals: int
    alerts: AlertRules


def withdraw(surface: str, role: str, held: Iterable[Held], ground: Ground, reason: str) -> list[Change]:
    """The lines that take back what is held on one surface; ``role`` is the surface's."""
    lines: list[Change] = []
    for row in held:
        asset = ground.assets.get(row.target)
        if asset is None and ground.presence.get(row.target) == "gone":
            lines.append(release(surface, row, str(row.extra.get("qualified_name") or row.target), GONE))
        elif asset is None or not asset.readable or (role == "tags" and not asset.complete):
            name = asset.qualified_name if asset else str(row.extra.get("qualified_name") or row.target)
            lines.append(
                Change(
                    surface,
                    "remove",
                    row.target,
                    name,
                    row.key,
                    before=row.value,
                    reason=OUT_OF_SIGHT,
                    status="skipped",
                )
            )
        elif role == "attributes":
            lines += _attributes(surface, row, asset, ground.decimals, reason)
        elif role == "alerts":
            lines += _alert(surface, row, asset, ground.alerts, reason)
        elif role == "tags":
            lines += _tag(surface, row, asset, reason)
        else:
            lines += _health(surface, row, asset, reason)
    return lines


def beside(asset: CatalogAsset, after: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that a write leaves as they are (``Change.extra["stands"]``)."""
    return {name: value for name, value in asset.attributes.items() if name not in after}


def _attributes(surface: str, row: Held, asset: CatalogAsset, decimals: int, reason: str) -> list[Change]:
    wrote: dict[str, Any] = dict(row.value or {})
    pending: dict[str, Any] = dict(row.pending or {}) if row.has_pending else {}
    stood: dict[str, Any] = dict(row.base or {})
    before: dict[str, Any] = {}
    changed: dict[str, Any] = {}
    for name in dict.fromkeys([*wrote, *pending]):
        actual = asset.attributes.get(name)
        if actual is None or same_value(actual, stood.get(name), decimals):
            continue
        ours = [values[name] for values in (wrote, pending) if name in values]
        if any(same_value(actual, value, decimals) for value in ours):
            before[name] = actual
        else:
            changed[name] = actual
    unit = str(row.extra.get("unit") or "")
    lines: list[Change] = []
    if before:
        after = {name: as_read(stood.get(name)) for name in before}
        extra = {"stands": beside(asset, after)}
        lines.append(asset_change(surface, "remove", asset, unit, before, after, reason, extra))
    if changed:
        why = f"somebody changed {', '.join(changed)} in the catalog: it stays"
        lines.append(asset_change(surface, "remove", asset, unit, changed, {}, why, status="skipped"))
    if not before:
        lines.append(release(surface, row, asset.qualified_name, NOTHING_LEFT))
    return lines


def _alert(surface: str, row: Held, asset: CatalogAsset, rules: AlertRules, reason: str) -> list[Change]:
    alert = asset.alert
    owner = owner_of(alert, row, rules)
    if alert is None or owner == "nobody":
        return [release(surface, row, asset.qualified_name, NOTHING_LEFT)]
    unit = str(row.extra.get("unit") or "")
    before = {"type": alert.type, "title": alert.title, "text": alert.text, "by": alert.by}
    extra = {"merge": False}
    if owner == "ours":
        return [asset_change(surface, "remove", asset, unit, before, None, reason, extra)]
    why = f"{alert.by or 'somebody'} took it over: it stays"
    return [
        asset_change(surface, "remove", asset, unit, before, None, why, extra, "skipped"),
        release(surface, row, asset.qualified_name, why),
    ]


def _tag(surface: str, row: Held, asset: CatalogAsset, reason: str) -> list[Change]:
    there = our_tag(asset, row)
    if there is None:
        return [release(surface, row, asset.qualified_name, NOTHING_LEFT)]
    unit = str(row.extra.get("unit") or "")
    extra = {"merge": False, "tag_id": there.id}
    return [asset_change(surface, "remove", asset, unit, there.name, None, reason, extra, key=row.key)]


def _health(surface: str, row: Held, asset: CatalogAsset, reason: str) -> list[Change]:
    there = next((one for one in asset.health if one.key == row.key), None)
    if there is None:
        return [release(surface, row, asset.qualified_name, NOTHING_LEFT)]
    unit = str(row.extra.get("unit") or "")
    before = {name: getattr(there, name) for name in SHOWN}
    wrote = [value for value in (row.value, row.pending) if value is not None]
    extra = {"merge": False}
    if any(same_row(there, value) for value in wrote):
        return [asset_change(surface, "remove", asset, unit, before, None, reason, extra, key=row.key)]
    why = "somebody changed the row: it stays"
    return [
        asset_change(surface, "remove", asset, unit, before, None, why, extra, "skipped", row.key),
        release(surface, row, asset.qualified_name, why),
    ]
