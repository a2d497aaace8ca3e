"""``qsync webhooks`` as a process: killed, stopped, and started with something wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from qsync_pipeline import cli
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.happenings import operation_key
from qsync_pipeline_tests.automation.webhooks.conftest import CONFIG, SECRET, triggered

_COMMAND = [sys.executable, "-m", "qsync_pipeline", "webhooks", "--port", "0"]


def write(directory: Path, webhooks: str = "{secret: {env: SECRET}}") -> Path:
    path = directory / "qsync.yaml"
    path.write_text(CONFIG.replace("WEBHOOKS", webhooks).replace(", PULL", ""), encoding="utf-8")
    return path


@contextmanager
def receiver(config: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and its URL once it serves."""
    env = {**os.environ, "TOKEN": "fake-token", "SECRET": SECRET}
    process = subprocess.Popen(
        [*_COMMAND, "--config", str(config)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("webhooks: http://127.0.0.1:"), first
        yield process, first.split()[1]
    finally:
        process.kill()
        process.communicate()


class Sender(threading.Thread):
    """Tells of one operation after the other until it gets no answer; keeps what was acknowledged."""

    def __init__(self, url: str, first: int, enough: threading.Semaphore) -> None:
        super().__init__()
        self._url = f"{url}/qualytics"
        self._next = first
        self._enough = enough
        self.acknowledged: list[str] = []

    def run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                body = triggered(operation={"id": self._next, "type": "scan", "result": "success"})
                try:
                    answer = session.post(
                        self._url, json=body, headers={"x-qualytics-secret": SECRET}, timeout=30
                    )
                except requests.RequestException:
                    return
                assert answer.status_code == 200, answer.text
                self.acknowledged.append(operation_key(self._next, "success"))
                self._next += 1
                self._enough.release()


def test_killed_at_any_point_it_has_what_it_acknowledged(tmp_path: Path) -> None:
    config = write(tmp_path)
    acknowledged: list[str] = []
    for turn, before_the_kill in enumerate((1, 40, 150)):
        enough = threading.Semaphore(0)
        with receiver(config) as (process, url):
            senders = [Sender(url, 1 + 1_000_000 * turn + 10_000 * n, enough) for n in range(6)]
            for sender in senders:
                sender.start()
            for _ in range(before_the_kill):
                assert enough.acquire(timeout=30)
            os.kill(process.pid, signal.SIGKILL)
            for sender in senders:
                sender.join(30)
                acknowledged += sender.acknowledged
    assert len(acknowledged) >= 191
    with Ledger.open(f"sqlite:///{tmp_path}/.qsync/ledger.sqlite", read_only=True) as ledger:
        assert ledger.events.known(acknowledged) == set(acknowledged)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_it_is_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    with receiver(write(tmp_path)) as (process, url):
        assert requests.post(f"{url}/qualytics", json=triggered(), timeout=30).status_code == 401
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert len(err.splitlines()) == 1
        assert "401" in err
        assert SECRET not in err


def test_it_loads_nothing_of_what_a_sync_needs() -> None:
    code = "import sys, qsync_pipeline.cli.webhooks; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"dagster", "pandas", "matplotlib"}.isdisjoint(done.stdout.split())


@pytest.fixture
def without_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "fake-token")
    monkeypatch.delenv("SECRET", raising=False)


@pytest.mark.parametrize(
    ("webhooks", "arguments", "says"),
    [
        ("{port: 99999}", [], "webhooks.port"),
        ("{secret: open-sesame-fake}", [], "webhooks.secret"),
        ("{secret: {env: SECRET}}", [], "SECRET"),
        ("{}", ["--host", "0.0.0.0"], "webhooks: {secret:"),
        ("{}", ["--host", "qsync.invalid"], "--host"),
        ("{}", ["--host", "127.0.0.1", "--port", "70000"], "--port"),
    ],
)
@pytest.mark.usefixtures("without_secret")
def test_it_does_not_start_with_something_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], webhooks: str, arguments: list[str], says: str
) -> None:
    config = write(tmp_path, webhooks)
    assert cli.run(["webhooks", "--config", str(config), *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.usefixtures("without_secret")
def test_a_port_that_is_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.run(["webhooks", "--config", str(write(tmp_path, "{}")), "--port", str(port)]) == 2
    assert f"port {port}" in capsys.readouterr().err
