"""Fault rules: what goes wrong on which requests. From ``POST /faults`` and ``qsync sandbox --faults FILE``.

The document, the same in both places::

    {"rules": [{
      "system": "atlan",                   # a system's name; default "*", all of them
      "route":  "/api/meta/entity/bulk",   # glob over the template that GET /requests shows, or over the
                                           # path; names in braces do not matter; default "*"
      "method": "POST",                    # one method or a list of them; default "*"
      "holding": "guid-7",                 # only requests whose body holds this text; default null, any
      "share":  0.1,                       # 0..1 of the matching requests, by a seeded draw; default 1
      "skip":   2,                         # let the first so many matching requests pass; default 0
      "count":  3,                         # fire at most so often; default null, without end
      "phase":  "before",                  # "before": the system never sees the request, nothing is written;
                                           # "after": it is carried out, then its answer is lost or changed
      "kind":   "status"                   # see below; default "status"
    }]}

===========  =====================================================  ===============================  =========
kind         what the client sees                                   fields of its own                phase
===========  =====================================================  ===============================  =========
status       an error status; with ``echo`` it repeats, in body     status (503), headers, body,     either
             and headers, the credentials that it was asked with    echo (false)
html         a page of HTML where JSON was promised                 status (200), headers, body,     either
                                                                    echo (false)
reset        the connection is reset, no answer                     none                             either
timeout      no answer for so many real seconds, then a reset       seconds (30)                     either
delay        the right answer, so many real seconds late            seconds (required)               either
truncate     JSON that stops in the middle; with ``close`` the      keep (0.5, share of the bytes),  after
             connection is closed before the promised length        close (false)
drop_key     a JSON object without ``key``; null drops every key    key (null), each (false)         after
             that holds a list: the envelope. With ``each`` every
             row of its list loses the key instead
lose         a list that lacks one of its rows: a page shifted      none                             after
             while it was read
repeat       a list that has one of its rows twice, likewise        none                             after
lose_page    the rows of the page after the one asked for: as many  rows (null: a page)              after
             went from before it; nothing on a list's first page
repeat_page  the rows of the page before once more: as many came    rows (null: a page)              after
             before it; nothing on a list's first page
trickle      the right answer in drops, for so many real seconds    seconds (required)               after
===========  =====================================================  ===============================  =========

The phase is ``before`` unless the kind has only the other. The first rule that fires wins; the others do
not see that request. ``headers`` is an object of texts (``{"Retry-After": "7"}``); ``body`` is any JSON, or a
text. A rule without ``rules`` around it, and a bare list of rules, are read too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal, cast, get_args

from qsync_pipeline.sandbox.kernel import ControlError

Kind = Literal[
    "status",
    "html",
    "reset",
    "timeout",
    "delay",
    "truncate",
    "drop_key",
    "lose",
    "repeat",
    "lose_page",
    "repeat_page",
    "trickle",
]
Phase = Literal["before", "after"]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_COMMON = ("system", "route", "method", "holding", "share", "skip", "count", "phase", "kind")
_OWN: Mapping[Kind, tuple[str, ...]] = {
    "status": ("status", "headers", "body", "echo"),
    "html": ("status", "headers", "body", "echo"),
    "reset": (),
    "timeout": ("seconds",),
    "delay": ("seconds",),
    "truncate": ("keep", "close"),
    "drop_key": ("key", "each"),
    "lose": (),
    "repeat": (),
    "lose_page": ("rows",),
    "repeat_page": ("rows",),
    "trickle": ("seconds",),
}
_AFTER_ONLY: frozenset[Kind] = frozenset(
    {"truncate", "drop_key", "lose", "repeat", "lose_page", "repeat_page", "trickle"}
)
_BRACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One rule; the module's docstring says what the fields mean."""

    kind: Kind = "status"
    system: str = "*"
    route: str = "*"
    methods: frozenset[str] = frozenset()
    """Empty: every method."""
    holding: str | None = None
    share: float = 1.0
    skip: int = 0
    count: int | None = None
    phase: Phase = "before"
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 0.0
    keep: float = 0.5
    close: bool = False
    key: str | None = None
    each: bool = False
    echo: bool = False
    rows: int | None = None

    def matches(self, system: str, method: str, template: str, path: str, body: bytes = b"") -> bool:
        if self.system not in ("*", system) or (self.methods and method not in self.methods):
            return False
        if self.holding is not None and self.holding.encode() not in body:
            return False
        if self.route == "*" or fnmatchcase(path, self.route):
            return True
        return fnmatchcase(_BRACES.sub("{}", template), _BRACES.sub("{}", self.route))

    def as_dict(self) -> dict[str, Any]:
        """As in the document, with the defaults spelled out and only the fields that the kind has."""
        values = asdict(self)
        values["method"] = sorted(self.methods) or "*"
        return {name: values[name] for name in (*_COMMON, *_OWN[self.kind])}


class _Armed:
    """A rule in force: how many requests it met, how often it fired, and its own seeded draw."""

    def __init__(self, rule: FaultRule, seed: str) -> None:
        self.rule = rule
        self.met = 0
        self.fired = 0
        self._random = Random(seed)

    def fires(self) -> bool:
        """Count one matching request in and say whether the fault strikes it."""
        self.met += 1
        if self.met <= self.rule.skip or (self.rule.count is not None and self.fired >= self.rule.count):
            return False
        if self._random.random() >= self.rule.share:
            return False
        self.fired += 1
        return True


class FaultBook:
    """The rules in force on a server. Used on its event loop only."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._made = 0
        self._armed: list[_Armed] = []

    def add(self, rules: Sequence[FaultRule]) -> None:
        for rule in rules:
            self._armed.append(_Armed(rule, f"{self._seed}/{self._made}"))
            self._made += 1

    def clear(self) -> None:
        """Drop all rules; the draws of the next ones start anew, so that a test can be repeated."""
        self._armed.clear()
        self._made = 0

    def idle(self) -> bool:
        return not self._armed

    def looks_inside(self) -> bool:
        """Whether any rule asks for what a request's body holds."""
        return any(armed.rule.holding is not None for armed in self._armed)

    def pick(self, system: str, method: str, template: str, path: str, body: bytes = b"") -> FaultRule | None:
        """The rule that strikes this request, if any."""
        for armed in self._armed:
            if armed.rule.matches(system, method, template, path, body) and armed.fires():
                return armed.rule
        return None

    def spare(self, rule: FaultRule) -> None:
        """The rule that was picked last had nothing to strike: that does not count."""
        for armed in self._armed:
            if armed.rule is rule:
                armed.fired -= 1

    def as_list(self) -> list[dict[str, Any]]:
        """The rules in the order they are tried, each with ``met`` and ``fired`` (requests so far)."""
        return [{**armed.rule.as_dict(), "met": armed.met, "fired": armed.fired} for armed in self._armed]


def parse_rules(document: object, systems: Collection[str]) -> list[FaultRule]:
    """Rules from a document, from a bare list of rules, or from one rule.

    Raises :class:`ControlError` naming the field, what was found, and what is allowed.
    """
    if isinstance(document, Mapping) and "rules" in document:
        extra = sorted(set(document) - {"rules"})
        if extra:
            raise ControlError(f"{extra[0]}: unknown field; allowed beside it: rules")
        document = document["rules"]
    elif isinstance(document, Mapping):
        document = [document]
    if not isinstance(document, list):
        raise ControlError(f"rules: {document!r} is not a list of rules")
    return [_Reader(item, f"rules[{index}]", systems).rule() for index, item in enumerate(document)]


class _Reader:
    """Reads one rule, field by field."""

    def __init__(self, item: object, where: str, systems: Collection[str]) -> None:
        if not isinstance(item, Mapping):
            raise ControlError(f"{where}: {item!r} is not an object")
        self._item = item
        self._where = where
        self._systems = systems

    def rule(self) -> FaultRule:
        kind = cast(Kind, self._one_of("kind", get_args(Kind), "status"))
        known = (*_COMMON, *_OWN[kind])
        for name in self._item:
            if name not in known:
                raise self._wrong(name, f"unknown field; a rule of kind {kind} has: {', '.join(known)}")
        phase = cast(
            Phase, self._one_of("phase", get_args(Phase), "after" if kind in _AFTER_ONLY else "before")
        )
        if kind in _AFTER_ONLY and phase == "before":
            raise self._wrong("phase", f"{kind} changes the system's own answer; allowed: after")
        status = int(self._number("status", 200 if kind == "html" else 503, 200, 599, whole=True))
        if kind in ("delay", "trickle") and "seconds" not in self._item:
            raise self._wrong("seconds", f"missing; a rule of kind {kind} needs a number of seconds")
        return FaultRule(
            kind=kind,
            system=self._one_of("system", ("*", *self._systems), "*"),
            route=self._text("route", "*"),
            methods=self._methods(),
            holding=None if self._item.get("holding") is None else self._text("holding", ""),
            share=self._number("share", 1.0, 0, 1),
            skip=int(self._number("skip", 0, 0, None, whole=True)),
            count=self._limit("count", 0),
            phase=phase,
            status=status,
            headers=self._headers(),
            body=self._item.get("body"),
            seconds=self._number("seconds", 30.0 if kind == "timeout" else 0.0, 0, 3600),
            keep=self._number("keep", 0.5, 0, 1),
            close=self._flag("close"),
            echo=self._flag("echo"),
            key=None if self._item.get("key") is None else self._text("key", ""),
            each=self._flag("each"),
            rows=self._limit("rows", 1),
        )

    def _wrong(self, name: object, why: str) -> ControlError:
        return ControlError(f"{self._where}.{name}: {why}")

    def _one_of(self, name: str, allowed: Sequence[str], default: str) -> str:
        value = self._item.get(name, default)
        if value not in allowed:
            raise self._wrong(name, f"{value!r} is not allowed; allowed: {', '.join(allowed)}")
        return cast(str, value)

    def _text(self, name: str, default: str) -> str:
        value = self._item.get(name, default)
        if not isinstance(value, str) or (not value and default):
            raise self._wrong(name, f"{value!r} is not a text")
        return value

    def _flag(self, name: str) -> bool:
        value = self._item.get(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, f"{value!r} is not allowed; allowed: true, false")
        return value

    def _number(
        self, name: str, default: float, least: float, most: float | None, *, whole: bool = False
    ) -> float:
        value = self._item.get(name, default)
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not number or not least <= value or (most is not None and value > most):
            limits = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise self._wrong(name, f"{value!r} is not a {'whole ' if whole else ''}number {limits}")
        return cast(float, value)

    def _limit(self, name: str, least: int) -> int | None:
        if self._item.get(name) is None:
            return None
        return int(self._number(name, 0, least, None, whole=True))

    def _methods(self) -> frozenset[str]:
        value = self._item.get("method", "*")
        names = [value] if isinstance(value, str) else value
        if names == ["*"]:
            return frozenset()
        if not isinstance(names, list) or not names or any(name not in METHODS for name in names):
            allowed = ", ".join(METHODS)
            raise self._wrong("method", f"{value!r} is not allowed; allowed: *, {allowed}, or a list")
        return frozenset(names)

    def _headers(self) -> Mapping[str, str]:
        value = self._item.get("headers", {})
        if not isinstance(value, Mapping) or any(
            not isinstance(text, str) or not text.isascii() or "\n" in text or "\r" in text
            for pair in value.items()
            for text in pair
        ):
            raise self._wrong("headers", f"{value!r} is not an object of plain texts")
        return value
