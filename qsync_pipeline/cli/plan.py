"""``qsync plan``: what a sync would change, worked out for real and written nowhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from dagster import DagsterInstance

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.cli.datastores import choose, known_datastores
from qsync_pipeline.cli.display import Display, console
from qsync_pipeline.cli.frame import NO_DATASTORES, carry_out
from qsync_pipeline.cli.options import Request, run_options
from qsync_pipeline.cli.plan_lines import ROWS, Section, sections, show_sections
from qsync_pipeline.cli.running import Flags, Runner
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.cli.summary import Requests, Summary, summarize
from qsync_pipeline.config import load_config
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import SyncError


@click.command(name="plan")
@click.option("--all", "show_all", is_flag=True, help=f"Show every line. [default: {ROWS} per datastore]")
@run_options
def command(request: Request, show_all: bool) -> int:
    """Show what a sync would change, and change nothing: in no system, no ledger, no Dagster instance.

    Every line has the value before and after, and the reason. A plan with changes is no error.
    """
    found: list[Section] = []

    def work(display: Display, watch: Watch, summaries: list[Summary]) -> None:
        _plan(request, display, watch, summaries, found)

    def show() -> None:
        show_sections(console(err=request.as_json), found, show_all=show_all)

    return carry_out(request, work, dry_run=True, stopped="nothing was written", show=show)


def _plan(
    request: Request, display: Display, watch: Watch, summaries: list[Summary], found: list[Section]
) -> None:
    """The same jobs as a sync, on an instance, tables and reports that go when this is over."""
    config = load_config(request.config_path)
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
        definitions = build_definitions(config, storage=storage, reports_url=scratch)
        runner = Runner(definitions, instance, display, watch, None, Flags(dry_run=True))
        with Ledger.open(scratch) as reports:
            before: Requests = {"qualytics": counter.snapshot("qualytics")}
            for integration in chosen:
                ran = runner.run(integration.name, request.direction, keys)
                summaries.append(summarize(ran, reports, before))
                found += sections(ran, storage, keys)
                before = {}  # the listing was made once, so it counts once
    if not keys:
        raise SyncError(NO_DATASTORES)
