"""Runs whose process died are settled before anything new starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from qsync_pipeline.cli.dead_runs import BORN_TAG, HOST_TAG, PID_TAG, bury, process_born, process_tags
from qsync_pipeline.cli.home import Home, open_instance
from qsync_pipeline.ledger import Ledger


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as opened:
        yield opened


@pytest.fixture(scope="module")
def dead_pid() -> int:
    """The id of a process that was there a moment ago."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@dg.op
def nothing() -> None: ...


@dg.job
def empty_job() -> None:
    nothing()


def started(instance: DagsterInstance, **tags: str) -> DagsterRun:
    """A run that this process carries, but for the tags that say otherwise."""
    own = {f"qsync/{name.replace('_', '-')}": value for name, value in tags.items()}
    return instance.create_run_for_job(empty_job, status=DagsterRunStatus.STARTED, tags=process_tags() | own)


def status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


@pytest.mark.rule("3", "At start, runs of dead processes")
def test_a_run_of_a_dead_process_is_failed_and_its_claims_are_free(
    instance: DagsterInstance, ledger: Ledger, dead_pid: int
) -> None:
    run = started(instance, pid=str(dead_pid))
    host = run.tags[HOST_TAG]
    ledger.runs.start(run.run_id, host=host, pid=dead_pid)
    assert ledger.claims.acquire("atlan", "2-crm", run.run_id, host=host, pid=dead_pid)
    said: list[str] = []
    assert bury(instance, ledger, said.append) == [run.run_id]
    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert ledger.claims.holder("atlan", "2-crm") is None
    assert ledger.runs.open_on(host) == []
    assert said == [f"run {run.run_id[:8]} is reported as failed: its process {dead_pid} on {host} is gone"]
    assert bury(instance, ledger, said.append) == []


@pytest.mark.rule("3", "At start, runs of dead processes")
def test_a_run_of_a_living_process_goes_on(instance: DagsterInstance, ledger: Ledger) -> None:
    run = started(instance)
    host, pid = run.tags[HOST_TAG], os.getpid()
    ledger.runs.start(run.run_id, host=host, pid=pid)
    claim = ledger.claims.acquire("atlan", "2-crm", run.run_id, host=host, pid=pid)
    assert claim is not None
    assert bury(instance, ledger, print) == []
    assert status(instance, run) is DagsterRunStatus.STARTED
    assert ledger.claims.still_mine(claim)
    assert [one.run_id for one in ledger.runs.open_on(host)] == [run.run_id]


@pytest.mark.rule("3", "Runs from the command line carry host")
def test_runs_of_other_hosts_are_none_of_our_business(
    instance: DagsterInstance, ledger: Ledger, dead_pid: int
) -> None:
    run = started(instance, pid=str(dead_pid), host="elsewhere")
    assert ledger.claims.acquire("atlan", "2-crm", run.run_id, host="elsewhere", pid=dead_pid)
    assert bury(instance, ledger, print) == []
    assert status(instance, run) is DagsterRunStatus.STARTED
    assert ledger.claims.holder("atlan", "2-crm") is not None


@pytest.mark.skipif(not process_born(os.getpid()), reason="this system does not tell when a process began")
@pytest.mark.rule("3", "Runs from the command line carry host")
def test_a_process_that_got_the_id_of_a_dead_one_keeps_no_run_alive(
    instance: DagsterInstance, ledger: Ledger
) -> None:
    run = started(instance, pid_since="1")
    assert run.tags[PID_TAG] == str(os.getpid())
    assert run.tags[BORN_TAG] != process_born(os.getpid())
    assert bury(instance, ledger, lambda text: None) == [run.run_id]
    assert status(instance, run) is DagsterRunStatus.FAILURE


@pytest.mark.rule("3", "At start, runs of dead processes")
def test_the_pool_slots_of_a_dead_run_are_free(tmp_path: Path, ledger: Ledger, dead_pid: int) -> None:
    with open_instance(Home(tmp_path / "home", ours=True)) as instance:
        run = started(instance, pid=str(dead_pid))
        slots = instance.event_log_storage
        slots.set_concurrency_slots("atlan_api", 1)
        assert slots.claim_concurrency_slot("atlan_api", run.run_id, "step").is_claimed
        bury(instance, ledger, lambda text: None)
        assert slots.get_concurrency_info("atlan_api").active_slot_count == 0
