"""Tables of a summary, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qsync_pipeline.cli.echo import harmless
from qsync_pipeline.core.plan import OUTCOMES
from qsync_pipeline.outside_text import one_line
from qsync_pipeline.sync import mapping

if TYPE_CHECKING:  # it brings Dagster, which commands that only look back do without
    from qsync_pipeline.cli.summary import Summary

MOST = 10
"""Reasons and failures that are shown; the rest is in the UI and in ``--json``."""


def show_summary(target: Console, summary: Summary, *, dry_run: bool) -> None:
    """Mapping, plan and outcome per surface, what was not written and why, checks, and the effort."""
    ran = summary.ran
    target.print()
    target.print(f"{ran.integration} ({ran.direction})", style="bold")
    objects = sum(summary.mapping.values())
    shown = ", ".join(
        f"{number} {name.replace('_', ' ')}" for name, number in summary.mapping.items() if number
    )
    ways = ", ".join(f"{number} {name}" for name, number in summary.matched_by.items() if number)
    target.print(f"  mapping: {objects} objects: {shown or 'none'}{f' (matches: {ways})' if ways else ''}")
    if summary.plan:
        _counts(target, summary, dry_run=dry_run)
    if ran.tag_mode:
        target.print(f"  tags: {ran.tag_mode}")
    _lines(target, "not written", [f"{n} x {reason}" for reason, n in summary.reasons.most_common()])
    if summary.unowned:
        target.print(
            f"  unowned: {summary.unowned} with our marks that the ledger does not know (people's doing, "
            "or the ledger was lost or restored): never removed; qsync sync --adopt takes them up as ours"
        )
    left = [f"{n} x {reason}" for reason, n in summary.left.most_common()]
    _lines(target, "ours, and left as it is", left)
    _lines(target, "parked", summary.parked)
    _lines(
        target,
        "failed",
        [f"{one.datastore or 'all datastores'}: {one.stage}: {one.error}" for one in summary.failed]
        or ran.failures,
    )
    for check in ran.checks.values():
        if dry_run and check.passed and check.asset.rpartition("/")[2] != mapping.STAGE:
            continue  # of what was written earlier, which is beside the point of a plan
        word = "passed" if check.passed else ("failed" if check.failed else "warning")
        style = {"passed": "green", "failed": "red", "warning": "yellow"}[word]
        target.print(f"  check {check.asset}: {check.name}: {word}: {check.description}", style=style)
    sent = "; ".join(
        f"{system} {row['read']} read, {row['write']} written" for system, row in summary.requests.items()
    )
    target.print(f"  requests: {sent}; {ran.seconds:.1f} s; runs: {', '.join(ran.run_ids) or 'none'}")


_WIDEST = 600
"""Characters of a cell: more than any answer that is kept, and than the longest path of names in earnest."""


def _shown(cell: str) -> str:
    text = harmless(cell)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def show_table(
    target: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool
) -> None:
    """A table: folded to the width of a terminal; elsewhere plain columns, one line for each row.

    ``numbers``: all columns but the first are numbers.
    """
    if target.is_terminal:
        # On a terminal a cell may have several lines; none may hold what the terminal would obey.
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for position, column in enumerate(columns):
            table.add_column(column, overflow="fold", justify="right" if numbers and position else "left")
        for row in rows:
            table.add_row(*(Text(_shown(cell)) for cell in row))
        target.print(table)
        return
    rows = [[one_line(_shown(cell)) for cell in row] for row in rows]
    widths = [max(cell_len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    for row in (columns, *rows):
        cells = []
        for place, cell in enumerate(row):
            blank = " " * (widths[place] - cell_len(cell))
            cells.append(blank + cell if numbers and place else cell + blank)
        target.print(("  " + "  ".join(cells)).rstrip())


def _counts(target: Console, summary: Summary, *, dry_run: bool) -> None:
    plan = ("create", "update", "remove")
    columns = plan if dry_run else (*plan, *OUTCOMES)
    rows = [
        (surface, *(str({**planned, **summary.outcome[surface]}[name]) for name in columns))
        for surface, planned in summary.plan.items()
    ]
    show_table(target, ("surface", *columns), rows, numbers=True)


def _lines(target: Console, title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    target.print(f"  {title}:")
    for line in lines[:MOST]:
        target.print(f"    {line}")
    if len(lines) > MOST:
        target.print(f"    ... and {len(lines) - MOST} more")
