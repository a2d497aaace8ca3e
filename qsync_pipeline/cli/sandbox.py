"""``qsync sandbox``: serve an estate until stopped."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from qsync_pipeline.cli.signals import stopped_by_signals
from qsync_pipeline.sandbox.configfile import FILE_NAME
from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.server import SandboxServer
from qsync_pipeline.sandbox.systems import SYSTEMS, parse_switches
from qsync_pipeline.transport.errors import ConfigError

USUAL_PORT = 8710
USUAL_DIRECTORY = Path(".qsync/sandbox")
"""Where the package's own config (``sandbox/default.yaml``) looks for a sandbox started without options."""

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="sandbox")
@click.option("--estate", type=click.Choice(["small", "demo", "large"]), default="demo", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed is another estate.")
@click.option("--ready-file", type=_FILE, help="Write URLs, credentials and the config's path here (JSON).")
@click.option(
    "--port-base",
    type=click.IntRange(1, 65532),
    help=f"First of four ports in a row. [default: {USUAL_PORT}; free ones with --ready-file]",
)
@click.option("--faults", "faults_file", type=_FILE, help="Fault rules (JSON), as POST /faults takes them.")
@click.option(
    "--latency-ms", type=click.FloatRange(0), default=0, help="Added to every request of the systems."
)
@click.option("--rate-limit-scale", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True)
@click.option("--switch", "switches", multiple=True, metavar="SYSTEM.SWITCH=VALUE", help="May be repeated.")
@click.option(
    "--webhooks",
    metavar="URL",
    help="Tell the qsync webhooks at this URL (such as http://127.0.0.1:8733) of all that happens.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"For {FILE_NAME} and its secrets. [default: {USUAL_DIRECTORY}; <ready file>.d with --ready-file]",
)
def command(
    estate: str,
    seed: int,
    ready_file: Path | None,
    port_base: int | None,
    faults_file: Path | None,
    latency_ms: float,
    rate_limit_scale: float,
    switches: tuple[str, ...],
    webhooks: str | None,
    directory: Path | None,
) -> None:
    """Serve local Qualytics and catalogs over a made-up estate, until stopped.

    Loopback only. Without options it is the sandbox that qsync uses where there is no config. The ready file
    appears when everything serves and goes when it stops.
    """
    if webhooks is not None and not webhooks.startswith(("http://", "https://")):
        raise ConfigError(f"--webhooks {webhooks}: must begin with http:// or https://")
    faults = None if faults_file is None else _read_json(faults_file)
    usual = USUAL_DIRECTORY
    if ready_file is None:
        port_base = port_base or USUAL_PORT
    else:
        if not ready_file.absolute().parent.is_dir():
            raise ConfigError(f"--ready-file {ready_file}: there is no such directory")
        ready_file.unlink(missing_ok=True)  # one that a killed sandbox left behind would mislead
        usual = ready_file.with_name(ready_file.name + ".d")
    try:
        server = SandboxServer(
            estate,
            seed,
            port_base=port_base,
            latency_ms=latency_ms,
            rate_limit_scale=rate_limit_scale,
            faults=faults,
            switches=parse_switches(switches, [kind.name for kind in SYSTEMS]),
            webhooks=webhooks,
            directory=directory or usual,
            # What an earlier sandbox left there (a ledger of another estate) would only mislead.
            fresh=directory is None,
        )
    except ControlError as problem:
        raise ConfigError(f"{faults_file}: {problem}") from None
    with server, stopped_by_signals() as stopped:
        gc.freeze()  # the estate stays: collections need not walk it, which on the large one takes seconds
        if ready_file is not None:
            _write_atomically(ready_file, server.ready())
        try:
            _show(server, estate, seed)
            stopped.wait()
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be read ({problem.strerror})") from None
    except ValueError as problem:
        raise ConfigError(f"{path}: is not JSON ({problem})") from None


def _write_atomically(path: Path, content: dict[str, Any]) -> None:
    """Readers see the whole file or none. It holds the sandbox's tokens, so it is for its owner only."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
        aside.replace(path)
    except OSError as problem:
        aside.unlink(missing_ok=True)
        raise ConfigError(f"--ready-file {path}: cannot be written ({problem.strerror})") from None


def _show(server: SandboxServer, estate: str, seed: int) -> None:
    rows = [(name, server.urls[name]) for name in server.urls]
    title = f"qsync sandbox: estate {estate}, seed {seed}"
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title, title_justify="left", show_header=False)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        click.echo(title)
        for name, url in rows:
            click.echo(f"{name:<10} {url}")
    click.echo(f"try: qsync sync --config {server.config}")
    click.echo("stop: Ctrl-C")
    sys.stdout.flush()
