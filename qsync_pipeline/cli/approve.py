"""``qsync approve``: let through what the guards have parked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from qsync_pipeline.cli.display import console
from qsync_pipeline.cli.echo import say, say_json
from qsync_pipeline.cli.options import config_option, json_option
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.ledger import Ledger, ParkedScope
from qsync_pipeline.transport.errors import ConfigError

COLUMNS = ("code", "integration", "datastore", "surface", "lines", "since", "approved", "reason")


@click.command(name="approve")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@config_option
@json_option
def command(codes: tuple[str, ...], config_path: Path | None, as_json: bool) -> int:
    """Let exactly the lines that wait under each CODE through, once: with the next sync.

    A line that was not there when it was approved waits again. Without a code, shows all that waits.
    """
    config = load_config(config_path)
    with Ledger.open(config.ledger.reveal_url(), read_only=not codes) as ledger:
        known_codes(config, ledger, codes)
        for code in codes:
            ledger.parked.approve(code)
        found = [scope for scope in _waiting(config, ledger) if not codes or scope.code in codes]
    _show(found, as_json=as_json)
    if codes and not as_json:
        say("approved: these lines go through with the next sync")
    return 0


def known_codes(config: Config, ledger: Ledger, codes: Sequence[str]) -> None:
    """Raise :class:`ConfigError` for a code under which nothing waits: a slip is no approval."""
    known = {scope.code for scope in _waiting(config, ledger) if scope.code}
    unknown = [code for code in codes if code not in known]
    if unknown:
        there = ", ".join(sorted(known)) or "none"
        said = ", ".join(code or "''" for code in unknown)
        raise ConfigError(f"approve: nothing waits under {said}; codes there are: {there}")


def _waiting(config: Config, ledger: Ledger) -> list[ParkedScope]:
    return [scope for one in config.integrations for scope in ledger.parked.of(one.name)]


def _show(scopes: Sequence[ParkedScope], *, as_json: bool) -> None:
    if as_json:
        rows = [dict(zip(COLUMNS, _row(scope), strict=True)) for scope in scopes]
        say_json({"parked": rows})
    elif not scopes:
        say("nothing waits for approval")
    else:
        cells = [[str(cell) for cell in _row(scope)] for scope in scopes]
        show_table(console(err=False), COLUMNS, cells, numbers=False)


def _row(scope: ParkedScope) -> tuple[str | int | bool, ...]:
    since = datetime.fromtimestamp(scope.at, UTC).isoformat(timespec="seconds")
    return (
        scope.code or "-",
        scope.integration,
        scope.datastore,
        scope.surface,
        len(scope.lines) or len(scope.items),
        since,
        "yes" if scope.is_approved else "no",
        scope.reason,
    )
