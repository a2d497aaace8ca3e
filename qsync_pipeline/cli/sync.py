"""``qsync sync``: bring Qualytics and the catalogs in step, and say what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.cli.datastores import choose, known_datastores
from qsync_pipeline.cli.dead_runs import bury
from qsync_pipeline.cli.display import Display, console, make_display
from qsync_pipeline.cli.home import HOME_VARIABLE, dagster_home, open_instance
from qsync_pipeline.cli.options import Request, run_options
from qsync_pipeline.cli.running import Runner, quiet_dagster
from qsync_pipeline.cli.signals import Watch, watching
from qsync_pipeline.cli.summary import Requests, Summary, status_of_all, summarize
from qsync_pipeline.cli.tables import show_summary
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline.transport.redact import redact


@click.command(name="sync")
@click.option(
    "--first-write",
    is_flag=True,
    help="Allow the first write of an integration whose ledger is empty; without it, that only plans.",
)
@run_options
def command(request: Request, first_write: bool) -> int:
    """Bring Qualytics and the catalogs in step, and read back what was written.

    Runs the integration's Dagster job in this process, so that it shows in the UI like any other run: on the
    instance that DAGSTER_HOME names, else on one beside the config.
    """
    display = make_display(err=request.as_json, quiet=request.quiet)
    summaries: list[Summary] = []
    with watching() as watch:
        try:
            config = load_config(request.config_path)
            _sync(config, request, first_write, display, watch, summaries)
        except KeyboardInterrupt:
            display.end()
        except SyncError as problem:
            display.end()
            if request.as_json:
                print_json(summaries, str(problem))
            raise
        report(summaries, request, dry_run=False)
        if watch.signal:
            click.echo("qsync: stopped; what was written is in the ledger, the rest is for the next run", err=True)
            return watch.status
    return status_of_all(summaries)


def _sync(
    config: Config,
    request: Request,
    first_write: bool,
    display: Display,
    watch: Watch,
    summaries: list[Summary],
) -> None:
    """Run what was asked for; a summary is added as soon as an integration is through."""
    chosen = request.chosen(config)
    home = dagster_home(config)
    with quiet_dagster():
        definitions = build_definitions(config)
    with Ledger.open(config.ledger.reveal_url()) as ledger:
        counter = RequestCounter()
        known = known_datastores(config, ledger, counter)
        keys = choose(known, request.datastores)
        with open_instance(home) as instance:
            if home.ours:
                display.say(f"Dagster home: {home.path} (none is set in {HOME_VARIABLE})")
            bury(instance, ledger, display.say)
            there = set(instance.get_dynamic_partitions(str(DATASTORES.name)))
            new = [one.key for one in known if one.key not in there]
            if new:
                instance.add_dynamic_partitions(str(DATASTORES.name), new)
            runner = Runner(
                definitions, instance, display, watch, ledger, dry_run=False, first_write=first_write
            )
            before: Requests = {"qualytics": counter.snapshot("qualytics")}
            for integration in chosen:
                if watch.signal:
                    break
                ran = runner.run(integration.name, request.direction, keys)
                summaries.append(summarize(ran, ledger, before))
                before = {}  # the listing was made once, so it counts once
            if not keys:
                raise SyncError(NO_DATASTORES)


NO_DATASTORES = (
    "Qualytics lists no datastore that this token may see: give its user's teams access to the datastores, "
    "or use another token"
)


def report(summaries: Sequence[Summary], request: Request, *, dry_run: bool) -> None:
    """Tables for people, and with ``--json`` the object that is the last line."""
    if not request.quiet:
        target = console(err=request.as_json)
        for summary in summaries:
            show_summary(target, summary, dry_run=dry_run)
    if request.as_json:
        print_json(summaries)


def print_json(summaries: Sequence[Summary], error: str = "") -> None:
    """One line on standard output."""
    content: dict[str, object] = {"integrations": {one.ran.integration: one.to_json() for one in summaries}}
    if error:
        content["error"] = error
    click.echo(redact(json.dumps(content, ensure_ascii=False)))
