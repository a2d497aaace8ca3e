"""What Qualytics found: checks that fit a column's type and anomalies that refer to them.

Rules and the fields they take: qualytics-api.md §2.6. An open anomaly refers to Active checks only, and an
Active check fails exactly while it has open anomalies; a container that was never scanned has neither.
"""

from __future__ import annotations

import random
from itertools import pairwise

from qsync_pipeline.sandbox.estate.columns import words
from qsync_pipeline.sandbox.estate.model import (
    AnomalySpec,
    AnomalyStatus,
    CheckSpec,
    CheckStatus,
    ColumnSpec,
    TableSpec,
)

OPEN: tuple[AnomalyStatus, ...] = ("Active", "Acknowledged")
CLOSED: tuple[AnomalyStatus, ...] = ("Resolved", "Duplicate", "Invalid", "Discarded")
_STATUSES: tuple[CheckStatus, ...] = ("Active", "Draft", "Invalid", "Discarded")

TABLE_RULES = {
    "volumetric": "The daily row count stays within its usual range",
    "freshness": "New rows arrive at least once a day",
    "expectedSchema": "All agreed columns are there",
    "fieldCount": "The number of columns does not change",
}
"""Rules of a whole container: no fields (qualytics-api.md §2.6)."""

SHAPE_RULES = frozenset({*TABLE_RULES, "distinctCount", "sum"})
"""Rules that judge a data set as a whole, so that their anomalies are of type shape."""

_BY_TYPE: dict[str, tuple[tuple[str, str], ...]] = {
    "Integral": (
        ("between", "{} lies between 1 and 1,000,000"),
        ("notNegative", "{} is never negative"),
        ("maxValue", "{} is at most 10,000,000"),
        ("distinctCount", "{} has the usual number of distinct values"),
    ),
    "Fractional": (
        ("between", "{} lies between 0 and 250,000"),
        ("positive", "{} is greater than zero"),
        ("minValue", "{} is at least 0"),
        ("sum", "The sum of {} stays within its usual range"),
    ),
    "String": (
        ("maxLength", "{} has at most 255 characters"),
        ("minLength", "{} has at least 2 characters"),
        ("notEmpty", "{} is never empty"),
        ("expectedValues", "{} holds only values of the agreed list"),
        ("matchesPattern", "{} keeps to the agreed pattern"),
    ),
    "Date": (
        ("afterDateTime", "{} is after 1 January 1990"),
        ("notFuture", "{} does not lie in the future"),
    ),
    "Timestamp": (
        ("afterDateTime", "{} is after 1 January 2000"),
        ("beforeDateTime", "{} is before 1 January 2100"),
        ("notFuture", "{} does not lie in the future"),
    ),
    "Boolean": (("expectedValues", "{} is either true or false"),),
    "Unknown": (),
}
_BY_WORD: dict[str, tuple[str, str]] = {
    "id": ("unique", "No two rows share a {}"),
    "sk": ("unique", "No two rows share a {}"),
    "email": ("containsEmail", "{} is a well-formed e-mail address"),
    "card": ("isCreditCard", "{} is a valid card number"),
    "ssn": ("containsSocialSecurityNumber", "{} is a social security number"),
    "url": ("containsUrl", "{} is a well-formed URL"),
    "phone": ("matchesPattern", "{} looks like a telephone number"),
    "zip": ("matchesPattern", "{} is a valid postal code"),
    "status": ("expectedValues", "{} is one of the known states"),
}


def candidates(column: ColumnSpec) -> list[CheckSpec]:
    """Every check that makes sense on one column, the likeliest first."""
    rules = [("notNull", "{} is always filled")]
    rules += [rule for word in words(column.name) if (rule := _BY_WORD.get(word))]
    rules += _BY_TYPE[column.type]
    unique_rules = dict(rules)
    return [CheckSpec(rule, text.format(column.name), (column.name,)) for rule, text in unique_rules.items()]


def _pairs(columns: list[ColumnSpec]) -> list[CheckSpec]:
    """Checks over two columns at once."""
    found = []
    for first, second in pairwise(columns):
        if first.type == second.type and first.type in ("Date", "Timestamp"):
            text = f"{second.name} is not before {first.name}"
            found.append(CheckSpec("greaterThanField", text, (second.name, first.name)))
        elif first.type == second.type == "String":
            text = f"{first.name} or {second.name} is filled"
            found.append(CheckSpec("anyNotNull", text, (first.name, second.name)))
    return found


def make_checks(table: TableSpec, rng: random.Random) -> list[CheckSpec]:
    """A realistic handful of checks; a container that nobody profiled has one or two that people wrote."""
    fields = [column for column in table.columns if column.in_qualytics]
    if not fields:
        return []
    picked: list[CheckSpec] = []
    for column in rng.sample(
        fields, min(len(fields), rng.randint(2, 6) if table.profiled else rng.randint(0, 2))
    ):
        possible = candidates(column)
        picked += rng.sample(possible, min(len(possible), rng.choice((1, 1, 2))))
    if table.profiled:
        pairs = _pairs(fields)
        if pairs and rng.random() < 0.4:
            picked.append(rng.choice(pairs))
        picked += [CheckSpec(rule, text) for rule, text in TABLE_RULES.items() if rng.random() < 0.3]
    for check in picked:
        check.inferred = table.profiled and rng.random() < 0.7
        check.status = rng.choices(_STATUSES, (85, 7, 4, 4))[0]
        if not table.scanned or check.status == "Draft" or rng.random() < 0.06:
            check.is_passing = None
        elif check.status != "Active":
            check.is_passing = rng.random() < 0.5
    return picked


def add_anomaly(
    table: TableSpec, status: AnomalyStatus, rng: random.Random, check: int | None = None
) -> None:
    """Raise one anomaly on a scanned container, on ``check`` or on one that its status allows.

    Does nothing where no check qualifies: open anomalies need an Active one.
    """
    able = [
        i
        for i, c in enumerate(table.checks)
        if c.status == "Active" or (status in CLOSED and c.status != "Draft")
    ]
    if not able:
        return
    index = check if check is not None else rng.choice(able)
    failed = table.checks[index]
    whole = failed.rule_type in SHAPE_RULES
    indexes = [index]
    if not whole and rng.random() < 0.15:
        indexes += [i for i in able if i != index and table.checks[i].rule_type not in SHAPE_RULES][:1]
    text = (
        failed.description[0].lower() + failed.description[1:] if failed.fields == () else failed.description
    )
    rows = rng.randint(1, 4000)
    message = (
        f"The data set breaks a rule: {text}"
        if whole
        else f"{rows} row{'s' * (rows > 1)} break a rule: {text}"
    )
    table.anomalies.append(AnomalySpec("shape" if whole else "record", message, tuple(indexes), status))
    if status in OPEN:
        for i in indexes:
            table.checks[i].is_passing = False


def make_anomalies(table: TableSpec, rng: random.Random) -> None:
    """Mostly none to two open anomalies, now and then many, and some that were archived."""
    if not table.scanned:
        return
    draw = rng.random()
    if draw < 0.55:
        count = 0
    elif draw < 0.89:
        count = 1 + (draw > 0.78)
    else:
        count = rng.randint(3, 6) if draw < 0.985 else rng.randint(12, 30)
    for _ in range(count):
        add_anomaly(table, "Acknowledged" if rng.random() < 0.2 else "Active", rng)
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 3)):
            add_anomaly(table, rng.choice(CLOSED), rng)


def inspect(table: TableSpec, rng: random.Random) -> None:
    """Fill in checks and anomalies as the table's ``profiled`` and ``scanned`` allow."""
    table.checks = make_checks(table, rng) if table.in_qualytics else []
    table.anomalies = []
    make_anomalies(table, rng)


def open_anomalies(table: TableSpec) -> int:
    """How many anomalies of the table are Active or Acknowledged."""
    return sum(anomaly.status in OPEN for anomaly in table.anomalies)
