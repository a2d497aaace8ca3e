"""What a run shows while it goes on: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from qsync_pipeline.cli.echo import SafeConsole, harmless, say


class Display(Protocol):
    """Where a run's progress goes."""

    def say(self, text: str) -> None:
        """A line for people."""

    def begin(self, title: str, datastores: int) -> None:
        """A run over so many datastores begins."""

    def stage_begins(self, stage: str) -> None:
        """A stage of the run begins."""

    def stage_at(self, stage: str, done: int, total: int) -> None:
        """A stage is so far; the listener of :mod:`qsync_pipeline.progress`."""

    def stage_ends(self, stage: str, problem: str = "") -> None:
        """A stage is over; ``problem`` is why it failed."""

    def end(self) -> None:
        """The run is over."""


def console(*, err: bool) -> Console:
    """A console that writes plain text where nobody watches: no colours, no escape codes, no wrapping."""
    stream: TextIO = sys.stderr if err else sys.stdout
    if stream.isatty():
        return SafeConsole(file=stream, highlight=False, markup=False, emoji=False)
    return SafeConsole(
        file=stream,
        force_terminal=False,  # whatever FORCE_COLOR says: a file stays readable
        color_system=None,
        width=100_000,  # nothing is wrapped: whoever reads the file may search it by lines
        highlight=False,
        markup=False,
        emoji=False,
    )


def make_display(*, err: bool, quiet: bool) -> Display:
    """The display that suits the stream; ``quiet`` shows failures only, on standard error."""
    if quiet:
        return QuietDisplay()
    target = console(err=err)
    return BarDisplay(target) if target.is_terminal else LineDisplay(err=err)


class QuietDisplay:
    """Failures only."""

    def say(self, text: str) -> None: ...

    def begin(self, title: str, datastores: int) -> None: ...

    def stage_begins(self, stage: str) -> None: ...

    def stage_at(self, stage: str, done: int, total: int) -> None: ...

    def stage_ends(self, stage: str, problem: str = "") -> None:
        if problem:
            say(f"{stage} failed: {problem}", err=True)

    def end(self) -> None: ...


class LineDisplay:
    """One plain line for each stage."""

    def __init__(self, *, err: bool) -> None:
        self._err = err
        self._began: dict[str, float] = {}
        self._datastores = 0

    def say(self, text: str) -> None:
        self._line(f"  {text}")

    def begin(self, title: str, datastores: int) -> None:
        self._began, self._datastores = {}, datastores
        self._line(title)

    def stage_begins(self, stage: str) -> None:
        self._began[stage] = time.monotonic()

    def stage_at(self, stage: str, done: int, total: int) -> None: ...

    def stage_ends(self, stage: str, problem: str = "") -> None:
        seconds = time.monotonic() - self._began.get(stage, time.monotonic())
        self._line(f"  {stage}: {f'failed: {problem}' if problem else 'done'} ({seconds:.1f} s)")

    def end(self) -> None: ...

    def _line(self, text: str) -> None:
        say(text, err=self._err)


class BarDisplay:
    """A bar for each stage, with lines above them."""

    def __init__(self, target: Console) -> None:
        self._console = target
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._datastores = 0

    def say(self, text: str) -> None:
        self._line(text, "dim")

    def begin(self, title: str, datastores: int) -> None:
        self._line(title, "bold")
        self._tasks, self._datastores = {}, datastores
        self._progress = Progress(
            TextColumn("  {task.description:<20}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._progress.start()

    def stage_begins(self, stage: str) -> None:
        if self._progress is not None:
            self._tasks[stage] = self._progress.add_task(stage, total=self._datastores, note="")

    def stage_at(self, stage: str, done: int, total: int) -> None:
        if self._progress is not None and stage in self._tasks:
            self._progress.update(self._tasks[stage], completed=done, total=total)

    def stage_ends(self, stage: str, problem: str = "") -> None:
        if self._progress is None or stage not in self._tasks:
            return
        task = self._tasks[stage]
        if problem:
            self._progress.update(task, note="failed")
            self._line(f"{stage} failed: {problem}", "red")
        else:
            self._progress.update(task, completed=self._datastores, total=self._datastores)
        self._progress.stop_task(task)

    def end(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _line(self, text: str, style: str) -> None:
        # A styled text, for the style of a print would colour the bars below it too.
        self._console.print(Text(harmless(text), style=style))
