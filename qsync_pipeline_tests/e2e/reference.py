"""What both sides should show, worked out anew from what people see: an independent judge of the sync.

Reads control-plane state only (DESIGN.md §6) and uses nothing of the package. Which objects are pairs is told
by :mod:`.pairs`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from qsync_pipeline_tests.e2e.pairs import Entry, Pairs, Rules, folded, tag_key

__all__ = ["Rules", "folded", "out_of_scope", "problems", "problems_of_all", "rounded", "tag_key"]

_SHOWN_OF_A_ROW = ("rule", "object", "status", "value", "description")


def problems(catalog: Sequence[Entry], qualytics: Sequence[Entry], rules: Rules) -> list[str]:
    """Everything that is not as it should be, one line each."""
    return problems_of_all([(catalog, rules)], qualytics)


def problems_of_all(
    catalogs: Sequence[tuple[Sequence[Entry], Rules]], qualytics: Sequence[Entry]
) -> list[str]:
    """The same for several catalogs on one Qualytics: its tags are the union of theirs."""
    judges = [_Judge(catalog, qualytics, rules) for catalog, rules in catalogs]
    found = [line for judge in judges for line in judge.in_the_catalog()]
    return found + list(_in_qualytics(judges, qualytics))


def out_of_scope(catalog: Sequence[Entry], rules: Rules) -> list[Entry]:
    """What of a catalog is out of sight or outside the domains: both sides of it stay as they are."""
    return Pairs(catalog, (), rules).out_of_scope()


def rounded(value: Any, decimals: int = 1) -> Any:
    """A score as it should stand in the catalog."""
    if isinstance(value, float):
        return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN))
    return value


class _Judge(Pairs):
    """What one catalog and Qualytics should show, by their pairs."""

    def in_the_catalog(self) -> Iterator[str]:
        """What is wrong on the catalog's side."""
        if not self.pairs:
            yield "nothing matches by name: the reference has nothing to judge"
        for level, asset, unit in self.pairs:
            if self.rules.push and self._is_read_only(asset):
                yield from self._untouched(asset)
            elif self.rules.push:
                yield from self._attributes(asset, unit)
                yield from self._alert(level, asset, unit)
                yield from self._health(level, asset, unit)
        paired = {id(asset) for _, asset, _ in self.pairs}
        if not self.rules.frozen:
            for asset in self.entries:
                if id(asset) not in paired and not self._unsure(asset, self.catalog):
                    yield from self._untouched(asset)

    def wanted(self) -> Iterator[tuple[Entry, dict[str, str]]]:
        """Qualytics' objects with a counterpart here, and the tags that it puts on them."""
        for level, asset, unit in self.pairs:
            yield unit, self._wanted(level, asset)

    def _wanted(self, level: str, asset: Entry) -> dict[str, str]:
        origins = ("person", "propagated") if self.rules.propagated else ("person",)
        sources = [asset]
        above = self._connection(asset) if level == "schema" else None
        if above is not None and self.rules.from_connection and not self._hidden(above):
            sources.append(above)
        return {
            tag_key(tag["name"]): tag["name"]
            for source in sources
            for tag in source["tags"]
            if tag["origin"] in origins and self.rules.tags(tag["name"])
        }

    # (a) attributes

    def _attributes(self, asset: Entry, unit: Entry) -> Iterator[str]:
        shown = asset["attributes"]
        for name, value in unit["attributes"].items():
            if (asset["id"], name) in self.rules.kept_values:
                continue
            value = self._count(unit) if name == "Anomaly Count" else value
            should = None if name in self.rules.dropped else rounded(value, self.rules.decimals)
            actual = shown.get(name)
            if should is None and name in shown:
                yield f"{asset['name']}: {name} is {actual!r}, Qualytics has none"
            elif should is not None and actual != should:
                yield f"{asset['name']}: {name} is {actual!r}, should be {should!r}"

    def _count(self, unit: Entry) -> int | None:
        shown: int | None = unit["attributes"]["Anomaly Count"]
        return shown if shown is None or self.rules.counts is None else self.rules.counts[unit["id"]]

    # (b) alerts

    def _alert(self, level: str, asset: Entry, unit: Entry) -> Iterator[str]:
        alert, count = asset["alert"], self._count(unit)
        if alert is not None and alert["by"] == "person":
            return
        wanted = self.rules.announcements and level in self.rules.alert_levels and bool(count)
        if wanted and alert is None and asset["id"] not in self.rules.kept_alerts:
            yield f"{asset['name']}: no alert, with {count} anomalies"
        elif alert is not None and not wanted:
            yield f"{asset['name']}: an alert, with {count} anomalies"
        elif alert is not None and not re.search(rf"\b{count} active anomal", said := _words(alert)):
            yield f"{asset['name']}: the alert says {said!r}, with {count} anomalies"

    # (c) health rows

    def _health(self, level: str, asset: Entry, unit: Entry) -> Iterator[str]:
        if self.rules.checks is None:
            return
        wanted: Counter[tuple[str, ...]] = Counter()
        if level == "table":
            name = self.catalog.short_name(asset)
            for rule, count, description in self.rules.checks[unit["id"]]:
                status = "Alert" if count else "No Issues"
                wanted[(rule, name, status, str(count), " ".join(description.split()))] += 1
        shown = Counter(
            tuple(" ".join(str(row[word]).split()) for word in _SHOWN_OF_A_ROW) for row in asset["health"]
        )
        for row in (wanted - shown).elements():
            yield f"{asset['name']}: health row {row!r} is missing"
        for row in (shown - wanted).elements():
            yield f"{asset['name']}: health row {row!r} is there, and no check says so"

    def _untouched(self, asset: Entry) -> Iterator[str]:
        if any((asset["id"], name) not in self.rules.typed for name in asset["attributes"]):
            yield f"{asset['name']}: has attributes of ours and should have none"
        if asset["alert"] is not None and asset["alert"]["by"] == "integration":
            yield f"{asset['name']}: has an alert of ours and should have none"
        if asset["health"]:
            yield f"{asset['name']}: has health rows of ours and should have none"

    def _is_read_only(self, asset: Entry) -> bool:
        return any(above["name"] in self.rules.read_only for above in self._chain(asset))


def _words(alert: Mapping[str, Any]) -> str:
    return f"{alert['title']} {alert['text']}"


def _in_qualytics(judges: Sequence[_Judge], qualytics: Sequence[Entry]) -> Iterator[str]:
    """Tags: those that any catalog puts there, and none of ours beside them."""
    rules = judges[0].rules  # what it says of Qualytics holds for all catalogs
    if not rules.pull:
        return
    wanted: dict[int, dict[str, str]] = {}
    due: set[tuple[int, str]] = set()  # not as people left it; this and the next say each catalog for itself
    overwritten: set[tuple[int, str]] = set()
    for judge in judges:
        for unit, tags in judge.wanted():
            wanted[id(unit)] = {**tags, **wanted.get(id(unit), {})}
            asked = {(id(unit), key) for key in tags if (unit["id"], key) not in judge.rules.kept_tags}
            due |= asked
            overwritten |= asked if judge.rules.overwrite else set()
    parent = judges[0].qualytics.parent
    for unit in qualytics:
        if id(unit) in wanted:
            # Where one catalog cannot tell what belongs to a unit, its share of the tags there is unknown.
            waits = any(judge.waits_on(unit) for judge in judges)
            yield from _tags(unit, wanted, rules, parent, due, overwritten, waits=waits)
        elif not rules.frozen and not any(judge.leaves_alone(unit) for judge in judges):
            stray = [
                tag["name"]
                for tag in unit["tags"]
                if tag["origin"] in ("managed", "external")
                and (unit["id"], tag_key(tag["name"])) not in rules.theirs
            ]
            if stray:
                yield f"{unit['name']}: has tags of ours ({', '.join(stray)}) and no counterpart"


def _tags(
    unit: Entry,
    of_all: Mapping[int, Mapping[str, str]],
    rules: Rules,
    parent: Mapping[int, Entry],
    due: Set[tuple[int, str]],
    overwritten: Set[tuple[int, str]],
    *,
    waits: bool,
) -> Iterator[str]:
    wanted = of_all[id(unit)]
    native = {tag_key(name) for name in rules.native}
    there = {tag_key(tag["name"]): tag["origin"] for tag in unit["tags"]}
    ours = "external" if rules.external else "managed"
    for key, name in wanted.items():
        if key in native:
            if key not in there and (id(unit), key) in overwritten:
                yield f"{unit['name']}: native tag {name!r} is missing, overwrite is on"
        elif key not in there:
            if (id(unit), key) in due:
                yield f"{unit['name']}: tag {name!r} is missing"
        elif there[key] not in (ours, "propagated"):
            yield f"{unit['name']}: tag {name!r} is {there[key]}"
    for tag in unit["tags"]:
        key = tag_key(tag["name"])
        is_left = tag["origin"] in ("managed", "external") and key not in wanted
        if is_left and not waits and (unit["id"], key) not in rules.theirs:
            yield f"{unit['name']}: tag {tag['name']!r} is there, and no catalog puts it there"
        # Where taking a tag off leaves its copies, those of a person's tag are nobody's business, and those
        # of one that a catalog out of sight holds wait with it.
        is_copy = tag["origin"] == "propagated" and key not in wanted and key not in native
        if is_copy and not waits and not _comes_from_above(unit, key, parent, of_all):
            yield f"{unit['name']}: tag {tag['name']!r} is a copy of nothing"


def _comes_from_above(
    unit: Entry, key: str, parent: Mapping[int, Entry], wanted: Mapping[int, Mapping[str, str]]
) -> bool:
    """Whether something above has the tag as its own, or as a copy that a catalog wants there for itself."""
    above = parent.get(id(unit))
    while above is not None:
        for tag in above["tags"]:
            own = tag["origin"] != "propagated" or key in wanted.get(id(above), ())
            if own and tag_key(tag["name"]) == key:
                return True
        above = parent.get(id(above))
    return False
