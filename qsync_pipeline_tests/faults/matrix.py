"""What comes of each fault in each phase, and the document that says so."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qsync_pipeline_tests.e2e.killing import in_fork
from qsync_pipeline_tests.faults.observing import DAY, Seen, Stage, staged
from qsync_pipeline_tests.faults.phases import (
    BAD,
    BAD_TABLE,
    CLOCKS,
    LAG,
    LAPSE,
    PHASES,
    Phase,
    Rule,
    bad_item,
    of_lists,
)


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    phase: str
    fault: str
    status: int
    message: str
    red: str
    settled: str


MISSED = "no such request is made"
"""In the place of a message: the fault had nothing to strike."""


@dataclass(frozen=True)
class Setting:
    """What a cell begins with."""

    catalog: str
    fresh: bool
    """Nothing was ever synced."""
    several_pages: bool
    lag: bool

    @classmethod
    def of(cls, title: str, fault: str) -> Setting:
        phase = _phase(title)
        return cls(
            catalog=title.partition(":")[0].lower(),
            fresh=phase.fresh if phase else fault in (BAD, LAG, *_CLOCKS),
            several_pages=phase is not None and of_lists(fault),
            lag=fault == LAG,
        )

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """A stage like that."""
        switches = {"atlan": {"index_lag": 600.0}} if self.lag else {}
        with staged(self.catalog, several_pages=self.several_pages, switches=switches) as stage:
            if not self.fresh:
                _first(stage)
            yield stage


def observe(title: str, fault: str) -> Row:
    """Let a fault strike in a phase, and look at what the user sees then and after it stopped."""
    with Setting.of(title, fault).stage() as stage:
        return _strike(stage, title, fault)


def observe_all(cells: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row | str]:
    """The same of many, by title and fault, or what broke. What they begin with is set up once for all."""
    found: dict[tuple[str, str], Row | str] = {}
    for setting in dict.fromkeys(Setting.of(*cell) for cell in cells):
        with setting.stage() as stage, tempfile.TemporaryDirectory() as kept:
            saved = Path(kept) / "home"
            stage.home.mkdir(exist_ok=True)
            shutil.copytree(stage.home, saved)
            for cell in (one for one in cells if Setting.of(*one) == setting):
                shutil.rmtree(stage.home)
                shutil.copytree(saved, stage.home)
                try:
                    found[cell] = in_fork(partial(_strike, stage, *cell))
                except AssertionError as problem:
                    found[cell] = str(problem)
    return found


def _phase(title: str) -> Phase | None:
    return next((one for one in PHASES if one.title == title), None)


_CLOCKS = {f"the systems' clocks are {word}": seconds for word, seconds in CLOCKS.items()}


def _strike(stage: Stage, title: str, fault: str) -> Row:
    phase = _phase(title)
    if fault == BAD:
        return _struck(stage, title, fault, bad_item(stage.catalog, stage.ids(BAD_TABLE)), after=None)
    if fault in (LAG, *_CLOCKS):
        clock: Any = stage.world.systems["qualytics"].clock  # type: ignore[attr-defined]  # that of all systems
        clock._offset += _CLOCKS.get(fault, 0.0)  # its own way of moving goes forward only
        _first(stage)
    if phase is None or not phase.fresh:
        stage.change(1)
    if phase is not None:
        if phase.drops:
            stage.drop()
        return _struck(stage, title, fault, phase.rules(fault), after=phase.after)
    if fault in LAPSE:
        return _struck(stage, title, fault, LAPSE[fault], after=("GET", "/integration/v2/table/"))
    if fault.startswith("every job is "):
        return _with_jobs(stage, title, fault, fault.removeprefix("every job is ").replace(" ", "_"))
    return _row(stage, title, fault, stage.sync())  # this does not stop


def _struck(
    stage: Stage, title: str, fault: str, rules: Sequence[Rule], *, after: tuple[str, str] | None
) -> Row:
    with stage.faults(rules, after=after) as struck:
        seen = stage.sync()
    if not struck():
        return Row(title, fault, seen.status, MISSED, "", _heal(stage, seen))
    return _row(stage, title, fault, seen)


def _with_jobs(stage: Stage, title: str, fault: str, outcome: str) -> Row:
    switches: Any = stage.world.systems["alation"].world.switches  # type: ignore[attr-defined]  # the sandbox's own
    usual = switches.job_outcome
    object.__setattr__(switches, "job_outcome", outcome)
    seen = stage.sync()
    object.__setattr__(switches, "job_outcome", usual)
    return _row(stage, title, fault, seen)


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

Rows and pages are lost, or read twice, of lists of several pages. Qualytics and Atlan count the rows of a
list; Alation does not, so there each page has to begin with the last row of the one before.
"""


def render(rows: Sequence[Row]) -> str:
    """The document."""
    parts = [HEAD]
    for phase in dict.fromkeys(row.phase for row in rows):
        parts += [f"## {phase}\n", COLUMNS]
        parts += [line_of(row) for row in rows if row.phase == phase]
        parts.append("")
    return "\n".join(parts)


def line_of(row: Row) -> str:
    """A line of the document."""
    return (
        f"| {row.fault} | {row.status} | {row.message or 'nothing'} | {row.red or 'none'} | {row.settled} |"
    )
