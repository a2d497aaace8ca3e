"""The part of Elasticsearch's query language that Atlan's clients use, as closures (atlan-api.md §2.1).

A compiled query is a test, and where an index can serve it a *plan*: an upper bound of the number of
candidates and a way to list their ids. The caller takes the plan and filters its candidates by the test.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from qsync_pipeline.sandbox.atlan.errors import query_rejected
from qsync_pipeline.sandbox.atlan.fields import Field

Plan = tuple[int, Callable[[], Iterable[str]]]
Test = Callable[[Any], bool]


class Planner(Protocol):
    """What an index can answer without looking at each document."""

    def term(self, field: str, value: Any) -> Plan | None: ...

    def prefix(self, field: str, value: str) -> Plan | None: ...

    def exists(self, field: str) -> Plan | None: ...


class NoPlanner:
    """For collections without an index, such as the audit log."""

    def term(self, field: str, value: Any) -> Plan | None:
        return None

    def prefix(self, field: str, value: str) -> Plan | None:
        return None

    def exists(self, field: str) -> Plan | None:
        return None


@dataclass(frozen=True, slots=True)
class Compiled:
    test: Test
    plan: Plan | None = None


def union(plans: Iterable[Plan | None]) -> Plan | None:
    """The plan of an OR; null as soon as one side cannot be planned."""
    known: list[Plan] = []
    for plan in plans:
        if plan is None:
            return None
        known.append(plan)
    return sum(size for size, _ in known), lambda: dict.fromkeys(
        chain.from_iterable(get() for _, get in known)
    )


def _best(parts: Iterable[Compiled]) -> Plan | None:
    plans = [part.plan for part in parts if part.plan is not None]
    return min(plans, key=lambda plan: plan[0]) if plans else None


class Compiler:
    """Turns a ``query`` object into a :class:`Compiled`; ATLAS-400-00-503 for what it does not know."""

    def __init__(self, fields: Callable[[str], Field], planner: Planner) -> None:
        self._fields = fields
        self._planner = planner

    def compile(self, query: Any) -> Compiled:
        if not query:
            return Compiled(lambda doc: True)
        if not isinstance(query, Mapping) or len(query) != 1:
            raise query_rejected(f"[query] malformed, one clause expected: {str(query)[:200]}")
        kind, body = next(iter(query.items()))
        method = getattr(self, f"_{kind}", None)
        if method is None or kind not in _KINDS:
            raise query_rejected(f"unknown query [{kind}]")
        compiled: Compiled = method(body)
        return compiled

    def _match_all(self, body: Any) -> Compiled:
        return Compiled(lambda doc: True)

    def _match_none(self, body: Any) -> Compiled:
        return Compiled(lambda doc: False, (0, lambda: ()))

    def _one(self, kind: str, body: Any, key: str) -> tuple[Field, Any, Mapping[str, Any]]:
        """The field, value and options of a clause in its short or long form."""
        if not isinstance(body, Mapping):
            raise query_rejected(f"[{kind}] query malformed")
        entries = [(name, value) for name, value in body.items() if name not in ("boost", "_name")]
        if len(entries) != 1:
            raise query_rejected(f"[{kind}] query doesn't support multiple fields")
        name, value = entries[0]
        options: Mapping[str, Any] = {}
        if isinstance(value, Mapping):
            options = value
            value = value.get(key, value.get("value"))
        return self._fields(name), value, options

    def _term(self, body: Any) -> Compiled:
        field, value, options = self._one("term", body, "value")
        if isinstance(value, list):
            raise query_rejected("[term] query does not support arrays")
        if options.get("case_insensitive") and isinstance(value, str) and not field.folds:
            folded = value.lower()
            return Compiled(_any(field.read, lambda item: isinstance(item, str) and item.lower() == folded))
        value = _folded(field, value)
        plan = self._planner.term(field.name, value)
        return Compiled(_equal(field.read, value), plan)

    def _terms(self, body: Any) -> Compiled:
        field, values, _ = self._one("terms", body, "value")
        if not isinstance(values, list):
            raise query_rejected("[terms] query requires an array")
        wanted = {_folded(field, value) for value in values}
        plan = union(self._planner.term(field.name, value) for value in wanted)
        return Compiled(_any(field.read, wanted.__contains__), plan)

    def _prefix(self, body: Any) -> Compiled:
        field, value, options = self._one("prefix", body, "value")
        value = _folded(field, str(value))
        if options.get("case_insensitive") and not field.folds:
            folded = value.lower()
            return Compiled(_any(field.read, lambda item: str(item).lower().startswith(folded)))
        plan = self._planner.prefix(field.name, value)
        return Compiled(_any(field.read, lambda item: str(item).startswith(value)), plan)

    def _wildcard(self, body: Any) -> Compiled:
        field, value, options = self._one("wildcard", body, "value")
        value = str(value if value is not None else options.get("wildcard", ""))
        pattern = fnmatch.translate(value.replace("[", "[[]"))
        flags = re.IGNORECASE if field.folds or options.get("case_insensitive") else 0
        matcher = re.compile(pattern, flags)
        return Compiled(_any(field.read, lambda item: matcher.match(str(item)) is not None))

    def _regexp(self, body: Any) -> Compiled:
        field, value, options = self._one("regexp", body, "value")
        flags = re.IGNORECASE if field.folds or options.get("case_insensitive") else 0
        try:
            matcher = re.compile(str(value), flags)
        except re.error as error:
            raise query_rejected(f"[regexp] {error}") from error
        return Compiled(_any(field.read, lambda item: matcher.fullmatch(str(item)) is not None))

    def _exists(self, body: Any) -> Compiled:
        if not isinstance(body, Mapping) or "field" not in body:
            raise query_rejected("[exists] must be provided with a [field]")
        field = self._fields(str(body["field"]))
        read = field.read
        return Compiled(lambda doc: read(doc) not in (None, ()), self._planner.exists(field.name))

    def _range(self, body: Any) -> Compiled:
        if not isinstance(body, Mapping) or len(body) != 1:
            raise query_rejected("[range] query doesn't support multiple fields")
        name, bounds = next(iter(body.items()))
        field = self._fields(name)
        low, low_open = (bounds["gt"], True) if bounds.get("gt") is not None else (bounds.get("gte"), False)
        high, high_open = (bounds["lt"], True) if bounds.get("lt") is not None else (bounds.get("lte"), False)

        def inside(item: Any) -> bool:
            try:
                if low is not None and (item <= low if low_open else item < low):
                    return False
                return not (high is not None and (item >= high if high_open else item > high))
            except TypeError:
                return False

        return Compiled(_any(field.read, inside))

    def _match(self, body: Any) -> Compiled:
        field, value, options = self._one("match", body, "query")
        words = set(re.findall(r"\w+", str(value).lower()))
        if not field.folds:
            return self._term({field.name: value})
        every = str(options.get("operator", "or")).lower() == "and"

        def test(doc: Any) -> bool:
            found = field.read(doc)
            have = set(found) if isinstance(found, tuple) else {str(found).lower()}
            return words <= have if every else bool(words & have) or str(value).lower() in have

        return Compiled(test)

    def _match_phrase(self, body: Any) -> Compiled:
        field, value, _ = self._one("match_phrase", body, "query")
        phrase = re.findall(r"\w+", str(value).lower())

        def test(doc: Any) -> bool:
            found = field.read(doc)
            have = list(found) if isinstance(found, tuple) else re.findall(r"\w+", str(found).lower())
            return any(have[at : at + len(phrase)] == phrase for at in range(len(have) - len(phrase) + 1))

        return Compiled(test)

    def _bool(self, body: Any) -> Compiled:
        if not isinstance(body, Mapping):
            raise query_rejected("[bool] query malformed")
        required = [self.compile(part) for key in ("must", "filter") for part in _listed(body.get(key))]
        optional = [self.compile(part) for part in _listed(body.get("should"))]
        refused = [self.compile(part).test for part in _listed(body.get("must_not"))]
        least = body.get("minimum_should_match")
        least = (0 if required else 1) if least is None else int(least)
        least = least if optional else 0
        plan = _best(required)
        if least >= 1:
            either = union(part.plan for part in optional)
            plan = _best([*required, Compiled(lambda doc: True, either)])
        tests = [part.test for part in required]
        chosen = [part.test for part in optional]

        def test(doc: Any) -> bool:
            for each in tests:
                if not each(doc):
                    return False
            for each in refused:
                if each(doc):
                    return False
            if least == 1:
                return any(each(doc) for each in chosen)
            return least <= 0 or sum(each(doc) for each in chosen) >= least

        return Compiled(test, plan)

    def _constant_score(self, body: Any) -> Compiled:
        return self.compile(body.get("filter"))

    def _nested(self, body: Any) -> Compiled:
        return self.compile(body.get("query"))


_KINDS = frozenset(
    {"match_all", "match_none", "term", "terms", "prefix", "wildcard", "regexp", "exists", "range", "match",
     "match_phrase", "bool", "constant_score", "nested"}
)  # fmt: skip


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _folded(field: Field, value: Any) -> Any:
    return value.lower() if field.folds and isinstance(value, str) else value


def _equal(read: Callable[[Any], Any], value: Any) -> Test:
    def test(doc: Any) -> bool:
        found = read(doc)
        return value in found if isinstance(found, tuple) else found == value

    return test


def _any(read: Callable[[Any], Any], accept: Callable[[Any], bool]) -> Test:
    def test(doc: Any) -> bool:
        found = read(doc)
        if found is None:
            return False
        return any(accept(item) for item in found) if isinstance(found, tuple) else accept(found)

    return test
