"""Fault rules: what each kind does to a client, whom a rule strikes, and what a wrong rule is told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.sandbox.faults import FaultBook, FaultRule, parse_rules
from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.testing import RunningSandbox, running_sandbox
from qsync_pipeline.sandbox.withheld import Answer
from qsync_pipeline_tests.sandbox.fakes import FAKES, FakeSystem, empty_estate

SYSTEMS = ("qualytics", "atlan")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with running_sandbox(empty_estate(), kinds=FAKES) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    running.control.clear_faults()
    running.control.reset_requests()
    _atlan(running).posted = 0
    return running


def test_status_answers_with_headers_and_body(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"status": 429, "headers": {"Retry-After": "7"}, "body": {"message": "slow down"}})
    answer = _get(sandbox)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert answer.json() == {"message": "slow down"}


def test_a_rule_with_nothing_but_a_system_makes_that_system_unavailable(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"system": "atlan"})
    assert _get(sandbox).status_code == 503
    assert requests.get(sandbox.urls["qualytics"] + "/health", timeout=5).status_code == 200


@pytest.mark.parametrize("status", [200, 503])
def test_html_comes_instead_of_json(sandbox: RunningSandbox, status: int) -> None:
    sandbox.control.faults({"kind": "html", "status": status})
    answer = _get(sandbox)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_reset_drops_the_connection(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "reset", "count": 1})
    with pytest.raises(requests.ConnectionError):
        _get(sandbox)
    assert _get(sandbox).status_code == 200
    assert [row["status"] for row in sandbox.control.requests()["requests"]] == [0, 200]


def test_timeout_withholds_the_answer_and_then_drops_the_connection(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "timeout", "seconds": 0.3, "phase": "after"})
    with pytest.raises(requests.Timeout):
        _post(sandbox, timeout=0.1)
    with pytest.raises(requests.ConnectionError):
        _post(sandbox, timeout=10)
    assert _atlan(sandbox).posted == 2


def test_delay_gives_the_right_answer_late(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "delay", "seconds": 0.1})
    begun = time.monotonic()
    assert _get(sandbox).json()["total"] == 3
    assert time.monotonic() - begun >= 0.1


def test_truncate_cuts_the_json_in_a_sound_answer(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "truncate", "keep": 0.6})
    answer = _get(sandbox)
    assert answer.ok
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_truncate_with_close_breaks_off_before_the_promised_length(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "truncate", "close": True})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        _get(sandbox)


def test_drop_key_takes_the_envelope_or_a_named_key(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "drop_key", "count": 1}, {"kind": "drop_key", "key": "total"})
    assert _get(sandbox).json() == {"total": 3}
    assert _get(sandbox).json() == {"items": [1, 2, 3]}


def test_drop_key_with_each_takes_it_from_the_rows() -> None:
    answer = Answer()
    answer.body = b'{"entities": [{"a": 1, "b": 2}, {"b": 3}], "b": 4}'
    answer.drop_key("b", each=True)
    assert json.loads(answer.body) == {"entities": [{"a": 1}, {}], "b": 4}


@pytest.mark.parametrize("kind", ["status", "html", "reset"])
@pytest.mark.parametrize(("phase", "posted"), [("before", 0), ("after", 1)])
def test_the_phase_decides_whether_the_write_was_carried_out(
    sandbox: RunningSandbox, kind: str, phase: str, posted: int
) -> None:
    sandbox.control.faults({"kind": kind, "phase": phase, "method": "POST"})
    if kind == "reset":
        with pytest.raises(requests.ConnectionError):
            _post(sandbox)
    else:
        assert "posted" not in _post(sandbox).text
    assert _atlan(sandbox).posted == posted


def test_a_struck_request_is_logged_under_its_route_with_what_the_client_saw(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"status": 502, "route": "/api/items/{id}"})
    requests.get(sandbox.urls["atlan"] + "/api/items/7", timeout=5)
    assert sandbox.control.requests()["requests"] == [
        {"system": "atlan", "method": "GET", "route": "/api/items/{item_id}", "status": 502, "count": 1}
    ]


def test_rules_in_force_tell_how_often_they_fired(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"skip": 1, "count": 2, "system": "atlan"})
    assert [_get(sandbox).status_code for _ in range(4)] == [200, 503, 503, 200]
    [rule] = sandbox.control.faults_in_force()
    assert (rule["met"], rule["fired"], rule["kind"], rule["count"]) == (4, 2, "status", 2)


def test_rules_that_a_server_starts_with_hold_from_the_first_request() -> None:
    with running_sandbox(empty_estate(), kinds=FAKES, faults={"rules": [{"status": 500}]}) as sandbox:
        assert _get(sandbox).status_code == 500


@pytest.mark.parametrize(
    ("route", "struck"),
    [
        ("*", True),
        ("/api/items/{whatever}", True),
        ("/api/items/{id}", True),
        ("/api/*", True),
        ("/api/items/42", True),
        ("/api/items/43", False),
        ("/api/items", False),
    ],
)
def test_routes_match_by_template_whatever_the_braces_hold_or_by_path(route: str, struck: bool) -> None:
    rule = FaultRule(route=route)
    assert rule.matches("atlan", "GET", "/api/items/{item_id}", "/api/items/42") is struck


def test_a_rule_may_name_several_methods() -> None:
    [rule] = parse_rules({"method": ["POST", "PUT"]}, SYSTEMS)
    assert [rule.matches("atlan", method, "/x", "/x") for method in ("GET", "POST", "PUT")] == [
        False,
        True,
        True,
    ]


@given(share=st.floats(0, 1), seed=st.integers(0, 1000), count=st.integers(0, 20))
def test_the_draws_repeat_with_the_seed_and_never_fire_more_than_count(
    share: float, seed: int, count: int
) -> None:
    def fired() -> list[bool]:
        book = FaultBook(seed)
        book.add([FaultRule(share=share, count=count)])
        return [book.pick("atlan", "GET", "/x", "/x") is not None for _ in range(50)]

    assert fired() == fired()
    assert sum(fired()) <= count


@given(share=st.sampled_from([0.0, 1.0]))
def test_a_share_of_one_always_fires_and_of_zero_never(share: float) -> None:
    book = FaultBook()
    book.add([FaultRule(share=share)])
    assert all((book.pick("atlan", "GET", "/x", "/x") is not None) == bool(share) for _ in range(20))


def test_a_parsed_rule_reads_back_as_the_same_rule() -> None:
    text = {
        "system": "atlan",
        "route": "/a/*",
        "method": ["PUT"],
        "kind": "truncate",
        "keep": 0.25,
        "close": True,
    }
    [rule] = parse_rules({"rules": [text]}, SYSTEMS)
    assert parse_rules([rule.as_dict()], SYSTEMS) == [rule]
    assert text.items() <= rule.as_dict().items()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"system": "collibra"}, "rules[0].system: 'collibra' is not allowed; allowed: *, qualytics, atlan"),
        (
            {"kind": "explode"},
            "rules[0].kind: 'explode' is not allowed; allowed: status, html, reset, timeout",
        ),
        ({"share": 1.5}, "rules[0].share: 1.5 is not a number from 0 to 1"),
        ({"share": True}, "rules[0].share: True is not a number from 0 to 1"),
        ({"count": -1}, "rules[0].count: -1 is not a whole number of at least 0"),
        ({"count": 1.5}, "rules[0].count: 1.5 is not a whole number of at least 0"),
        ({"status": 99}, "rules[0].status: 99 is not a whole number from 200 to 599"),
        ({"method": "FETCH"}, "rules[0].method: 'FETCH' is not allowed; allowed: *, GET, HEAD, POST"),
        ({"phase": "during"}, "rules[0].phase: 'during' is not allowed; allowed: before, after"),
        ({"kind": "truncate", "phase": "before"}, "rules[0].phase: truncate changes the system's own answer"),
        ({"kind": "delay"}, "rules[0].seconds: missing; a rule of kind delay needs a number of seconds"),
        (
            {"kind": "reset", "status": 500},
            "rules[0].status: unknown field; a rule of kind reset has: system,",
        ),
        ({"probability": 1}, "rules[0].probability: unknown field"),
        (
            {"headers": {"Retry-After": 7}},
            "rules[0].headers: {'Retry-After': 7} is not an object of plain texts",
        ),
        ({"route": 5}, "rules[0].route: 5 is not a text"),
        ({"rules": [{}], "extra": 1}, "extra: unknown field"),
        ({"rules": "all"}, "rules: 'all' is not a list of rules"),
        ({"rules": [3]}, "rules[0]: 3 is not an object"),
    ],
)
def test_a_wrong_rule_is_told_its_field_and_what_is_allowed(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ControlError) as refused:
        parse_rules(rule, SYSTEMS)
    assert str(refused.value).startswith(message)


def _atlan(sandbox: RunningSandbox) -> FakeSystem:
    system = sandbox.systems["atlan"]
    assert isinstance(system, FakeSystem)
    return system


def _get(sandbox: RunningSandbox) -> requests.Response:
    return requests.get(sandbox.urls["atlan"] + "/api/items", timeout=5)


def _post(sandbox: RunningSandbox, timeout: float = 5) -> requests.Response:
    return requests.post(sandbox.urls["atlan"] + "/api/items", json={"a": 1}, timeout=timeout)


@pytest.mark.parametrize(("kind", "items"), [("lose", [1, 2]), ("repeat", [1, 2, 3, 1])])
def test_a_page_that_shifted_lacks_a_row_or_has_one_twice(
    sandbox: RunningSandbox, kind: str, items: list[int]
) -> None:
    sandbox.control.faults({"kind": kind})
    assert _get(sandbox).json() == {"items": items, "total": 3}


def test_trickle_gives_the_right_answer_in_drops(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "trickle", "seconds": 0.2})
    begun = time.monotonic()
    assert _get(sandbox).json()["total"] == 3
    assert time.monotonic() - begun >= 0.15


def test_an_answer_with_echo_gives_away_what_it_was_asked_with(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"status": 500, "echo": True})
    url = _get(sandbox).url
    answer = requests.get(url, headers={"Authorization": "Bearer obviously-fake"}, timeout=5)
    assert "obviously-fake" in answer.json()["message"]
    assert "obviously-fake" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("dialect", ["page", "skip", "offset", "from", "search_after", "id__gt"])
@pytest.mark.parametrize(("kind", "rows", "pages"), [
    ("lose_page", None, [[1, 2], [5], []]),
    ("lose_page", 1, [[1, 2], [4, 5], []]),
    ("repeat_page", None, [[1, 2], [1, 2], [3, 4]]),
    ("repeat_page", 1, [[1, 2], [2, 3], [4, 5]]),
])  # fmt: skip
def test_a_page_that_shifted_holds_rows_further_on_or_further_back_and_a_first_page_never_shifts(
    sandbox: RunningSandbox, dialect: str, kind: str, rows: int | None, pages: list[list[int]]
) -> None:
    sandbox.control.faults({"kind": kind, "rows": rows, "system": "atlan"})
    assert [_listed(sandbox, dialect, number) for number in range(3)] == pages
    assert sandbox.control.faults_in_force()[0]["fired"] == 2


def test_a_page_that_shifted_says_of_itself_what_it_said_before(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "lose_page"})
    answer = requests.get(sandbox.urls["atlan"] + "/api/list?page=2&size=2", timeout=5).json()
    assert answer == {"items": [{"id": 5}], "total": 5, "page": 2}


def test_what_is_no_page_of_a_list_does_not_shift(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"kind": "lose_page"})
    assert _get(sandbox).json() == {"items": [1, 2, 3], "total": 3}
    assert "posted" in _post(sandbox).json()
    assert sandbox.control.faults_in_force()[0]["fired"] == 0


def test_a_rule_may_take_only_requests_whose_body_holds_a_text(sandbox: RunningSandbox) -> None:
    sandbox.control.faults({"status": 400, "holding": '"a": 2'})
    url = sandbox.urls["atlan"] + "/api/items"
    found = [requests.post(url, json={"a": number}, timeout=5).status_code for number in (1, 2, 3)]
    assert found == [200, 400, 200]
    assert _get(sandbox).status_code == 200
    assert _atlan(sandbox).posted == 2


def _listed(sandbox: RunningSandbox, dialect: str, number: int) -> list[int]:
    """Page ``number`` (from 0) of two of the list 1 to 5, asked for in one of the ways that there are."""
    url = sandbox.urls["atlan"] + "/api/list"
    if dialect in ("from", "search_after"):
        at = {"from": 2 * number} if dialect == "from" else {"search_after": [2 * number]} if number else {}
        answer = requests.post(url, json={"dsl": {"size": 2, **at}}, timeout=5)
    else:
        how = {"page": f"page={number + 1}&size=2", "id__gt": f"limit=2&id__gt={2 * number}"}
        answer = requests.get(f"{url}?{how.get(dialect, f'{dialect}={2 * number}&limit=2')}", timeout=5)
    return [row["id"] for row in answer.json()["items"]]
