"""What Qualytics flow actions say, and what becomes of it."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from qsync_pipeline_tests.automation.webhooks.conftest import SECRET, UI, Talk, triggered

SCAN = {"id": 789, "type": "scan", "result": "warning"}
ANOMALY = {
    "id": 900,
    "type": "record",
    "description": "17 rows had no amount",
    "container": "ORDERS",
    "fields": ["AMOUNT"],
    "created_at": "2026-10-02T10:00:00Z",
}


def test_an_operation_is_an_event_for_each_container_that_it_covered(talk: Talk) -> None:
    containers = [{"id": 10, "name": "ORDERS"}, {"id": 12, "name": "LINES"}]
    answer = talk.flow(triggered(operation=SCAN, context={"containers": containers}))
    assert (answer.status_code, answer.json()) == (200, {"noted": 2, "known": 0})
    assert [(one.key, one.container) for one in talk.events] == [
        ("operation:789:success:ORDERS", "ORDERS"),
        ("operation:789:success:LINES", "LINES"),
    ]
    first = talk.events[0]
    assert (first.source, first.kind, first.direction, first.integration) == (
        "webhook",
        "operation",
        "push",
        "",
    )
    assert first.happened_at == 1790935205.0


def test_an_operation_that_names_no_container_concerns_the_datastore(talk: Talk) -> None:
    talk.flow(triggered(operation={"id": 5, "type": "profile", "result": "failure"}))
    assert [(one.key, one.container) for one in talk.events] == [("operation:5:failure", "")]


@pytest.mark.parametrize("result", ["running", "queued", None])
def test_an_operation_that_has_not_ended_is_none(talk: Talk, result: str | None) -> None:
    talk.flow(triggered(operation={"id": 5, "type": "scan", "result": result}))
    assert [one.kind for one in talk.events] == ["flow"]


def test_a_new_anomaly_is_named_as_a_poll_names_it(talk: Talk) -> None:
    body = triggered(
        trigger={"type": "anomaly", "timestamp": "2026-10-02T10:00:05Z"},
        context={"anomalies": [ANOMALY], "quality_checks": [{"id": 100, "name": "x", "status": "failed"}]},
    )
    assert talk.flow(body).ok
    (event,) = talk.events
    assert (event.key, event.container, event.kind) == (
        "anomaly:900:active:2026-10-02T10:00:00Z",
        "ORDERS",
        "anomaly",
    )


def test_an_anomaly_that_comes_into_a_status_twice_is_told_of_twice(talk: Talk) -> None:
    changed = {"anomalies": [ANOMALY | {"status": "Resolved"}]}
    for second in ("05", "06", "06"):
        trigger = {"type": "anomaly_status", "timestamp": f"2026-10-02T10:00:{second}Z"}
        talk.flow(triggered(trigger=trigger, context=changed))
    assert [one.key for one in talk.events] == [
        "anomaly:900:resolved:2026-10-02T10:00:05Z",
        "anomaly:900:resolved:2026-10-02T10:00:06Z",
    ]


def test_an_archived_check_concerns_its_container(talk: Talk) -> None:
    body = triggered(
        trigger={"type": "quality_check_archived", "timestamp": "2026-10-02T10:00:05Z"},
        context={
            "containers": [{"id": 10, "name": "ORDERS"}],
            "quality_checks": [{"id": 100, "name": "amount is present", "status": "Discarded"}],
        },
    )
    talk.flow(body)
    assert [(one.key, one.container) for one in talk.events] == [
        ("check:100:discarded:2026-10-02T10:00:05Z", "ORDERS")
    ]


def test_a_repeated_delivery_is_acknowledged_and_noted_once(talk: Talk) -> None:
    body = triggered(operation=SCAN)
    assert [talk.flow(body).json()["noted"] for _ in range(3)] == [1, 0, 0]
    assert len(talk.events) == 1


def test_nulls_where_something_could_stand_are_nothing(talk: Talk) -> None:
    body = triggered(context=None, operation=None, target_link=None)
    body["trigger"]["timestamp"] = None
    assert talk.flow(body).ok
    assert talk.places == [(1, "")]


def test_a_link_tells_the_datastore_where_the_form_does_not(talk: Talk) -> None:
    assert talk.flow(triggered(datastore=None, target_link=f"{UI}/datastores/42")).ok
    assert talk.places == [(42, "")]


@pytest.mark.parametrize(
    "body",
    [
        triggered(datastore=None, target_link=None),
        triggered(datastore={"id": 0}),
        triggered(datastore={"id": 2**31}),
        triggered(datastore={"id": "1"}),
        triggered(event="qualytics.flow.tested"),
        triggered(flow=None),
        triggered(trigger=None),
        triggered(operation={"type": "scan"}),
        triggered(context={"anomalies": [{"id": None}]}),
        {"event": None},
    ],
)
def test_half_a_form_is_refused_and_leaves_nothing(talk: Talk, body: object) -> None:
    answer = talk.flow(body)
    assert (answer.status_code, list(answer.json())) == (422, ["error"])
    assert talk.events == []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (f"Scan done, see {UI}/datastores/1/activity?operation_id=789", (1, "")),
        (json.dumps({"text": f"Look: <{UI}/datastores/7|Sales>"}), (7, "")),
        (json.dumps({"container": f"{UI}/datastores/1/containers/10/overview"}), (1, "ORDERS")),
        (json.dumps({"a": f"{UI}/datastores/1", "b": f"{UI}/datastores/1/containers/10"}), (1, "ORDERS")),
        (f"{UI}/datastores/1/containers/999/overview", (1, "")),
        (f'{{"broken": "a " quote", "link": "{UI.upper()}/datastores/1"}}', (1, "")),
    ],
)
def test_a_template_says_by_its_links_where_to_look(talk: Talk, body: str, place: tuple[int, str]) -> None:
    assert talk.flow(body).ok
    assert talk.places == [place]


def test_a_template_with_an_operation_and_its_result_is_named_as_a_poll_names_it(talk: Talk) -> None:
    link = f"{UI}/datastores/1/activity?operation_id=789"
    talk.flow({"target": link, "operation_result": "success"})
    talk.flow(triggered(operation={"id": 789, "type": "scan", "result": "success"}))
    talk.flow({"target": link, "operation_result": "{{operation_result}}"})
    assert [one.key.split(":")[0] for one in talk.events] == ["operation", "delivery"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Scan done.",
        "https://elsewhere.example/datastores/1",
        f"{UI}/datastores/",
        f"{UI}/datastores/0",
        f"{UI}/datastores/99999999999",
        b"\xff\xfe",
        "[" * 100_000,
    ],
)
def test_a_text_without_a_link_of_this_deployment_is_refused(talk: Talk, body: str | bytes) -> None:
    assert talk.flow(body).status_code == 422
    assert talk.events == []


def test_every_way_in_which_a_flow_action_can_show_the_secret(talk: Talk) -> None:
    body = triggered(operation=SCAN)
    basic = requests_basic("qsync", SECRET)
    for headers in (
        {"x-qualytics-secret": SECRET},
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": basic},
    ):
        assert talk.post("/qualytics", body, headers).ok
    for headers in (
        {},
        {"x-qualytics-secret": SECRET[:-1]},
        {"x-qualytics-secret": ""},
        {"authorization": SECRET},
        {"authorization": "Basic !"},
        {"authorization": requests_basic(SECRET, "")},
        {"x-atlan-signing-secret": SECRET},
    ):
        assert talk.post("/qualytics", body, headers).status_code == 401
    assert len(talk.events) == 1


def requests_basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
