"""The faults, the phases, and what comes of one in the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qsync_pipeline_tests.faults.observing import DAY, Seen, Stage, staged

Rule = dict[str, Any]
REFUSED = {
    "errorCode": "ATLAS-400-00-09D",
    "errorMessage": "the value does not fit",
    "detail": "it does not fit",
}
DENIED = {
    "errorCode": "ATLAS-403-00-001",
    "errorMessage": "not authorised",
    "detail": "not enough permissions",
}


@dataclass(frozen=True)
class Phase:
    """A part of a sync, by the requests that it makes."""

    name: str
    requests: tuple[Rule, ...]
    fresh: bool = False
    """The first sync ever, which makes the definitions."""
    drops: bool = False
    """A table was dropped in the catalog, so that its absence has to be proved."""


WRITES = ["POST", "PUT", "PATCH", "DELETE"]
_BY_ID = {"system": "atlan", "method": "GET"}
_TAGS = {"system": "qualytics", "method": WRITES}
PHASES = (
    Phase("definitions", ({"system": "atlan", "route": "/api/meta/types/typedefs"},), fresh=True),
    Phase("reading Qualytics", ({"system": "qualytics", "route": "/api/quality-checks", "method": "GET"},)),
    Phase("reading the catalog", ({"system": "atlan", "route": "/api/meta/search/indexsearch"},)),
    Phase(
        "matching, where absence is proved",
        ({**_BY_ID, "route": "/api/meta/entity/guid/*"}, {**_BY_ID, "route": "/api/meta/entity/bulk"}),
        drops=True,
    ),
    Phase("writing tags", ({**_TAGS, "route": "/api/containers"}, {**_TAGS, "route": "/api/global-tags*"})),
    Phase("writing quality", ({"system": "atlan", "route": "/api/meta/entity/bulk", "method": WRITES},)),
)

ONCE = {"count": 1}
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
    "a row lost from a page, for good": {"kind": "lose"},
    "a row on two pages, for good": {"kind": "repeat"},
    "refused as a whole (400), once": {"status": 400, "body": REFUSED, "count": 1},
    "refused as a whole (400), for good": {"status": 400, "body": REFUSED},
    "token refused from here on (401)": {"status": 401},
    "permission withdrawn from here on (403)": {"status": 403, "body": DENIED},
    "slow loris: 400 s for an answer, once": {"kind": "trickle", "seconds": 400, "count": 1},
}

JOBS = ("stuck", "partially_successful", "failed")
"""How every background job of Alation ends, instead of well."""
CLOCKS = {"an hour ahead": 3600.0, "an hour behind": -3600.0}


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    phase: str
    fault: str
    status: int
    message: str
    red: str
    settled: str


def cells() -> list[tuple[str, str]]:
    """Every phase with every fault, and what strikes all phases at once."""
    found = [(phase.name, fault) for phase in PHASES for fault in FAULTS]
    found += [("Alation's background jobs", f"every job is {word.replace('_', ' ')}") for word in JOBS]
    found += [("all phases", "the search index is ten minutes behind")]
    return found + [("all phases", f"the systems' clocks are {word}") for word in CLOCKS]


def observe(phase: str, fault: str) -> Row:
    """Let a fault strike in a phase, and look at what the user sees then and after it stopped."""
    if phase.startswith("Alation"):
        word = fault.removeprefix("every job is ").replace(" ", "_")
        with staged("alation") as stage:
            return _with_switch(stage, phase, fault, "job_outcome", word)
    if fault.startswith("the search index"):
        with staged("atlan", atlan={"index_lag": 600.0}) as stage:
            return _all_along(stage, phase, fault)
    if phase == "all phases":
        ahead = CLOCKS[fault.removeprefix("the systems' clocks are ")]
        with staged("atlan") as stage:
            clock: Any = stage.world.systems["qualytics"].clock  # type: ignore[attr-defined]  # that of all systems
            clock._offset += ahead  # its own way of moving goes forward only
            return _all_along(stage, phase, fault)
    with staged("atlan") as stage:
        return _in_phase(stage, next(one for one in PHASES if one.name == phase), fault)


def _in_phase(stage: Stage, phase: Phase, fault: str) -> Row:
    if not phase.fresh:
        _first(stage)
        stage.change(1)
    if phase.drops:
        stage.drop()
    stage.world.inject(*({**FAULTS[fault], **request} for request in phase.requests))
    seen = stage.sync()
    struck = sum(rule["fired"] for rule in stage.world.faults.as_list())
    stage.world.faults.clear()
    if not struck:
        return Row(phase.name, fault, seen.status, "no such request is made", "", _heal(stage, seen))
    return _row(stage, phase.name, fault, seen)


def _with_switch(stage: Stage, phase: str, fault: str, switch: str, value: Any) -> Row:
    _first(stage)
    stage.change(1)
    switches: Any = stage.world.systems["alation"].world.switches  # type: ignore[attr-defined]  # the sandbox's own
    usual = getattr(switches, switch)
    object.__setattr__(switches, switch, value)
    seen = stage.sync()
    object.__setattr__(switches, switch, usual)
    return _row(stage, phase, fault, seen)


def _all_along(stage: Stage, phase: str, fault: str) -> Row:
    """What does not stop: two syncs with changes in between."""
    _first(stage)
    stage.change(1)
    return _row(stage, phase, fault, stage.sync())


def _first(stage: Stage) -> None:
    seen = stage.sync()
    assert seen.status == 0, seen
    stage.settle()
    assert stage.problems() == []


def _row(stage: Stage, phase: str, fault: str, seen: Seen) -> Row:
    if seen.status != 0:
        assert seen.message, "failed without a word"
    return Row(phase, fault, seen.status, plain(seen.message), ", ".join(seen.red), _heal(stage, seen))


def _heal(stage: Stage, seen: Seen) -> str:
    """What it takes to be in step again, now that the fault is over; then a further sync must be quiet."""
    stage.settle()
    if seen.status == 0 and not stage.problems():
        how = "nothing is left to do"
    else:
        after = stage.sync()
        stage.settle()
        how = "the next sync"
        if after.status != 0 or stage.problems():
            stage.settle(DAY)
            after = stage.sync()
            stage.settle()
            how = "the first sync a day later, or `qsync rejected retry`"
        assert after.status == 0, after
    assert stage.problems() == []
    quiet = stage.sync()
    assert (quiet.status, quiet.message) == (0, "")
    assert stage.world.writes() == {}, "a second sync writes"
    return how


MOST = 170


def plain(text: str) -> str:
    """A message for a cell: one line, cut, without what differs from run to run."""
    line = " ".join(text.split())
    line = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "...", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "the system's host", line)
    line = re.sub(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d[\d:.]*(Z|\+00:00| UTC)?)?", "<date>", line)
    line = re.sub(r"(file|update) /\S+/", r"\1 ", line)
    cut = line if len(line) <= MOST else f"{line[: line.rfind(' ', 0, MOST)]} ..."
    return cut.replace("|", "\\|").replace("<", "&lt;")


COLUMNS = "| fault | exit | what is said | in Dagster | settled by |\n|---|---|---|---|---|"
HEAD = """\
# What goes wrong, and what you see

Made by the test run (`pytest -n 0 -m soak qsync_pipeline_tests/faults`), never by hand. In each line a fault
of the sandbox struck the requests of one phase of a sync, and then stopped. *Exit* is the status of
`qsync sync`, *in Dagster* are steps that failed and checks that are red or warn, *settled by* is what brought
both sides to where they belong; after that a further sync wrote nothing. Waits are not shown: what is
answered with 429 or 5xx a few times is waited out. That the process itself is killed at a write has a test of
its own (`e2e/test_kill_at_every_write.py`): nothing is said, and the next sync makes what is missing.
"""


def render(rows: Sequence[Row]) -> str:
    """The document."""
    parts = [HEAD]
    for phase in dict.fromkeys(row.phase for row in rows):
        parts += [f"## {phase[0].upper()}{phase[1:]}\n", COLUMNS]
        parts += [line_of(row) for row in rows if row.phase == phase]
        parts.append("")
    return "\n".join(parts)


def line_of(row: Row) -> str:
    """A line of the document."""
    return (
        f"| {row.fault} | {row.status} | {row.message or 'nothing'} | {row.red or 'none'} | {row.settled} |"
    )
