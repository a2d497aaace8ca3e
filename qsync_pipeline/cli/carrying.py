"""Carrying out lines: what ``qsync apply``, ``retire`` and ``revert`` have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from qsync_pipeline.cli.display import Display, console
from qsync_pipeline.cli.frame import carry_out
from qsync_pipeline.cli.options import Request
from qsync_pipeline.cli.plan_lines import show_sections
from qsync_pipeline.cli.rehearsing import Pick, Rehearsed, header, rehearse
from qsync_pipeline.cli.running import Flags
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.cli.summary import Summary
from qsync_pipeline.cli.sync import synchronise
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.sync.planfile import Kind, PlanFile, write_plan
from qsync_pipeline.transport.errors import SyncError

LEFT = "{} lines are left, each with its reason (--dry-run shows them)."


def apply_lines(
    request: Request,
    path: Path,
    display: Display,
    watch: Watch,
    summaries: list[Summary],
    *,
    dry_run: bool = False,
    first_write: bool = False,
) -> None:
    """Run the jobs of a file's integrations with its lines, over its datastores."""
    plan = PlanFile(path)
    if not plan.integrations:
        display.say(f"{path} has no lines: nothing to do")
    config = load_config(request.config_path)
    named = [config.integration(name).name for name in plan.integrations]
    flags = Flags(dry_run=dry_run, first_write=first_write, lines=str(path.absolute()))
    for integration in config.integrations:
        if integration.name not in named:
            continue
        keys = tuple(plan.datastores(integration.name))
        part = replace(
            request, integrations=(integration.name,), direction=plan.header.direction, datastores=keys
        )
        # Lines on what has vanished since are refused by the run, like others that no longer fit.
        synchronise(part, flags, display, watch, summaries, also=keys)


def plans_of(config: Config) -> Path:
    """Where the lines that a command carried out are kept, beside the tables."""
    return config.storage / "_plans"


def question_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that shows a plan and asks before it is carried out."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Show the plan, and stop."),
        click.option(
            "--out",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Save the plan for qsync apply, and stop.",
        ),
    ):
        command = option(command)
    return command


@dataclass
class Question:
    """A plan that is shown and asked about before it is carried out.

    ``empty`` is said where there is nothing to do, ``ahead`` before the question, ``after`` in the end;
    ``settle`` is called where there is nothing to do, by a command that would have done it.
    """

    kind: Kind
    flags: Flags
    pick: Pick
    empty: str
    ahead: Sequence[str] = ()
    after: str = ""
    settle: Callable[[], None] = lambda: None
    json: Mapping[str, object] = field(default_factory=dict)

    def carry_out(self, request: Request, *, yes: bool, dry_run: bool, out: Path | None) -> int:
        """Plan, show, ask, and carry out; returns the exit status."""
        stop = dry_run or out is not None
        count = left = 0

        def work(display: Display, watch: Watch, summaries: list[Summary]) -> None:
            nonlocal count, left
            done = rehearse(request, self.flags, display, watch, self.pick)
            count = len(done.planned)
            left = sum(line.change.status in ("skipped", "refused") for line in done.lines)
            if stop or watch.signal or not done.whole or not self._anything(done):
                summaries += done.summaries
            if watch.signal:
                return
            if not done.whole:
                raise SyncError("not all of it could be planned, so nothing was done")
            if not request.quiet:
                self._show(request, done)
            if not self._anything(done):
                display.say(LEFT.format(left) if left else self.empty)
                if not stop:
                    self.settle()
                return
            if out is not None:
                write_plan(out, header(self.kind, request), done.lines)
                display.say(f"plan saved in {out}")
            if stop:
                return
            _ask(f"Carry out these {count} lines?", yes=yes)
            path = self._kept(request, done)
            apply_lines(request, path, display, watch, summaries)

        def show() -> None:
            if count and not stop:
                for line in (LEFT.format(left) if left else "", self.after):
                    if line:
                        console(err=request.as_json).print(f"\n{line}", highlight=False)

        return carry_out(
            request,
            work,
            dry_run=stop,
            stopped="what was written is in the ledger",
            show=show,
            more=lambda: {self.kind: {"lines": count, "left": left, **self.json}},
        )

    @staticmethod
    def _anything(done: Rehearsed) -> bool:
        return any(line.change.status == "planned" for line in done.lines)

    def _show(self, request: Request, done: Rehearsed) -> None:
        target = console(err=request.as_json)
        show_sections(target, done.sections, show_all=True)
        for line in self.ahead if self._anything(done) else ():
            target.print(line, highlight=False)

    def _kept(self, request: Request, done: Rehearsed) -> Path:
        directory = plans_of(load_config(request.config_path))
        directory.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        path = directory / f"{self.kind}-{stamp}.jsonl"
        write_plan(path, header(self.kind, request), done.lines)
        return path


def _ask(question: str, *, yes: bool) -> None:
    """Ask a person; raises ``UsageError`` where there is none, and ``SyncError`` for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to ask: add --yes, or look first with --dry-run.")
    if not click.confirm(question, err=True):
        raise SyncError("not confirmed: nothing was done")
