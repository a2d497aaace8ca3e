"""``qsync ledger``: copies of the ledger, and the way back."""

from __future__ import annotations

from pathlib import Path

import click

from qsync_pipeline.cli.echo import say
from qsync_pipeline.cli.options import config_option
from qsync_pipeline.config import load_config
from qsync_pipeline.ledger import backup as copies


@click.group(name="ledger")
def command() -> None:
    """Copy the ledger, and put a copy back."""


@command.command(name="backup")
@config_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(config_path: Path | None, file: Path) -> None:
    """Copy the ledger into FILE, also while runs go on. FILE must not be there yet.

    SQLite: one file, consistent. PostgreSQL: a pg_dump of our tables, for pg_restore.
    """
    config = load_config(config_path, check_secrets=False)
    copies.backup(config.ledger.reveal_url(), file)
    say(f"the ledger was copied to {file}")


@command.command(name="restore")
@config_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(config_path: Path | None, file: Path) -> None:
    """Put the copy FILE in the place of a SQLite ledger; stop everything that uses it first.

    What was there is kept beside it. The next sync takes no tag off on the word of the copy alone: it may
    call something ours that was taken off since.
    """
    config = load_config(config_path, check_secrets=False)
    kept = copies.restore(config.ledger.reveal_url(), file)
    say(f"the ledger was restored from {file}" + (f"; the one before is {kept}" if kept else ""))
