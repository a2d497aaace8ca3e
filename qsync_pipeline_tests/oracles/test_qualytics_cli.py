"""The vendor's own command line, unchanged, against the sandbox (qualytics-api.md §4).

It judges what the sandbox's own tests cannot: that a client which we did not write finds what it needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml

from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline.sandbox.qualytics import QualyticsSystem
from qsync_pipeline_tests.sandbox.qualytics.conftest import make_tiny

Run = Callable[..., str]
Driver = subprocess.Popen[str]

DRIVER = """
import json, os, sys
from qualytics.qualytics import app

for line in sys.stdin:
    words, out = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        sys.argv = ["qualytics", *words]
        code = 1
        try:
            code = app()
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 0 if code is None else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Does what the installed ``qualytics`` script does, once per line, as importing it is slow."""


@pytest.fixture(scope="module")
def system() -> QualyticsSystem:
    return QualyticsSystem(make_tiny(), VirtualClock(), seed=7)


@pytest.fixture(scope="module")
def url(system: QualyticsSystem) -> Iterator[str]:
    """The deployment on an ephemeral port of loopback."""
    server = uvicorn.Server(uvicorn.Config(system.app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def driver(system: QualyticsSystem, url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """The CLI, with the deployment's address and token in its environment."""
    home = tmp_path_factory.mktemp("cli")
    environment = os.environ | {
        "QUALYTICS_URL": url,
        "QUALYTICS_TOKEN": system.credentials()["token"],
        "QUALYTICS_CONFIG_HOME": str(home / "config"),
        "QUALYTICS_NO_BANNER": "1",
        "CI": "1",
        "COLUMNS": "10000",  # it wraps what it prints, JSON too
        "NO_PROXY": "127.0.0.1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        env=environment,
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def cli(driver: Driver, tmp_path: Path) -> Run:
    """Runs a command, expects its exit status and returns what it printed."""

    def run(*words: str, status: int = 0) -> str:
        assert driver.stdin is not None
        assert driver.stdout is not None
        out = tmp_path / "out"
        driver.stdin.write(json.dumps([words, str(out)]) + "\n")
        driver.stdin.flush()
        ended = int(driver.stdout.readline())
        printed = out.read_text()
        assert ended == status, printed
        return printed

    return run


def rows(printed: str) -> Any:
    """The JSON after the sentence that the CLI prints first."""
    start = min(where for where in (printed.find("["), printed.find("{")) if where >= 0)
    return json.loads(printed[start:])


def number(system: QualyticsSystem, name: str) -> str:
    return next(str(item.id) for item in system.store.datastores.values() if item.name == name)


def test_the_doctor_finds_all_its_operations(system: QualyticsSystem, url: str, cli: Run) -> None:
    cli("auth", "init", "--url", url, "--token", system.credentials()["token"])
    report = cli("doctor")
    assert "55 required method/path operations supported" in report
    assert "Reachable at" in report
    assert "failed" not in report


def test_auth_status_takes_the_token_for_a_valid_jwt(cli: Run) -> None:
    assert "Logged in" in cli("auth", "status")


def test_datastores_are_listed_and_got_by_name_and_id(system: QualyticsSystem, cli: Run) -> None:
    assert {row["name"] for row in rows(cli("datastores", "list", "-f", "json"))} == {
        "sales",
        "shop",
        "landing",
    }
    by_name = rows(cli("datastores", "get", "--name", "sales", "--format", "json"))
    by_id = rows(cli("datastores", "get", "--id", number(system, "sales"), "--format", "json"))
    assert by_name == by_id
    assert (by_id["database"], by_id["schema"]) == ("SALES", "PUBLIC")


def test_containers_are_listed(system: QualyticsSystem, cli: Run) -> None:
    listed = rows(cli("containers", "list", "--datastore-id", number(system, "sales"), "-f", "json"))
    assert {row["name"] for row in listed} == {"ORDERS", "ORDERS_V", "NEVER.PROFILED"}


def test_checks_are_listed_and_exported(system: QualyticsSystem, cli: Run, tmp_path: Path) -> None:
    sales = number(system, "sales")
    active = rows(cli("checks", "list", "--datastore-id", sales, "--status", "Active", "--format", "json"))
    assert {row["rule_type"] for row in active} == {"notNull", "unique", "volumetric"}
    archived = rows(
        cli("checks", "list", "--datastore-id", sales, "--status", "Archived", "--format", "json")
    )
    assert [row["status"] for row in archived] == ["Discarded"]
    cli("checks", "export", "--datastore-id", sales, "--output", str(tmp_path / "checks"))
    exported = yaml.safe_load((tmp_path / "checks" / "orders" / "notnull__amount.yaml").read_text())
    assert (exported["container"], exported["fields"]) == ("ORDERS", ["AMOUNT"])


def test_anomalies_are_listed_by_open_and_archived_status(system: QualyticsSystem, cli: Run) -> None:
    words = ("anomalies", "list", "--datastore-id", number(system, "sales"), "--format", "json")
    for statuses in ({"Active", "Acknowledged"}, {"Resolved"}, {"Active", "Duplicate"}):
        found = rows(cli(*words, "--status", ",".join(sorted(statuses))))
        assert {row["status"] for row in found} == statuses


def test_an_anomaly_is_acknowledged_and_archived(system: QualyticsSystem, cli: Run) -> None:
    ids = system.mutate({"do": "raise_anomaly", "asset": "SALES.PUBLIC.ORDERS_V", "rule": "freshness"})
    anomaly = next(item for item in ids if item.startswith("anomaly:")).removeprefix("anomaly:")
    cli("anomalies", "update", "--id", anomaly, "--status", "Acknowledged")
    cli("anomalies", "archive", "--ids", anomaly, "--status", "Resolved")
    assert system.store.anomalies[int(anomaly)].status == "Resolved"


def test_operations_are_run_and_listed(system: QualyticsSystem, cli: Run) -> None:
    shop = number(system, "shop")
    cli("operations", "scan", "--datastore-id", shop, "--background")
    listed = rows(cli("operations", "list", "--datastore-id", shop, "--format", "json"))
    assert [row["type"] for row in listed] == ["scan"]


def test_tags_are_made_listed_and_deleted(cli: Run) -> None:
    cli("tags", "create", "--name", "From The CLI", "--color", "#FF2000")
    assert "From The CLI" in {row["name"] for row in rows(cli("tags", "list", "-f", "json"))}
    cli("tags", "delete", "--name", "From The CLI")
    cli("tags", "delete", "--name", "From The CLI", status=1)


def test_connections_users_and_teams_are_listed(cli: Run) -> None:
    for group in ("connections", "users", "teams"):
        assert rows(cli(group, "list", "--format", "json"))


def test_the_configuration_is_exported_whole(system: QualyticsSystem, cli: Run, tmp_path: Path) -> None:
    out = tmp_path / "export"
    cli("config", "export", "--datastore-id", number(system, "sales"), "--output", str(out))
    datastore = yaml.safe_load((out / "datastores" / "sales" / "_datastore.yaml").read_text())
    assert (datastore["connection_name"], datastore["database"]) == ("sf", "SALES")
    assert (out / "connections" / "sf.yaml").exists()
    assert len(list((out / "datastores" / "sales" / "checks").rglob("*.yaml"))) >= 4


def test_a_refused_token_ends_the_command(system: QualyticsSystem, cli: Run) -> None:
    system.revoke_token()
    try:
        cli("tags", "list", status=1)
    finally:
        system.revoke_token(False)
