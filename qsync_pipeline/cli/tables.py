"""Tables of a summary, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from qsync_pipeline.cli.summary import Summary
from qsync_pipeline.core.plan import OUTCOMES
from qsync_pipeline.transport.redact import redact

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
    target.print(
        f"  mapping: {objects} objects: {shown or 'none'}{f' (matched by name: {ways})' if ways else ''}"
    )
    if summary.plan:
        target.print(_counts(target, summary, dry_run=dry_run))
    if ran.tag_mode:
        target.print(f"  tags: {ran.tag_mode}")
    _lines(target, "not written", [f"{n} x {reason}" for reason, n in summary.reasons.most_common()])
    _lines(target, "parked", summary.parked)
    _lines(
        target,
        "failed",
        [f"{one.datastore or 'all datastores'}: {one.stage}: {one.error}" for one in summary.failed]
        or ran.failures,
    )
    for check in ran.checks.values():
        word = "passed" if check.passed else ("failed" if check.failed else "warning")
        style = {"passed": "green", "failed": "red", "warning": "yellow"}[word]
        target.print(f"  check {check.asset}: {check.name}: {word}: {check.description}", style=style)
    sent = "; ".join(
        f"{system} {row['read']} read, {row['write']} written" for system, row in summary.requests.items()
    )
    target.print(f"  requests: {sent}; {ran.seconds:.1f} s; runs: {', '.join(ran.run_ids) or 'none'}")


def grid(target: Console, *columns: str) -> Table:
    """An empty table: framed on a terminal, plain columns elsewhere."""
    style = box.SIMPLE_HEAD if target.is_terminal else None
    table = Table(box=style, pad_edge=False, header_style="bold" if target.is_terminal else "")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _counts(target: Console, summary: Summary, *, dry_run: bool) -> Table:
    plan = ("create", "update", "remove")
    columns = plan if dry_run else (*plan, *OUTCOMES)
    table = grid(target, "  surface", *columns)
    for column in table.columns[1:]:
        column.justify = "right"
    for surface, planned in summary.plan.items():
        row = {**planned, **summary.outcome[surface]}
        table.add_row(f"  {surface}", *(str(row[name]) for name in columns))
    return table


def _lines(target: Console, title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    target.print(f"  {title}:")
    for line in lines[:MOST]:
        target.print(f"    {redact(line)}")
    if len(lines) > MOST:
        target.print(f"    ... and {len(lines) - MOST} more")
