"""Being stopped: the batch in flight is finished, nothing else begins, and nobody has to wait for us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from qsync_pipeline.cli.signals import watching
from qsync_pipeline.config import load_config
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sandbox.testing import RunningSandbox
from qsync_pipeline_tests.cli.conftest import Qsync

PATIENCE = 120
BULK = "/api/meta/entity/bulk"


@contextmanager
def handling(number: int) -> Iterator[list[int]]:
    """Note the signal instead of being stopped by it."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = signal.signal(number, note)
    try:
        yield came
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.rule("3", "Termination interrupts anywhere")
def test_a_signal_waits_until_the_block_is_through(number: int) -> None:
    with handling(number) as came:
        with finished_first():
            with finished_first():
                signal.raise_signal(number)
                assert came == []
            assert came == []  # the outer block is not through yet
        assert came == [number]


def test_a_block_without_a_signal_changes_nothing() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with finished_first():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_off_the_main_thread_a_block_is_just_a_block() -> None:
    done: list[bool] = []

    @finished_first()
    def work() -> None:
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_watch_knows_the_signal_whoever_handled_it(number: int, status: int) -> None:
    with watching() as watch:
        assert watch.signal == 0
        with handling(number):
            os.kill(os.getpid(), number)
        assert watch.signal == number
        assert watch.status == status


@pytest.mark.rule("3", "Termination interrupts anywhere")
def test_a_stopped_sync_finishes_its_batch_and_the_next_does_the_rest(
    qsync: Qsync, sandbox: RunningSandbox
) -> None:
    # Slow writes, so that the signal comes while one is under way.
    sandbox.control.faults(
        {"system": "atlan", "route": BULK, "method": "POST", "kind": "delay", "seconds": 0.5}
    )
    sandbox.control.reset_requests()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "qsync_pipeline",
            "sync",
            "--config",
            str(sandbox.config),
            "--direction",
            "push",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE
    while sandbox.control.count("atlan", "POST", route=BULK) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)  # another process: it can only be asked
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143, (out, err)
    assert "qsync: stopped; what was written is in the ledger" in err
    assert "Traceback" not in out + err

    config = load_config(sandbox.config)
    with DagsterInstance.from_config(str(sandbox.config.parent / ".qsync" / "dagster_home")) as instance:
        [run] = instance.get_runs()
        assert run.status is DagsterRunStatus.CANCELED
    with Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger:
        held = [row for key in ledger.datastores.keys().values() for row in ledger.holdings.of(key)]
        assert held
        assert not [row for row in held if row.has_pending]  # every write that was begun is accounted for
        assert all(ledger.claims.holder("atlan", key) is None for key in ledger.datastores.keys().values())
        record = ledger.runs.get(run.run_id)
        assert record is not None
        assert record.ended_at is not None

    sandbox.control.clear_faults()
    rest = qsync("sync", "--config", sandbox.config, "--direction", "push", "--json")
    assert rest.status == 0, rest.err
    done = rest.atlan["outcome"]["custom_metadata"]
    assert 0 < done["applied"] < done["applied"] + done["unchanged"]
    assert (
        len({(row.target, row.surface) for row in held if row.surface == "custom_metadata"})
        == done["unchanged"]
    )
