"""``qsync webhooks``: take what Qualytics and the catalogs tell, until stopped."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from qsync_pipeline.automation.webhooks.app import Receiver
from qsync_pipeline.automation.webhooks.serve import Server
from qsync_pipeline.cli.echo import say
from qsync_pipeline.cli.options import config_option
from qsync_pipeline.cli.signals import stopped_by_signals
from qsync_pipeline.config import load_config
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.transport.redact import RedactingFilter


@click.command(name="webhooks")
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="0 takes a free one. [default: webhooks.port of the config, 8733]",
)
def command(config_path: Path | None, host: str, port: int | None) -> int:
    """Take webhooks of Qualytics and the catalogs, so that what happened there starts a sync at once.

    What it takes is in the ledger before it is acknowledged; the sensors start the runs. Ends with status 0
    on Ctrl-C or SIGTERM.
    """
    config = load_config(config_path)
    _log_to_stderr()
    # From here on a signal is waited for, so that one that comes while it starts ends it as cleanly.
    with stopped_by_signals() as stopped, Ledger.open(config.ledger.reveal_url()) as ledger:
        receiver = Receiver(config, ledger)
        with Server(receiver, host, config.webhooks.port if port is None else port) as server:
            if receiver.is_open:
                say("no secret is configured: whoever is on this machine may send", err=True)
            say(f"webhooks: {server.url}")
            for path in ("/qualytics", *receiver.catalog_paths):
                say(f"  POST {server.url}{path}")
            say("stop: Ctrl-C")
            sys.stdout.flush()
            while not stopped.wait(1.0):
                server.check()
    return 0


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.addFilter(RedactingFilter())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("qsync.webhooks")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
