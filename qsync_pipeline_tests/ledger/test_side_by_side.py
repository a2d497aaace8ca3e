"""Threads and processes on one ledger."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import Ledger

ROUNDS = 40


def worker(url: str, number: int) -> None:
    """What a process does in earnest, small: claims, writes, requests, all against the same rows."""
    with Ledger.open(url) as ledger:
        for turn in range(ROUNDS):
            ledger.budget.reserve("host", 100_000, 1000.0 + turn / 10)
            ledger.reports.add_requests("run", "atlan", "catalog", "read", 1)
            change = Change("tags", "create", f"field:{number}-{turn}", "n", "pii", after="PII")
            ledger.intend(f"run-{number}", "atlan", "1-x", [change])
            ledger.settle(f"run-{number}", "atlan", "1-x", [Outcome(change, "applied")])


def claimer(url: str, number: int) -> None:
    with Ledger.open(url) as ledger:
        for datastore in range(10):
            claim = ledger.claims.acquire("atlan", f"{datastore}-x", f"run-{number}", host="h", pid=number)
            ledger.notes.put(f"run-{number}", f"{datastore}", claim is not None)


def in_processes(target: Callable[[str, int], None], url: str, count: int = 3) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=target, args=(url, number)) for number in range(1, count + 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * count


def test_processes_that_write_at_once_lose_nothing(url: str) -> None:
    in_processes(worker, url)
    with Ledger.open(url) as ledger:
        assert ledger.reports.requests(["run"])["atlan"]["catalog"]["read"] == 3 * ROUNDS
        assert ledger.holdings.counts() == {"atlan": {"tags": 3 * ROUNDS}}
        with ledger._db.read() as connection:
            granted = connection.exec_driver_sql("SELECT sum(n) FROM qsync_budget_grants").scalar()
        assert granted == 3 * ROUNDS


@pytest.mark.rule("3", "Starts that bypass the queue")
def test_of_processes_that_claim_at_once_one_wins_each_datastore(url: str) -> None:
    in_processes(claimer, url)
    with Ledger.open(url) as ledger:
        won = [ledger.notes.of(f"run-{number}") for number in (1, 2, 3)]
    assert [sum(notes[f"{d}"] for notes in won) for d in range(10)] == [1] * 10


@pytest.mark.rule("5.6", "One request budget per host")
def test_threads_share_one_ledger_and_never_exceed_the_budget(ledger: Ledger) -> None:
    def ask(number: int) -> float:
        return ledger.budget.reserve("host", 30, 1000.0 + number / 100)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(120)))
    assert answers.count(0.0) == 30
