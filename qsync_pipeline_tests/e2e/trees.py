"""The control plane's state of one system, as a tree: what lies in what, by its name."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Entry = dict[str, Any]

_LEVELS = {
    "connection": "connection", "data": "connection", "database": "database",
    "datastore": "schema", "schema": "schema",
    "field": "column", "column": "column", "attribute": "column",
}  # fmt: skip
"""By kind, in the words of all systems; everything else is some sort of table."""
_STAND_IN = "DEFAULT."
"""Atlan's database of a source that has none."""


def tag_key(name: str) -> str:
    """Names of tags are the same by case-fold of their normal form."""
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cc")
    return unicodedata.normalize("NFC", " ".join(plain.split()).casefold())


def folded(name: str) -> str:
    """The key under which two object names are the same but for case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def level_of(entry: Entry) -> str:
    """connection, database, schema, table or column."""
    return _LEVELS.get(str(entry["kind"]).lower(), "table")


class Tree:
    """Entries as schemas -> tables -> columns. Those that lie in more than one thing are ``doubtful``."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self.at: dict[str, list[Entry]] = defaultdict(list)
        self.doubtful: set[int] = set()
        self._children: dict[int, list[Entry]] = defaultdict(list)
        self._parent: dict[int, Entry] = {}
        for entry in self.entries:
            self.at[level_of(entry)].append(entry)
        for upper, lower in (("schema", "table"), ("table", "column")):
            self._hang(self.at[lower], self.at[upper])

    def named(self, level: str, name: str) -> list[Entry]:
        """The one of this name, or none."""
        return [entry for entry in self.at[level] if entry["name"] == name][-1:]

    def children(self, entry: Entry) -> list[Entry]:
        """What lies in it."""
        return self._children[id(entry)]

    def chain(self, entry: Entry) -> list[Entry]:
        """It and what it lies in, up to its schema."""
        found = [entry]
        while id(found[-1]) in self._parent:
            found.append(self._parent[id(found[-1])])
        return found

    def short_name(self, entry: Entry) -> str:
        """Its name, without those of what it lies in."""
        parent, name = self._parent.get(id(entry)), str(entry["name"])
        return name[len(parent["name"]) + 1 :] if parent else name.removeprefix(_STAND_IN)

    def _hang(self, lower: Iterable[Entry], upper: Iterable[Entry]) -> None:
        above: dict[str, list[Entry]] = defaultdict(list)
        for entry in upper:
            above[entry["name"]].append(entry)
        for entry in lower:
            name = entry["name"]
            cuts = (cut for cut in range(len(name)) if name[cut] == ".")
            fits = [parent for cut in cuts for parent in above.get(name[:cut], ())]
            if len(fits) == 1:
                self._parent[id(entry)] = fits[0]
                self._children[id(fits[0])].append(entry)
            else:
                self.doubtful.add(id(entry))
