"""Seeing what was written in the catalog's own listing, and how long it took (issue 6, read-back).

The write engine reads what it wrote back by id, from the store that is right at once; what people search is
an index that lags. So a write is confirmed only when a later reading of the listing shows it: that of the
next run, which reads it anyway, or that of a sensor. No run waits for it. What it still does not show after
:data:`LAG` is asked for by id: where that shows it, nobody changed it and the index is behind for longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from qsync_pipeline.catalogs.base import Surface
from qsync_pipeline.core.alerts import same_alert
from qsync_pipeline.core.health import same_row
from qsync_pipeline.core.names import fold, tag_key
from qsync_pipeline.core.quality import same_value
from qsync_pipeline.core.rows import CatalogAsset, Change, Unit
from qsync_pipeline.ledger import Awaited, Holding, Ledger
from qsync_pipeline.ledger.awaited import Found

LAG = 120.0
"""Seconds for which a search index is not believed against our own ledger (DESIGN.md §5.5)."""

Reread = Callable[[Sequence[str]], Mapping[str, CatalogAsset]]
"""Assets by id, from what is right at once."""

SAMPLE = 200
"""Assets of a datastore that are read again after one run: all of a small change, some of a large one."""


def sample_of(targets: Sequence[str], how: str) -> frozenset[str]:
    """The objects that are to be read again: all, none, or with ``sample`` at most :data:`SAMPLE` of them,
    spread evenly."""
    if how == "none":
        return frozenset()
    step = 1 if how == "all" else -(-len(targets) // SAMPLE)
    return frozenset(targets[:: max(step, 1)])


def shows(role: str, asset: CatalogAsset, *, before: Any, after: Any, key: str, decimals: int) -> bool:
    """Whether an asset shows what a write was to leave there (``after``; null or null values: nothing)."""
    if role == "attributes":
        return all(
            same_value(value, asset.attributes.get(name), decimals) for name, value in (after or {}).items()
        )
    if role == "alerts":
        return asset.alert is None if after is None else same_alert(asset.alert, after)
    if role == "tags":
        there = {tag_key(tag.name) for tag in asset.tags if tag.origin == "direct"}
        return (tag_key(str(after or before)) in there) == (after is not None)
    row = next((row for row in asset.health if row.key == key), None)
    if after is None or row is None:
        return after is None and row is None
    return same_row(row, after)


def confirm(
    ledger: Ledger,
    integration: str,
    surfaces: Iterable[Surface],
    datastore: str,
    listed: Iterable[CatalogAsset],
    *,
    decimals: int,
    whole: bool,
    tags: bool = True,
    reread: Reread | None = None,
) -> None:
    """Hold what was just read of the listing against the writes that wait to be seen there.

    ``whole``: everything of the datastore was read, so that what is missing is not listed. ``tags``: the rows
    have the tags as they are now. ``reread``: null where the listing itself is right at once.

    What is seen later than :data:`LAG` after the write, or after it was last looked for in vain, counts as
    seen then: nobody looked in between, and indexes seldom lag longer.
    """
    waiting = ledger.awaited.of(integration, datastore)
    if not waiting:
        return
    roles = {surface.name: surface.role for surface in surfaces}
    by_id = {asset.id: asset for asset in listed}
    now = ledger.clock()
    found: dict[Found, list[Awaited]] = {"seen": [], "changed": [], "gone": []}
    not_yet: list[Awaited] = []
    late: list[Awaited] = []
    seen_at: dict[int, float] = {}
    for one in waiting:
        asset, role = by_id.get(one.target), roles.get(one.surface, "")
        if not role or (role == "tags" and not tags) or (asset is None and not whole):
            continue
        if asset is not None and _shown(one, role, asset, decimals):
            found["seen"].append(one)
            seen_at[one.outcome_id] = min(now, max(one.written_at, one.asked_at or 0.0) + LAG)
        elif now - one.written_at <= LAG:
            not_yet.append(one)
        elif asset is None:
            found["gone"].append(one)
        else:
            late.append(one)
    fresh = reread(list(dict.fromkeys(one.target for one in late))) if reread and late else {}
    for one in late:
        asset = fresh.get(one.target)
        stands = asset is not None and _shown(one, roles[one.surface], asset, decimals)
        (not_yet if stands else found["changed"]).append(one)
    ledger.awaited.settle(integration, found, not_yet, seen_at)


def _shown(one: Awaited, role: str, asset: CatalogAsset, decimals: int) -> bool:
    return shows(role, asset, before=one.before, after=one.after, key=one.key, decimals=decimals)


def scored_times(
    ledger: Ledger,
    units: Iterable[Unit],
    changes: Iterable[Change],
    held: Iterable[Holding],
    compared_at: float | None,
) -> dict[str, float]:
    """When Qualytics recorded what these changes carry out, by target; only where that is their cause.

    ``compared_at`` is when Qualytics was last read whole for this datastore before: what was recorded earlier
    was seen then, and is not why something is written now. Null (never compared): the first sync of an estate
    tells nothing of how fast it is. So does a value that was written after the score (drift, other settings).
    """
    if compared_at is None:
        return {}
    targets = {change.source: change.target for change in changes if change.action != "note"}
    set_at: dict[str, float] = {}
    for row in held:
        set_at[row.target] = max(row.set_at, set_at.get(row.target, 0.0))
    wanted = [unit for unit in units if unit.id in targets]
    happened = ledger.events.newest_happenings(wanted[0].datastore_id) if wanted else {}
    scored: dict[str, float] = {}
    for unit in wanted:
        at = max([*_times(unit), *_events(unit, happened)], default=0.0)
        target = targets[unit.id]
        if at > compared_at and at > set_at.get(target, 0.0):
            scored[target] = at
    return scored


def _times(unit: Unit) -> list[float]:
    if not unit.measured_at:
        return []
    try:
        at = datetime.fromisoformat(unit.measured_at)
    except ValueError:
        return []
    return [(at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()]


def _events(unit: Unit, happened: Mapping[str, float]) -> list[float]:
    """What was noticed of the unit's container, or of the datastore as a whole."""
    if unit.container is None:
        return list(happened.values())
    names: Collection[str] = ("", fold(unit.container))
    return [at for name, at in happened.items() if fold(name) in names]
