"""Why an object looks as it does: its partner, where each tag and value came from, what is next. No network.

Everything is told from the ledger and from the tables that the last runs left; the answer says when those
were read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from qsync_pipeline.core import tags
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, Unit, is_left_off
from qsync_pipeline.core.tag_definition import is_of
from qsync_pipeline.ledger import Holding, JournalEntry, Ledger, Query
from qsync_pipeline.sync import inventory, planning, snapshot
from qsync_pipeline.sync.finding import Place, Stored, dotted_path

HOW = {
    "explicit": "a mapping in the config names the pair",
    "exact": "the names are the same",
    "case": "the names differ by case only, and no other fits",
    "identity": "one side was renamed; the ids kept the pair",
}
"""What the ways of matching mean (DESIGN.md §5.1)."""


MOST = 2000
"""Entries of the journal that are looked into for one object."""


@dataclass(frozen=True)
class Line:
    """One tag or value: what stands there, who put it there and why, what comes next.

    ``now`` is what was last read; ``ours`` what the ledger holds as ours (null: nothing); ``before`` what
    stood there before us. ``rule``, ``run``, ``at``, ``by`` and ``confirmed`` are of the last write.
    """

    surface: str
    object: str
    name: str
    now: Any
    ours: Any = None
    before: Any = None
    origin: str = ""
    rule: str = ""
    run: str = ""
    at: float | None = None
    by: str = ""
    confirmed: str = ""
    next: str = "nothing"


@dataclass(frozen=True)
class Partner:
    """An asset that a unit is paired with."""

    id: str
    name: str
    kind: str = ""


@dataclass(frozen=True)
class Explanation:
    """Everything that is known of an object, for one integration. Times are seconds since the epoch."""

    integration: str
    datastore: str
    object: str
    id: str
    bucket: str
    how: str
    hint: str
    partners: tuple[Partner, ...]
    qualytics_read_at: float | None
    catalog_read_at: float | None
    lines: tuple[Line, ...] = field(default=())


def explain(stored: Stored, ledger: Ledger, place: Place) -> Explanation:
    """Explain one object of one integration."""
    if place.link is None:
        return _catalog_only(stored, place)
    return _Teller(stored, ledger, place, place.link).tell()


def _catalog_only(stored: Stored, place: Place) -> Explanation:
    asset = place.asset
    table = stored.table(place.integration, snapshot.STAGE, place.datastore)
    return Explanation(
        integration=place.integration,
        datastore=place.datastore,
        object=place.name,
        id=place.id,
        bucket="catalog only",
        how="no object in Qualytics has this name, or none takes part: nothing is written here",
        hint="",
        partners=(Partner(asset.id, asset.qualified_name, asset.kind),) if asset else (),
        qualytics_read_at=None,
        catalog_read_at=table.meta.get("read_at") if table else None,
    )


class _Teller:
    def __init__(self, stored: Stored, ledger: Ledger, place: Place, link: Link) -> None:
        self.stored, self.ledger, self.link = stored, ledger, link
        self.integration, self.key = place.integration, place.datastore
        self.units = stored.table("", inventory.STAGE, self.key)
        self.assets = stored.table(self.integration, snapshot.STAGE, self.key)
        rows = self.units.rows if self.units else ()
        self.unit = next((row for row in rows if isinstance(row, Unit) and row.id == link.unit), None)
        shown = (self.assets.rows if self.assets else ()), self._index()
        self.by_id = {row.id: row for part in shown for row in part if isinstance(row, CatalogAsset)}
        self.plan = dict(self._planned())
        self.held = ledger.holdings.of(self.key)
        self.mine = [row for row in self.held if row.integration == self.integration]
        wanted = Query(integration=self.integration, targets=(link.unit, *self._pushed()))
        self.journal: dict[tuple[str, str, str], list[JournalEntry]] = defaultdict(list)
        for entry in ledger.outcomes.find(wanted, limit=MOST):
            self.journal[entry.surface, entry.target, entry.key].append(entry)

    def tell(self) -> Explanation:
        link = self.link
        how = HOW.get(link.how, link.how) if link.bucket == "matched" else link.reason
        return Explanation(
            integration=self.integration,
            datastore=self.key,
            object=link.name,
            id=link.unit,
            bucket=link.bucket,
            how=how,
            hint=link.hint,
            partners=tuple(self._partner(id_) for id_ in link.assets),
            qualytics_read_at=self.units.meta.get("read_at") if self.units else None,
            catalog_read_at=self.assets.meta.get("read_at") if self.assets else None,
            lines=(*self._tags(), *(line for id_ in self._pushed() for line in self._values(id_))),
        )

    def _partner(self, id_: str) -> Partner:
        asset = self.by_id.get(id_)
        return Partner(id_, dotted_path(asset) or asset.name, asset.kind) if asset else Partner(id_, id_)

    def _index(self) -> tuple[object, ...]:
        return self.stored.rows(self.integration, snapshot.STAGE, snapshot.INDEX)

    def _planned(self) -> Iterator[tuple[tuple[str, str, str], tuple[Change, float]]]:
        """The lines of the stored plans, by place, with the time of the plan."""
        for stage in (planning.TAG_STAGE, planning.QUALITY_STAGE):
            path = self.stored.directory(self.integration, stage) / f"{self.key}.parquet"
            made = path.stat().st_mtime if path.exists() else 0.0
            for row in self.stored.rows(self.integration, stage, self.key):
                if isinstance(row, Change):
                    yield (row.surface, row.target, row.key), (row, made)

    def _tags(self) -> Iterator[Line]:
        """The tags of the unit: those on it, those that are ours, those that are planned."""
        target, surface = self.link.unit, tags.SURFACE
        there = {tag_key(tag.name): tag for tag in (self.unit.tags if self.unit else ())}
        rows = [row for row in self.held if row.surface == surface]
        mine = {row.key: row for row in rows if row.target == target and row.integration == self.integration}
        others = {row.key: row for row in rows if row.target == target and row.key not in mine}
        planned = [key for (where, of, key) in self.plan if (where, of) == (surface, target)]
        for key in dict.fromkeys([*there, *mine, *planned]):
            row, tag = mine.get(key), there.get(key)
            name = tag.name if tag else str((row.value or row.pending if row else "") or key)
            if row is not None and is_left_off(row):
                origin = "not ours: a person took ours off, and on_drift is keep"
            elif row is not None and tag is not None and not is_of(row, tag):
                row, origin = None, "not ours: its definition was made anew since"
            elif row is not None:
                origin = f"ours, from {self._source(key)}"
            elif key in others:
                origin = f"{others[key].integration} put it there"
            elif above := self._above(key, rows):
                origin = f"a copy of the tag on {above}, which Qualytics hands down"
            else:
                origin = (
                    "not in the ledger: a person's, or Qualytics' own"
                    if tag
                    else f"to come from {self._source(key)}"
                )
            yield self._line(surface, target, key, name, tag.name if tag else None, row, origin)

    def _source(self, key: str) -> str:
        """The assets that carry a tag: the partners, and what counts for a datastore above them."""
        ids = [*self.link.assets]
        assets = [self.by_id[id_] for id_ in ids if id_ in self.by_id]
        if self.link.level == "datastore":
            places = {asset.connection for asset in assets}
            assets += [
                a
                for a in self.by_id.values()
                if a.level in ("connection", "database") and a.connection in places
            ]
        carrying = [a for a in assets if any(tag_key(tag.name) == key for tag in a.tags)]
        return ", ".join(a.qualified_name for a in carrying) or "an asset that carries it no more"

    def _above(self, key: str, rows: Sequence[Holding]) -> str:
        unit = self.unit
        if unit is None or unit.level == "datastore":
            return ""
        above = [f"datastore:{unit.datastore_id}"]
        above += [f"container:{unit.container_id}"] if unit.level == "field" else []
        return next((row.target for row in rows if row.key == key and row.target in above), "")

    def _pushed(self) -> list[str]:
        """The assets that we write on for this unit, now or earlier."""
        earlier = [row.target for row in self.mine if row.extra.get("unit") == self.link.unit]
        return list(dict.fromkeys([*self.link.assets, *earlier]))

    def _values(self, id_: str) -> Iterator[Line]:
        """What stands on an asset: attributes one by one, alerts, health rows and tags of ours."""
        mine = {(row.surface, row.key): row for row in self.mine if row.target == id_}
        places = [*mine, *((where, key) for (where, of, key) in self.plan if of == id_)]
        asset = self.by_id.get(id_)
        for surface, key in dict.fromkeys(places):
            row = mine.get((surface, key))
            change = self.plan.get((surface, id_, key))
            value = row.value if row else None
            if isinstance(value, dict) and not key and "text" not in value:
                names = [*value, *(change[0].after or {} if change else ())]
                for name in dict.fromkeys(names):
                    now = asset.attributes.get(name) if asset else None
                    yield self._line(surface, id_, key, name, now, row, "ours", part=name)
                continue
            if change and row is None and isinstance(change[0].after, dict) and "text" not in change[0].after:
                for name in change[0].after:
                    now = asset.attributes.get(name) if asset else None
                    yield self._line(surface, id_, key, name, now, None, "to come from Qualytics", part=name)
                continue
            origin = "ours" if row else "not ours"
            yield self._line(surface, id_, key, key or surface, self._now(asset, key, row), row, origin)

    def _now(self, asset: CatalogAsset | None, key: str, row: Holding | None) -> Any:
        if asset is None:
            return None
        if not key:
            return asset.alert.text if asset.alert else None
        health = next((one for one in asset.health if one.key == key), None)
        if health is not None:
            return f"{health.status}, {health.value}"
        return next((tag.name for tag in asset.tags if tag_key(tag.name) == key), None)

    def _line(
        self,
        surface: str,
        target: str,
        key: str,
        name: str,
        now: Any,
        row: Holding | None,
        origin: str,
        *,
        part: str = "",
    ) -> Line:
        last = self._last(surface, target, key, part)
        wrote = last is not None and last.outcome == "applied"
        return Line(
            surface=surface,
            object=self.link.name if target == self.link.unit else self._partner(target).name,
            name=name,
            now=now,
            ours=_part(row.value, part) if row else None,
            before=_part(row.base, part) if row else None,
            origin=origin,
            rule=last.reason if last else "",
            run=last.run_id if last else (row.run_id if row else ""),
            at=last.at if last else (row.set_at if row else None),
            by=last.actor if last else "",
            confirmed=last.confirmed if last and wrote else "",
            next=self._next(surface, target, key, part),
        )

    def _last(self, surface: str, target: str, key: str, part: str) -> JournalEntry | None:
        """The last write of this place (of this part of it), else the last thing that became of it."""
        entries = self.journal[surface, target, key]
        meant = [e for e in entries if not part or (isinstance(e.after, dict) and part in e.after)]
        written = [entry for entry in meant if entry.outcome == "applied" and entry.action != "note"]
        return next(iter(written or meant), None)

    def _next(self, surface: str, target: str, key: str, part: str) -> str:
        """What the next run does here: the stored plan's line, unless a run has carried it out since."""
        found = self.plan.get((surface, target, key))
        if found is None:
            return "nothing"
        change, made = found
        if part and not (isinstance(change.after, dict) and part in change.after):
            return "nothing"
        since = [entry for entry in self.journal[surface, target, key] if entry.at >= made]
        if since and since[0].outcome == "applied":
            return "nothing"
        if change.action == "note":
            return "nothing"
        to = _part(change.after, part)
        what = {"remove": "remove it"}.get(change.action, f"{change.action}: {to}")
        if since and since[0].outcome in ("rejected", "parked"):
            return f"{since[0].outcome}: {since[0].reason}"
        if change.status != "planned":
            return f"{change.status}: {change.reason}"
        return f"{what} ({change.reason})"


def _part(value: Any, part: str) -> Any:
    if not part:
        return value.get("text", value) if isinstance(value, dict) else value
    return value.get(part) if isinstance(value, Mapping) else None


def to_json(found: Sequence[Explanation]) -> dict[str, Any]:
    """The explanations for ``--json``."""
    return {"explanations": [msgspec.to_builtins(one) for one in found]}
