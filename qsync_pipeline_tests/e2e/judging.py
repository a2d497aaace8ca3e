"""What both sides show, held against what the reference says they should."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from qsync_pipeline_tests.e2e.reference import Reference, Shown, one_line
from qsync_pipeline_tests.e2e.rules import Rules
from qsync_pipeline_tests.e2e.trees import Entry, level_of, tag_key

_SHOWN_OF_A_ROW = ("rule", "object", "status", "value", "description")


def problems(catalog: Sequence[Entry], qualytics: Sequence[Entry], rules: Rules) -> list[str]:
    """Everything that is not as it should be, one line each."""
    return problems_of_all([(catalog, rules)], qualytics)


def problems_of_all(
    catalogs: Sequence[tuple[Sequence[Entry], Rules]], qualytics: Sequence[Entry]
) -> list[str]:
    """The same for several catalogs on one Qualytics: its tags are the union of theirs."""
    references = [Reference(catalog, qualytics, rules) for catalog, rules in catalogs]
    found = [line for one in references for line in _in_the_catalog(one)]
    return found + list(_in_qualytics(references, qualytics))


def out_of_scope(catalog: Sequence[Entry], rules: Rules) -> list[Entry]:
    """What of a catalog is out of sight or outside the domains: both sides of it stay as they are."""
    return Reference(catalog, (), rules).out_of_scope()


# In a catalog.


def _in_the_catalog(reference: Reference) -> Iterator[str]:
    if not reference.pairs:
        yield "nothing matches by name: the reference has nothing to judge"
    for asset, should in reference.assets():
        yield from _attributes(asset, should)
        yield from _alert(asset, should.alert, kept=asset["id"] in reference.rules.kept_alerts)
        yield from _health(asset, should)


def _attributes(asset: Entry, should: Shown) -> Iterator[str]:
    shown = asset["attributes"]
    for name, value in should.attributes.items():
        if value is None and name in shown:
            yield f"{asset['name']}: {name} is {shown[name]!r}, and should not be there"
        elif value is not None and shown.get(name) != value:
            yield f"{asset['name']}: {name} is {shown.get(name)!r}, should be {value!r}"


def _alert(asset: Entry, count: int, *, kept: bool) -> Iterator[str]:
    alert = asset["alert"]
    if alert is not None and alert["by"] == "person":
        return
    said = f"{alert['title']} {alert['text']}" if alert else ""
    if count and alert is None and not kept:
        yield f"{asset['name']}: no alert, with {count} anomalies"
    elif alert is not None and not count:
        yield f"{asset['name']}: an alert, and none is called for"
    elif alert is not None and not re.search(rf"\b{count} active anomal", said):
        yield f"{asset['name']}: the alert says {said!r}, with {count} anomalies"


def _health(asset: Entry, should: Shown) -> Iterator[str]:
    if should.health is None:
        return
    shown = Counter(tuple(one_line(str(row[word])) for word in _SHOWN_OF_A_ROW) for row in asset["health"])
    for row in (should.health - shown).elements():
        yield f"{asset['name']}: health row {row!r} is missing"
    for row in (shown - should.health).elements():
        yield f"{asset['name']}: health row {row!r} is there, and no check says so"


# In Qualytics.


@dataclass
class _Wanted:
    """Tags that the catalogs want on one object, by key, and the keys of those that have to be there."""

    tags: dict[str, str] = field(default_factory=dict)
    due: set[str] = field(default_factory=set)


def _in_qualytics(references: Sequence[Reference], qualytics: Sequence[Entry]) -> Iterator[str]:
    """Tags: those that any catalog puts there, and none of ours beside them."""
    rules = references[0].rules  # what it says of Qualytics holds for all catalogs
    if not rules.pull:
        return
    native = {tag_key(name) for name in rules.native}
    wanted: dict[int, _Wanted] = {}
    for one in references:
        for level, asset, unit in one.pairs:
            here, tags = wanted.setdefault(id(unit), _Wanted()), one.tags(level, asset)
            here.tags |= {key: name for key, name in tags.items() if key not in here.tags}
            keys = set(tags) if one.rules.overwrite else set(tags) - native
            here.due |= {key for key in keys if (unit["id"], key) not in one.rules.kept_tags}
    for unit in qualytics:
        # Where one catalog cannot tell what belongs to a unit, its share of the tags there is unknown.
        waits = any(one.waits_on(unit) for one in references)
        if id(unit) in wanted:
            yield from _missing(unit, wanted[id(unit)], rules, native)
        else:
            waits |= rules.frozen or any(
                one.rules.left_out(level_of(unit), unit["name"]) for one in references
            )
        if not waits:
            above = references[0].qualytics.chain(unit)[1:]
            yield from _left(unit, wanted.get(id(unit), _Wanted()), rules, native)
            yield from _copies(unit, above, wanted, rules, native)


def _missing(unit: Entry, wanted: _Wanted, rules: Rules, native: Set[str]) -> Iterator[str]:
    there = {tag_key(tag["name"]): tag["origin"] for tag in unit["tags"]}
    allowed = ("external" if rules.external else "managed", "propagated")
    for key, name in wanted.tags.items():
        if key not in there and key in wanted.due:
            yield f"{unit['name']}: tag {name!r} is missing"
        elif key in there and key not in native and there[key] not in allowed:
            yield f"{unit['name']}: tag {name!r} is {there[key]}"


def _left(unit: Entry, wanted: _Wanted, rules: Rules, native: Set[str]) -> Iterator[str]:
    for tag in unit["tags"]:
        key = tag_key(tag["name"])
        ours = tag["origin"] in ("managed", "external") and key not in wanted.tags
        if ours and (unit["id"], key) not in rules.theirs:
            yield f"{unit['name']}: tag {tag['name']!r} is there, and no catalog puts it there"


def _copies(
    unit: Entry, above: Sequence[Entry], wanted: Mapping[int, _Wanted], rules: Rules, native: Set[str]
) -> Iterator[str]:
    """Where taking a tag off leaves its copies: those of a person's tag are nobody's business."""
    # An origin has the tag as its own, or is where a catalog wants it, though a person may have taken it off.
    origins = {tag_key(tag["name"]) for one in above for tag in one["tags"] if tag["origin"] != "propagated"}
    for one in (unit, *above):
        origins |= set(wanted.get(id(one), _Wanted()).tags)
    for tag in unit["tags"]:
        key = tag_key(tag["name"])
        theirs = key in native or (unit["id"], key) in rules.theirs
        if tag["origin"] == "propagated" and key not in origins and not theirs:
            yield f"{unit['name']}: tag {tag['name']!r} is a copy of nothing"
