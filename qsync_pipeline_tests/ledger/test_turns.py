"""Turns: one call to a host at a time, over all processes, fairly, and never waiting for the dead."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.transport.budget import Budget, LocalBudget
from qsync_pipeline.transport.turns import turn

HOST = "alation.example.com"
ME = f"{socket.gethostname()}:{os.getpid()}"
ELSEWHERE = "another-machine:1"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["ledger", "local"])
def budget(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Budget]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as ledger:
        yield LocalBudget(clock=clock) if request.param == "local" else ledger.budget


def test_while_one_calls_another_waits_and_a_third_host_does_not(budget: Budget) -> None:
    assert budget.take_turn(HOST, f"{ME}:a", 60) == 0
    assert budget.take_turn(HOST, f"{ME}:b", 60) > 0
    assert budget.take_turn("other.example.com", f"{ME}:b", 60) == 0
    budget.end_turn(HOST, f"{ME}:b")
    assert budget.take_turn(HOST, f"{ME}:c", 60) > 0, "only its owner ends a turn"
    budget.end_turn(HOST, f"{ME}:a")
    assert budget.take_turn(HOST, f"{ME}:b", 60) == 0


def test_a_turn_lapses_when_its_owner_never_ends_it(budget: Budget, clock: Clock) -> None:
    assert budget.take_turn(HOST, f"{ELSEWHERE}:a", 60) == 0
    clock.now += 59
    assert budget.take_turn(HOST, f"{ME}:b", 60) > 0
    clock.now += 2
    assert budget.take_turn(HOST, f"{ME}:b", 60) == 0


def test_who_waited_goes_before_the_one_who_just_called(tmp_path: Path, clock: Clock) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as ledger:
        budget = ledger.budget
        assert budget.take_turn(HOST, f"{ME}:a", 60) == 0
        assert budget.take_turn(HOST, f"{ME}:b", 60) > 0
        budget.end_turn(HOST, f"{ME}:a")
        assert budget.take_turn(HOST, f"{ME}:c", 60) > 0
        assert budget.take_turn(HOST, f"{ME}:b", 60) == 0
        budget.end_turn(HOST, f"{ME}:b")
        assert budget.take_turn(HOST, f"{ME}:c", 60) == 0


def test_a_place_in_line_is_not_kept_for_one_who_does_not_ask_again(tmp_path: Path, clock: Clock) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as ledger:
        budget = ledger.budget
        budget.take_turn(HOST, f"{ME}:a", 60)
        budget.take_turn(HOST, f"{ELSEWHERE}:b", 60)
        budget.end_turn(HOST, f"{ME}:a")
        assert budget.take_turn(HOST, f"{ME}:c", 60) > 0
        clock.now += 3
        assert budget.take_turn(HOST, f"{ME}:c", 60) == 0


def test_the_turn_of_a_dead_process_of_this_machine_is_free_at_once(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert ledger.budget.take_turn(HOST, f"{socket.gethostname()}:{gone.pid}:x", 600) == 0
        assert ledger.budget.take_turn(HOST, f"{ME}:b", 600) == 0


def test_no_two_calls_overlap_whoever_makes_them(tmp_path: Path) -> None:
    url, inside, most, done = f"sqlite:///{tmp_path}/ledger.db", [0], [0], [0]
    lock = threading.Lock()

    def work() -> None:
        with Ledger.open(url) as ledger:
            for _ in range(10):
                with turn(ledger.budget, HOST, 60, time.sleep):
                    with lock:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    with lock:
                        inside[0] -= 1
                        done[0] += 1

    Ledger.open(url).close()
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, done) == ([1], [30])


def test_a_failed_call_ends_its_turn(budget: Budget) -> None:
    with pytest.raises(RuntimeError), turn(budget, HOST, 60, lambda seconds: None):
        raise RuntimeError
    assert budget.take_turn(HOST, f"{ME}:b", 60) == 0
