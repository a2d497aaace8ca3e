"""``qsync demo``: a sandbox, a first sync and the Dagster UI, from one command."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
import requests

from qsync_pipeline.cli import EXIT_UNREACHABLE, EXIT_USAGE
from qsync_pipeline.cli.children import Children
from qsync_pipeline.cli.home import HOME_VARIABLE, furnish
from qsync_pipeline.cli.sandbox import USUAL_DIRECTORY, USUAL_PORT
from qsync_pipeline.cli.signals import Watch, watching
from qsync_pipeline.config import CONFIG_VARIABLE
from qsync_pipeline.sandbox.configfile import FILE_NAME, WEBHOOKS_SECRET, remove_former
from qsync_pipeline.sandbox.server import CONTROL_PORT, HOST
from qsync_pipeline.sandbox.systems import SYSTEMS
from qsync_pipeline.transport.errors import ConfigError, SyncError

DIRECTORY = Path(".qsync/demo")
MARKER = ".qsync-demo"
"""A directory with this file was made by a demo, and may be emptied by the next one."""
QSYNC = (sys.executable, "-m", "qsync_pipeline")
SANDBOX_PATIENCE = 180.0
UI_PATIENCE = 180.0
RECEIVER_PATIENCE = 60.0
RECEIVER_PORT = CONTROL_PORT + 1
"""Offset of the webhook receiver: next to the sandbox's ports."""

_WORKSPACE = """\
load_from:
  - python_module:
      module_name: qsync_pipeline.definitions
      location_name: qsync
"""


@dataclass(frozen=True)
class Places:
    """Where a demo keeps what; all of it is removed when the next one starts."""

    directory: Path
    sandbox: Path

    @property
    def ready(self) -> Path:
        """Written by the sandbox when it serves."""
        return self.directory / "ready.json"

    @property
    def config(self) -> Path:
        """The config that the sandbox writes."""
        return self.sandbox / FILE_NAME

    @property
    def home(self) -> Path:
        """Where a sync with this config, or with none in this directory, looks for its Dagster home."""
        return self.sandbox / ".qsync" / "dagster_home"


@click.command(name="demo")
@click.option("--estate", type=click.Choice(["small", "demo", "large"]), default="demo", show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed is another estate.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of the UI.")
@click.option("--no-ui", is_flag=True, help="Only the sandbox and the first sync.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"For everything that it writes. [default: {DIRECTORY}, and {USUAL_DIRECTORY} for the sandbox]",
)
def command(estate: str, seed: int, port: int, no_ui: bool, directory: Path | None) -> int:
    """Start a sandbox and the Dagster UI, and sync once; stays up until stopped.

    A new sandbox is a fresh world, so the ledger, tables and Dagster home of the last demo are removed first.
    """
    _check_ports(None if no_ui else port)
    places = _clean(directory)
    with watching() as watch, Children() as children:
        try:
            return _run(places, estate, seed, None if no_ui else port, children, watch)
        except KeyboardInterrupt:
            click.echo("stopping ...")
            return watch.status


def _run(places: Places, estate: str, seed: int, port: int | None, children: Children, watch: Watch) -> int:
    env = {
        **os.environ,
        CONFIG_VARIABLE: str(places.config),
        HOME_VARIABLE: str(furnish(places.home)),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONUNBUFFERED": "1",
    }
    options = ["--estate", estate, "--seed", str(seed), "--port-base", str(USUAL_PORT)]
    options += ["--ready-file", str(places.ready), "--directory", str(places.sandbox)]
    click.echo(f"starting the sandbox: estate {estate}, seed {seed}")
    children.start(
        "the sandbox", [*QSYNC, "sandbox", *options], env=env, log=places.directory / "sandbox.log"
    )
    children.wait_until(places.ready.exists, "the sandbox", SANDBOX_PATIENCE)
    click.echo("first sync")
    status = children.finish(children.start("the first sync", [*QSYNC, "sync"], env=env))
    if watch.signal:
        return watch.status
    if status in (EXIT_USAGE, EXIT_UNREACHABLE):
        return status
    if status:
        click.echo("some checks failed; the lines above say which and why")
    url = f"http://{HOST}:{port}"
    if port is not None:
        click.echo("starting the webhook receiver and the Dagster UI")
        _receive(places, env, children)
        workspace = places.directory / "workspace.yaml"
        workspace.write_text(_WORKSPACE, encoding="utf-8")
        dagster = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", HOST, "-p", str(port)]
        children.start("the Dagster UI", dagster, env=env, log=places.directory / "dagster.log")
        children.wait_until(lambda: _answers(f"{url}/server_info"), "the Dagster UI", UI_PATIENCE)
    _show(places, url if port is not None else None)
    try:
        while True:
            children.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        click.echo("stopping ...")
    return 0


def _receive(places: Places, env: dict[str, str], children: Children) -> None:
    """Start the receiver, and have the sandbox tell it. Not before the first sync, whose thousands of writes
    would all be told."""
    url = f"http://{HOST}:{USUAL_PORT + RECEIVER_PORT}"
    command = [*QSYNC, "webhooks", "--port", str(USUAL_PORT + RECEIVER_PORT)]
    children.start("the webhook receiver", command, env=env, log=places.directory / "webhooks.log")
    children.wait_until(lambda: _answers(f"{url}/healthz"), "the webhook receiver", RECEIVER_PATIENCE)
    secret = (places.sandbox / WEBHOOKS_SECRET).read_text(encoding="utf-8").strip()
    control = f"http://{HOST}:{USUAL_PORT + CONTROL_PORT}/webhooks"
    with requests.Session() as session:
        session.trust_env = False  # never through a proxy
        for system, path in (("qualytics", "/qualytics"), ("atlan", "/atlan/atlan")):
            told = {"system": system, "url": f"{url}{path}", "secret": secret}
            answer = session.post(control, json=told, timeout=30)
            if not answer.ok:
                raise SyncError(f"the sandbox does not tell the webhook receiver: {answer.text}")


def _show(places: Places, url: str | None) -> None:
    lines = []
    if url is not None:
        lines.append(("Dagster UI", url))
    lines += [(kind.name, f"http://{HOST}:{USUAL_PORT + offset}") for offset, kind in enumerate(SYSTEMS)]
    lines.append(("control plane", f"http://{HOST}:{USUAL_PORT + CONTROL_PORT}"))
    if url is not None:
        lines.append(("webhooks", f"http://{HOST}:{USUAL_PORT + RECEIVER_PORT}"))
    lines.append(("config", str(places.config)))
    lines.append(("logs", str(places.directory)))
    for name, value in lines:
        click.echo(f"  {name:<14} {value}")
    export = f"export {CONFIG_VARIABLE}={places.config} {HOME_VARIABLE}={places.home}"
    click.echo(f"In another terminal: {export}; then qsync plan, qsync sync, qsync doctor")
    click.echo("stop: Ctrl-C")


def _check_ports(ui: int | None) -> None:
    wanted = {USUAL_PORT + offset: kind.name for offset, kind in enumerate(SYSTEMS)}
    wanted[USUAL_PORT + CONTROL_PORT] = "the control plane"
    if ui in wanted:
        raise ConfigError(f"--port {ui}: the sandbox needs it for {wanted[ui]}; choose another")
    if ui == USUAL_PORT + RECEIVER_PORT:
        raise ConfigError(f"--port {ui}: the webhook receiver needs it; choose another")
    if ui is not None:
        wanted[ui] = "the Dagster UI"
        wanted[USUAL_PORT + RECEIVER_PORT] = "the webhook receiver"
    taken = [f"{port} ({what})" for port, what in sorted(wanted.items()) if not _is_free(port)]
    if taken:
        hint = " (for the UI, --port takes another)" if ui is not None and not _is_free(ui) else ""
        raise ConfigError(
            f"ports that are taken on {HOST}: {', '.join(taken)}. Stop what uses them: another demo or "
            f"sandbox, most likely{hint}"
        )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _clean(directory: Path | None) -> Places:
    """Make room for a new demo. Raises ``ConfigError`` for a directory that no demo made."""
    where = (directory or DIRECTORY).absolute()
    if where.exists() and any(where.iterdir()):
        if not (where / MARKER).is_file():
            raise ConfigError(f"--directory {where}: not made by a demo, so it is left alone; choose another")
        shutil.rmtree(where)
    where.mkdir(parents=True, exist_ok=True)
    (where / MARKER).write_text(
        "Made by qsync demo, and emptied when the next one starts.\n", encoding="utf-8"
    )
    # Without --directory the sandbox is where the package's own config looks for one, so that other
    # commands find it without any option.
    sandbox = (where / "sandbox" if directory else USUAL_DIRECTORY).absolute()
    remove_former(sandbox)
    return Places(where, sandbox)


def _answers(url: str) -> bool:
    try:
        with requests.Session() as session:
            session.trust_env = False  # never through a proxy
            return session.get(url, timeout=5).ok
    except requests.RequestException:
        return False
