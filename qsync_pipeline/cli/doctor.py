"""``qsync doctor``: is everything there that a sync needs, and if not, what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from qsync_pipeline.cli import EXIT_USAGE
from qsync_pipeline.cli.channels import check_channels
from qsync_pipeline.cli.checkup import examine
from qsync_pipeline.cli.display import console
from qsync_pipeline.cli.echo import say_json
from qsync_pipeline.cli.findings import Findings, show_findings
from qsync_pipeline.cli.options import config_option, json_option
from qsync_pipeline.config import load_config
from qsync_pipeline.transport.errors import ConfigError


@click.command(name="doctor")
@config_option
@json_option
@click.option(
    "--canary",
    is_flag=False,
    flag_value="",
    multiple=True,
    metavar="[NAME]",
    help="Also try a write on one asset of each connection (or on NAME, as in mappings; may be repeated), "
    "read it back and take it back.",
)
@click.option("--notify-test", is_flag=True, help="Also send a test message to everybody under notify.")
def command(config_path: Path | None, as_json: bool, canary: tuple[str, ...], notify_test: bool) -> int:
    """Check the config, the ledger, each system, what the tokens may do, and where datastores would land.

    Reads only, unless --canary or --notify-test is given. Every line that is not ok says what to do.
    """
    findings = Findings()
    try:
        config = load_config(config_path)
    except ConfigError as problem:
        findings.fail("config", "valid", str(problem), "Correct these lines.", EXIT_USAGE)
    else:
        names = [name for name in canary if name]
        examine(config, findings, names if canary else None)
        check_channels(config.notify, findings, send=notify_test)
    show_findings(console(err=as_json), findings.all)
    if as_json:
        say_json({"findings": [asdict(one) for one in findings.all]})
    return findings.status
