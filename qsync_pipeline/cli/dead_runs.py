"""Runs whose process died: failed, their pool slots and claims freed, before anything new starts.

Runs from the command line carry host and process id as tags (DESIGN.md §3, "Dead runs"). The id alone would
mislead where ids return, as in a container whose main process always has the same: hence the third tag.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.claims import process_alive

HOST_TAG, PID_TAG, BORN_TAG = "qsync/host", "qsync/pid", "qsync/pid-since"
_GOING = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    """Which process carries a run: this one."""
    tags = {HOST_TAG: socket.gethostname(), PID_TAG: str(os.getpid())}
    born = process_born(os.getpid())
    return {**tags, BORN_TAG: born} if born else tags


def process_born(pid: int) -> str:
    """When a process began, in clock ticks since boot; empty where the system does not tell (no /proc)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def bury(instance: DagsterInstance, ledger: Ledger, say: Callable[[str], None]) -> list[str]:
    """Settle the runs of dead processes on this host; returns their ids."""
    host = socket.gethostname()
    filters = RunsFilter(statuses=_GOING, tags={HOST_TAG: host})
    dead = [run for run in instance.get_runs(filters) if not _lives(run)]
    for run in dead:
        message = f"its process {run.tags.get(PID_TAG, '?')} on {host} is gone"
        instance.report_run_failed(run, f"qsync: {message}")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        say(f"run {run.run_id[:8]} is reported as failed: {message}")
    ids = {run.run_id for run in dead}
    ids |= {record.run_id for record in ledger.runs.open_on(host) if not process_alive(record.pid)}
    for run_id in ids:
        ledger.claims.release_run(run_id)
        ledger.runs.end(run_id)
    ledger.claims.free_dead(lambda where, pid: where != host or process_alive(pid))
    return [run.run_id for run in dead]


def _lives(run: DagsterRun) -> bool:
    text = run.tags.get(PID_TAG, "")
    if not text.isdecimal() or not process_alive(int(text)):
        return False
    born = run.tags.get(BORN_TAG, "")
    return not born or born == process_born(int(text))
