"""``qsync demo``: one command to everything, and nothing left when it stops."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from qsync_pipeline.cli import demo
from qsync_pipeline.cli.children import Children
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline_tests.cli.conftest import Qsync

PATIENCE = 240


@pytest.fixture
def port_base(monkeypatch: pytest.MonkeyPatch) -> int:
    """Six free ports in a row, in place of the usual ones, which some other sandbox may have.

    Below the range that systems hand out by themselves, so that nobody gets one of them meanwhile.
    """
    draw = random.Random(os.getpid())
    bases = (draw.randrange(20_000, 32_000) for _ in range(1000))
    base = next(base for base in bases if all(_free(port) for port in range(base, base + 6)))
    monkeypatch.setattr(demo, "USUAL_PORT", base)
    return base


def test_a_taken_port_is_named_with_what_it_is_for(qsync: Qsync, port_base: int, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port_base + 1))
        taken.listen()
        said = qsync("demo", "--no-ui", "--directory", tmp_path / "demo")
    assert said.status == 2
    assert f"{port_base + 1} (atlan)" in said.err
    assert not (tmp_path / "demo").exists()  # what an earlier demo left would still be there


def test_the_ui_cannot_have_a_port_of_the_sandbox(qsync: Qsync, port_base: int) -> None:
    said = qsync("demo", "--port", port_base)
    assert said.status == 2
    assert f"--port {port_base}: the sandbox needs it for qualytics" in said.err


def test_a_directory_that_no_demo_made_is_left_alone(qsync: Qsync, port_base: int, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    said = qsync("demo", "--no-ui", "--directory", mine)
    assert said.status == 2
    assert "not made by a demo" in said.err
    assert (mine / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_child_that_ends_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Children() as children:
        arguments = [sys.executable, "-c", "print('no room left'); raise SystemExit(7)"]
        children.start("the worker", arguments, env=os.environ, log=tmp_path / "worker.log")
        with pytest.raises(SyncError, match=r"the worker ended by itself, with status 7[\s\S]*no room left"):
            children.wait_until(lambda: False, "the worker", PATIENCE)


def test_children_are_stopped_with_all_that_they_started(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time; "
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        "print(p.pid, flush=True); time.sleep(600)"
    )
    log = tmp_path / "log"
    with Children() as children:
        child = children.start("a tree", [sys.executable, "-c", script], env=os.environ, log=log)
        children.wait_until(lambda: log.read_text(encoding="utf-8").endswith("\n"), "a tree", PATIENCE)
        grandchild = int(log.read_text(encoding="utf-8"))
    assert child.process.returncode is not None
    assert _gone(grandchild)


def test_children_stop_when_asked_to_though_a_background_job_ignores_that(tmp_path: Path) -> None:
    log = tmp_path / "log"
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Children() as children:
            script = "import time; print('up', flush=True); time.sleep(600)"
            child = children.start("a child", [sys.executable, "-c", script], env=os.environ, log=log)
            children.wait_until(lambda: log.read_text(encoding="utf-8") == "up\n", "a child", PATIENCE)
        assert child.process.returncode == -signal.SIGTERM, "it was not killed at the end of its grace"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_demo_serves_syncs_shows_and_leaves_nothing_running(port_base: int, tmp_path: Path) -> None:
    ui = port_base + 5
    directory = tmp_path / "demo"
    directory.mkdir()
    (directory / demo.MARKER).touch()
    (directory / "of the last demo").touch()
    code = f"from qsync_pipeline.cli import demo, main; demo.USUAL_PORT = {port_base}; main()"
    options = ["--estate", "small", "--port", str(ui), "--directory", str(directory)]
    process = subprocess.Popen(
        [sys.executable, "-c", code, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("stop: "):
            break
    said = "".join(lines)
    try:
        assert process.poll() is None, said
        assert not (directory / "of the last demo").exists()
        for surface in ("custom_metadata", "announcements", "custom_fields", "trust_flags", "data_health"):
            assert surface in said, said
        assert f"http://127.0.0.1:{ui}" in said
        url = f"http://127.0.0.1:{ui}"
        query = "{ runsOrError { ... on Runs { results { status jobName } } } }"
        answer = requests.post(f"{url}/graphql", json={"query": query}, timeout=60).json()
        assert answer["data"]["runsOrError"]["results"] == [
            {"status": "SUCCESS", "jobName": "alation_sync"},
            {"status": "SUCCESS", "jobName": "atlan_sync"},
        ]
        control = f"http://127.0.0.1:{port_base + 3}"
        assert requests.get(f"{control}/requests", timeout=60).ok
        scan = {"system": "qualytics", "do": "finish_scan", "asset": "SALES_DB.SALES.ORDERS"}
        assert requests.post(f"{control}/mutate", json={"changes": [scan]}, timeout=60).ok
        deadline = time.monotonic() + PATIENCE
        while not requests.get(f"{control}/webhooks", timeout=60).json()["webhooks"][0]["delivered"]:
            assert time.monotonic() < deadline, "the receiver did not take the scan"
            time.sleep(0.1)  # it is on its way from one process to another
        assert requests.get(f"http://127.0.0.1:{port_base + 4}/healthz", timeout=60).json()["newest_event"]
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, rest
    for port in (*range(port_base, port_base + 5), ui):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # dead, and waiting for whoever inherited it
            return True
        time.sleep(0.02)
    return False
