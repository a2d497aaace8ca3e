"""Which object of a catalog belongs to which of Qualytics, by their names, as people see them.

The first half of the reference (:mod:`.reference` is the other): it uses nothing of the package. It speaks of
pairs whose names are beyond doubt (equal, or equal but for case and unique); whatever needs the ledger, a
mapping or a tie break is left to the tests that set it up.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = dict[str, Any]

_UNSUPPORTED = frozenset({"computed_table", "computed_file", "computed_join", "file"})
_LEVELS = {
    "connection": "connection", "data": "connection", "database": "database",
    "datastore": "schema", "schema": "schema",
    "field": "column", "column": "column", "attribute": "column",
}  # fmt: skip
"""By kind, in the words of all systems; everything else is some sort of table."""
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
    typed: frozenset[tuple[str, str]] = frozenset()
    """Attributes (name) of the catalog's objects (id) whose value a person changed: those are theirs."""
    doubted: frozenset[str] = frozenset()
    """Objects (ids) whose past may count for more than their names: without a pair they are not judged."""
    denied: frozenset[str] = frozenset()
    """Datastores (ids) that Qualytics does not show us: they and what belongs to them stay as they are."""
    emptied_waits: bool = False
    """Where nothing of a schema matches, what is ours there may wait for approval."""
    alert_levels: frozenset[str] = frozenset({"table"})
    decimals: int = 1
    dropped: frozenset[str] = frozenset()
    """Attributes that do not go out."""
    propagated: bool = False
    """Tags that the catalog spread by itself count like those of people."""
    from_connection: bool = True
    counts: Mapping[str, int] | None = None
    """Anomalies that count, by the id of an object of Qualytics that was scanned; null: as it shows them."""
    kept_values: frozenset[tuple[str, str]] = frozenset()
    """Attributes (name) of the catalog's objects (id) that stay as people left them; so with the next two."""
    kept_alerts: frozenset[str] = frozenset()
    kept_tags: frozenset[tuple[str, str]] = frozenset()
    """Tags (key) that people took off objects of Qualytics (id)."""
    domains_inherited: bool = True
    """What has no domain of its own has that of what it lies in; else the catalog says it of each object."""


def tag_key(name: str) -> str:
    """Names of tags are the same by case-fold of their normal form."""
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cc")
    return unicodedata.normalize("NFC", " ".join(plain.split()).casefold())


def folded(name: str) -> str:
    """The key under which two object names are the same but for case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def level_of(entry: Entry) -> str:
    return _LEVELS.get(str(entry["kind"]).lower(), "table")


class Side:
    """The entries of one system as a tree: schema -> tables -> columns, each with its own short name."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.schemas: list[Entry] = []
        self.children: dict[int, list[tuple[str, Entry]]] = defaultdict(list)
        self.parent: dict[int, Entry] = {}
        self.doubtful: set[int] = set()
        by_level: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_level[level_of(entry)].append(entry)
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


class Pairs:
    """The pairs of one catalog with Qualytics, what is in doubt, and what takes no part."""

    def __init__(self, catalog: Sequence[Entry], qualytics: Sequence[Entry], rules: Rules) -> None:
        self.rules = rules
        self.catalog = Side(catalog)
        self.qualytics = Side(qualytics)
        self.pairs: list[tuple[str, Entry, Entry]] = []
        self.in_doubt: set[int] = set()
        self.emptied: set[int] = set()
        self.entries = catalog
        self._pair()

    def out_of_scope(self) -> list[Entry]:
        """Schemas and what is in them that is hidden, or lies in something hidden, or outside the domains."""
        inside = [one for one in self.entries if level_of(one) not in ("connection", "database")]
        return [one for one in inside if self._out_of_sight(one) or not self._in_scope(one)]

    def leaves_alone(self, unit: Entry) -> bool:
        """Whether an object without a pair keeps what is on it: names do not tell what its counterpart is,
        or it takes no part."""
        return self._unsure(unit, self.qualytics) or self.rules.left_out(level_of(unit), unit["name"])

    def waits_on(self, unit: Entry) -> bool:
        """Whether tags of this catalog may be left on an object for reasons that names do not tell."""
        for level, asset, paired in self.pairs:
            if unit is paired:
                # What a source out of sight carries is not known, and may be what stands here.
                above = self._connection(asset) if level == "schema" else None
                unknown = self.rules.from_connection and above is not None and self._hidden(above)
                return id(unit) in self.emptied or unknown
        return self._unsure(unit, self.qualytics)

    def _pair(self) -> None:
        tops = [(self._plain(entry), entry) for entry in self.catalog.schemas]
        ours = [
            (entry["name"], entry) for entry in self.qualytics.schemas if entry["id"] not in self.rules.denied
        ]
        self._leave_denied(tops)
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

    def _leave_denied(self, tops: Sequence[tuple[str, Entry]]) -> None:
        denied = [one for one in self.qualytics.schemas if one["id"] in self.rules.denied]
        names = {folded(one["name"]) for one in denied}
        self.in_doubt.update(id(one) for one in denied)
        self.in_doubt.update(id(asset) for name, asset in tops if folded(name) in names)

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

    def _out_of_sight(self, asset: Entry) -> bool:
        return any(self._hidden(one) for one in self._chain(asset) if level_of(one) != "connection")

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

    def _unsure(self, entry: Entry, side: Side) -> bool:
        current: Entry | None = entry
        while current is not None:
            if id(current) in self.in_doubt or id(current) in side.doubtful:
                return True
            if current["id"] in self.rules.doubted:
                return True
            current = side.parent.get(id(current))
        return False
