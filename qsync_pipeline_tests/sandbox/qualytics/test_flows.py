"""What flows call, to the letter (qualytics-api.md §2.13)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.outbox import Letter, Receiver
from qsync_pipeline_tests.sandbox.qualytics.conftest import Api, Make

TABLE = "SALES.PUBLIC.ORDERS"
URL = "http://127.0.0.1:9/hook"


class Calls:
    """What one deployment calls."""

    def __init__(self, api: Api, **receiver: Any) -> None:
        self.bodies: list[bytes] = []
        self._api = api
        api.system.set_base_url("https://acme.example/api")
        api.system.outbox()._send = self._take
        api.system.subscribe(Receiver(URL, "fake-secret", **receiver))

    def _take(self, letter: Letter) -> bool:
        self.bodies.append(letter.body)
        return True

    def after(self, do: str, **words: Any) -> list[dict[str, Any]]:
        """The calls that follow from a change."""
        before = len(self.bodies)
        self._api.system.mutate({"system": "qualytics", "do": do, **words})
        self._api.system.pump()
        self._api.system.outbox().drain()
        return [json.loads(body) for body in self.bodies[before:]]


def test_a_finished_scan_is_told_in_the_documented_form(api: Api) -> None:
    (body,) = Calls(api).after("finish_scan", asset=TABLE)
    assert list(body) == ["event", "flow", "trigger", "datastore", "target_link", "context", "operation"]
    assert (body["event"], body["trigger"]["type"]) == ("qualytics.flow.triggered", "operation")
    assert body["trigger"]["timestamp"].endswith("Z")
    # Open anomalies make it a warning here; GET /operations says success.
    assert (body["operation"]["type"], body["operation"]["result"]) == ("scan", "warning")
    datastore = body["datastore"]["id"]
    link = f"https://acme.example/datastores/{datastore}/activity?operation_id={body['operation']['id']}"
    assert body["target_link"] == link
    assert [list(one) for one in body["context"]["containers"]] == [["id", "name"]]
    assert body["context"]["containers"][0]["name"] == "ORDERS"


def test_an_operation_is_told_when_its_time_has_come_though_nobody_asks(api: Api) -> None:
    calls = Calls(api)
    api.call(
        "POST", "/operations/run", 200, body={"type": "profile", "datastore_id": api.datastore("sales")["id"]}
    )
    api.system.pump()
    assert calls.bodies == []
    api.system.clock.advance(10)
    api.system.pump()
    api.system.outbox().drain()
    (body,) = map(json.loads, calls.bodies)
    assert (body["operation"]["type"], body["operation"]["result"]) == ("profile", "success")


def test_a_new_anomaly_is_told_as_the_dossier_shows_it(api: Api) -> None:
    (body,) = Calls(api).after("raise_anomaly", asset=f"{TABLE}.AMOUNT", rule="notNull")
    assert body["trigger"]["type"] == "anomaly"
    assert "operation" not in body
    (row,) = body["context"]["anomalies"]
    assert list(row) == ["id", "type", "description", "container", "fields", "created_at"]
    assert (row["container"], row["fields"]) == ("ORDERS", ["AMOUNT"])
    assert [one["status"] for one in body["context"]["quality_checks"]] == ["failed"]


def test_a_status_is_told_only_when_it_changed(api: Api) -> None:
    calls = Calls(api)
    bodies = calls.after("set_anomaly_status", all=True, asset=TABLE, status="Acknowledged")
    assert {body["trigger"]["type"] for body in bodies} == {"anomaly_status"}
    assert [body["context"]["anomalies"][0]["status"] for body in bodies] == ["Acknowledged"]
    assert calls.after("set_anomaly_status", all=True, asset=TABLE, status="Acknowledged") == []


def test_an_archived_check_is_told_with_its_table(api: Api) -> None:
    body = Calls(api).after("archive_check", asset=TABLE, rule="unique")[-1]
    assert body["trigger"]["type"] == "quality_check"
    assert [one["status"] for one in body["context"]["quality_checks"]] == ["archived"]
    assert [one["name"] for one in body["context"]["containers"]] == ["ORDERS"]


def test_a_deployment_as_documented_tells_of_operations_and_new_anomalies_only(make: Make) -> None:
    calls = Calls(make(flow_changes=False))
    assert calls.after("archive_check", asset=TABLE, rule="unique") == []
    assert calls.after("set_anomaly_status", all=True, asset=TABLE, status="Resolved") == []
    assert len(calls.after("finish_scan", asset=TABLE)) == 1


def test_a_template_is_rendered_and_tokens_of_other_triggers_stay_unfilled(api: Api) -> None:
    (scan,) = Calls(api, form="http").after("finish_scan", asset=TABLE)
    assert scan["operation_result"] == "warning"
    assert scan["container"] == "{{container_link}}"
    assert "/activity?operation_id=" in scan["target"]


def test_a_message_is_a_text_with_a_link(api: Api) -> None:
    (said,) = Calls(api, form="text").after("raise_anomaly", asset=f"{TABLE}.AMOUNT", rule="notNull")
    assert list(said) == ["text"]
    assert "ORDERS, see https://acme.example/datastores/" in said["text"]


def test_a_receiver_is_made_once(api: Api) -> None:
    Calls(api)
    with pytest.raises(ControlError, match="already"):
        api.system.subscribe(Receiver(URL, "fake-secret"))
