"""A sandbox with Dagster's webserver and daemon around it, driven through GraphQL and the control plane."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests
import yaml

import qsync_pipeline
from qsync_pipeline.config import load_config
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sandbox.testing import RunningSandbox, running_sandbox
from qsync_pipeline_tests.warm import warm_qsync

Found = TypeVar("Found")

PATIENCE = 120.0
"""Seconds after which a thing that should have happened is a failure; far more than it should take."""

_WORKSPACE = {"load_from": [{"python_module": {"module_name": "qsync_pipeline.definitions",
                                               "location_name": "qsync"}}]}  # fmt: skip
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
"""The states that a run does not leave."""


class Live:
    """Dagster on a sandbox. Processes are started with :meth:`start` and all end with the world."""

    def __init__(self, sandbox: RunningSandbox, directory: Path) -> None:
        self.sandbox = sandbox
        self.control = sandbox.control
        self.directory = directory
        self.home = directory / "dagster_home"
        self.home.mkdir()
        shutil.copy(Path(qsync_pipeline.__file__).parent / "dagster.yaml", self.home / "dagster.yaml")
        self.workspace = directory / "workspace.yaml"
        self.workspace.write_text(yaml.safe_dump(_WORKSPACE), encoding="utf-8")
        self.env = {
            **os.environ,
            "QSYNC_CONFIG": str(sandbox.config),
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    # Processes.

    def start(self, name: str) -> None:
        """``webserver`` or ``daemon``."""
        arguments = {
            "webserver": ["dagster_webserver", "-h", "127.0.0.1", "-p", str(self.port)],
            "daemon": ["dagster._daemon", "run"],
        }[name]
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments, "-w", str(self.workspace)],
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL, with everything that it started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def qsync(self, *arguments: str) -> subprocess.Popen[str]:
        """A ``qsync`` of the command line beside them."""
        return subprocess.Popen(
            [warm_qsync(), *arguments],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sync(self, *arguments: str) -> dict[str, Any]:
        """``qsync sync --json``, to its end."""
        process = self.qsync("sync", "--json", "--quiet", *arguments)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err[-3000:]
        found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])["integrations"]
        return found

    # GraphQL.

    def ask(self, query: str, **variables: Any) -> Any:
        """One GraphQL call; errors are failures."""
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/graphql", json={"query": query, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, job: str, settings: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Start a job as its Launchpad does; returns the run's id."""
        data = self.ask(
            """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
                 __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
                 ... on RunConfigValidationInvalid { errors { message } } } }""",
            params={
                "selector": {
                    "jobName": job,
                    "repositoryName": "__repository__",
                    "repositoryLocationName": "qsync",
                },
                "runConfigData": json.dumps({"resources": {"settings": {"config": dict(settings)}}}),
                "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
            },
        )["launchRun"]
        assert data["__typename"] == "LaunchRunSuccess", data
        return str(data["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        """Cancel a run as the UI's button does."""
        data = self.ask(
            "mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id
        )["terminateRun"]  # fmt: skip
        assert data["__typename"] == "TerminateRunSuccess", data

    def runs(self) -> list[dict[str, Any]]:
        """All runs, newest first."""
        data = self.ask(
            """{ runsOrError(limit: 500) { ... on Runs { results {
                 runId jobName status startTime endTime tags { key value } } } } }"""
        )
        found: list[dict[str, Any]] = data["runsOrError"]["results"]
        for run in found:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["tags"]}
        return found

    def status(self, run_id: str) -> str:
        """The status of one run."""
        return next(str(run["status"]) for run in self.runs() if run["runId"] == run_id)

    def ended(self, run_id: str) -> str:
        """Wait for a run's end; returns its status."""
        return until(lambda: status if (status := self.status(run_id)) in ENDED else None, f"end of {run_id}")

    def logged(self, run_id: str) -> list[str]:
        """What a run said in its log, as the UI shows it."""
        data = self.ask(
            """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
                 ... on LogMessageEvent { message } } } } }""",
            id=run_id,
        )
        return [event["message"] for event in data["logsForRun"]["events"] if event]

    def idle(self) -> None:
        """Wait until no run is under way or queued."""
        until(lambda: all(run["status"] in ENDED for run in self.runs()) or None, "an end of all runs")

    # Looking.

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, opened for a look."""
        with Ledger.open(load_config(self.sandbox.config).ledger.reveal_url()) as ledger:
            yield ledger

    def partitions(self) -> list[str]:
        """Partition keys, in the order of first sight."""
        with self.ledger() as ledger:
            return [key for _, key in sorted(ledger.datastores.keys().items())]

    def seen(self, system: str, name: str) -> dict[str, Any]:
        """What a person sees on the one object of this name."""
        found: list[dict[str, Any]] = self.control.state(system, name=name)
        assert len(found) == 1, f"{len(found)} objects {name!r} in {system}"
        return found[0]


@contextmanager
def live(
    directory: Path, estate: str = "small", seed: int = 1, *, start: Sequence[str] = (), **options: Any
) -> Iterator[Live]:
    """A sandbox, synced once from the command line, with these Dagster processes up and loaded."""
    with running_sandbox(estate, seed, rate_limit_scale=100, **options) as sandbox:
        one = Live(sandbox, directory)
        try:
            one.sync()
            for name in start:
                one.start(name)
            if "webserver" in start:
                until(lambda: _loaded(one), "the webserver")
            yield one
        finally:
            for name in list(one.processes):
                one.kill(name)


def until(look: Callable[[], Found | None], what: str, patience: float = PATIENCE) -> Found:
    """The first answer that is not null."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.25)
    raise AssertionError(f"{what} did not come within {patience:.0f} s")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _loaded(one: Live) -> bool | None:
    try:
        data = one.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
    except (requests.RequestException, ValueError):
        return None
    return bool(data["repositoriesOrError"].get("nodes")) or None
