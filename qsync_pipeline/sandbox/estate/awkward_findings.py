"""Awkward cases of content: statuses, banners, tags. Planted after checks, anomalies and tags were drawn.

Anomalies come before scores are worked out, so that scores agree with them.
"""

from __future__ import annotations

from dataclasses import replace

from qsync_pipeline.sandbox.estate import vocabulary
from qsync_pipeline.sandbox.estate.awkward_shapes import BLUE, GREEN
from qsync_pipeline.sandbox.estate.checks import (
    CLOSED,
    OPEN,
    SHAPE_RULES,
    add_anomaly,
    candidates,
    open_anomalies,
)
from qsync_pipeline.sandbox.estate.model import CheckSpec, CheckStatus, Estate, Scores, TableSpec, TagUse
from qsync_pipeline.sandbox.estate.places import Picker, both_sides, settled
from qsync_pipeline.sandbox.estate.scores import total_of
from qsync_pipeline.sandbox.estate.tagging import add, use


def _scanned(table: TableSpec) -> bool:
    return both_sides(table) and table.scanned


def _column_checks(table: TableSpec) -> list[CheckSpec]:
    return [check for column in table.columns if column.in_qualytics for check in candidates(column)]


def _statuses(picker: Picker) -> None:
    """Checks of all statuses, passing and never asserted; anomalies of all statuses and both types."""
    rng = picker.rng
    kinds: tuple[tuple[CheckStatus, bool | None], ...] = (
        ("Active", True),
        ("Active", None),
        ("Draft", None),
        ("Invalid", False),
        ("Discarded", True),
    )
    for status, passing in kinds:
        table = rng.choice([t for place in picker.places for t in place.tables if _scanned(t)])
        check = rng.choice(_column_checks(table))
        table.checks.append(replace(check, status=status, is_passing=passing, inferred=False))
    for outcome in OPEN + CLOSED:
        table = rng.choice([t for place in picker.places for t in place.tables if settled(t)])
        asserted = [
            i for i, c in enumerate(table.checks) if c.status == "Active" and c.is_passing is not None
        ]
        if not asserted:
            table.checks.append(replace(rng.choice(_column_checks(table))))
            asserted = [len(table.checks) - 1]
        add_anomaly(table, outcome, rng, rng.choice(asserted))
    table = rng.choice([t for place in picker.places for t in place.tables if _scanned(t)])
    table.checks.append(CheckSpec("volumetric", "The daily row count stays within its usual range"))
    add_anomaly(table, "Active", rng, len(table.checks) - 1)
    table = rng.choice([t for place in picker.places for t in place.tables if settled(t)])
    table.checks.append(replace(next(c for c in _column_checks(table) if c.rule_type not in SHAPE_RULES)))
    add_anomaly(table, "Active", rng, len(table.checks) - 1)


def _close_all(table: TableSpec) -> None:
    """A table without open anomalies: people have dealt with them, and the checks pass again."""
    table.anomalies = [a for a in table.anomalies if a.status not in OPEN]
    for check in table.checks:
        if check.status == "Active" and check.is_passing is False:
            check.is_passing = True


def _banners(picker: Picker) -> None:
    """A person's banner on a table that has open anomalies, and one on a table that has none."""
    table = picker.pick(lambda t: settled(t) and open_anomalies(t) > 0)[1]
    table.banner = "Load is late today, see the incident channel"
    table = picker.pick(lambda t: settled(t) and t.banner is None)[1]
    _close_all(table)
    table.banner = "Moves to the new warehouse next month"


def _swapped(picker: Picker) -> None:
    """The blue-green pair differs in checks and anomalies, and so in scores."""
    blue, green = (
        next(t for place in picker.places for t in place.tables if t.name == name) for name in (BLUE, GREEN)
    )
    _close_all(green)
    blue.checks.append(replace(_column_checks(blue)[0], inferred=False))
    add_anomaly(blue, "Active", picker.rng, len(blue.checks) - 1)
    blue.tags = add((), use("Finance/Tier 1"), use("GDPR"))
    green.tags = add((), use("Legacy"))


def findings(picker: Picker) -> None:
    """Plant checks, anomalies and banners. Afterwards scores may be worked out."""
    _swapped(picker)
    _statuses(picker)
    green = next(t for place in picker.places for t in place.tables if t.name == GREEN)
    _close_all(green)
    picker.taken.add(id(green))
    _banners(picker)


def many_checks(picker: Picker, at_least: int) -> None:
    """One container with more checks, and more open anomalies, than fit on a page (qualytics-api.md §1.5)."""

    def wide(table: TableSpec) -> bool:
        return _scanned(table) and len(_column_checks(table)) >= at_least and table.banner is None

    table = picker.pick(wide)[1]
    known = {(check.rule_type, check.fields) for check in table.checks}
    table.checks += [c for c in _column_checks(table) if (c.rule_type, c.fields) not in known]
    while open_anomalies(table) < at_least:
        add_anomaly(table, "Active", picker.rng)


def null_dimensions(picker: Picker) -> None:
    """A scanned table that lacks some dimensions, whatever its checks; the total follows."""
    table = picker.pick(lambda t: _scanned(t) and t.scores is not None)[1]
    scores: Scores = dict(table.scores or {})
    for name in ("timeliness", "volumetrics", "accuracy"):
        scores[name] = None
    scores["total"] = total_of(scores, 1)
    table.scores = scores


def _any(picker: Picker) -> TableSpec:
    tables = [
        t for place in picker.places for t in place.tables if both_sides(t) and t.name not in (BLUE, GREEN)
    ]
    return picker.rng.choice(tables)


def _untouched(table: TableSpec) -> bool:
    return both_sides(table) and not any(each.propagated for each in table.tags)


def _propagated(picker: Picker, times: int) -> None:
    """Tags that came over lineage: from a table to another of its schema, on the table and on a column."""
    rng = picker.rng
    free = [[t for t in place.tables if _untouched(t)] for place in picker.places]
    for _ in range(times):
        tables = rng.choice([each for each in free if len(each) > 1])
        origin, target = rng.sample(tables, 2)
        tables.remove(origin)
        tables.remove(target)
        name = rng.choice(("PII", "Customer Data", "Critical Element"))
        origin.tags = add(origin.tags, use(name))
        came = TagUse(
            name, propagated=True, by=rng.choice(("ada.lovelace", "grace.hopper")), origin=origin.name
        )
        target.tags = (*(each for each in target.tags if each.name != name), came)
        column = rng.choice([c for c in target.columns if c.in_catalog and c.in_qualytics])
        column.tags = (*(each for each in column.tags if each.name != name), came)


def _with(names: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *more)))


def _namesakes(picker: Picker) -> None:
    """Catalog tags with native namesakes, on tables and columns; on one table both are there."""
    for name, native in (
        (vocabulary.SAME_NAME, vocabulary.SAME_NAME),
        (vocabulary.CASE_NAME, vocabulary.CASE_NAME.lower()),
    ):
        table = _any(picker)
        table.tags = add(table.tags, use(name))
        table.native_tags = _with(table.native_tags, native)
        table = _any(picker)
        table.tags = add(table.tags, use(name))
        column = next(c for c in _any(picker).columns if c.in_catalog and c.in_qualytics)
        column.tags = add(column.tags, use(name))
    table = _any(picker)
    table.native_tags = _with(table.native_tags, "High Priority", vocabulary.SAME_NAME)
    next(c for c in _any(picker).columns if c.in_catalog and c.in_qualytics).native_tags = ("Customer",)
    picker.rng.choice(picker.places).datastore.native_tags = ("Nightly",)


def _odd_tags(picker: Picker) -> None:
    """Every tag with an odd name is used; a source tag comes with a value."""
    for name in vocabulary.ODD_TAGS:
        table = _any(picker)
        table.tags = add(table.tags, use(name))
    places = [p for p in picker.places if p.connection.connector == "snowflake"]
    tables = [t for p in places for t in p.tables if both_sides(t)]
    first, second = picker.rng.sample(tables, 2)
    for table, value in ((first, "HIGH"), (second, "LOW")):
        column = picker.rng.choice([c for c in table.columns if c.in_catalog and c.in_qualytics])
        column.tags = add(column.tags, use(vocabulary.SOURCE_TAG, value=value))


def _foreign_values(picker: Picker, estate: Estate, times: int) -> None:
    """Values of other tools' custom metadata on a few tables."""
    rng = picker.rng
    makers = {
        "Soda": lambda: {
            "Soda Health": round(rng.uniform(50, 100), 1),
            "Failed Checks": rng.randint(0, 9),
            "Monitored": rng.random() < 0.5,
            "Scan URL": "https://soda.example.com/scans/" + str(rng.randint(1, 999)),
        },
        "Qualytics Quality": lambda: {
            "Qualytics Quality Score": round(rng.uniform(50, 100), 1),
            "Qualytics Anomaly Count": rng.randint(0, 9),
            "Qualytics Check Count": rng.randint(1, 40),
            "Qualytics URL": "https://acme.qualytics.example.com/tables/" + str(rng.randint(1, 999)),
        },
    }
    for each in estate.foreign_sets:
        for _ in range(times):
            _any(picker).foreign_values[each.name] = makers[each.name]()


def tags(picker: Picker, estate: Estate, *, times: int) -> None:
    """Plant the cases of tags and of custom metadata."""
    _namesakes(picker)
    _odd_tags(picker)
    _propagated(picker, times)
    _foreign_values(picker, estate, times + 1)
