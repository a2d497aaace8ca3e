"""``qsync sync`` killed in mid-write: nothing is lost or done twice, the end is the same (DESIGN.md §3).

A fault withholds the answer to one write; while the process waits for it, it is killed with SIGKILL, so that
it can neither say goodbye nor write to its ledger. This is the command itself, with Dagster, over HTTP;
``test_kill_at_every_write`` strikes each of many writes, at less cost.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox

SEED = 11
WRITES = (
    # (system, method, route, which one)
    ("atlan", "POST", "/api/meta/types/typedefs", 0),
    ("atlan", "POST", "/api/meta/entity/bulk", 0),
    ("atlan", "POST", "/api/meta/entity/bulk", 1),
    ("atlan", "POST", "/api/meta/entity/bulk", 4),
    ("atlan", "POST", "/api/meta/entity/bulk", 6),
    ("qualytics", "POST", "/api/global-tags", 3),
    ("qualytics", "PATCH", "/api/fields", 0),
    ("qualytics", "PATCH", "/api/containers", 0),
    ("qualytics", "PATCH", "/api/fields", 2),
    ("qualytics", "PUT", "/api/datastores/{id}", 0),
)
"""Ten different writes of a first sync of the small estate; ``{id}`` stands for any name in braces."""


def start(config: Path) -> subprocess.Popen[str]:
    """``qsync sync --json`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "qsync_pipeline", "sync", "--config", str(config), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1"},
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Its JSON, once it has ended by itself."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err[-2000:]
    result: dict[str, Any] = json.loads(out.strip().splitlines()[-1])["integrations"]["atlan"]
    return result


def kill_in_write(sandbox: RunningSandbox, write: tuple[str, str, str, int], phase: str) -> None:
    """Start a sync and kill it while it waits for the answer to one write."""
    system, method, route, skip = write
    sandbox.control.faults(
        {
            "system": system,
            "method": method,
            "route": route,
            "skip": skip,
            "count": 1,
            "kind": "timeout",
            "seconds": 60,
            "phase": phase,
        }
    )
    process = start(Path(sandbox.config))
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if any(rule["fired"] for rule in sandbox.control.faults_in_force()):
                break
            time.sleep(0.05)
        else:
            pytest.fail(f"the write never came: {process.communicate()[1][-2000:]}")
        os.killpg(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
        sandbox.control.clear_faults()


def everything(sandbox: RunningSandbox) -> str:
    """All that people see in both systems; the ports, which differ between sandboxes, are left out."""
    seen = json.dumps(
        [
            sorted(sandbox.control.state(system, like="%"), key=lambda entry: (entry["kind"], entry["name"]))
            for system in ("qualytics", "atlan")
        ],
        indent=1,
        sort_keys=True,
    )
    for system, url in sandbox.urls.items():
        seen = seen.replace(url, f"<{system}>")
    return seen


def writes(sandbox: RunningSandbox) -> int:
    """Requests that write, since the last reset."""
    reading = ("indexsearch", "evaluator")
    return sum(
        row["count"]
        for row in sandbox.control.requests()["requests"]
        if row["method"] != "GET" and not any(part in row["route"] for part in reading)
    )


@pytest.fixture(scope="module")
def undisturbed() -> str:
    """What both systems show after a first sync that nobody killed."""
    with running_sandbox("small", SEED, rate_limit_scale=100, kinds=ATLAN_ONLY) as twin:
        finish(start(Path(twin.config)))
        return everything(twin)


def survives(undisturbed: str, write: tuple[str, str, str, int], phase: str) -> None:
    """Kill at this write: the next sync ends as the undisturbed one did, the one after writes nothing."""
    with running_sandbox("small", SEED, rate_limit_scale=100, kinds=ATLAN_ONLY) as sandbox:
        kill_in_write(sandbox, write, phase)
        sandbox.control.advance(5)
        begun = time.monotonic()
        finish(start(Path(sandbox.config)))
        assert time.monotonic() - begun < 60, "nothing waits on a dead run for more than a minute"
        assert everything(sandbox) == undisturbed
        sandbox.control.advance(5)
        sandbox.control.reset_requests()
        finish(start(Path(sandbox.config)))
        assert writes(sandbox) == 0
        assert everything(sandbox) == undisturbed


@pytest.mark.rule("5.5", "A second run with nothing changed writes nothing.")
@pytest.mark.rule("3", "What was written is in the ledger before the step ends")
@pytest.mark.rule("3", "Nothing waits on a dead run")
def test_a_run_killed_in_mid_write_leaves_nothing_behind_but_the_missing_writes(undisturbed: str) -> None:
    survives(undisturbed, WRITES[3], "after")


@pytest.mark.soak
@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("write", WRITES, ids=lambda write: f"{write[0]}-{write[1]}-{write[3]}")
@pytest.mark.rule("3", "What was written is in the ledger before the step ends")
def test_a_run_killed_at_any_of_ten_writes_is_made_good(
    undisturbed: str, write: tuple[str, str, str, int], phase: str
) -> None:
    survives(undisturbed, write, phase)
