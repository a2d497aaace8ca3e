"""What both sides should show, worked out anew from what people see: an independent judge of the sync.

Reads control-plane state only (DESIGN.md §6) and uses nothing of the package. It speaks of pairs whose names
are beyond doubt (equal, or equal but for case and unique); whatever needs the ledger, a mapping or a tie
break is left to the tests that set it up.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

Entry = dict[str, Any]

_UNSUPPORTED = frozenset({"computed_table", "computed_file", "computed_join", "file"})
_LEVELS = {
    "connection": "connection", "data": "connection", "database": "database",
    "datastore": "schema", "schema": "schema",
    "field": "column", "column": "column", "attribute": "column",
}  # fmt: skip
"""By kind, in the words of all systems; everything else is some sort of table."""
_SHOWN_OF_A_ROW = ("rule", "object", "status", "value", "description")
_STAND_IN = "DEFAULT."
"""Atlan's database of a source that has none."""


@dataclass(frozen=True)
class Rules:
    """What the config says, in the reference's words.

    ``connections`` is schema name -> connection name in the catalog; ``native`` are names of Qualytics' own
    tags; ``hidden`` and ``left_out`` are names of schemas or tables that take no part (unreadable, excluded);
    ``domains`` are the names that count, subdomains included (null: all).
    """

    connections: Mapping[str, str] = field(default_factory=dict)
    native: frozenset[str] | set[str] = frozenset()
    overwrite: bool = False
    hidden: frozenset[str] | set[str] = frozenset()
    read_only: frozenset[str] | set[str] = frozenset()
    """Schemas in the catalog on which the token may not write: nothing of ours is there."""
    left_out: Callable[[str, str], bool] = lambda level, name: False
    domains: frozenset[str] | set[str] | None = None
    announcements: bool = True
    tags: Callable[[str], bool] = lambda name: True
    frozen: bool = False
    """Something was synced that has left the scope since: what is beside the pairs is not judged."""
    pull: bool = True
    push: bool = True
    external: bool = False
    """The deployment takes external tags: those are what we make, and they do not cascade."""
    checks: Mapping[str, Sequence[tuple[str, int, str]]] | None = None
    """Active checks by the id of their container: rule, open anomalies, description. Null: no health rows."""
    theirs: frozenset[tuple[str, str]] = frozenset()
    """Tags of ours (key) that a person put on objects of Qualytics (id) as well: those stay."""
    doubted: frozenset[str] = frozenset()
    """Objects (ids) whose past may count for more than their names: without a pair they are not judged."""
    emptied_waits: bool = False
    """Where nothing of a schema matches, what is ours there may wait for approval."""
    domains_inherited: bool = True
    """What has no domain of its own has that of what it lies in; else the catalog says it of each object."""


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


def tag_key(name: str) -> str:
    """Names of tags are the same by case-fold of their normal form."""
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cc")
    return unicodedata.normalize("NFC", " ".join(plain.split()).casefold())


def one_decimal(value: Any) -> Any:
    """A score as it should stand in the catalog."""
    if isinstance(value, float):
        return float(Decimal(repr(value)).quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN))
    return value


def _level(entry: Entry) -> str:
    return _LEVELS.get(str(entry["kind"]).lower(), "table")


class _Side:
    """The entries of one system as a tree: schema -> tables -> columns, each with its own short name."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.schemas: list[Entry] = []
        self.children: dict[int, list[tuple[str, Entry]]] = defaultdict(list)
        self.parent: dict[int, Entry] = {}
        self.doubtful: set[int] = set()
        by_level: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_level[_level(entry)].append(entry)
        self.schemas = by_level["schema"]
        self.connections = {entry["name"]: entry for entry in by_level["connection"]}
        self.databases = {entry["name"]: entry for entry in by_level["database"]}
        self._hang(by_level["table"], self.schemas)
        self._hang(by_level["column"], by_level["table"])

    def short_name(self, entry: Entry) -> str:
        """Its own name, without those of what it lies in."""
        parent = self.parent[id(entry)]
        return str(entry["name"])[len(parent["name"]) + 1 :]

    def _hang(self, lower: Sequence[Entry], upper: Sequence[Entry]) -> None:
        above: dict[str, list[Entry]] = defaultdict(list)
        for entry in upper:
            above[entry["name"]].append(entry)
        for entry in lower:
            name = entry["name"]
            fits = [
                parent for cut in range(len(name)) if name[cut] == "." for parent in above.get(name[:cut], ())
            ]
            if len(fits) == 1:
                parent = fits[0]
                self.parent[id(entry)] = parent
                self.children[id(parent)].append((name[len(parent["name"]) + 1 :], entry))
            else:
                self.doubtful.add(id(entry))


class _Judge:
    def __init__(self, catalog: Sequence[Entry], qualytics: Sequence[Entry], rules: Rules) -> None:
        self.rules = rules
        self.catalog = _Side(catalog)
        self.qualytics = _Side(qualytics)
        self.pairs: list[tuple[str, Entry, Entry]] = []
        self.in_doubt: set[int] = set()
        self.emptied: set[int] = set()
        self.entries = catalog
        self._pair()

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

    def is_unsure_of(self, unit: Entry) -> bool:
        """Whether names alone do not tell what this object's counterpart is."""
        return self._unsure(unit, self.qualytics)

    def waits_on(self, unit: Entry) -> bool:
        """Whether tags of this catalog may be left on an object for reasons that names do not tell."""
        if any(unit is paired for _, _, paired in self.pairs):
            return id(unit) in self.emptied
        return self.is_unsure_of(unit)

    # Which belongs to which.

    def _pair(self) -> None:
        tops = [(self._plain(entry), entry) for entry in self.catalog.schemas]
        ours = [(entry["name"], entry) for entry in self.qualytics.schemas]
        for asset, unit in self._names(tops, ours):
            if self._hidden(asset):
                continue
            self._add("schema", asset, unit)
            containers = self.qualytics.children[id(unit)]
            tables = [pair for pair in containers if pair[1]["kind"] not in _UNSUPPORTED]
            before = len(self.pairs)
            for table, container in self._names(self.catalog.children[id(asset)], tables):
                if self._hidden(table):
                    continue
                self._add("table", table, container)
                columns = self.catalog.children[id(table)]
                for column, fld in self._names(columns, self.qualytics.children[id(container)]):
                    self._add("column", column, fld)
            if self.rules.emptied_waits and len(self.pairs) == before:
                self.in_doubt |= {id(asset), id(unit)}
                self.emptied.add(id(unit))

    def _names(
        self, left: Sequence[tuple[str, Entry]], right: Sequence[tuple[str, Entry]]
    ) -> Iterator[tuple[Entry, Entry]]:
        for fold in (str, folded):
            lefts, rights = Counter(fold(n) for n, _ in left), Counter(fold(n) for n, _ in right)
            by_name = {fold(name): entry for name, entry in left}
            found = []
            for name, entry in right:
                key = fold(name)
                if key not in lefts:
                    continue
                if lefts[key] == rights[key] == 1:
                    found.append((by_name[key], entry))
                else:
                    self.in_doubt.add(id(entry))
                    self.in_doubt.update(id(other) for n, other in left if fold(n) == key)
            yield from found
            done = {id(entry) for pair in found for entry in pair}
            # Names that differ by case only from one that is taken are ambiguous, not free.
            left = [pair for pair in left if id(pair[1]) not in done]
            right = [pair for pair in right if id(pair[1]) not in done]
            taken = {folded(str(self._plain(a)).rsplit(".", 1)[-1]) for a, _ in found}
            if fold is str:
                left = [pair for pair in left if folded(pair[0]) not in taken or self._doubt(pair[1])]
                right = [pair for pair in right if folded(pair[0]) not in taken or self._doubt(pair[1])]

    def _doubt(self, entry: Entry) -> bool:
        self.in_doubt.add(id(entry))
        return False

    def _add(self, level: str, asset: Entry, unit: Entry) -> None:
        if self._in_scope(asset) and not self.rules.left_out(level, unit["name"]):
            self.pairs.append((level, asset, unit))

    def _plain(self, entry: Entry) -> str:
        return str(entry["name"]).removeprefix(_STAND_IN)

    def _hidden(self, entry: Entry) -> bool:
        return entry["name"] in self.rules.hidden

    def _connection(self, schema: Entry) -> Entry | None:
        return self.catalog.connections.get(self.rules.connections.get(schema["name"], ""))

    def _chain(self, asset: Entry) -> list[Entry]:
        chain = [asset]
        while id(chain[-1]) in self.catalog.parent:
            chain.append(self.catalog.parent[id(chain[-1])])
        schema = chain[-1]
        database = self.catalog.databases.get(str(schema["name"]).split(".")[0])
        return chain + [above for above in (database, self._connection(schema)) if above is not None]

    def _in_scope(self, asset: Entry) -> bool:
        if self.rules.domains is None:
            return True
        if not self.rules.domains_inherited:
            return bool(set(asset["domains"]) & set(self.rules.domains))
        for above in self._chain(asset):
            if above["domains"]:
                return bool(set(above["domains"]) & set(self.rules.domains))
        return False

    def _wanted(self, level: str, asset: Entry) -> dict[str, str]:
        sources = [asset]
        if level == "schema" and (connection := self._connection(asset)) is not None:
            sources.append(connection)
        return {
            tag_key(tag["name"]): tag["name"]
            for source in sources
            for tag in source["tags"]
            if tag["origin"] == "person" and self.rules.tags(tag["name"])
        }

    # (a) attributes

    def _attributes(self, asset: Entry, unit: Entry) -> Iterator[str]:
        shown = asset["attributes"]
        for name, value in unit["attributes"].items():
            should, actual = one_decimal(value), shown.get(name)
            if should is None and name in shown:
                yield f"{asset['name']}: {name} is {actual!r}, Qualytics has none"
            elif should is not None and actual != should:
                yield f"{asset['name']}: {name} is {actual!r}, should be {should!r}"

    # (b) alerts

    def _alert(self, level: str, asset: Entry, unit: Entry) -> Iterator[str]:
        alert, count = asset["alert"], unit["attributes"]["Anomaly Count"]
        if alert is not None and alert["by"] == "person":
            return
        wanted = self.rules.announcements and level == "table" and bool(count)
        if wanted and alert is None:
            yield f"{asset['name']}: no alert, with {count} anomalies"
        elif not wanted and alert is not None:
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
        if asset["attributes"]:
            yield f"{asset['name']}: has attributes of ours and should have none"
        if asset["alert"] is not None and asset["alert"]["by"] == "integration":
            yield f"{asset['name']}: has an alert of ours and should have none"
        if asset["health"]:
            yield f"{asset['name']}: has health rows of ours and should have none"

    def _is_read_only(self, asset: Entry) -> bool:
        return any(above["name"] in self.rules.read_only for above in self._chain(asset))

    def _unsure(self, entry: Entry, side: _Side) -> bool:
        current: Entry | None = entry
        while current is not None:
            if id(current) in self.in_doubt or id(current) in side.doubtful:
                return True
            if current["id"] in self.rules.doubted:
                return True
            current = side.parent.get(id(current))
        return False


def folded(name: str) -> str:
    """The key under which two object names are the same but for case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _words(alert: Mapping[str, Any]) -> str:
    return f"{alert['title']} {alert['text']}"


def _in_qualytics(judges: Sequence[_Judge], qualytics: Sequence[Entry]) -> Iterator[str]:
    """Tags: those that any catalog puts there, and none of ours beside them."""
    rules = judges[0].rules  # what it says of Qualytics holds for all catalogs
    if not rules.pull:
        return
    wanted: dict[int, dict[str, str]] = {}
    for judge in judges:
        for unit, tags in judge.wanted():
            wanted[id(unit)] = {**tags, **wanted.get(id(unit), {})}
    parent = judges[0].qualytics.parent
    for unit in qualytics:
        if id(unit) in wanted:
            # Where one catalog cannot tell what belongs to a unit, its share of the tags there is unknown.
            waits = any(judge.waits_on(unit) for judge in judges)
            yield from _tags(unit, wanted[id(unit)], rules, parent, waits=waits)
        elif not rules.frozen and not any(judge.is_unsure_of(unit) for judge in judges):
            stray = [
                tag["name"]
                for tag in unit["tags"]
                if tag["origin"] in ("managed", "external")
                and (unit["id"], tag_key(tag["name"])) not in rules.theirs
            ]
            if stray:
                yield f"{unit['name']}: has tags of ours ({', '.join(stray)}) and no counterpart"


def _tags(
    unit: Entry, wanted: Mapping[str, str], rules: Rules, parent: Mapping[int, Entry], *, waits: bool
) -> Iterator[str]:
    native = {tag_key(name) for name in rules.native}
    there = {tag_key(tag["name"]): tag["origin"] for tag in unit["tags"]}
    ours = "external" if rules.external else "managed"
    for key, name in wanted.items():
        if key in native:
            if rules.overwrite and key not in there:
                yield f"{unit['name']}: native tag {name!r} is missing, overwrite is on"
        elif key not in there:
            yield f"{unit['name']}: tag {name!r} is missing"
        elif there[key] not in (ours, "propagated"):
            yield f"{unit['name']}: tag {name!r} is {there[key]}"
    for tag in unit["tags"]:
        key = tag_key(tag["name"])
        is_left = tag["origin"] in ("managed", "external") and key not in wanted
        if is_left and not waits and (unit["id"], key) not in rules.theirs:
            yield f"{unit['name']}: tag {tag['name']!r} is there, and no catalog puts it there"
        is_copy = tag["origin"] == "propagated" and key not in wanted
        if is_copy and not _comes_from_above(unit, key, parent):
            yield f"{unit['name']}: tag {tag['name']!r} is a copy of nothing"


def _comes_from_above(unit: Entry, key: str, parent: Mapping[int, Entry]) -> bool:
    above = parent.get(id(unit))
    while above is not None:
        if any(tag_key(tag["name"]) == key and tag["origin"] != "propagated" for tag in above["tags"]):
            return True
        above = parent.get(id(above))
    return False
