"""Every command of the README and of docs/ is run, against a small sandbox instead of the real systems.

The config is the README's own, with the addresses of the sandbox and its tokens in the environment. The
working directory stands in for a checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from qsync_pipeline.sandbox.testing import running_sandbox
from qsync_pipeline_tests.docs.blocks import DOCUMENTS, ROOT, Block, blocks, every
from qsync_pipeline_tests.warm import warm_qsync

PATIENCE = 180
"""Seconds for one command; generous, for machines that are busy with the rest of the suite."""


@dataclass(frozen=True)
class Place:
    """A directory that looks like a checkout with a config, and the environment to work in it."""

    directory: Path
    env: dict[str, str]

    def run(self, script: str, *, qsync: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a block as somebody would who pastes it into a shell; with this ``qsync``, or the installed."""
        path = self.env["PATH"]
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.directory,
            env={**self.env, "PATH": os.pathsep.join([str(qsync.parent), path]) if qsync else path},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("qsync_pipeline", "workspace.yaml"):
        (directory / name).symlink_to(ROOT / name)
    with running_sandbox("small", switches={"atlan": {"index_lag": 0}}) as sandbox:
        ready = sandbox.server.ready()
        text = blocks(ROOT / "README.md", "config")[0].text
        text = text.replace("https://acme.qualytics.io", ready["qualytics"]["url"])
        text = text.replace("https://acme.atlan.com", ready["atlan"]["url"])
        (directory / "qsync.yaml").write_text(text, encoding="utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DAGSTER", "QSYNC"))}
        env = {
            **kept,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
            "HOME": str(directory),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "QUALYTICS_TOKEN": ready["qualytics"]["token"],
            "ATLAN_API_KEY": ready["atlan"]["token"],
            "CONTROL": ready["control"]["url"],
        }
        yield Place(directory, env)


def test_without_leave_a_first_sync_only_plans(place: Place) -> None:
    beside = place.directory / "beside"  # with a ledger of its own
    beside.mkdir()
    shutil.copyfile(place.directory / "qsync.yaml", beside / "qsync.yaml")
    ran = place.run("qsync sync --config beside/qsync.yaml")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "first contact" in ran.stdout + ran.stderr


@pytest.mark.parametrize("block", every("run"), ids=str)
def test_a_command_does_what_it_should(place: Place, block: Block) -> None:
    """In the documents' order, README first: its story begins with an empty ledger."""
    ran = place.run(block.text, qsync=warm_qsync())
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("block", every("control"), ids=str)
def test_a_call_of_the_control_plane_is_understood(place: Place, block: Block) -> None:
    ran = place.run(block.text)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout not in ("", "[]")
    assert '"error"' not in ran.stdout


@pytest.mark.parametrize("block", every("sql"), ids=str)
def test_a_query_of_the_ledger_is_understood(place: Place, block: Block) -> None:
    ledger = place.directory / ".qsync" / "ledger.sqlite"
    if not ledger.exists():
        assert place.run("qsync sync").returncode in (0, 1)
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        connection.execute(block.text).fetchall()


@pytest.mark.parametrize("block", every("serve"), ids=str)
def test_a_service_comes_up_and_stops(place: Place, block: Block) -> None:
    command, answers = _made_safe(block.text.strip(), place)
    home = place.directory / "dagster_home"
    home.mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "qsync_pipeline" / "dagster.yaml", home / "dagster.yaml")
    env = {**place.env, "DAGSTER_HOME": str(home), "QSYNC_CONFIG": str(place.directory / "qsync.yaml")}
    said = place.directory / f"serve-{block.line}.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=place.directory,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_heeding_interrupts,
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not answers(said):
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.2)
            process.terminate()
            process.wait(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def test_no_block_is_left_out() -> None:
    """The kinds above are all that the documents use, and the README has some of each that matters."""
    assert {block.kind for block in blocks(DOCUMENTS[0])} >= {"run", "serve", "make", "config"}


def _heeding_interrupts() -> None:
    """Dagster heeds SIGTERM as it does SIGINT, and a shell has that ignored by its background jobs."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _made_safe(command: str, place: Place) -> tuple[str, Callable[[Path], bool]]:
    """The command on a free port, and how to tell that it is up."""
    if command.startswith("qsync sandbox"):
        ready = place.directory / "ready.json"
        return command, lambda _: ready.exists()
    if command.startswith("dagster-daemon"):
        return command, lambda log: "daemons" in log.read_text()
    port = _free_port()
    if command.startswith("qsync webhooks"):
        # The sandbox of these tests has its config elsewhere; QSYNC_CONFIG names it.
        plain = re.sub(r" --config \S+", "", command)
        return f"{plain} --port {port}", lambda _: _up(f"http://127.0.0.1:{port}/healthz")
    return f"{command} -h 127.0.0.1 -p {port}", lambda _: _up(f"http://127.0.0.1:{port}/server_info")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _up(url: str) -> bool:
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=5).ok
    except requests.RequestException:
        return False
