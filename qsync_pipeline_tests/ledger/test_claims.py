"""Claims and leases: one run per datastore, and nobody waits for the dead."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from qsync_pipeline.ledger import Claim, Ledger
from qsync_pipeline.ledger.claims import Claims, process_alive
from qsync_pipeline_tests.ledger.conftest import Clock

HERE: dict[str, Any] = {"host": "here", "pid": 10}
THERE: dict[str, Any] = {"host": "there", "pid": 20}


@pytest.fixture
def dead() -> set[int]:
    """Process ids of this host that are dead."""
    return set()


@pytest.fixture
def claims(ledger: Ledger, dead: set[int]) -> Claims:
    return Claims(ledger._db, alive=lambda pid: pid not in dead)


def take(claims: Claims, run: str = "run-1", **who: Any) -> Claim:
    claim = claims.acquire("atlan", "1-x", run, **{**HERE, **who})
    assert claim is not None
    return claim


@pytest.mark.rule("3", "Starts that bypass the queue")
def test_a_second_run_waits_and_learns_for_which_one(claims: Claims) -> None:
    first = take(claims)
    assert claims.acquire("atlan", "1-x", "run-2", **THERE) is None
    holder = claims.holder("atlan", "1-x")
    assert holder is not None
    assert (holder.run_id, holder.host, holder.pid, holder.token) == ("run-1", "here", 10, first.token)


def test_other_datastores_and_integrations_are_free(claims: Claims) -> None:
    take(claims)
    assert claims.acquire("atlan", "2-y", "run-2", **THERE) is not None
    assert claims.acquire("alation", "1-x", "run-2", **THERE) is not None


def test_a_released_claim_is_free_at_once(claims: Claims) -> None:
    assert claims.release(take(claims))
    assert claims.holder("atlan", "1-x") is None
    take(claims, "run-2")


@pytest.mark.rule("3", "Starts that bypass the queue")
def test_a_claim_lives_as_long_as_its_heart_beats(claims: Claims, clock: Clock) -> None:
    claim = take(claims)
    for _ in range(5):
        clock.now += 50
        assert claims.heartbeat(claim)
        assert claims.acquire("atlan", "1-x", "run-2", **THERE) is None
    clock.now += 60
    assert not claims.still_mine(claim)
    assert claims.holder("atlan", "1-x") is None
    assert claims.acquire("atlan", "1-x", "run-2", **THERE) is not None


@pytest.mark.rule("3", "Starts that bypass the queue")
def test_a_run_whose_claim_was_taken_over_is_fenced_off(claims: Claims, clock: Clock) -> None:
    first = take(claims)
    clock.now += 61
    second = take(claims, "run-2", **THERE)
    assert second.token > first.token
    assert not claims.still_mine(first)
    assert not claims.heartbeat(first)
    assert not claims.release(first)
    assert claims.still_mine(second)


def test_an_expired_claim_that_nobody_took_can_be_renewed(claims: Claims, clock: Clock) -> None:
    claim = take(claims)
    clock.now += 61
    assert claims.heartbeat(claim)
    assert claims.still_mine(claim)


@pytest.mark.rule("3", "Nothing waits on a dead run")
def test_the_claim_of_a_dead_process_of_this_host_is_taken_over_at_once(
    claims: Claims, dead: set[int]
) -> None:
    first = take(claims)
    assert claims.acquire("atlan", "1-x", "run-2", host="here", pid=11) is None
    dead.add(10)
    assert claims.acquire("atlan", "1-x", "run-2", host="here", pid=11) is not None
    assert not claims.still_mine(first)


def test_a_process_id_of_another_host_says_nothing(claims: Claims, dead: set[int]) -> None:
    take(claims, **THERE)
    dead.add(20)
    assert claims.acquire("atlan", "1-x", "run-2", **HERE) is None


def test_steps_of_one_run_claim_side_by_side_and_the_place_is_free_when_all_are_done(claims: Claims) -> None:
    first, second = take(claims, pid=10), take(claims, pid=12)
    assert claims.release(second)
    assert claims.still_mine(first)
    assert claims.acquire("atlan", "1-x", "run-2", **THERE) is None
    assert claims.release(first)
    assert claims.acquire("atlan", "1-x", "run-2", **THERE) is not None


def test_all_claims_of_a_run_are_released_together(claims: Claims) -> None:
    take(claims)
    claims.acquire("atlan", "2-y", "run-1", **HERE)
    claims.acquire("atlan", "3-z", "run-2", **HERE)
    assert claims.release_run("run-1") == 2
    assert claims.holder("atlan", "3-z") is not None


def test_claims_of_the_dead_are_freed_by_whoever_can_tell(claims: Claims) -> None:
    take(claims)
    claims.acquire("atlan", "2-y", "run-2", **THERE)
    freed = claims.free_dead(lambda host, pid: (host, pid) != ("there", 20))
    assert [(claim.datastore, claim.run_id) for claim in freed] == [("2-y", "run-2")]
    assert claims.holder("atlan", "1-x") is not None


def test_a_token_is_never_given_twice(claims: Claims) -> None:
    tokens = []
    for _ in range(3):
        claim = take(claims)
        tokens.append(claim.token)
        claims.release(claim)
    assert len(set(tokens)) == 3


def test_this_process_is_alive_and_a_process_id_out_of_range_is_not() -> None:
    assert process_alive(os.getpid())
    assert process_alive(1)
    assert not process_alive(2**22 + 1)  # Linux gives none above


def test_a_lease_belongs_to_one_owner_until_it_expires(ledger: Ledger, clock: Clock) -> None:
    assert ledger.leases.acquire("definitions:atlan", "a", ttl=30)
    assert not ledger.leases.acquire("definitions:atlan", "b", ttl=30)
    assert ledger.leases.acquire("definitions:alation", "b", ttl=30)
    assert ledger.leases.holder("definitions:atlan") == "a"
    clock.now += 20
    assert ledger.leases.acquire("definitions:atlan", "a", ttl=30)
    clock.now += 31
    assert ledger.leases.holder("definitions:atlan") is None
    assert ledger.leases.acquire("definitions:atlan", "b", ttl=30)
    assert not ledger.leases.release("definitions:atlan", "a")
    assert ledger.leases.release("definitions:atlan", "b")


def test_two_ledgers_on_one_database_see_each_others_claims(open_ledger: Callable[..., Ledger]) -> None:
    one, two = open_ledger(), open_ledger()
    claim = one.claims.acquire("atlan", "1-x", "run-1", host="far", pid=1)
    assert claim is not None
    assert two.claims.acquire("atlan", "1-x", "run-2", host="near", pid=1) is None
    assert two.claims.still_mine(claim)
