"""Data health (alation-api.md §2.9, §6 rows 12 to 22)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qsync_pipeline_tests.sandbox.alation.conftest import HEALTH, Api

GET = HEALTH + "values/"


def rule(key: str = "q.1", **more: Any) -> dict[str, Any]:
    return {"field_key": key, "name": "Not null", "type": "NUMERIC", "description": "d", **more}


def result(api: Api, key: str = "q.1", obj: str = "EDW.PUBLIC.V_ORDERS", **more: Any) -> dict[str, Any]:
    return {
        "field_key": key,
        "object_key": f"{api.source('Warehouse')}.{obj}",
        "object_type": "TABLE",
        "status": "ALERT",
        "value": 2,
        **more,
    }


def test_fields_and_values_go_in_one_call_and_the_reply_links_to_its_job(api: Api) -> None:
    body = {"fields": [rule()], "values": [result(api, last_updated="2026-03-02T08:00:00Z", url="https://q")]}
    announced = api.call("POST", HEALTH, 202, body)
    assert announced["href"] == f"/api/v1/bulk_metadata/job/?id={announced['job_id']}"
    told = api.job(announced)["result"]
    assert told["fields"]["created"] == {"count": 1, "sample": [{"field_key": "q.1"}]}
    assert told["created_object_attribution"]["success_count"] == 1
    assert told["flag_counts"] == {"GOOD": 0, "WARNING": 0, "ALERT": 1}
    [field] = api.get(HEALTH + "fields/", key="q.1")
    assert (field["key"], field["type"]) == ("q.1", "NUMERIC")
    [row] = api.get(GET)
    table = api.one("table", "V_ORDERS")
    assert (row["object_key"], row["oid"]) == (table["key"].lower(), table["id"])
    assert (row["value_value"], row["value_quality"], row["value_external_url"]) == (2, "ALERT", "https://q")
    assert row["value_last_updated"] == "2026-03-02T08:00:00.000000Z"


def test_there_is_one_value_of_a_rule_on_an_object_and_an_older_one_overwrites_too(api: Api) -> None:
    first = result(api, last_updated="2026-03-02T08:00:00Z")
    api.do("POST", HEALTH, {"fields": [rule()], "values": [first]})
    later = {**first, "value": 0, "status": "good", "last_updated": "2026-03-01T08:00:00"}
    told = api.do("POST", HEALTH, {"values": [{**later, "object_key": later["object_key"].lower()}]})[
        "result"
    ]
    assert told["values"]["updated"]["count"] == 1
    [row] = api.get(GET)
    assert (row["value_value"], row["value_quality"]) == (0, "GOOD")


@pytest.mark.parametrize(
    "wrong",
    [
        {"object_key": "1.NO.SUCH.TABLE"},
        {"object_type": "ATTRIBUTE"},
        {"field_key": "unknown"},
        {"object_key": "gibberish"},
    ],
)
def test_a_row_that_names_nothing_fails_alone_in_a_job_that_is_successful(
    api: Api, wrong: dict[str, Any]
) -> None:
    bad = {**result(api), **wrong}
    job = api.do("POST", HEALTH, {"fields": [rule()], "values": [result(api), bad]})
    assert job["status"] == "successful"
    told = job["result"]["created_object_attribution"]
    assert (told["success_count"], told["failure_count"]) == (1, 1)
    assert told["failure_sample"] == [{"field_key": bad["field_key"], "object_key": bad["object_key"]}]
    assert len(api.get(GET)) == 1


def test_read_only_and_hidden_objects_fail_like_unknown_ones(api: Api) -> None:
    values = [
        {**result(api), "object_key": f"{api.source('Archive')}.old.dbo.t"},
        {**result(api), "object_key": next(
            node.key for node in api.system.world.store.nodes["table"].values() if node.name == "PAY"
        )},
    ]  # fmt: skip
    told = api.do("POST", HEALTH, {"fields": [rule()], "values": values})["result"]
    assert told["created_object_attribution"]["failure_count"] == 2


@pytest.mark.parametrize(
    ("body", "entry"),
    [
        ({}, {"Entry": -1, "Message": 'A "values" or "fields" property must be specified'}),
        ({"fields": [{"name": "x", "type": "NUMERIC"}]}, {"Entry": 1, "Message": "field_key is required"}),
        (
            {"fields": [rule(), rule("q.2", type="TEXT")]},
            {"Entry": 2, "Message": "type must be one of NUMERIC, STRING, BOOLEAN"},
        ),
    ],
)
def test_a_malformed_body_is_refused_whole_with_the_number_of_the_row(
    api: Api, body: dict[str, Any], entry: dict[str, Any]
) -> None:
    assert api.call("POST", HEALTH, 400, body) == entry
    api.clock.advance(60)
    assert api.get(HEALTH + "fields/") == []


@pytest.mark.parametrize(
    "wrong", [{"status": "BAD"}, {"object_type": "DATA"}, {"value": None}, {"value": []}]
)
def test_a_malformed_value_is_refused_whole(api: Api, wrong: dict[str, Any]) -> None:
    api.call("POST", HEALTH, 400, {"fields": [rule()], "values": [result(api, **wrong)]})


def test_stricter_instances_are_switches(make: Callable[..., Api]) -> None:
    api = make(unknown_field_key="refuse", strict_value_types=True, entry_base=0)
    assert api.call("POST", HEALTH, 400, {"values": [result(api)]})["Entry"] == 0
    api.call("POST", HEALTH, 400, {"fields": [rule()], "values": [result(api, value="abc")]})
    api.do("POST", HEALTH, {"fields": [rule()], "values": [result(api, value=0.5)]})


def test_a_column_shows_on_its_table_as_well_unless_related_ones_are_hidden(api: Api) -> None:
    value = result(api, obj="EDW.PUBLIC.ORDERS.EMAIL", object_type="ATTRIBUTE")
    api.do("POST", HEALTH, {"fields": [rule()], "values": [value]})
    rows = api.get(GET)
    assert {row["otype"] for row in rows} == {"attribute", "table"}
    assert {row["source_otype"] for row in rows} == {"attribute"}
    assert len(api.get(GET, hide_related="True")) == 1
    table = api.one("table", "ORDERS")["key"]
    assert len(api.get(GET, object_key=table)) == 1
    assert api.get(GET, source_object_key=table) == []
    assert api.state("EDW.PUBLIC.ORDERS")["health"][0]["object"] == "EMAIL"


def test_values_are_found_by_rule_and_quality_and_ordered_by_time(api: Api) -> None:
    values = [
        result(api, "q.1", last_updated="2026-03-01T00:00:00Z"),
        result(api, "q.2", status="GOOD", value=0, last_updated="2026-03-03T00:00:00Z"),
    ]
    api.do("POST", HEALTH, {"fields": [rule("q.1"), rule("q.2")], "values": values})
    assert [row["field_key"] for row in api.get(GET, value_quality="GOOD")] == ["q.2"]
    assert [row["field_key"] for row in api.get(GET, field_key=["q.1"])] == ["q.1"]
    newest = api.get(GET, order_by="-value_last_updated")
    assert [row["field_key"] for row in newest] == ["q.2", "q.1"]


def test_deleting_counts_what_is_not_there_and_a_rule_takes_its_values_along(api: Api) -> None:
    api.do("POST", HEALTH, {"fields": [rule("a"), rule("b")], "values": [result(api, "a"), result(api, "b")]})
    pair = {"field_key": "a", "object_key": result(api)["object_key"]}
    told = api.do("DELETE", HEALTH, {"values": [pair, pair]})["result"]
    assert (told["values"]["deleted"]["count"], told["values"]["not_found"]["count"]) == (1, 1)
    told = api.do("DELETE", HEALTH, {"fields": ["b", "zzz"]})["result"]
    assert (told["fields"]["deleted"]["count"], told["values"]["deleted"]["count"]) == (1, 0)
    assert told["fields"]["not_found"]["sample"] == [{"field_key": "zzz"}]
    assert api.get(GET) == []
    assert api.call("DELETE", HEALTH, 400, {})["Entry"] == -1


def test_samples_are_the_first_ten_and_bodies_have_an_end(make: Callable[..., Api]) -> None:
    api = make(health_body_cap=20)
    told = api.do("POST", HEALTH, {"fields": [rule(f"k{n}") for n in range(12)]})["result"]
    assert (told["fields"]["created"]["count"], len(told["fields"]["created"]["sample"])) == (12, 10)
    api.call("POST", HEALTH, 413, {"fields": [rule(f"k{n}") for n in range(21)]})


def test_a_renamed_table_keeps_its_rows_under_its_new_key(api: Api) -> None:
    api.do("POST", HEALTH, {"fields": [rule()], "values": [result(api)]})
    api.mutate("rename", "EDW.PUBLIC.V_ORDERS", to="V_NEW")
    assert api.get(GET)[0]["object_key"].endswith(".edw.public.v_new")
    told = api.do("POST", HEALTH, {"values": [result(api)]})["result"]
    assert told["created_object_attribution"]["failure_count"] == 1


def test_keys_that_differ_by_case_only_mean_the_object_spelled_so(api: Api, make: Callable[..., Api]) -> None:
    for each, expected in ((api, "Orders"), (make(exact_key_first=False), "ORDERS")):
        each.do("POST", HEALTH, {"fields": [rule()], "values": [result(each, obj="EDW.PUBLIC.Orders")]})
        [row] = each.get(GET)
        assert row["oid"] == each.one("table", expected)["id"]


def test_updates_may_count_as_attributed(make: Callable[..., Api]) -> None:
    for attribution, count in (("created", 0), ("all", 1)):
        api = make(attribution=attribution)
        for _ in range(2):
            told = api.do("POST", HEALTH, {"fields": [rule()], "values": [result(api)]})["result"]
        assert told["created_object_attribution"]["success_count"] == count
