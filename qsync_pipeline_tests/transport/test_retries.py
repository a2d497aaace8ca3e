"""What is tried again, how long it waits, and what never is."""

from __future__ import annotations

import socket
from email.utils import formatdate
from typing import Any

import pytest

from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.budget import LocalBudget
from qsync_pipeline.transport.errors import (
    Conflict,
    Rejected,
    ServerError,
    Throttled,
    TimedOutAfterSend,
    Unreachable,
)
from qsync_pipeline.transport.retry import RetryPolicy, retry_after_seconds
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.transport.scripted import Clock, Reply, serving

ATLAN = RetryPolicy(
    throttle_wait=60.0,
    retry_statuses=frozenset({406, 423, 429, 500, 502, 503, 504}),
    busy_codes=frozenset({"ATLAS-400-00-105"}),
    slow_codes=frozenset({"ATLAS-400-00-502"}),
)


def session(url: str, clock: Clock, **options: Any) -> HttpSession:
    options.setdefault("retry", ATLAN)
    auth = BearerToken("fake-token-000111")
    return HttpSession("Atlan", url, auth=auth, sleep=clock.sleep, clock=clock, **options)


@pytest.mark.parametrize("status", [423, 429, 500, 502, 503, 504])
def test_passing_trouble_is_waited_out(status: int) -> None:
    clock = Clock()
    with serving([Reply(status=status), Reply(status=status), Reply(body={})]) as server:
        assert session(server.url, clock).request("GET", "/x", kind="read", decode=dict) == {}
    assert len(clock.slept) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_verdict_is_never_tried_again(status: int) -> None:
    clock = Clock()
    with serving([Reply(status=status)]) as server, pytest.raises(Exception, match=str(status)):
        session(server.url, clock).request("GET", "/x", kind="read", decode=dict)
    assert len(server.requests) == 1
    assert clock.slept == []


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "ATLAS-400-00-105", Conflict),
        (406, "ATLAS-406-00-001", Conflict),
        (423, "ATLAS-423-00-001", Conflict),
        (503, "ATLAS-503-00-001", ServerError),
        (429, "", Throttled),
        (429, "ATLAS-400-00-502", ServerError),
    ],
)
def test_patience_ends_with_the_class_of_the_trouble(status: int, code: str, error: type[Exception]) -> None:
    body = {"errorCode": code, "errorMessage": "later"}
    with serving(lambda _: Reply(status=status, body=body)) as server, pytest.raises(error):
        session(server.url, Clock()).request("GET", "/x", kind="read", decode=dict)
    assert len(server.requests) == (ATLAN.throttle_tries if error is Throttled else ATLAN.tries)


def test_a_429_without_retry_after_waits_for_as_long_as_atlan_blocks() -> None:
    clock = Clock()
    with serving([Reply(status=429, body={"message": "API rate limit exceeded"}), Reply(body={})]) as server:
        session(server.url, clock).request("GET", "/x", kind="read", decode=dict)
    assert 60.0 <= clock.slept[0] < 65.0


def test_a_slow_index_query_comes_as_429_and_is_no_rate_limit() -> None:
    clock, budget = Clock(), LocalBudget()
    slow = Reply(status=429, body={"errorCode": "ATLAS-400-00-502", "errorMessage": "time budget"})
    with serving([slow, Reply(body={})]) as server:
        session(server.url, clock, budget=budget).request("GET", "/x", kind="read", decode=dict)
    assert sum(clock.slept) < 5


@pytest.mark.parametrize("header", ["7", formatdate(1_800_000_007, usegmt=True)])
@pytest.mark.rule("5.6", "`Retry-After` is obeyed")
def test_retry_after_is_obeyed_as_seconds_and_as_a_date(header: str) -> None:
    clock = Clock()
    with serving([Reply(status=503, headers={"Retry-After": header}), Reply(body={})]) as server:
        session(server.url, clock).request("GET", "/x", kind="read", decode=dict)
    assert clock.slept == [7.0]


def test_a_retry_after_of_hours_is_capped() -> None:
    clock = Clock()
    with serving([Reply(status=429, headers={"Retry-After": "86400"}), Reply(body={})]) as server:
        session(server.url, clock).request("GET", "/x", kind="read", decode=dict)
    assert clock.slept == [ATLAN.max_retry_after]


@pytest.mark.parametrize("header", [None, "", "soon", "-3", "1.5.2"])
def test_an_unreadable_retry_after_is_none(header: str | None) -> None:
    assert retry_after_seconds(header, 0.0) is None


def test_a_retry_after_date_of_the_past_is_now() -> None:
    assert retry_after_seconds(formatdate(100, usegmt=True), 500.0) == 0.0


@pytest.mark.rule("5.6", "One request budget per host")
def test_a_429_locks_everybody_out() -> None:
    clock, budget = Clock(), LocalBudget()
    with serving([Reply(status=429), Reply(body={})]) as server:
        http = session(server.url, clock, budget=budget)
        waits: list[float] = []

        def look(system: str, seconds: float, why: str) -> None:
            waits.append(budget.reserve(http.host, 300, clock()))
            assert (system, why) == ("Atlan", "rate limit")

        http._patience._on_wait = look
        http.request("GET", "/x", kind="read", decode=dict)
    assert waits[0] >= 60.0


def test_the_last_429_locks_everybody_out_too() -> None:
    clock, budget = Clock(), LocalBudget()
    with serving(lambda _: Reply(status=429)) as server:
        http = session(server.url, clock, budget=budget)
        with pytest.raises(Throttled):
            http.request("GET", "/x", kind="read", decode=dict)
    assert budget.reserve(http.host, 300, clock()) >= 60.0


def test_a_spent_budget_waits_for_the_window_to_move() -> None:
    clock, told = Clock(), []
    with serving(lambda _: Reply(body={})) as server:
        http = session(
            server.url, clock, budget=LocalBudget(), limit_per_minute=2, on_wait=lambda *a: told.append(a)
        )
        for _ in range(3):
            http.request("GET", "/x", kind="read", decode=dict)
    assert clock.slept == [60.0]
    assert told == [("Atlan", 60.0, "request budget")]


def test_a_read_whose_answer_is_lost_is_repeated() -> None:
    clock = Clock()
    lost = [Reply(hang_up=True), Reply(body={}, cut=5), Reply(body={"id": 1})]
    with serving(lost) as server:
        assert session(server.url, clock).request("GET", "/x", kind="read", decode=dict) == {"id": 1}
    assert len(clock.slept) == 2


@pytest.mark.rule("5.6", "Every call has a time-out")
def test_a_read_that_never_gets_an_answer_is_unreachable() -> None:
    with serving(lambda _: Reply(hang_up=True)) as server, pytest.raises(Unreachable, match="got no answer"):
        session(server.url, Clock()).request("GET", "/x", kind="read", decode=dict)


@pytest.mark.parametrize("reply", [Reply(hang_up=True), Reply(status=504), Reply(status=500)])
def test_a_write_that_may_have_been_accepted_is_not_repeated(reply: Reply) -> None:
    with serving([reply]) as server, pytest.raises(TimedOutAfterSend, match="read before repeating"):
        session(server.url, Clock()).request("POST", "/x", kind="write", json={})
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [Reply(hang_up=True), Reply(status=504)])
def test_an_idempotent_write_is_repeated(reply: Reply) -> None:
    with serving([reply, Reply(body={})]) as server:
        session(server.url, Clock()).request("POST", "/x", kind="write", json={}, idempotent=True)
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_put_and_delete_are_idempotent_by_themselves(method: Any) -> None:
    with serving([Reply(hang_up=True), Reply(status=204)]) as server:
        session(server.url, Clock()).request(method, "/x", kind="write")
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [423, 429])
def test_a_write_that_was_turned_away_is_repeated(status: int) -> None:
    with serving([Reply(status=status), Reply(body={})]) as server:
        session(server.url, Clock()).request("POST", "/x", kind="write", json={})
    assert len(server.requests) == 2


def test_a_refused_connection_gives_up_quickly_and_names_the_host() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = Clock()
    with pytest.raises(Unreachable) as caught:
        session(f"http://127.0.0.1:{port}", clock).request("POST", "/x", kind="write", json={})
    assert f"127.0.0.1:{port} cannot be reached: Connection refused" in str(caught.value)
    assert "check that the URL" in str(caught.value)
    assert sum(clock.slept) < 10


def test_a_host_without_a_name_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"nowhere\.invalid cannot be reached"):
        session("http://nowhere.invalid", Clock()).request("GET", "/x", kind="read", decode=dict)


def test_https_to_what_speaks_none_is_final_at_once() -> None:
    clock = Clock()
    with (
        serving(lambda _: Reply(body={})) as server,
        pytest.raises(Unreachable, match="no trusted connection"),
    ):
        session(server.url.replace("http:", "https:"), clock).request("GET", "/x", kind="read", decode=dict)
    assert clock.slept == []


@pytest.mark.rule("5.6", "Every call has a time-out")
def test_connecting_gives_up_after_its_patience() -> None:
    policy = RetryPolicy(connect_tries=9, connect_patience=8.0)
    assert not policy.exhausted("connect", 1, 30.0)
    assert policy.exhausted("connect", 2, 8.0)
    assert not policy.exhausted("connect", 2, 1.0)
    assert policy.exhausted("connect", 9, 1.0)


def test_waits_grow_and_are_bounded() -> None:
    policy = RetryPolicy(base_wait=1.0, max_wait=8.0)
    for attempt in range(1, 12):
        ceiling = min(2.0 ** (attempt - 1), 8.0)
        assert ceiling / 2 <= policy.wait("server", attempt, None) <= ceiling


def test_a_rejection_names_what_was_wrong() -> None:
    detail = [{"loc": ["body", "decay"], "msg": "must be at least 7", "type": "x"}]
    invalid = Reply(status=422, body={"detail": detail})
    with serving([invalid]) as server, pytest.raises(Rejected, match=r"body\.decay: must be at least 7"):
        session(server.url, Clock()).request("GET", "/x", kind="read", decode=dict)


# Calls that belong together


def test_calls_that_belong_together_are_repeated_from_the_first_of_them() -> None:
    clock = Clock()
    lists = [Reply(body=["Old"]), Reply(status=503), Reply(body=["Old", "A Person's"]), Reply(body={})]
    with serving(lists) as server:
        http = session(server.url, clock)

        def read_and_write_back() -> None:
            there = http.request("GET", "/tags", kind="read", decode=list)
            http.request("PATCH", "/tags", kind="write", json=[*there, "Ours"], idempotent=True)

        http.together(2, read_and_write_back)
    written = [request.body for request in server.requests if request.method == "PATCH"]
    assert written == [b'["Old","Ours"]', b'["Old","A Person\'s","Ours"]'], "not the stale list a second time"
    assert len(clock.slept) == 1


def test_calls_that_belong_together_never_wait_for_the_budget_in_between() -> None:
    clock, budget = Clock(), LocalBudget()
    asked: list[str] = []
    with serving(lambda request: (asked.append(f"{request.method} at {clock():.0f}"), Reply())[1]) as server:
        http = session(server.url, clock, budget=budget, limit_per_minute=3)

        def both() -> None:
            http.request("GET", "/x", kind="read")
            http.request("PATCH", "/x", kind="write")

        for _ in range(3):
            http.together(2, both)
    moments = [line.rpartition(" ")[2] for line in asked]
    assert moments[0::2] == moments[1::2], asked
    assert len(set(moments)) > 1, "somebody had to wait"


def test_patience_with_calls_that_belong_together_ends_like_that_with_one() -> None:
    with serving(lambda _: Reply(status=503)) as server:
        http = session(server.url, Clock())
        with pytest.raises(ServerError):
            http.together(2, lambda: http.request("GET", "/x", kind="read"))
        with pytest.raises(ServerError):
            http.request("GET", "/x", kind="read")
    assert len(server.requests) == 2 * ATLAN.tries
