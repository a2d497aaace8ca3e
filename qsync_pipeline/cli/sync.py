"""``qsync sync``: bring Qualytics and the catalogs in step, and say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.cli.approve import known_codes
from qsync_pipeline.cli.datastores import choose, choose_tables, known_datastores
from qsync_pipeline.cli.dead_runs import bury
from qsync_pipeline.cli.display import Display
from qsync_pipeline.cli.frame import NO_DATASTORES, carry_out
from qsync_pipeline.cli.home import HOME_VARIABLE, dagster_home, open_instance
from qsync_pipeline.cli.options import Request, run_options
from qsync_pipeline.cli.running import Flags, Runner
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.cli.summary import Requests, Summary, summarize
from qsync_pipeline.config import load_config
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import SyncError


@click.command(name="sync")
@click.option(
    "--first-write",
    is_flag=True,
    help="Allow the first write of an integration whose ledger is empty; without it, that only plans.",
)
@click.option(
    "--adopt",
    is_flag=True,
    help="After a lost ledger: take up what carries our category or our marker link as ours.",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME",
    help="Only this table or view of the one --datastore that is named; may be repeated.",
)
@click.option(
    "--approve",
    multiple=True,
    metavar="CODE",
    help="Let exactly the parked lines of this code through, once (qsync approve); may be repeated.",
)
@run_options
def command(
    request: Request, first_write: bool, adopt: bool, tables: tuple[str, ...], approve: tuple[str, ...]
) -> int:
    """Bring Qualytics and the catalogs in step, and read back what was written.

    Runs the integration's Dagster job in this process, so that it shows in the UI like any other run: on the
    instance that DAGSTER_HOME names, else on one beside the config.
    """
    if tables and len(request.datastores) != 1:
        raise click.UsageError("--table: name the datastore of these tables, one --datastore.")
    flags = Flags(dry_run=False, first_write=first_write, adopt=adopt, approve=approve)

    def work(display: Display, watch: Watch, summaries: list[Summary]) -> None:
        synchronise(request, flags, display, watch, summaries, tables)

    stopped = "what was written is in the ledger, the rest is for the next run"
    return carry_out(request, work, dry_run=False, stopped=stopped)


def synchronise(
    request: Request,
    flags: Flags,
    display: Display,
    watch: Watch,
    summaries: list[Summary],
    tables: Sequence[str] = (),
    also: Sequence[str] = (),
) -> None:
    """Run the jobs that a request asks for on the Dagster instance, and add what came of each.

    ``also`` are datastores (keys) that take part even if Qualytics does not list them any more.
    """
    config = load_config(request.config_path)
    chosen = request.chosen(config)
    home = dagster_home(config)
    definitions = build_definitions(config)
    with Ledger.open(config.ledger.reveal_url()) as ledger:
        known_codes(config, ledger, flags.approve)
        counter = RequestCounter()
        known = known_datastores(config, ledger, counter, also=also)
        keys = choose(known, request.datastores)
        if tables:
            (datastore,) = [one for one in known if one.key in keys]
            flags = replace(
                flags, scope={datastore.key: choose_tables(config, ledger, counter, datastore, tables)}
            )
        with open_instance(home) as instance:
            if home.ours:
                display.say(f"Dagster home: {home.path} (none is set in {HOME_VARIABLE})")
            bury(instance, ledger, display.say)
            there = set(instance.get_dynamic_partitions(str(DATASTORES.name)))
            new = [one.key for one in known if one.key not in there]
            if new:
                instance.add_dynamic_partitions(str(DATASTORES.name), new)
            runner = Runner(definitions, instance, display, watch, ledger, flags)
            before: Requests = {"qualytics": counter.snapshot("qualytics")}
            for integration in chosen:
                ran = runner.run(integration.name, request.direction, keys)
                summaries.append(summarize(ran, ledger, before))
                before = {}  # the listing was made once, so it counts once
        ledger.pruning.daily(config.ledger.keep_days)
    if not keys:
        raise SyncError(NO_DATASTORES)
