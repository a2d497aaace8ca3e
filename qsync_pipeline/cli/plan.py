"""``qsync plan``: what a sync would change, worked out for real and written nowhere."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from dagster import DagsterInstance
from rich.console import Console

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.cli.datastores import choose, known_datastores
from qsync_pipeline.cli.display import Display, console, make_display
from qsync_pipeline.cli.options import Request, run_options
from qsync_pipeline.cli.running import Ran, Runner, quiet_dagster
from qsync_pipeline.cli.signals import Watch, watching
from qsync_pipeline.cli.summary import Requests, Summary, status_of_all, summarize
from qsync_pipeline.cli.sync import NO_DATASTORES, print_json, report
from qsync_pipeline.cli.tables import grid
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.core.rows import Change
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync import planning
from qsync_pipeline.tables_io import NoTable, StoredTables
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline.transport.redact import redact

ROWS = 20
"""Lines shown for each datastore without ``--all``."""
WIDTH = 44
"""Characters of a value before and after."""


@dataclass(frozen=True)
class Line:
    """A line of a plan as it is shown."""

    surface: str
    action: str
    name: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class Section:
    """The plan for one datastore, or (``datastore`` empty) for the catalog's definitions."""

    integration: str
    datastore: str
    lines: tuple[Line, ...]


@click.command(name="plan")
@click.option("--all", "show_all", is_flag=True, help=f"Show every line. [default: {ROWS} per datastore]")
@run_options
def command(request: Request, show_all: bool) -> int:
    """Show what a sync would change, and change nothing: in no system, no ledger, no Dagster instance.

    Every line has the value before and after, and the reason. A plan with changes is no error.
    """
    display = make_display(err=request.as_json, quiet=request.quiet)
    summaries: list[Summary] = []
    sections: list[Section] = []
    with watching() as watch:
        try:
            config = load_config(request.config_path)
            _plan(config, request, display, watch, summaries, sections)
        except KeyboardInterrupt:
            display.end()
        except SyncError as problem:
            display.end()
            if request.as_json:
                print_json(summaries, str(problem))
            raise
        if not request.quiet:
            _show(console(err=request.as_json), sections, show_all=show_all)
        report(summaries, request, dry_run=True)
        if watch.signal:
            click.echo("qsync: stopped; nothing was written", err=True)
            return watch.status
    return status_of_all(summaries)


def _plan(
    config: Config,
    request: Request,
    display: Display,
    watch: Watch,
    summaries: list[Summary],
    sections: list[Section],
) -> None:
    """The same jobs as a sync, on an instance, tables and reports that go when this is over."""
    chosen = request.chosen(config)
    with (
        tempfile.TemporaryDirectory(prefix="qsync-plan-") as directory,
        Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger,
        DagsterInstance.ephemeral() as instance,
    ):
        counter = RequestCounter()
        known = known_datastores(config, ledger, counter)
        keys = choose(known, request.datastores)
        instance.add_dynamic_partitions(str(DATASTORES.name), [one.key for one in known])
        storage = Path(directory) / "tables"
        scratch = f"sqlite:///{Path(directory) / 'reports.sqlite'}"
        with quiet_dagster():
            definitions = build_definitions(config, storage=storage, reports_url=scratch)
        runner = Runner(definitions, instance, display, watch, None, dry_run=True)
        with Ledger.open(scratch) as reports:
            before: Requests = {"qualytics": counter.snapshot("qualytics")}
            for integration in chosen:
                if watch.signal:
                    break
                ran = runner.run(integration.name, request.direction, keys)
                summaries.append(summarize(ran, reports, before))
                sections += _sections(ran, storage, keys)
                before = {}  # the listing was made once, so it counts once
        if not keys:
            raise SyncError(NO_DATASTORES)


def _sections(ran: Ran, storage: Path, keys: Sequence[str]) -> list[Section]:
    found = [Section(ran.integration, "", tuple(_definition(row) for row in ran.definitions))]
    for key in keys:
        changes: list[Change] = []
        for stage in (planning.TAG_STAGE, planning.QUALITY_STAGE):
            changes += _stored(StoredTables(storage / ran.integration / stage, stage), key)
        found.append(Section(ran.integration, key, tuple(_lines(changes))))
    return [section for section in found if section.lines]


def _stored(tables: StoredTables, key: str) -> list[Change]:
    """The changes of a datastore; none where the stage did not run or failed, which the summary tells."""
    try:
        table = tables[key]
    except NoTable:
        return []
    return [] if table.failure is not None else [row for row in table.rows if isinstance(row, Change)]


def _lines(changes: Iterable[Change]) -> Iterable[Line]:
    """What would be written first, then what would not and why; notes are the ledger's own business."""
    shown = [change for change in changes if change.action != "note"]
    for change in sorted(shown, key=lambda change: change.status != "planned"):
        action = change.action if change.status == "planned" else f"{change.action} ({change.status})"
        yield Line(
            change.surface, action, change.name, _value(change.before), _value(change.after), change.reason
        )


def _definition(row: dict[str, Any]) -> Line:
    """A line of the definitions' plan, out of the table that its step shows in the UI."""
    surface, action, name, reason = (str(row.get(key, "")) for key in ("surface", "action", "object", "reason"))
    return Line(surface, action, name, _value(row.get("before")), _value(row.get("after")), reason)


def _value(value: Any) -> str:
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = redact(" ".join(text.split()))
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def _show(target: Console, sections: Sequence[Section], *, show_all: bool) -> None:
    for section in sections:
        target.print()
        target.print(f"{section.integration}: {section.datastore or 'definitions in the catalog'}", style="bold")
        table = grid(target, "  surface", "action", "object", "before", "after", "reason")
        shown = section.lines if show_all else section.lines[:ROWS]
        for line in shown:
            table.add_row(
                f"  {line.surface}", line.action, redact(line.name), line.before, line.after, redact(line.reason)
            )
        target.print(table)
        if len(section.lines) > len(shown):
            target.print(f"  ... and {len(section.lines) - len(shown)} more (--all shows them)")
