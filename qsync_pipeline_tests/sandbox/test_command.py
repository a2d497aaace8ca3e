"""``qsync sandbox`` as a process of its own, and how ``qsync`` itself starts and fails."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import click
import pytest
import requests
import yaml

from qsync_pipeline import cli
from qsync_pipeline.cli.sandbox import USUAL_DIRECTORY, USUAL_PORT
from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.kernel import System, VirtualClock
from qsync_pipeline.sandbox.systems import SYSTEMS, Plot, read_switches
from qsync_pipeline.transport.errors import ConfigError, ServerError, SyncError, Unauthorized, Unreachable
from qsync_pipeline_tests.sandbox.fakes import empty_estate

QSYNC = (sys.executable, "-c", "from qsync_pipeline.cli import main; main()")
PATIENCE = 120  # seconds until a process serves; far more than it needs on an idle machine


@contextmanager
def qsync_sandbox(directory: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """``qsync sandbox`` over the small estate, once its ready file is there."""
    ready = directory / "ready.json"
    arguments = ("sandbox", "--estate", "small", "--ready-file", str(ready), *options)
    process = subprocess.Popen(
        [*QSYNC, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=directory
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)  # a file tells nobody that it is there
        yield process, json.loads(ready.read_text(encoding="utf-8"))
    finally:
        process.kill()
        process.communicate()


def run_qsync(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*QSYNC, *arguments], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, check=False
    )


def test_everything_serves_once_the_ready_file_is_there(tmp_path: Path) -> None:
    with qsync_sandbox(tmp_path) as (_, ready):
        assert {"qualytics", "atlan", "control", "config"} <= set(ready)
        assert requests.get(ready["control"]["url"], timeout=10).ok
        for system in ("qualytics", "atlan"):
            assert requests.get(ready[system]["url"], timeout=10).status_code
        token = {"Authorization": f"Bearer {ready['qualytics']['token']}"}
        assert requests.get(ready["qualytics"]["url"] + "/api/datastores", headers=token, timeout=10).ok
        config = load_config(ready["config"], env={})
        assert config.qualytics.url == ready["qualytics"]["url"]
        assert config.integration("atlan").url == ready["atlan"]["url"]


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with qsync_sandbox(tmp_path) as (process, ready):
        urls = [entry["url"] for entry in ready.values() if isinstance(entry, dict)]
        assert all(url.startswith("http://127.0.0.1:") for url in urls)
        ports = {int(url.rpartition(":")[2]) for url in urls}
        assert {port: _listening(process.pid)[port] for port in ports} == dict.fromkeys(ports, "127.0.0.1")
        assert set(_listening(process.pid)) == ports


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_removes_the_ready_file(tmp_path: Path, number: signal.Signals) -> None:
    with qsync_sandbox(tmp_path) as (process, ready):
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
        assert ready["config"] in out
        assert ready["atlan"]["url"] in out
        assert not (tmp_path / "ready.json").exists()
        assert Path(ready["config"]).exists()


def test_a_taken_port_is_a_clear_message_and_no_ready_file(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ready = tmp_path / "ready.json"
        ready.write_text("{}", encoding="utf-8")
        done = run_qsync(
            "sandbox", "--estate", "small", "--port-base", port, "--ready-file", str(ready), cwd=tmp_path
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"qsync: port {port} on 127.0.0.1, for qualytics, cannot be opened")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--estate", "huge"], "'huge' is not one of"),
        (["--faults", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--switch", "atlan.nothing=1"], "switch atlan.nothing: there is none; allowed: "),
        (
            ["--switch", "atlan.index_lag=soon"],
            "switch atlan.index_lag: 'soon' is not allowed; allowed: a number",
        ),
        (["--rate-limit-scale", "0"], "--rate-limit-scale"),
        (
            ["--ready-file", "missing/ready.json"],
            "--ready-file missing/ready.json: there is no such directory",
        ),
    ],
)
def test_wrong_options_are_named_and_exit_with_2(tmp_path: Path, options: list[str], message: str) -> None:
    estate = ["--estate", "small", "--ready-file", "ready.json"]
    done = run_qsync("sandbox", *estate, *options, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_fault_file_is_named_with_its_field(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('{"rules": [{"share": 2}]}', encoding="utf-8")
    done = run_qsync("sandbox", "--ready-file", "r.json", "--faults", "faults.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "qsync: faults.json: rules[0].share: 2 is not a number from 0 to 1\n",
    )


def test_without_options_it_is_the_sandbox_that_the_package_s_own_config_names() -> None:
    config = yaml.safe_load((resources.files("qsync_pipeline.sandbox") / "default.yaml").read_text("utf-8"))
    named = {"qualytics": config["qualytics"], **{one["name"]: one for one in config["integrations"]}}
    assert list(named) == [kind.name for kind in SYSTEMS]
    for offset, (kind, system) in enumerate(zip(SYSTEMS, _systems(), strict=True)):
        assert named[kind.name]["url"] == f"http://127.0.0.1:{USUAL_PORT + offset}"
        for name, value in system.credentials().items():
            secret = {"file": f"{USUAL_DIRECTORY}/{kind.name}.{name}"}
            assert named[kind.name][name] == (int(value) if value.isdecimal() else secret)


def _systems() -> list[System]:
    """All systems, over an estate of another seed than the usual one."""
    switches = {kind.name: read_switches(kind.name, kind.switches(), {}) for kind in SYSTEMS}
    plots = (Plot(empty_estate(), VirtualClock(), switches[kind.name], seed=5) for kind in SYSTEMS)
    return [kind.build(plot) for kind, plot in zip(SYSTEMS, plots, strict=True)]


def test_the_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from qsync_pipeline.cli import run; run(['--help']); print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "sandbox Serve local Qualytics" in " ".join(done.stdout.split())
    for heavy in ("dagster", "pandas", "pyarrow", "starlette", "requests", "sqlalchemy", "rich"):
        assert f"'{heavy}'" not in done.stdout


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("qsync, version ")


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["snyc"]) == 2
    assert "No such command 'snyc'" in capsys.readouterr().err


def test_every_command_that_the_help_lists_can_be_loaded() -> None:
    context = click.Context(cli.group)
    for name in cli.group.list_commands(context):
        assert isinstance(cli.group.get_command(context, name), click.Command)


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (ConfigError("qsync.yaml:3: wrong"), 2),
        (Unreachable("atlan does not answer"), 3),
        (Unauthorized("atlan refused the token"), 3),
        (ServerError("atlan failed"), 1),
        (SyncError("something else"), 1),
    ],
)
def test_errors_are_one_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], problem: SyncError, status: int
) -> None:
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: _command_that_raises(problem))
    assert cli.run(["sync"]) == status
    assert capsys.readouterr().err == f"qsync: {problem}\n"


def test_an_interruption_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: _command_that_raises(KeyboardInterrupt()))
    assert cli.run(["sync"]) == 130
    assert capsys.readouterr().err.strip() == ""


def test_a_command_may_return_its_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    command = click.Command("sync", callback=lambda: 1)
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: command)
    assert cli.run(["sync"]) == 1


def _command_that_raises(problem: BaseException) -> click.Command:
    def fail() -> None:
        raise problem

    return click.Command("sync", callback=fail)


def _listening(pid: int) -> dict[int, str]:
    """Port -> address of the IPv4 and IPv6 sockets that a process listens on, from Linux's own tables."""
    if not os.path.isdir(f"/proc/{pid}/fd"):
        pytest.skip("needs Linux's /proc")
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{name}")
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    found: dict[int, str] = {}
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                raw = b"".join(bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
                found[int(port, 16)] = socket.inet_ntop(family, raw)
    return found
