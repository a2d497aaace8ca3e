"""The exact inverse of what a run applied, by the journal's values before and after.

What a run did at one place in several steps is one change, from the first value before to the last after. It
is undone where that last value still stands; what was changed since is left, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from qsync_pipeline.core.alerts import same_alert
from qsync_pipeline.core.health import SHOWN, same_row
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.quality import as_read, asset_change, same_value
from qsync_pipeline.core.rows import Action, CatalogAsset, Change, Held
from qsync_pipeline.core.withdrawal import beside

CHANGED = "changed since: it is left as it is"
NOT_OURS = "no longer ours: it is left as it is"
UNSEEN = "the object is gone or out of sight"


class Entry(Protocol):
    """An entry of the journal, as far as it matters here."""

    @property
    def surface(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def before(self) -> Any: ...
    @property
    def after(self) -> Any: ...
    @property
    def outcome(self) -> str: ...


class Undo(msgspec.Struct, frozen=True):
    """One place that a run changed: what stood there before it (``was``) and after it (``now``)."""

    surface: str
    target: str
    key: str
    name: str
    was: Any
    now: Any


def undos(entries: Iterable[Entry]) -> list[Undo]:
    """What a run changed, one :class:`Undo` for each place, the newest first."""
    found: dict[tuple[str, str, str], Undo] = {}
    for entry in entries:
        if entry.outcome != "applied" or entry.action == "note":
            continue
        place = (entry.surface, entry.target, entry.key)
        before, after = entry.before, entry.after
        earlier = found.pop(place, None)
        if earlier is not None and isinstance(earlier.now, dict) and isinstance(after, dict):
            # Attributes are told one by one, so each has its own first and last value.
            fresh = {name: one for name, one in (before or {}).items() if name not in earlier.now}
            before = {**fresh, **(earlier.was or {})}
            after = {**earlier.now, **after}
        elif earlier is not None:
            before = earlier.was
        found[place] = Undo(*place, entry.name, before, after)
    # A tag that was held on to while its copy above went was there before, too.
    return [one for one in reversed(found.values()) if one.was != one.now]


def undo_on_asset(
    undo: Undo, role: str, asset: CatalogAsset | None, row: Held | None, decimals: int, reason: str
) -> list[Change]:
    """The lines that undo one place on a catalog asset; none where it is undone already.

    ``row`` is what the ledger holds of it now: what we set and no longer hold is not ours to take away.
    """
    if asset is None or not asset.readable:
        return [_left(undo, undo.name, UNSEEN)]
    if role == "attributes":
        return _attributes(undo, asset, row, decimals, reason)
    there, same = _standing(undo, role, asset)
    if same(undo.was):
        return []
    if not same(undo.now):
        return [_left(undo, asset.qualified_name, CHANGED, there)]
    if undo.now is not None and row is None:
        return [_left(undo, asset.qualified_name, NOT_OURS, there)]
    action: Action = "remove" if undo.was is None else "create" if there is None else "update"
    after = _without_author(undo.was)
    unit = str(row.extra.get("unit") or "") if row is not None else ""
    extra: dict[str, Any] = {"merge": False}
    if role == "tags":
        extra["tag_id"] = next((tag.id for tag in asset.tags if tag_key(tag.name) == undo.key), "")
    return [asset_change(undo.surface, action, asset, unit, there, after, reason, extra, key=undo.key)]


def _standing(undo: Undo, role: str, asset: CatalogAsset) -> tuple[Any, Callable[[Any], bool]]:
    """What stands at a place now, and whether it is a given value."""
    if role == "alerts":
        alert = asset.alert
        shown = (
            {"type": alert.type, "title": alert.title, "text": alert.text, "by": alert.by} if alert else None
        )
        return shown, lambda value: alert is None if value is None else same_alert(alert, value)
    if role == "health":
        row = next((one for one in asset.health if one.key == undo.key), None)
        said = {name: getattr(row, name) for name in SHOWN} if row else None
        return said, lambda value: row is None if value is None else row is not None and same_row(row, value)
    direct = (tag.name for tag in asset.tags if tag.origin == "direct")
    name = next((one for one in direct if tag_key(one) == undo.key), None)
    return name, lambda value: (name is None) == (value is None)


def _attributes(
    undo: Undo, asset: CatalogAsset, row: Held | None, decimals: int, reason: str
) -> list[Change]:
    was: Mapping[str, Any] = undo.was or {}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    changed: dict[str, Any] = {}
    foreign: dict[str, Any] = {}
    held: dict[str, Any] = dict(row.value or {}) if row is not None else {}
    for name, now in (undo.now or {}).items():
        actual = asset.attributes.get(name)
        if same_value(actual, was.get(name), decimals):
            continue
        if not same_value(actual, now, decimals):
            changed[name] = actual
        elif actual is not None and name not in held:
            foreign[name] = actual
        else:
            before[name], after[name] = actual, as_read(was.get(name))
    lines: list[Change] = []
    unit = str(row.extra.get("unit") or "") if row is not None else ""
    if after:
        extra = {"stands": beside(asset, after)}
        action = _action(asset, row, after, decimals)
        lines.append(asset_change(undo.surface, action, asset, unit, before, after, reason, extra))
    for left, why in ((changed, CHANGED), (foreign, NOT_OURS)):
        if left:
            words = f"{', '.join(left)}: {why}"
            lines.append(_left(undo, asset.qualified_name, words, left))
    return lines


def _action(asset: CatalogAsset, row: Held | None, after: Mapping[str, Any], decimals: int) -> Action:
    """``remove`` where what is left is only what stood there before us: then nothing is held any more."""
    ours = {**(row.value or {} if row is not None else {}), **after}
    base = (row.base or {}) if row is not None else {}
    if row is not None and all(same_value(value, base.get(name), decimals) for name, value in ours.items()):
        return "remove"
    return "update" if asset.attributes else "create"


def _left(undo: Undo, name: str, why: str, there: Any = None) -> Change:
    action: Action = "remove" if undo.was is None else "update"
    before = undo.now if there is None else there
    return Change(
        undo.surface,
        action,
        undo.target,
        name,
        undo.key,
        before=before,
        after=_without_author(undo.was),
        reason=why,
        status="skipped",
    )


def _without_author(value: Any) -> Any:
    """An alert's text without who wrote it: that is told by the catalog."""
    return {name: one for name, one in value.items() if name != "by"} if isinstance(value, dict) else value
