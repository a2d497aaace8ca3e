"""What one call does: bodies, headers, errors, and what never happens."""

from __future__ import annotations

import threading
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from qsync_pipeline.transport import timely
from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    OutsideError,
    Rejected,
    TimedOutAfterSend,
    Unauthorized,
)
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.transport.scripted import Reply, Request, serving

TOKEN = "fake-token-000111"


class Thing(msgspec.Struct):
    id: int
    name: str | None = None


def session(url: str, **options: Any) -> HttpSession:
    options.setdefault("auth", BearerToken(TOKEN, "env ATLAN_API_KEY"))
    return HttpSession("Atlan", url + "/api", sleep=lambda _: None, **options)


def test_a_call_carries_token_user_agent_and_a_fresh_request_id() -> None:
    with serving([Reply(body={"id": 1}), Reply(body={"id": 2})]) as server:
        http = session(server.url, request_id_header="x-atlan-request-id", headers={"x-atlan-agent": "qsync"})
        assert http.request("GET", "/things/1", kind="read", decode=Thing) == Thing(1)
        http.request("GET", "/things/2", kind="read", decode=Thing)
    first, second = server.requests
    assert first.path == "/api/things/1"
    assert first.headers["Authorization"] == f"Bearer {TOKEN}"
    assert first.headers["User-Agent"].startswith("qsync/")
    assert first.headers["x-atlan-agent"] == "qsync"
    assert first.headers["x-atlan-request-id"] != second.headers["x-atlan-request-id"]


def test_lists_repeat_their_key_booleans_are_lower_case_and_nulls_are_left_out() -> None:
    with serving([Reply(), Reply()]) as server:
        http = session(server.url)
        params = {
            "status": ["Active", "Acknowledged"],
            "latest": True,
            "none": None,
            "attr:qualifiedName": "a/b",
        }
        http.request("GET", "/x", kind="read", params=params, decode=dict)
        http.request("GET", "/x", kind="read", params=[("a", 1), ("a", 2)], decode=dict)
    assert server.requests[0].query == [
        ("status", "Active"),
        ("status", "Acknowledged"),
        ("latest", "true"),
        ("attr:qualifiedName", "a/b"),
    ]
    assert server.requests[1].query == [("a", "1"), ("a", "2")]


def test_a_quoted_path_segment_stays_quoted() -> None:
    with serving([Reply(status=204)]) as server:
        session(server.url).request("DELETE", "/tags/A%2FB%20%25%3F%23", kind="write")
    assert server.requests[0].path == "/api/tags/A%2FB%20%25%3F%23"


def test_a_body_is_json_and_structs_are_encoded() -> None:
    with serving([Reply(body=[])]) as server:
        session(server.url).request("POST", "/x", kind="write", json=[Thing(1, "ä")])
    assert msgspec.json.decode(server.requests[0].body) == [{"id": 1, "name": "ä"}]
    assert server.requests[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(body=b"<!doctype html><html>Sign in</html>"), "HTML instead of JSON"),
        (Reply(body=b""), "an empty body"),
        (Reply(status=204), "an empty body"),
        (Reply(body=b"{'id': 1}"), "no JSON"),
        (Reply(body={"name": "no id"}), "another shape"),
        (Reply(body=[]), "another shape"),
    ],
)
def test_a_2xx_that_is_not_what_was_promised_is_malformed(reply: Reply, words: str) -> None:
    with serving([reply]) as server, pytest.raises(Malformed, match=words) as caught:
        session(server.url).request("GET", "/things/1", kind="read", params={"q": "s"}, decode=Thing)
    assert "Atlan: GET /things/1 was answered with 20" in str(caught.value)


@pytest.mark.rule("5.6", "A 200 with HTML is an error")
def test_without_a_promise_an_empty_body_is_null_and_html_is_still_malformed() -> None:
    with serving([Reply(status=204), Reply(body={"id": 1}), Reply(body=b" <html>")]) as server:
        http = session(server.url)
        assert http.request("DELETE", "/x", kind="write") is None
        assert http.request("DELETE", "/x", kind="write") == {"id": 1}
        with pytest.raises(Malformed):
            http.request("DELETE", "/x", kind="write")


def test_redirects_are_refused_and_the_token_does_not_travel() -> None:
    with serving([Reply(body={"id": 1})]) as other:
        moved = Reply(status=302, headers={"Location": f"{other.url}/login?next=secret"})
        with serving([moved]) as server, pytest.raises(Malformed, match="refused redirect to") as caught:
            session(server.url).request("GET", "/x", kind="read", decode=Thing)
    assert other.requests == []
    assert f"{other.url}/login" in str(caught.value)
    assert "next=secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Rejected), (403, Forbidden), (404, NotFound), (409, Conflict), (413, Rejected), (422, Rejected)],
)
def test_a_final_status_raises_its_class_at_once(status: int, error: type[OutsideError]) -> None:
    body = {"errorCode": "ATLAS-4-1", "errorMessage": "no such thing", "entityGuid": "g-1"}
    with serving([Reply(status=status, body=body)]) as server, pytest.raises(error) as caught:
        session(server.url).request("GET", "/x", kind="read", params={"q": "hidden"}, decode=Thing)
    raised = caught.value
    assert (raised.system, raised.status, raised.code) == ("Atlan", status, "ATLAS-4-1")
    assert (raised.detail, raised.culprit, raised.worded) == ("no such thing", "g-1", True)
    assert str(raised).startswith(f"Atlan: GET /x was answered with {status} ATLAS-4-1: no such thing")
    assert "hidden" not in str(raised)
    assert len(server.requests) == 1


@pytest.mark.rule("5.6", "401 stops the run")
def test_a_401_says_what_to_do_and_shows_no_token() -> None:
    reply = Reply(status=401, body={"detail": f"bad token {TOKEN}"})
    with serving([reply]) as server, pytest.raises(Unauthorized) as caught:
        session(server.url).request("GET", "/x", kind="read", decode=Thing)
    assert "make a new one and update env ATLAN_API_KEY" in str(caught.value)
    assert TOKEN not in str(caught.value)


class RenewedOnce:
    """Credentials that can be renewed; ``works`` says whether the new ones are any better."""

    def __init__(self) -> None:
        self.renewals = 0

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer generation-{self.renewals}"}

    def refresh(self) -> bool:
        self.renewals += 1
        return True

    def advice(self) -> str:
        return "log in again"


def test_a_401_is_tried_once_more_with_renewed_credentials() -> None:
    def script(request: Request) -> Reply:
        fresh = request.headers["Authorization"] == "Bearer generation-1"
        return Reply(body={"id": 1}) if fresh else Reply(status=401)

    auth = RenewedOnce()
    with serving(script) as server:
        assert session(server.url, auth=auth).request("GET", "/x", kind="read", decode=Thing) == Thing(1)
    assert auth.renewals == 1


def test_a_401_after_renewal_is_final() -> None:
    auth = RenewedOnce()
    with serving(lambda _: Reply(status=401)) as server, pytest.raises(Unauthorized, match="log in again"):
        session(server.url, auth=auth).request("GET", "/x", kind="read", decode=Thing)
    assert len(server.requests) == 2


def test_statuses_of_none_on_answer_null() -> None:
    with serving([Reply(status=404, body={"detail": "Not Found"})]) as server:
        http = session(server.url)
        found = http.request("GET", "/x", kind="read", decode=Thing, none_on=frozenset({404}))
    assert found is None


def test_every_attempt_counts_by_system_kind_and_route() -> None:
    counter = RequestCounter()
    replies = [Reply(status=503), Reply(body={"id": 1}), Reply(status=204)]
    with serving(replies) as server:
        http = session(server.url, counter=counter)
        http.request("GET", "/things/1", kind="read", route="/things/{id}", decode=Thing)
        http.request("DELETE", "/things/1", kind="write", route="/things/{id}")
    assert counter.snapshot() == {"read": 2, "write": 1}
    assert counter.snapshot("Qualytics") == {"read": 0, "write": 0}
    assert counter.routes("Atlan") == {"GET /things/{id}": 2, "DELETE /things/{id}": 1}


def test_threads_share_one_session_without_sharing_connections() -> None:
    with serving(lambda r: Reply(body={"id": int(r.path.rpartition("/")[2])})) as server:
        http = session(server.url)
        seen: list[Any] = []

        def work(number: int) -> None:
            for _ in range(5):
                seen.append(http.request("GET", f"/x/{number}", kind="read", decode=Thing).id == number)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        http.close()
    assert seen == [True] * 30
    assert http.counter.snapshot() == {"read": 30, "write": 0}


def test_a_connection_that_one_thread_left_is_used_by_the_next() -> None:
    connections: set[threading.Thread] = set()

    def answer(_: Request) -> Reply:
        connections.add(threading.current_thread())  # the server has one for each
        return Reply()

    with serving(answer) as server:
        http = session(server.url)
        for _ in range(3):
            thread = threading.Thread(target=lambda: http.request("GET", "/x", kind="read", decode=dict))
            thread.start()
            thread.join()
        http.close()
    assert len(connections) == 1


@pytest.mark.rule("5.6", "Every call has a time-out")
def test_an_answer_that_trickles_is_cut_off() -> None:
    with serving(lambda _: Reply(body=b'{"id": 1}' + b" " * 300_000)) as server:
        http = session(server.url, answer_limit=-1.0)
        with pytest.raises(OutsideError, match="not complete after"):
            http.request("GET", "/x", kind="read", decode=Thing)


@pytest.mark.parametrize("looks", [1, 2], ids=["in its head", "in its body"])
def test_an_answer_that_goes_on_beyond_its_time_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """The clock stands still for so many looks at it, the one when the answer begins among them."""
    clock = chain(repeat(0.0, looks), repeat(1e6))
    monkeypatch.setattr(timely, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with serving([Reply(body=b'{"id": 1}' + b" " * 300_000)]) as server:
        http = session(server.url)
        with pytest.raises(TimedOutAfterSend, match="not complete after 300 s"):
            http.request("POST", "/x", kind="write", json={}, decode=Thing)


def test_cookies_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([Reply(headers={"Set-Cookie": "session=1; Path=/"}), Reply()]) as server:
        http = session(server.url)
        http.request("GET", "/x", kind="read", decode=dict)
        http.request("GET", "/x", kind="read", decode=dict)
    assert "Cookie" not in server.requests[1].headers
