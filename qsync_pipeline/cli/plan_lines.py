"""The lines of a plan, as ``qsync plan`` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from qsync_pipeline.cli.plain import brief
from qsync_pipeline.cli.running import Ran
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.core.rows import Change
from qsync_pipeline.stored_tables import StoredTables
from qsync_pipeline.transport.redact import redact

ROWS = 20
"""Lines shown for each datastore without ``--all``."""


@dataclass(frozen=True)
class Line:
    """A line of a plan; the fields are the columns."""

    surface: str
    action: str
    object: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class Section:
    """The plan for one datastore, or (``datastore`` empty) for the catalog's definitions."""

    integration: str
    datastore: str
    lines: tuple[Line, ...]


Plans = Mapping[tuple[str, str], Sequence[Change]]
"""Lines by stage (tags first) and key of the datastore."""

_COLUMNS = tuple(field.name for field in fields(Line))


def sections(ran: Ran, plans: Plans) -> list[Section]:
    """The plan of an integration's dry run, datastore by datastore."""
    found = [Section(ran.integration, "", tuple(_definition(row) for row in ran.definitions))]
    for key in dict.fromkeys(key for _, key in plans):
        changes = [change for (_, of), table in plans.items() if of == key for change in table]
        found.append(Section(ran.integration, key, tuple(_lines(changes))))
    return [section for section in found if section.lines]


def show_sections(target: Console, found: Sequence[Section], *, show_all: bool) -> None:
    """One table for each section."""
    for section in found:
        target.print()
        title = f"{section.integration}: {section.datastore or 'definitions in the catalog'}"
        target.print(title, style="bold")
        shown = section.lines if show_all else section.lines[:ROWS]
        rows = [tuple(redact(str(getattr(line, name))) for name in _COLUMNS) for line in shown]
        show_table(target, _COLUMNS, rows, numbers=False)
        if len(section.lines) > len(shown):
            target.print(f"  ... and {len(section.lines) - len(shown)} more (--all shows them)")


def planned(storage: Path, integration: str, stage: str, key: str) -> list[Change]:
    """The changes of a datastore; none where the stage did not run or failed, which the summary tells."""
    table = StoredTables(storage / integration / stage, stage).find(key)
    if table is None:
        return []
    return [] if table.failure is not None else [row for row in table.rows if isinstance(row, Change)]


def _lines(changes: Sequence[Change]) -> Iterator[Line]:
    """What would be written first, then what would not and why; notes are the ledger's own business."""
    shown = [change for change in changes if change.action != "note"]
    for change in sorted(shown, key=lambda change: change.status != "planned"):
        action = change.action if change.status == "planned" else f"{change.action} ({change.status})"
        yield Line(
            change.surface, action, change.name, brief(change.before), brief(change.after), change.reason
        )


def _definition(row: Mapping[str, Any]) -> Line:
    """A line of the definitions' plan, out of the table that its step shows in the UI."""
    surface, action, name, reason = (
        str(row.get(column, "")) for column in ("surface", "action", "object", "reason")
    )
    return Line(surface, action, name, brief(row.get("before")), brief(row.get("after")), reason)
