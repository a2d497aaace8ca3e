"""Quality scores that hang together: dimensions from checks and anomalies, the total from the dimensions.

Null is "not measured" (qualytics-api.md §2.5): a dimension without a check of its kind, anything beside
completeness and coverage before the first scan, everything before the first profile. The vendor's factors are
unpublished, so the total is a weighted mean here.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline.sandbox.estate.checks import OPEN
from qsync_pipeline.sandbox.estate.model import Scores, TableSpec


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONFORMITY = _set(
    "matchesPattern minLength maxLength expectedSchema fieldCount isCreditCard containsEmail containsUrl "
    "containsSocialSecurityNumber"
)
_PRECISION = _set(
    "between minValue maxValue positive notNegative sum afterDateTime beforeDateTime notFuture "
    "greaterThanField"
)
_WEIGHTS = (1.5, 1.0, 1.2, 0.8, 1.0, 0.6, 0.6, 1.2)
_ROUNDINGS = (1, 1, 2, 3)


def total_of(scores: Scores, digits: int) -> float | None:
    """The weighted mean of the measured dimensions, rounded; null when none is measured."""
    weight = value = 0.0
    for name, share in zip(DIMENSIONS, _WEIGHTS, strict=True):
        measured = scores.get(name)
        if measured is not None:
            weight += share
            value += share * measured
    return round(value / weight, digits) if weight else None


def _scores(
    rng: random.Random, *, scanned: bool, rules: set[str], coverage: float, anomalies: Counter[str]
) -> Scores:
    digits = rng.choice(_ROUNDINGS)

    def decay(rule: str) -> float | None:
        """Timeliness and volumetrics: one anomaly brings it to 60 (qualytics-api.md §2.5)."""
        return 100.0 * math.exp(-0.511 * anomalies[rule]) if scanned and rule in rules else None

    def rows(kinds: frozenset[str]) -> float | None:
        if not scanned or not rules & kinds:
            return None
        bad = sum(anomalies[rule] for rule in kinds)
        return 100.0 if not bad else 100.0 - min(95.0, bad * rng.uniform(0.5, 12.0))

    dimensions: Scores = {
        "completeness": 100.0 if rng.random() < 0.25 else rng.uniform(72.0, 100.0),
        "coverage": coverage,
        "conformity": rows(_CONFORMITY),
        "consistency": rng.choice((100.0, rng.uniform(88.0, 100.0))) if scanned else None,
        "precision": rows(_PRECISION),
        "timeliness": decay("freshness"),
        "volumetrics": decay("volumetric"),
        "accuracy": rng.uniform(80.0, 100.0) if scanned and rng.random() < 0.9 else None,
    }
    rounded: Scores = {"total": None}
    for name, value in dimensions.items():
        rounded[name] = None if value is None else round(value, digits)
    rounded["total"] = total_of(rounded, digits)
    return rounded


def covered(checks: int) -> float:
    """Coverage that a number of checks gives: one gives 60 (qualytics-api.md §2.5)."""
    return 100.0 * (1.0 - math.exp(-0.916 * checks))


def score_table(table: TableSpec, rng: random.Random, pool: list[Scores] | None = None) -> None:
    """Score a table and its columns from its checks and anomalies; a table never profiled has none.

    With a ``pool``, columns take their scores from it, shared: the large estate has 600,000 of them.
    """
    if not (table.in_qualytics and table.profiled):
        return
    active = [check for check in table.checks if check.status == "Active"]
    naming: Counter[str] = Counter(name for check in active for name in check.fields)
    broken: Counter[str] = Counter()
    broken_of: dict[str, Counter[str]] = {}
    for anomaly in table.anomalies:
        if anomaly.status not in OPEN:
            continue
        for index in anomaly.checks:
            check = table.checks[index]
            broken[check.rule_type] += 1
            for name in check.fields:
                broken_of.setdefault(name, Counter())[check.rule_type] += 1
    rules = {check.rule_type for check in active}
    fields = [column for column in table.columns if column.in_qualytics]
    mean = sum(covered(naming[column.name]) for column in fields) / len(fields) if fields else 0.0
    table.scores = _scores(rng, scanned=table.scanned, rules=rules, coverage=mean, anomalies=broken)
    if pool is not None:
        size = len(pool)
        for column in fields:
            column.scores = pool[int(rng.random() * size)]
        return
    whole = rules & {"freshness", "volumetric"}  # a field takes these two from its container
    for column in fields:
        own = {check.rule_type for check in active if column.name in check.fields}
        counts = Counter(broken_of.get(column.name, ())) + Counter({rule: broken[rule] for rule in whole})
        coverage = covered(naming[column.name])
        column.scores = _scores(
            rng, scanned=table.scanned, rules=own | whole, coverage=coverage, anomalies=counts
        )


def pool_of(rng: random.Random, size: int, *, scanned: bool) -> list[Scores]:
    """Column scores to share out, for an estate that cannot afford one dict per column."""
    kinds = sorted(_CONFORMITY | _PRECISION | {"freshness", "volumetric"})
    return [
        _scores(
            rng,
            scanned=scanned,
            rules=set(rng.sample(kinds, rng.randint(0, 4))),
            coverage=covered(rng.choice((0, 0, 1, 1, 2, 3))),
            anomalies=Counter(rng.sample(kinds, rng.choice((0, 0, 1, 3)))),
        )
        for _ in range(size)
    ]


def score_datastore(tables: Iterable[TableSpec]) -> Scores | None:
    """A datastore's scores: means over its scanned containers; no scan, no score (qualytics-api.md §2.5)."""
    scanned = [t.scores for t in tables if t.in_qualytics and t.scanned and t.scores]
    if not scanned:
        return None
    result: Scores = {}
    for name in ("total", *DIMENSIONS):
        measured = [value for scores in scanned if (value := scores[name]) is not None]
        result[name] = round(sum(measured) / len(measured), 2) if measured else None
    return result
