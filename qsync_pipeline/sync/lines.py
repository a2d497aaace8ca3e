"""Lines that were given, held against what stands there now. Pure.

A line is carried out only where what it found before still stands: then it is *planned*. Where its result
stands already there is nothing to do (*unchanged*). Everything else is *refused* with the reason, and nothing
of it is written. What a write has to repeat of its object (names, the attributes beside the changed ones) is
taken from the object as it is now, never from the file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.alerts import same_alert
from qsync_pipeline.core.definitions_back import same_look
from qsync_pipeline.core.health import same_row
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.quality import same_value
from qsync_pipeline.core.rows import LEFT_OFF, CatalogAsset, Change, Held, Unit, is_left_off
from qsync_pipeline.core.tag_definition import ID, TagDefinition, look_of
from qsync_pipeline.core.tags_out import our_tag, tag_named
from qsync_pipeline.core.withdrawal import beside

CHANGED = "what stands there has changed since the plan was made"
GONE = "the object is gone or out of sight"
NOT_OURS = "it is not ours, or no longer"
NOT_MATCHED = "the two objects are no longer matched"
SOURCE_GONE = "its object in Qualytics is gone or out of sight"
MALFORMED = "its value is none that this surface can hold"
NO_SURFACE = "there is no such surface at this stage"
CONTRADICTED = "another line of the plan has another value for the same place"

Place = tuple[str, str, str]
"""Surface, object, key."""


@dataclass(frozen=True)
class Now:
    """What stands there now. ``held`` is what the ledger holds for the integration, by place.

    ``pairs`` are the pairs of unit and asset that are matched; null where lines may also be of objects that
    left the scope (retiring, reverting). ``linked`` are the units that stand in any bucket, where that is
    known. ``definitions`` are those that count, by key, ``beside`` people's that differ from one of them by
    case only, by name; ``native`` are keys of people's own.
    """

    units: Mapping[str, Unit] = field(default_factory=dict)
    assets: Mapping[str, CatalogAsset] = field(default_factory=dict)
    held: Mapping[Place, Held] = field(default_factory=dict)
    pairs: Collection[tuple[str, str]] | None = None
    linked: Collection[str] | None = None
    definitions: Mapping[str, TagDefinition] = field(default_factory=dict)
    beside: Mapping[str, TagDefinition] = field(default_factory=dict)
    native: Collection[str] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    decimals: int = 1


@dataclass
class Verified:
    """Lines with their verdict, in order; those whose result stands already are only counted, by surface."""

    changes: list[Change] = field(default_factory=list)
    unchanged: Counter[str] = field(default_factory=Counter)


def verify(lines: Iterable[Change], now: Now) -> Verified:
    """Hold lines against what stands there. Lines that are not to be carried out pass as they are."""
    found = Verified()
    given = list(lines)
    taken = {
        change.key
        for change in given
        if change.surface == definitions.SURFACE and change.action == "update" and change.status == "planned"
    }
    going: set[tuple[str, str]] = set()
    told: dict[Place, list[Change]] = defaultdict(list)
    for change in sorted(given, key=_copies_last):
        verdict: Change | None
        earlier = told[_place(change)]
        if change.status != "planned":
            verdict = change
        elif trouble := _trouble(change, earlier, now):
            verdict = _refused(change, trouble)
        elif change in earlier:
            verdict = None
        elif change.surface == definitions.SURFACE:
            verdict = _definition(change, now)
        elif change.surface == tags.SURFACE:
            verdict = _tag(change, now, taken, going)
        else:
            verdict = _on_asset(change, now)
        if verdict is None or verdict.status == "planned":
            earlier.append(change)
        if verdict is None:
            if change.action != "note":
                found.unchanged[change.surface] += 1
            continue
        if verdict.status == "planned" and verdict.action == "remove" and change.surface == tags.SURFACE:
            going.add((verdict.target, verdict.key))
        found.changes.append(verdict)
    return found


def _copies_last(change: Change) -> bool:
    return bool(change.extra.get("copy_of"))


def _trouble(change: Change, earlier: Iterable[Change], now: Now) -> str:
    """What is wrong with a line itself, whatever stands there: files are edited by hand."""
    role = "definitions" if change.surface == definitions.SURFACE else now.roles.get(change.surface, "")
    if not role and change.surface != tags.SURFACE:
        return NO_SURFACE
    kind: type = str if change.surface == tags.SURFACE or role == "tags" else dict
    if not all(value is None or isinstance(value, kind) for value in (change.before, change.after)):
        return MALFORMED
    if role == "attributes" and not all(
        value is None or isinstance(value, str | int | float) for value in (change.after or {}).values()
    ):
        return MALFORMED
    if change.action == "note":
        return ""
    return CONTRADICTED if any(_contradict(one, change) for one in earlier if one.action != "note") else ""


def _contradict(one: Change, other: Change) -> bool:
    """Whether two lines for one place cannot both come true."""
    if isinstance(one.after, dict) and isinstance(other.after, dict):
        return any(one.after[name] != other.after[name] for name in one.after.keys() & other.after.keys())
    return bool(one.after != other.after)


def _refused(change: Change, reason: str) -> Change:
    return replace(change, status="refused", reason=f"refused: {change.name}: {reason}")


def _place(change: Change) -> Place:
    return (change.surface, change.target, change.key)


def _definition(change: Change, now: Now) -> Change | None:
    known = now.beside.get(change.name) or now.definitions.get(change.key)
    if change.action == "create":
        if known is None:
            return change
        return None if change.key not in now.native else _refused(change, CHANGED)
    if change.action == "remove":
        if known is None:
            return None
        return (
            change if known.made and same_look(look_of(known), change.before) else _refused(change, CHANGED)
        )
    if known is None:
        return _refused(change, GONE)
    look = look_of(known)
    if same_look(look, change.after):
        return None
    return change if same_look(look, change.before) else _refused(change, CHANGED)


def _tag(
    change: Change, now: Now, taken: Collection[str], going: Collection[tuple[str, str]]
) -> Change | None:
    """A tag on a Qualytics object; ``taken`` are keys of definitions that these lines take over."""
    unit = now.units.get(change.target)
    row = now.held.get(_place(change))
    if change.action == "note":
        return _note(change, row, stands=unit is not None and _stands(unit, change))
    if unit is None:
        return _refused(change, GONE)
    there = _stands(unit, change)
    if change.action == "remove":
        if not there:
            return None
        origin = change.extra.get("copy_of")
        ours = (str(origin), change.key) in going if origin else row is not None and not is_left_off(row)
        return change if ours else _refused(change, NOT_OURS)
    if not _paired(change.target, change.source, now):
        return _refused(change, NOT_MATCHED)
    if there and not change.extra.get("held_on"):
        return None
    if change.key in now.native and change.key not in taken:
        return _refused(change, "Qualytics has a tag of its own with this name now")
    return change


def _stands(unit: Unit, change: Change) -> bool:
    """Whether the tag of a line is on the object. One that goes is told by its name, and by its definition:
    another may have been made under that name since."""
    there = [tag for tag in unit.tags if tag_key(tag.name) == change.key]
    if change.action != "remove":
        return bool(there)
    of = change.extra.get(ID)
    return any(tag.name == change.before and (of is None or tag.id == str(of)) for tag in there)


def _note(change: Change, row: Held | None, *, stands: bool) -> Change | None:
    """A note lets go of what is held, or takes up what stands; one that fits no longer is left out."""
    if change.extra.get("release"):
        return change if row is not None and row.value == change.before else None
    if change.extra.get(LEFT_OFF):
        return None if stands else change
    return change if stands else None


def _paired(unit: str, asset: str, now: Now) -> bool:
    return now.pairs is None or not unit or not asset or (unit, asset) in now.pairs


def _apart(unit: str, now: Now) -> str:
    """Why two objects are no pair."""
    return NOT_MATCHED if now.linked is None or unit in now.linked else SOURCE_GONE


def _on_asset(change: Change, now: Now) -> Change | None:
    asset = now.assets.get(change.target)
    row = now.held.get(_place(change))
    role = now.roles.get(change.surface, "")
    if change.action == "note":
        stands = asset is not None and _shows(change, role, asset, change.after, now.decimals)
        return _note(change, row, stands=stands)
    if asset is None or not asset.readable or (role == "tags" and not asset.complete):
        return _refused(change, GONE)
    if role == "attributes":
        return _attributes(change, asset, row, now)
    if _shows(change, role, asset, change.after, now.decimals):
        # A health row that was asserted anew says the same as before: it is written once.
        anew = change.before is not None and change.before == change.after
        return _addressed(change, asset, {}) if anew and not _told_already(change, row) else None
    if not _shows(change, role, asset, change.before, now.decimals):
        return _refused(change, CHANGED)
    ours = row is not None and (role != "tags" or our_tag(asset, row) is not None)
    if change.action == "remove" and not ours:
        return _refused(change, NOT_OURS)
    if change.action != "remove" and not _paired(change.source, change.target, now):
        return _refused(change, _apart(change.source, now))
    extra: dict[str, Any] = {}
    if role == "tags" and (tag := tag_named(asset, change.key)) is not None:
        extra["tag_id"] = tag.id
    return _addressed(change, asset, extra)


def _told_already(change: Change, row: Held | None) -> bool:
    """Whether the catalog was told of this assertion of a check, or of a later one, since the plan."""
    if row is None or row.has_pending:
        return False
    told, asserted = row.extra.get("asserted"), change.extra.get("asserted")
    return told == asserted or (told is not None and asserted is not None and str(told) > str(asserted))


def _attributes(change: Change, asset: CatalogAsset, row: Held | None, now: Now) -> Change | None:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, wanted in (change.after or {}).items():
        actual = asset.attributes.get(name)
        if same_value(actual, wanted, now.decimals):
            continue
        if not same_value(actual, (change.before or {}).get(name), now.decimals):
            return _refused(change, f"{CHANGED}: {name} is {actual!r}")
        before[name], after[name] = actual, wanted
    if not after:
        return None
    if change.action == "remove" and row is None:
        return _refused(change, NOT_OURS)
    if change.action != "remove" and not _paired(change.source, change.target, now):
        return _refused(change, _apart(change.source, now))
    return _addressed(
        replace(change, before=before, after=after), asset, {"merge": True, "stands": beside(asset, after)}
    )


def _addressed(change: Change, asset: CatalogAsset, extra: Mapping[str, Any]) -> Change:
    """The line with its asset as it is called now: a write repeats names exactly as they were read."""
    named = {"qualified_name": asset.qualified_name, "name": asset.name}
    return replace(
        change,
        name=asset.qualified_name,
        connection=asset.connection,
        kind=asset.kind,
        extra={**change.extra, **named, **extra},
    )


def _shows(change: Change, role: str, asset: CatalogAsset, value: Any, decimals: int) -> bool:
    """Whether a value is what stands on an asset."""
    if role == "attributes":
        return all(
            same_value(one, asset.attributes.get(name), decimals) for name, one in (value or {}).items()
        )
    if role == "alerts":
        return asset.alert is None if value is None else same_alert(asset.alert, value)
    if role == "tags":
        return (tag_named(asset, change.key) is None) == (value is None)
    row = next((one for one in asset.health if one.key == change.key), None)
    return row is None if value is None else row is not None and same_row(row, value)
