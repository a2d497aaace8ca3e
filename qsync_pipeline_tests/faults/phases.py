"""The phases of a sync, by the requests that each makes, and the faults that strike them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]

WRITES = ["POST", "PUT", "PATCH", "DELETE"]

_ANSWERS: Mapping[str, Mapping[int, Rule]] = {
    "qualytics": {400: {"detail": "it does not fit"}, 403: {"detail": "Not enough permissions"}},
    "atlan": {
        400: {"errorCode": "ATLAS-400-00-09D", "errorMessage": "the value does not fit"},
        403: {"errorCode": "ATLAS-403-00-001", "errorMessage": "not authorised"},
    },
    "alation": {
        400: {"detail": "it does not fit", "code": "400010"},
        403: {"detail": "You do not have permission to perform this action.", "code": "403000"},
    },
}
"""What each system says of a refusal."""


@dataclass(frozen=True)
class Phase:
    """A part of a sync, by the requests that it makes."""

    catalog: str
    name: str
    requests: tuple[Rule, ...]
    fresh: bool = False
    """The first sync ever, which makes the definitions."""
    drops: bool = False
    """A table was dropped in the catalog, so that its absence has to be proved."""
    lists: bool = False
    """Lists are read, of several pages."""
    after: tuple[str, str] | None = None
    """The faults begin once such a request (method, path) was answered."""

    @property
    def title(self) -> str:
        """As the document calls it."""
        return f"{self.catalog.capitalize()}: {self.name}"

    def rules(self, fault: str) -> list[Rule]:
        """What the sandbox is told."""
        return [_rule(FAULTS[fault], request) for request in self.requests]


def _gets(system: str, *routes: str) -> tuple[Rule, ...]:
    return tuple({"system": system, "method": "GET", "route": route} for route in routes)


def _writes(system: str, *routes: str) -> tuple[Rule, ...]:
    return tuple({"system": system, "method": WRITES, "route": route} for route in routes)


_TAGS = _writes("qualytics", "/api/containers", "/api/global-tags*")
_CHECKS = _gets("qualytics", "/api/quality-checks")
_BULK = "/api/meta/entity/bulk"
_VALUES, _HEALTH = "/integration/v2/custom_field_value/async/", "/integration/v1/data_quality/"
_ROWS = tuple(f"/integration/v2/{kind}/" for kind in ("schema", "table", "column"))
_RULES = {"system": "alation", "route": "/integration/v2/domain/membership/view_rules/"}
_TOKENS = ("/integration/v1/createAPIAccessToken/", "/integration/v1/validateRefreshToken/")

PHASES = (
    Phase("atlan", "definitions", ({"system": "atlan", "route": "/api/meta/types/typedefs"},), fresh=True),
    Phase("atlan", "reading Qualytics", _CHECKS, lists=True),
    Phase(
        "atlan",
        "reading the catalog",
        ({"system": "atlan", "route": "/api/meta/search/indexsearch"},),
        lists=True,
    ),
    Phase(
        "atlan",
        "matching, where absence is proved",
        _gets("atlan", "/api/meta/entity/guid/*", _BULK),
        drops=True,
    ),
    Phase("atlan", "writing tags", _TAGS),
    Phase("atlan", "writing quality", _writes("atlan", _BULK)),
    Phase(
        "atlan",
        "reading back what was written",
        _gets("atlan", "/api/meta/entity/guid/*", _BULK),
        after=("POST", _BULK),
    ),
    Phase(
        "alation",
        "definitions",
        ({"system": "alation", "route": "/integration/v2/custom_field/"},),
        fresh=True,
    ),
    Phase("alation", "fetching a token", _writes("alation", *_TOKENS)),
    Phase("alation", "reading Qualytics", _CHECKS, lists=True),
    Phase("alation", "reading the catalog", _gets("alation", *_ROWS), lists=True),
    Phase(
        "alation",
        "reading tags, flags and domains",
        (*_gets("alation", "/integration/tag/*", "/integration/flag/", "/integration/v2/domain/"), _RULES),
        lists=True,
    ),
    Phase(
        "alation",
        "matching, where absence is proved",
        _gets("alation", "/integration/v2/user/"),
        drops=True,
    ),
    Phase("alation", "writing tags", _TAGS),
    Phase("alation", "writing values", _writes("alation", _VALUES)),
    Phase("alation", "writing health rows", _writes("alation", _HEALTH)),
    Phase("alation", "writing flags", _writes("alation", "/integration/flag/*")),
    Phase("alation", "following a job", _gets("alation", "/api/v1/bulk_metadata/job/")),
    Phase(
        "alation",
        "reading back what was written",
        _gets("alation", *_ROWS, f"{_HEALTH}values/", "/integration/flag/"),
        after=("PUT", _VALUES),
    ),
)

FAULTS: Mapping[str, Rule] = {
    "429 with Retry-After, twice": {"status": 429, "headers": {"Retry-After": "7"}, "count": 2},
    "429 without Retry-After, twice": {"status": 429, "count": 2},
    "429 for good: locked out": {"status": 429},
    "500, twice": {"status": 500, "count": 2},
    "500 for good": {"status": 500},
    "503 with a page of HTML for good": {"kind": "html", "status": 503},
    "200 with a log-in page for good": {"kind": "html", "status": 200},
    "connection reset, once": {"kind": "reset", "count": 1},
    "time-out after it was carried out, once": {
        "kind": "timeout",
        "seconds": 70,
        "phase": "after",
        "count": 1,
    },
    "truncated JSON for good": {"kind": "truncate"},
    "refused as a whole (400), once": {"status": 400, "count": 1},
    "refused as a whole (400), for good": {"status": 400},
    "token refused once (401)": {"status": 401, "count": 1},
    "token refused from here on (401)": {"status": 401},
    "permission withdrawn from here on (403)": {"status": 403},
    "slow loris: 400 s for an answer, once": {"kind": "trickle", "seconds": 400, "count": 1},
    "a row lost from a page, for good": {"kind": "lose"},
    "a row on two pages, for good": {"kind": "repeat"},
    "a page lost, once": {"kind": "lose_page", "count": 1},
    "a page lost, for good": {"kind": "lose_page"},
    "a page read twice, once": {"kind": "repeat_page", "count": 1},
    "a page read twice, for good": {"kind": "repeat_page"},
}
_OF_LISTS = frozenset({"lose", "repeat", "lose_page", "repeat_page"})


def of_lists(fault: str) -> bool:
    """Whether only lists can suffer from it."""
    return FAULTS[fault].get("kind") in _OF_LISTS


def _rule(fault: Rule, request: Rule) -> Rule:
    answer = _ANSWERS[request["system"]].get(fault.get("status", 0))
    if answer is not None:
        fault = {**fault, "body": answer}
    if request["system"] == "alation" and fault.get("kind") in ("lose", "repeat"):
        # Alation counts no rows: a page that a row shifted into, or out of, is what can happen to its lists.
        fault = {**fault, "kind": f"{fault['kind']}_page", "rows": 1}
    return {**fault, **request}


JOBS = ("stuck", "partially_successful", "failed")
"""How every background job of Alation ends, instead of well."""
LAG = "the search index is ten minutes behind"
CLOCKS = {"an hour ahead": 3600.0, "an hour behind": -3600.0}
_REFUSED: Rule = {"system": "alation", "status": 401}
LAPSE: Mapping[str, Sequence[Rule]] = {
    "the access token lapses in mid-run": ({**_REFUSED, "count": 1},),
    "the refresh token is revoked in mid-run": (
        {**_REFUSED, "route": "/integration/v2/*"},
        {**_REFUSED, "route": _TOKENS[0]},
    ),
}
"""Of Alation's tokens, once its tables were read."""


BAD = "one item is refused, and every batch that holds it (400)"


def bad_item(catalog: str, ids: Mapping[str, str]) -> list[Rule]:
    """Rules for it. ``ids`` are those that Qualytics and the catalog have given to the table."""
    number = {system: id.rpartition(":")[2] for system, id in ids.items()}
    held = [("qualytics", "/api/containers", f'"id":{number["qualytics"]},')]
    if catalog == "atlan":
        held.append(("atlan", _BULK, ids[catalog]))
    else:
        held += [("alation", _VALUES, f'"oid":{number[catalog]},'), ("alation", _HEALTH, BAD_TABLE)]
    return [
        {**_rule(FAULTS["refused as a whole (400), for good"], request), "holding": text}
        for system, route, text in held
        for request in _writes(system, route)
    ]


BAD_TABLE = "DB1.S1.T3"


def cells() -> Iterator[tuple[str, str]]:
    """Every phase with every fault that can strike it, and what strikes all phases at once."""
    for phase in PHASES:
        yield from ((phase.title, fault) for fault in FAULTS if phase.lists or not of_lists(fault))
    yield from (("Alation: background jobs", f"every job is {word.replace('_', ' ')}") for word in JOBS)
    yield "Atlan: all phases", LAG
    yield from (("Alation: all phases", fault) for fault in LAPSE)
    for catalog in ("Atlan", "Alation"):
        yield f"{catalog}: all phases", BAD
        yield from ((f"{catalog}: all phases", f"the systems' clocks are {word}") for word in CLOCKS)
