"""What Atlan webhooks say, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline_tests.automation.webhooks.conftest import SECRET, Serve, Talk, remember, tagged

SAMPLE = '{"atlan-webhook": "Hello, humans of data! It worked. Excited to see what you build!"}'


def test_the_sample_is_answered_before_there_is_a_secret_and_is_no_event(talk: Talk) -> None:
    answer = talk.post("/atlan/atlan", SAMPLE, {"content-type": "text/plain"})
    assert (answer.status_code, talk.events) == (200, [])
    more = talk.post("/atlan/atlan", '{"atlan-webhook": 1, "message": {}}', {"content-type": "text/plain"})
    assert more.status_code == 401


@pytest.mark.parametrize(
    ("guid", "place"),
    [
        ("g-orders", (1, "ORDERS")),
        ("g-amount", (1, "ORDERS")),
        ("g-old-amount", (1, "ORDERS.old")),
        ("g-old", (1, "ORDERS.old")),
        ("g-schema", (1, "")),
        ("g-account-copy", (2, "ACCOUNT")),
    ],
)
def test_a_persons_tag_is_a_pull_of_the_container_that_the_asset_is_linked_to(
    talk: Talk, guid: str, place: tuple[int, str]
) -> None:
    assert talk.atlan(tagged(guid)).json() == {"noted": 1, "known": 0}
    (event,) = talk.events
    assert (event.datastore_id, event.container) == place
    assert (event.direction, event.integration, event.kind) == ("pull", "atlan", "tags")
    assert event.happened_at == 1712345678.4


def test_a_tag_on_a_connection_concerns_every_datastore_below_it(talk: Talk) -> None:
    connection = {"typeName": "Connection", "attributes": {"qualifiedName": "default/snowflake/1"}}
    assert talk.atlan(tagged("g-connection", entity=connection)).json()["noted"] == 2
    assert talk.places == [(1, ""), (2, "")]


def test_adding_and_taking_off_are_two_events_and_a_repetition_is_none(talk: Talk) -> None:
    for action in ("CLASSIFICATION_ADD", "CLASSIFICATION_DELETE", "CLASSIFICATION_ADD"):
        assert talk.atlan(tagged("g-orders", action)).ok
    assert len(talk.events) == 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (tagged("g-orders", by="service-account-apikey-ours"), "our own change"),
        (tagged("g-nobody"), "no run has matched that asset"),
        (tagged("g-orders", "ENTITY_UPDATE"), "not about tags"),
        (tagged("g-orders", "BUSINESS_ATTRIBUTE_UPDATE"), "not about tags"),
        (
            tagged("g-orders", mutatedDetails=[{"typeName": "hT9", "entityGuid": "g-schema"}]),
            "a propagated copy, and tags.propagated is off",
        ),
    ],
)
def test_what_does_not_concern_us_is_acknowledged_and_no_event(
    talk: Talk, body: dict[str, Any], why: str
) -> None:
    answer = talk.atlan(body)
    assert (answer.status_code, answer.json()["ignored"]) == (200, why)
    assert talk.events == []


def test_copies_count_where_propagated_tags_are_taken_whoever_touched_the_asset_last(serve: Serve) -> None:
    talk = serve("{secret: {env: SECRET}}", "pull_on_change: true, tags: {propagated: true}")
    remember(talk.ledger)
    copy = [{"typeName": "hT9", "entityGuid": "g-schema"}]
    body = tagged("g-orders", by="service-account-apikey-ours", mutatedDetails=copy)
    assert talk.post("/atlan/atlan", body, {"x-atlan-signing-secret": SECRET}).ok
    assert talk.places == [(1, "ORDERS")]


def test_without_pull_on_change_tags_start_nothing(serve: Serve) -> None:
    talk = serve("{secret: {env: SECRET}}", "pull_on_change: false")
    remember(talk.ledger)
    answer = talk.post("/atlan/atlan", tagged("g-orders"), {"x-atlan-signing-secret": SECRET})
    assert (answer.status_code, talk.events) == (200, [])
    assert "pull_on_change" in answer.json()["ignored"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        b"\xff",
        {"message": {}},
        tagged("g-orders", "CLASSIFICATION_PAINTED"),
        tagged(""),
        tagged("g-orders", eventTime="yesterday"),
        tagged("g-orders", mutatedDetails="many"),
        tagged("g-orders") | {"msgSplitCount": 2},
        tagged("g-orders") | {"msgCompressionKind": "GZIP"},
    ],
)
def test_what_is_no_asset_webhook_is_refused(talk: Talk, body: Any) -> None:
    answer = talk.atlan(body)
    assert (answer.status_code, list(answer.json())) == (422, ["error"])
    assert talk.events == []


def test_only_the_integrations_own_secret_opens_its_route(talk: Talk) -> None:
    for headers in ({}, {"x-atlan-signing-secret": SECRET}, {"x-atlan-signing-secret": ""}):
        assert talk.post("/atlan/atlan", tagged("g-orders"), headers).status_code == 401
    assert talk.events == []


@pytest.mark.parametrize("path", ["/atlan/alation", "/atlan/nobody", "/atlan/", "/atlan", "/"])
def test_there_is_a_route_for_each_atlan_and_no_other(talk: Talk, path: str) -> None:
    assert talk.post(path, tagged("g-orders"), {"x-atlan-signing-secret": SECRET}).status_code == 404
