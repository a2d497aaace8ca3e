"""How much may be sent, what a log shows of it, and what random bytes come to."""

from __future__ import annotations

import asyncio
import http.client
import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from qsync_pipeline.automation.webhooks.inbox import Inbox
from qsync_pipeline.automation.webhooks.limits import Bucket, read_body
from qsync_pipeline.automation.webhooks.serve import is_loopback
from qsync_pipeline.automation.webhooks.told import Look, Told
from qsync_pipeline.ledger import Event, LedgerUnavailable
from qsync_pipeline_tests.automation.webhooks.conftest import (
    ATLAN_SECRET,
    SECRET,
    UI,
    Serve,
    Talk,
    tagged,
    triggered,
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_a_minutes_worth_at_once_and_then_at_its_rate() -> None:
    clock = Clock()
    bucket = Bucket(60, clock)
    assert [bucket.take() for _ in range(60)] == [0.0] * 60
    assert bucket.take() == pytest.approx(1.0)
    clock.now += 1.0
    assert bucket.take() == 0.0
    assert bucket.take() == pytest.approx(1.0)


@given(st.lists(st.floats(0, 100), max_size=60), st.integers(1, 600))
def test_no_stretch_of_time_gets_more_than_a_minutes_worth_and_its_share(
    waits: list[float], rate: int
) -> None:
    clock = Clock()
    bucket = Bucket(rate, clock)
    taken = 0
    for wait in waits:
        clock.now += wait
        taken += sum(1 for _ in range(50) if bucket.take() == 0.0)
        assert taken <= rate + clock.now * rate / 60 + 1e-6


def test_beyond_the_limit_a_sender_is_told_when_to_come_again(serve: Serve) -> None:
    talk = serve("{secret: {env: SECRET}, per_minute: 2}")
    statuses = [talk.flow(triggered(operation={"id": n, "result": "success"})) for n in (1, 2, 3)]
    assert [one.status_code for one in statuses] == [200, 200, 429]
    assert int(statuses[2].headers["retry-after"]) == 30
    assert len(talk.events) == 2


def test_whoever_lacks_the_secret_cannot_use_up_what_the_senders_have(serve: Serve) -> None:
    talk = serve("{secret: {env: SECRET}, per_minute: 3}")
    for _ in range(10):
        assert talk.post("/qualytics", triggered()).status_code == 401
    assert talk.flow(triggered()).ok


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_the_limit_is_refused_whether_it_is_announced_or_not(
    serve: Serve, announced: bool
) -> None:
    talk = serve("{secret: {env: SECRET}, max_body_kb: 1}")
    body = f"{UI}/datastores/1 ".encode() + b"x" * 2000
    data = body if announced else iter([body[:900], body[900:]])
    headers = {"x-qualytics-secret": SECRET}
    answer = talk.session.post(f"{talk.url}/qualytics", data=data, headers=headers, timeout=30)
    assert (answer.status_code, talk.events) == (413, [])
    assert "1024" in answer.json()["error"]


def test_a_compressed_body_is_refused_unread(talk: Talk) -> None:
    headers = {"x-qualytics-secret": SECRET, "content-encoding": "gzip"}
    assert talk.post("/qualytics", b"\x1f\x8b", headers).status_code == 415


def test_a_body_that_does_not_arrive_is_waited_for_only_so_long() -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nothing ever comes")

    scope = {"type": "http", "method": "POST", "headers": []}
    with pytest.raises(TimeoutError):
        asyncio.run(read_body(Request(scope, receive), 100, patience=0.01))


def test_a_sender_that_leaves_in_the_middle_leaves_nothing(talk: Talk) -> None:
    address = urlsplit(talk.url)
    line = http.client.HTTPConnection(str(address.hostname), address.port)
    line.putrequest("POST", "/qualytics")
    line.putheader("x-qualytics-secret", SECRET)
    line.putheader("content-length", "1000")
    line.endheaders(f"{UI}/datastores/1".encode())
    line.close()
    assert talk.flow(triggered()).ok
    assert len(talk.events) == 1


def test_only_post_is_taken(talk: Talk) -> None:
    for path in ("/qualytics", "/atlan/atlan"):
        answer = talk.session.get(talk.url + path, timeout=30)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_health_is_told_without_a_secret_and_says_nothing_of_the_estate(talk: Talk) -> None:
    answer = talk.session.get(f"{talk.url}/healthz", timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "newest_event": 0})


def test_each_refusal_is_one_line_without_secret_and_body(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "qsync.webhooks"):
        talk.post("/qualytics", "private words", {"x-qualytics-secret": "fake-wrong-secret"})
        talk.flow("private words")
        talk.post("/atlan/no%0Abody", "private words", {"x-atlan-signing-secret": ATLAN_SECRET})
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert [line.split(", ")[0].rsplit(" ", 1)[1] for line in lines] == ["401", "422", "404"]
    text = "\n".join(lines)
    for hidden in (SECRET, ATLAN_SECRET, "fake-wrong-secret", "private words"):
        assert hidden not in text
    assert text.count("\n") == 2


def test_a_ledger_that_cannot_be_written_acknowledges_nothing(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> int:
        raise LedgerUnavailable("ledger: disk full")

    with monkeypatch.context() as patched:
        patched.setattr(talk.ledger.events, "note", broken)
        answer = talk.flow(triggered())
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert talk.flow(triggered()).ok
    assert len(talk.events) == 1


def test_one_message_that_the_database_cannot_take_does_not_hold_up_another(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = talk.ledger.events.note

    def picky(found: Iterable[Event]) -> int:
        events = list(found)
        if any(one.key == "bad" for one in events):
            raise LedgerUnavailable("ledger: no")
        return real(events)

    monkeypatch.setattr(talk.ledger.events, "note", picky)
    inbox = Inbox(talk.ledger)

    async def main() -> list[object]:
        waiting = [asyncio.ensure_future(inbox.put(Told((Look(key, "x", 1),)))) for key in ("good", "bad")]
        await asyncio.sleep(0)
        inbox.start()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    good, bad = asyncio.run(main())
    inbox.close()
    assert not isinstance(good, Exception)
    assert isinstance(bad, LedgerUnavailable)
    assert [one.key for one in talk.events] == ["good"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def broken_forms() -> st.SearchStrategy[object]:
    """The real forms with one part replaced by anything."""
    whole = [
        triggered(operation={"id": 1, "result": "success"}, context={"anomalies": [{"id": 1}]}),
        tagged("g"),
    ]

    def replaced(choice: tuple[dict[str, object], str, object]) -> object:
        form, part, value = choice
        return {**form, part: value}

    return st.tuples(
        st.sampled_from(whole), st.sampled_from(["event", "flow", "trigger", "message", "datastore"]), _JSON
    ).map(replaced)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000) | _JSON)
def test_random_bytes_and_random_json_are_refused_whoever_sends_them(talk: Talk, body: object) -> None:
    for answer in (talk.flow(body), talk.atlan(body), talk.post("/qualytics", body)):
        assert 400 <= answer.status_code < 500
    assert talk.events == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(broken_forms())
def test_a_broken_form_never_breaks_the_receiver(talk: Talk, body: object) -> None:
    for answer in (talk.flow(body), talk.atlan(body)):
        assert answer.status_code < 500


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("qsync.acme.example", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_receiver_is_open_where_one_of_its_routes_has_no_secret(serve: Serve) -> None:
    talk = serve("{}", "webhook_secret: {env: ATLAN}")
    assert talk.post("/qualytics", triggered()).ok
    assert talk.post("/atlan/atlan", tagged("g")).status_code == 401
