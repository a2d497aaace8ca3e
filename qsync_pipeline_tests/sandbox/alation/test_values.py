"""Custom fields and their values (alation-api.md §2.3, §2.4, §6 rows 25 to 29)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from qsync_pipeline_tests.sandbox.alation.conftest import VALUES, Api

FIELDS = "/integration/v2/custom_field/"


def value(api: Api, field: int, value: Any, table: str = "V_ORDERS", **more: Any) -> dict[str, Any]:
    return {"field_id": field, "otype": "table", "oid": api.one("table", table)["id"], "value": value, **more}


def shown(api: Api, field: int) -> list[Any]:
    return [row["value"] for row in api.get(VALUES, field_id=field)]


def test_a_definition_is_made_by_a_job_whose_result_is_a_list_of_json_texts(api: Api) -> None:
    told = api.do("POST", FIELDS, [{"field_type": "RICH_TEXT", "name_singular": "Note"}])
    [number] = json.loads(told["result"][1])["data"]["field_ids"]
    assert number > 10_000
    row = api.get(f"{FIELDS}{number}/")
    assert (row["name_singular"], row["field_type"], row["builtin_name"]) == ("Note", "RICH_TEXT", None)


def test_making_a_field_twice_gives_two_and_nothing_deletes_one(api: Api) -> None:
    first, second = api.make_field("Note"), api.make_field("Note")
    assert first != second
    assert api.answer("DELETE", f"{FIELDS}{first}/").status_code == 404
    assert len(api.get(FIELDS, name_singular="Note")) == 2


def test_built_in_fields_are_found_by_name(api: Api) -> None:
    assert api.get(f"{FIELDS}builtin/steward/")["id"] == 8
    api.call("GET", f"{FIELDS}builtin/nothing/", 404)


@pytest.mark.parametrize(
    ("definition", "wrong"),
    [
        ({"field_type": "NUMBER", "name_singular": "x"}, "field_type"),
        ({"field_type": "RICH_TEXT"}, "name_singular"),
        ({"field_type": "PICKER", "name_singular": "x"}, "options"),
        ({"field_type": "PICKER", "name_singular": "x", "options": "yes"}, "options"),
        ({"field_type": "MULTI_PICKER", "name_singular": "x", "options": ["a"]}, "name_plural"),
    ],
)
def test_a_wrong_definition_is_refused_and_none_of_the_list_is_made(
    api: Api, definition: dict[str, Any], wrong: str
) -> None:
    good = {"field_type": "DATE", "name_singular": "Good"}
    body = api.call("POST", FIELDS, 400, [good, definition])
    assert [list(each) for each in body] == [[], [wrong]]
    api.clock.advance(60)
    assert api.get(FIELDS, name_singular="Good") == []


def test_in_the_cloud_a_write_is_seen_after_its_second_job_whose_id_is_in_the_first(
    make: Callable[..., Api],
) -> None:
    api = make(job_seconds=30)
    field = api.make_field("Note")
    announced = api.call("PUT", VALUES + "async/", 202, [value(api, field, "ok")])
    api.clock.advance(45)
    job = {"status": "running"}
    while job["status"] == "running":
        job = api.get("/api/v1/bulk_metadata/job/", id=announced["job_id"])
    assert shown(api, field) == []
    found = re.search(r"\(can be tracked using jobs API\)\:\s([0-9]+)$", job["result"][0])
    assert found is not None
    second = api.job({"job_id": int(found[1])})
    assert second["result"][1].endswith("Updated objects: 0, created objects: 1")
    assert shown(api, field) == ["<p>ok</p>"]


def test_on_premises_there_is_one_job(make: Callable[..., Api]) -> None:
    api = make(deployment="onprem")
    field = api.make_field("Note")
    told = api.do("PUT", VALUES + "async/", [value(api, field, "ok")])
    assert "created objects: 1" in told["result"][1]
    assert shown(api, field) == ["<p>ok</p>"]


def test_if_the_first_job_fails_the_second_writes_nothing(api: Api) -> None:
    field = api.make_field("Note")
    api.system.jobs.steer("failed", kind="values")
    assert api.do("PUT", VALUES + "async/", [value(api, field, "ok")])["status"] == "failed"
    assert shown(api, field) == []


def test_one_bad_object_rejects_the_whole_request(api: Api) -> None:
    field = api.make_field("Note")
    bad = {"field_id": field, "otype": "attribute", "oid": 99, "value": "x"}
    body = api.call("PUT", VALUES + "async/", 400, [value(api, field, "ok"), bad])
    assert body["errors"] == [{"non_field_errors": ["Object not found: attribute:99."]}]
    assert (body["title"], body["code"]) == ("Invalid Payload", "400000")
    api.clock.advance(60)
    assert shown(api, field) == []


def test_objects_out_of_sight_are_not_found_and_read_only_ones_are_403(api: Api) -> None:
    field = api.make_field("Note")
    body = api.call("PUT", VALUES + "async/", 403, [value(api, field, "x", "t")])
    assert "No permission to edit: table:" in body["errors"][0]["non_field_errors"][0]
    hidden = next(node for node in api.system.world.store.nodes["table"].values() if node.name == "PAY")
    item = {"field_id": field, "otype": "table", "oid": hidden.id, "value": "x"}
    api.call("PUT", VALUES + "async/", 400, [item])


def test_titles_and_descriptions_are_refused_here(api: Api) -> None:
    body = api.call("PUT", VALUES + "async/", 400, [value(api, 4, "x")])
    assert "No support for updating `description` field for `table`." in str(body)


@pytest.mark.parametrize(
    ("kind", "more", "good", "bad"),
    [
        ("RICH_TEXT", {}, "<p>x</p>", 7),
        ("PICKER", {"options": ["a", "b"]}, "a", "c"),
        ("MULTI_PICKER", {"options": ["a", "b"], "name_plural": "P"}, ["a", "b"], ["c"]),
        ("DATE", {}, "2026-03-02", "soon"),
        (
            "OBJECT_SET",
            {"allow_multiple": True, "allowed_otypes": ["user"], "backref_name": "b", "name_plural": "P"},
            [{"otype": "user", "oid": 3}],
            ["ada"],
        ),
    ],
)
def test_values_must_fit_their_field(api: Api, kind: str, more: Any, good: Any, bad: Any) -> None:
    field = api.make_field("F", kind, **more)
    api.call("PUT", VALUES + "async/", 400, [value(api, field, bad)])
    api.do("PUT", VALUES + "async/", [value(api, field, good)])
    assert shown(api, field) == [good]


def test_the_documented_limits_hold(api: Api) -> None:
    field = api.make_field("Note")
    api.call("PUT", VALUES + "async/", 400, [value(api, field, "x" * 190_001)])
    api.call("PUT", VALUES + "async/", 400, [value(api, field, "x")] * 10_001)
    many = api.make_field("M", "MULTI_PICKER", options=["a"], name_plural="P")
    api.call("PUT", VALUES + "async/", 400, [value(api, many, ["a"] * 257)])


def test_ten_thousand_values_are_one_request(api: Api) -> None:
    field = api.make_field("Note")
    api.do("PUT", VALUES + "async/", [value(api, field, "x")] * 10_000)
    assert shown(api, field) == ["<p>x</p>"]


def test_rich_text_comes_back_sanitised_and_an_empty_text_clears(api: Api) -> None:
    field = api.make_field("Note")
    api.do("PUT", VALUES + "async/", [value(api, field, "98.5 <script>x</script>& more")])
    assert shown(api, field) == ["<p>98.5 &amp; more</p>"]
    api.do("PUT", VALUES + "async/", [value(api, field, "")])
    assert shown(api, field) == []


def test_an_older_time_is_no_guard_unless_switched_on(make: Callable[..., Api]) -> None:
    for guard, kept in ((False, "<p>second</p>"), (True, "<p>first</p>")):
        api = make(guard_ts_updated=guard)
        field = api.make_field("Note")
        for text, day in (("first", "2026-03-02"), ("second", "2026-03-01")):
            item = value(api, field, text, ts_updated=f"{day}T08:00:00Z")
            api.do("PUT", VALUES + "async/", [item])
        assert shown(api, field) == [kept]


def test_values_are_listed_by_object_type_object_and_field(api: Api) -> None:
    note, other = api.make_field("Note"), api.make_field("Other")
    items = [value(api, note, "a"), value(api, other, "b"), value(api, note, "c", "carts")]
    api.do("PUT", VALUES + "async/", items)
    oid = items[0]["oid"]
    assert {row["value"] for row in api.get(VALUES, otype="table", oid=oid)} == {"<p>a</p>", "<p>b</p>"}
    assert {row["value"] for row in api.get(VALUES, field_id=note)} == {"<p>a</p>", "<p>c</p>"}
    assert api.get(VALUES, otype="attribute") == []
    api.call("GET", VALUES, 400, table=3)
