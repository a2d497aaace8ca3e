"""``qsync apply``: carry out a saved plan."""

from __future__ import annotations

from pathlib import Path

import click

from qsync_pipeline.cli.carrying import apply_lines
from qsync_pipeline.cli.display import Display
from qsync_pipeline.cli.frame import carry_out
from qsync_pipeline.cli.options import Request, config_option, json_option, quiet_option
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.cli.summary import Summary


@click.command(name="apply")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only say which lines still fit, and which are refused.")
@click.option(
    "--first-write", is_flag=True, help="Allow the first write of an integration whose ledger is empty."
)
@config_option
@json_option
@quiet_option
def command(
    file: Path, dry_run: bool, first_write: bool, config_path: Path | None, as_json: bool, quiet: bool
) -> int:
    """Carry out the plan in FILE (qsync plan --out), exactly its lines and no others.

    Each line is held against what stands there now. One whose value before has changed since is refused,
    which ends with exit status 1; one that is done already is left alone.
    """
    request = Request(config_path, (), "both", (), as_json, quiet)

    def work(display: Display, watch: Watch, summaries: list[Summary]) -> None:
        apply_lines(request, file, display, watch, summaries, dry_run=dry_run, first_write=first_write)

    stopped = "what was written is in the ledger; qsync apply does the rest"
    return carry_out(request, work, dry_run=dry_run, stopped=stopped)
