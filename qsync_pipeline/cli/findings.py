"""What ``qsync doctor`` finds, and how it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from rich.console import Console

from qsync_pipeline.cli import EXIT_REJECTED, EXIT_UNREACHABLE, EXIT_USAGE, status_of
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.transport.errors import Forbidden, Malformed, SyncError, Unauthorized
from qsync_pipeline.transport.redact import redact

Verdict = Literal["ok", "warning", "failed"]

_TODO: tuple[tuple[type[SyncError], str], ...] = (
    (Unauthorized, "Make a new token, and put it where the config reads it from."),
    (Malformed, "Check that url is the system's own address and that no login page or proxy answers for it."),
    (Forbidden, "Give the token's user the permission that the message names; the README lists all of them."),
)
_ADVICE = re.compile(r"(?P<detail>.+) \((?P<todo>[^()]+)\)", re.DOTALL)
"""Many messages end with what to do, in brackets."""


@dataclass(frozen=True)
class Finding:
    """One line. ``status`` is the exit status that it asks for; ``todo`` what a person has to do."""

    area: str
    what: str
    verdict: Verdict
    detail: str
    todo: str = ""
    status: int = 0


@dataclass
class Findings:
    """Everything found so far."""

    all: list[Finding] = field(default_factory=list)

    def ok(self, area: str, what: str, detail: str) -> None:
        """Something is as it should be."""
        self._add(Finding(area, what, "ok", detail))

    def warn(self, area: str, what: str, detail: str, todo: str) -> None:
        """Something a person should know; it does not count against the exit status."""
        self._add(Finding(area, what, "warning", detail, todo))

    def fail(self, area: str, what: str, detail: str, todo: str, status: int = EXIT_REJECTED) -> None:
        """Something is wrong."""
        self._add(Finding(area, what, "failed", detail, todo, status))

    @contextmanager
    def trying(self, area: str, what: str) -> Iterator[None]:
        """An error inside the block becomes a failed line and :class:`GaveUp`, for what builds on it."""
        try:
            yield
        except SyncError as problem:
            said = _ADVICE.fullmatch(str(problem))
            if said:
                detail, todo = said["detail"], f"{said['todo'][0].upper()}{said['todo'][1:]}."
            else:
                detail, todo = str(problem), _todo(problem)
            self.fail(area, what, detail, todo, status_of(problem))
            raise GaveUp from None

    @property
    def status(self) -> int:
        """The exit status: 2 config, 3 unreachable or refused, 1 anything else that failed."""
        found = {finding.status for finding in self.all}
        return next((one for one in (EXIT_USAGE, EXIT_UNREACHABLE, EXIT_REJECTED) if one in found), 0)

    def _add(self, finding: Finding) -> None:
        self.all.append(replace(finding, detail=redact(finding.detail), todo=redact(finding.todo)))


def _todo(problem: SyncError) -> str:
    """What to do about an error whose message is silent on it; a ``ConfigError`` never is."""
    return next((text for kind, text in _TODO if isinstance(problem, kind)), "")


class GaveUp(Exception):
    """What comes next builds on something that failed; the line is written already."""


def show_findings(target: Console, found: Sequence[Finding]) -> None:
    """A table on a terminal, plain lines elsewhere; a line that is not ok is followed by what to do."""
    if target.is_terminal:
        rows = [
            (one.area, one.what, one.verdict, f"{one.detail}\n{one.todo}" if one.todo else one.detail)
            for one in found
        ]
        show_table(target, ("system", "check", "result", "detail"), rows, numbers=False)
        return
    for one in found:
        target.print(f"{one.verdict:<8} {one.area}: {one.what}: {one.detail}")
        if one.todo:
            target.print(f"{'':<8} -> {one.todo}")
