"""How tags of ours have to look: like a tag of their name in the catalogs. Uses nothing of the package."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from qsync_pipeline_tests.e2e.rules import Rules
from qsync_pipeline_tests.e2e.trees import tag_key

Entry = Mapping[str, Any]

_COLORS = {"Green": "#047960", "Yellow": "#F7B43D", "Red": "#BF1B1B", "Gray": "#525C73"}
"""Atlan's words for its colours."""


class Looks:
    """The looks of the catalogs' tags so far, by key: one may come from a tag that nothing carries now."""

    def __init__(self) -> None:
        self._had: dict[str, set[tuple[str, str]]] = defaultdict(set)

    def see(self, entries: Iterable[Entry]) -> None:
        """Take note of what a catalog shows."""
        for entry in entries:
            for tag in entry["tags"]:
                self._had[tag_key(tag["name"])].add(_look(tag))

    def odd(self, qualytics: Iterable[Entry], native: Iterable[str]) -> Iterator[str]:
        """Tags of ours that look like none of the catalogs'; what no catalog says is left open.

        ``native`` are names of Qualytics' own tags, which keep their looks.
        """
        theirs = {tag_key(name) for name in native}
        for unit in qualytics:
            for tag in unit["tags"]:
                key, shown = tag_key(tag["name"]), (str(tag["color"]).lower(), _plain(tag["description"]))
                if tag["origin"] not in ("managed", "propagated") or key in theirs or key not in self._had:
                    continue
                had = self._had[key]
                if not any(color in ("", shown[0]) and text in ("", shown[1]) for color, text in had):
                    yield f"{unit['name']}: {tag['name']!r} looks like {shown}, the catalogs' like {had}"

    def stale(
        self, catalogs: Iterable[tuple[Iterable[Entry], Iterable[tuple[Entry, Entry]], Rules]]
    ) -> Iterator[str]:
        """Tags on objects of Qualytics that are ours, or taken over, and look otherwise than the catalog's
        tag of just this name on their counterparts does now. ``catalogs`` are the entries, pairs and rules of
        each, in the config's order: what the first has of a name counts.

        Names with a slash cannot be reached, and keep what they were made with (DESIGN.md §5.2).
        """
        earlier: set[str] = set()
        for entries, pairs, rules in catalogs:
            yield from self._stale(pairs, rules, earlier)
            if rules.hidden or rules.doubted or rules.denied or rules.domains is not None:
                return  # what is left as it is out of sight holds the definition too
            earlier |= {tag_key(tag["name"]) for entry in entries for tag in entry["tags"]}

    def _stale(self, pairs: Iterable[tuple[Entry, Entry]], rules: Rules, earlier: Set[str]) -> Iterator[str]:
        native = Counter(tag_key(name) for name in rules.native)
        pairs = list(pairs)
        there = [tag for _, unit in pairs for tag in unit["tags"]]
        made = {tag_key(tag["name"]) for tag in there if tag["origin"] == "managed"}
        for asset, unit in pairs:
            wanted = [tag for tag in asset["tags"] if tag["origin"] == "person" and rules.tags(tag["name"])]
            looks = {tag["name"]: _look(tag) for tag in wanted}
            for tag in unit["tags"]:
                color, text = looks.get(tag["name"], ("", ""))
                shown = _look(tag)
                key = tag_key(tag["name"])
                # Of several that differ by case only, names do not tell which one is taken over; and none is
                # beside one of ours.
                taken_over = rules.overwrite and native[key] == 1 and key not in made
                if tag["origin"] not in ("managed", "native") or "/" in tag["name"]:
                    continue
                if key in earlier or (key in native and not taken_over):
                    continue
                if (unit["id"], key) in rules.kept_tags:
                    continue  # whoever put it on again may be another, with a look of its own
                if color not in ("", shown[0]) or text not in ("", shown[1]):
                    yield f"{unit['name']}: {tag['name']!r} looks like {shown}, there like {color}, {text}"


def _look(tag: Mapping[str, Any]) -> tuple[str, str]:
    color = tag["color"] or ""
    return _COLORS.get(color, color).lower(), _plain(tag["description"])


def _plain(text: str | None) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", text or "").split())
