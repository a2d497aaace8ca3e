"""What every object should show, worked out anew from what people see: the independent model of the sync.

It reads control-plane state only (DESIGN.md §6) and uses nothing of the package; :mod:`.judging` holds what
is there against it. It speaks of pairs whose names are beyond doubt (equal, or equal but for case and
unique); what needs the ledger, a mapping or a tie break is left to the tests that set it up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from qsync_pipeline_tests.e2e.rules import Rules
from qsync_pipeline_tests.e2e.trees import Entry, Tree, folded, level_of, tag_key

_BELOW = {"schema": "table", "table": "column"}
_STATUS = {True: "Alert", False: "No Issues"}
_UNSUPPORTED = frozenset({"computed_table", "computed_file", "computed_join", "file"})


@dataclass
class Shown:
    """What an asset of a catalog should show: values by name, anomalies that its alert speaks of, health rows
    (rule, object, status, value, description; null: not told)."""

    attributes: Mapping[str, Any]
    alert: int = 0
    health: Counter[tuple[str, ...]] | None = field(default_factory=Counter)


class Reference:
    """What one catalog and Qualytics should show because of each other."""

    def __init__(self, catalog: Sequence[Entry], qualytics: Sequence[Entry], rules: Rules) -> None:
        self.rules = rules
        self.catalog, self.qualytics = Tree(catalog), Tree(qualytics)
        self.pairs: list[tuple[str, Entry, Entry]] = []
        self._unknown = self.catalog.doubtful | self.qualytics.doubtful
        self._waiting: set[int] = set()
        schemas, stores = self.catalog.at["schema"], self.qualytics.at["schema"]
        denied = [one for one in stores if one["id"] in rules.denied]
        names = {folded(one["name"]) for one in denied}
        self._unknown |= {id(one) for one in schemas if folded(self.catalog.short_name(one)) in names}
        self._unknown |= {id(one) for one in denied}
        self._pair("schema", schemas, [one for one in stores if one["id"] not in rules.denied])
        self.paired = {id(one) for _, *pair in self.pairs for one in pair}

    # What should be there.

    def assets(self) -> Iterator[tuple[Entry, Shown]]:
        """Assets of the catalog and what they should show; those of which names do not tell are left out."""
        for level, asset, unit in self.pairs if self.rules.push else ():
            read_only = any(above["name"] in self.rules.read_only for above in self._chain(asset))
            yield asset, self._nothing(asset) if read_only else self._shown(level, asset, unit)
        for asset in self.catalog.entries if not self.rules.frozen else ():
            if id(asset) not in self.paired and not self._unsure(asset, self.catalog):
                yield asset, self._nothing(asset)

    def tags(self, level: str, asset: Entry) -> dict[str, str]:
        """Tags by key that an asset puts on its counterpart."""
        origins = ("person", "propagated") if self.rules.propagated else ("person",)
        return {
            tag_key(tag["name"]): tag["name"]
            for source in [asset, *self._source(level, asset)]
            if not self._hidden(source)
            for tag in source["tags"]
            if tag["origin"] in origins and self.rules.tags(tag["name"])
        }

    def waits_on(self, unit: Entry) -> bool:
        """Whether tags of this catalog may be left on a unit for reasons that names do not tell."""
        return id(unit) in self._waiting or (
            id(unit) not in self.paired and self._unsure(unit, self.qualytics)
        )

    def out_of_scope(self) -> list[Entry]:
        """Schemas and what is in them that is hidden, or lies in something hidden, or outside the domains."""
        inside = [one for one in self.catalog.entries if level_of(one) not in ("connection", "database")]
        return [one for one in inside if self._out_of_sight(one) or not self._in_scope(one)]

    def _nothing(self, asset: Entry) -> Shown:
        return Shown(
            {name: None for name in asset["attributes"] if (asset["id"], name) not in self.rules.typed}
        )

    def _shown(self, level: str, asset: Entry, unit: Entry) -> Shown:
        rules, count = self.rules, unit["attributes"]["Anomaly Count"]
        count = count if count is None or rules.counts is None else rules.counts[unit["id"]]
        attributes = {
            name: None if name in rules.dropped else rounded(value, rules.decimals)
            for name, value in {**unit["attributes"], "Anomaly Count": count}.items()
            if (asset["id"], name) not in rules.kept_values
        }
        alerts = rules.announcements and level in rules.alert_levels
        checks = rules.checks[unit["id"]] if rules.checks is not None and level == "table" else ()
        health = Counter(
            (rule, self.catalog.short_name(asset), _STATUS[bool(found)], str(found), one_line(text))
            for rule, found, text in checks
        )
        return Shown(attributes, count or 0 if alerts else 0, health if rules.checks is not None else None)

    # Which belongs to which.

    def _pair(self, level: str, assets: Sequence[Entry], units: Sequence[Entry]) -> None:
        for asset, unit in self._of_one_name(assets, units):
            if self._hidden(asset):
                continue
            if self._in_scope(asset) and not self.rules.left_out(level, unit["name"]):
                self.pairs.append((level, asset, unit))
                if any(map(self._hidden, self._source(level, asset))):
                    self._waiting.add(id(unit))  # what the source carries is not known: it may stand here
            before = len(self.pairs)
            if level in _BELOW:
                below = [one for one in self.qualytics.children(unit) if one["kind"] not in _UNSUPPORTED]
                self._pair(_BELOW[level], self.catalog.children(asset), below)
            if level == "schema" and self.rules.emptied_waits and len(self.pairs) == before:
                self._unknown |= {id(asset), id(unit)}
                self._waiting.add(id(unit))

    def _of_one_name(self, assets: Sequence[Entry], units: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
        """Pairs of equal names, or of names that are equal but for case and unique; the others of such a name
        are ambiguous."""
        groups: dict[str, tuple[list[Entry], list[Entry]]] = defaultdict(lambda: ([], []))
        for side, tree, entries in ((0, self.catalog, assets), (1, self.qualytics, units)):
            for entry in entries:
                groups[folded(tree.short_name(entry))][side].append(entry)
        for left, right in groups.values():
            alone = len(left) == len(right) == 1
            fits = [(a, u) for a in left for u in right if alone or self._same_name(a, u)]
            times = Counter(id(one) for pair in fits for one in pair)
            sure = [pair for pair in fits if all(times[id(one)] == 1 for one in pair)]
            found = {id(one) for pair in sure for one in pair}
            self._unknown |= {id(one) for one in left + right if left and right} - found
            yield from sure

    def _same_name(self, asset: Entry, unit: Entry) -> bool:
        return self.catalog.short_name(asset) == self.qualytics.short_name(unit)

    def _unsure(self, entry: Entry, side: Tree) -> bool:
        return any(id(one) in self._unknown or one["id"] in self.rules.doubted for one in side.chain(entry))

    # What takes part.

    def _hidden(self, entry: Entry) -> bool:
        return entry["name"] in self.rules.hidden

    def _out_of_sight(self, asset: Entry) -> bool:
        return any(self._hidden(one) for one in self._chain(asset) if level_of(one) != "connection")

    def _source(self, level: str, asset: Entry) -> list[Entry]:
        """What its tags come from beside the asset itself."""
        return self._connection(asset) if level == "schema" and self.rules.from_connection else []

    def _connection(self, schema: Entry) -> list[Entry]:
        return self.catalog.named("connection", self.rules.connections.get(schema["name"], ""))

    def _chain(self, asset: Entry) -> list[Entry]:
        chain = self.catalog.chain(asset)
        database = self.catalog.named("database", str(chain[-1]["name"]).split(".")[0])
        return [*chain, *database, *self._connection(chain[-1])]

    def _in_scope(self, asset: Entry) -> bool:
        if self.rules.domains is None:
            return True
        chain = self._chain(asset) if self.rules.domains_inherited else [asset]
        nearest = next((one["domains"] for one in chain if one["domains"]), ())
        return not set(nearest).isdisjoint(self.rules.domains)


def one_line(text: str) -> str:
    """A text without what is lost where it has one line only."""
    return " ".join(text.split())


def rounded(value: Any, decimals: int = 1) -> Any:
    """A score as it should stand in the catalog."""
    if isinstance(value, float):
        return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN))
    return value
