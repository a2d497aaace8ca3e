"""Tags (alation-api.md §2.6, §6 rows 32 to 37)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qsync_pipeline_tests.sandbox.alation.conftest import Api, tag_path

TAGS = "/integration/tag/"


def tag(api: Api, name: str) -> dict[str, Any]:
    [row] = [row for row in api.get(TAGS) if row["name"] == name]
    found: dict[str, Any] = row
    return found


def subject(api: Api, table: str = "V_ORDERS") -> dict[str, Any]:
    return {"oid": api.one("table", table)["id"], "otype": "table"}


def test_the_estates_tags_are_bare_names_without_colour_and_without_those_that_came_over_lineage(
    api: Api,
) -> None:
    rows = api.get(TAGS)
    assert [row["name"] for row in rows] == ["PII", "Gold", "Unused"]
    assert set(rows[0]) == {
        "id", "name", "description", "number_of_objects_tagged", "ts_created", "url",
    }  # fmt: skip
    assert rows[0]["description"] == "<p>Personal data</p>"


def test_the_count_of_a_tag_tells_of_objects_out_of_sight_but_its_list_does_not(api: Api) -> None:
    assert tag(api, "PII")["number_of_objects_tagged"] == 3
    otypes = [row["subject"]["otype"] for row in api.get(tag_path("PII"))]
    assert sorted(otypes) == ["attribute", "data"]


def test_tagging_makes_a_tag_that_is_missing_and_twice_changes_nothing(api: Api) -> None:
    made = api.call("POST", tag_path("Brand New"), 201, subject(api))
    assert made["number_of_objects_tagged"] == 1
    before = api.get(tag_path("Brand New"))
    api.clock.advance(5)
    api.call("POST", tag_path("BRAND new"), 200, subject(api))
    assert api.get(tag_path("brand new")) == before


@pytest.mark.parametrize("name", ["Reg #7", "Finance/Tier 1", "a b", "機密", "50% off?", "x&y=z", "a+b"])
def test_any_name_survives_the_path(api: Api, name: str) -> None:
    api.call("POST", tag_path(name), 201, subject(api))
    assert tag(api, name)["number_of_objects_tagged"] == 1
    [row] = api.get(tag_path(name))
    assert row["subject"]["otype"] == "table"
    api.call("DELETE", tag_path(name, "table", row["subject"]["id"]), 204)
    assert api.get(tag_path(name)) == []


def test_the_tags_of_one_object_need_its_type_and_its_id(api: Api) -> None:
    oid = api.one("table", "ORDERS")["id"]
    assert [row["name"] for row in api.get(TAGS, oid=oid, otype="table")] == ["Gold"]
    api.call("GET", TAGS, 400, oid=oid)


def test_asking_for_the_tags_of_an_object_tells_a_gone_one_from_one_out_of_sight(
    make: Callable[..., Api],
) -> None:
    for unseen, gone, hidden in (("tell", 404, 403), ("empty", 200, 200)):
        api = make(unseen_objects=unseen)
        carts, account = api.one("table", "carts")["id"], api.one("table", "account")["id"]
        api.mutate("drop", "shop.carts")
        api.mutate("forbid", "crm.public.account")
        api.call("GET", TAGS, gone, oid=carts, otype="table")
        api.call("GET", TAGS, gone, oid=99_999, otype="table")
        api.call("GET", TAGS, hidden, oid=account, otype="table")


def test_taking_off_what_is_not_on_is_404(api: Api) -> None:
    api.call("DELETE", tag_path("Gold", "table", subject(api)["oid"]), 404)
    api.call("GET", tag_path("No Such Tag"), 404)


def test_a_tag_can_be_renamed_but_not_to_the_name_of_another(api: Api) -> None:
    number = tag(api, "Gold")["id"]
    assert api.call("PATCH", f"{TAGS}{number}/", 200, {"name": "Silver"})["id"] == number
    assert len(api.get(tag_path("Silver"))) == 1
    api.call("PATCH", f"{TAGS}{number}/", 400, {"name": "pii"})


def test_subjects_come_by_the_time_of_tagging(api: Api) -> None:
    api.clock.advance(60)
    api.call("POST", tag_path("PII"), 200, subject(api))
    newest = api.get(tag_path("PII"), order_by="-ts_tagged")[0]
    assert newest["subject"]["id"] == subject(api)["oid"]
    assert api.get(tag_path("PII"), order_by="ts_tagged")[-1] == newest


def test_deleted_subjects_are_listed_unless_excluded_and_never_counted(api: Api) -> None:
    assert tag(api, "Gold")["number_of_objects_tagged"] == 1
    api.mutate("drop", "EDW.PUBLIC.ORDERS")
    assert tag(api, "Gold")["number_of_objects_tagged"] == 0
    assert len(api.get(tag_path("Gold"))) == 1
    assert api.get(tag_path("Gold"), exclude_deleted="True") == []


def test_lists_of_subjects_are_paged(api: Api) -> None:
    path = tag_path("Finance/Tier 1")
    for table in ("V_ORDERS", "carts", "account"):
        api.answer("POST", path, subject(api, table))
    answer = api.answer("GET", path, limit=2)
    assert len(answer.json()) == 2
    assert "%2F" in answer.headers["X-Next-Page"]
    assert len(api.get(answer.headers["X-Next-Page"])) == 1


def test_objects_that_may_not_be_changed_cannot_be_tagged(api: Api) -> None:
    api.call("POST", tag_path("PII"), 403, subject(api, "t"))
    api.call("POST", tag_path("PII"), 400, {"oid": 1, "otype": "user"})
    api.call("POST", tag_path("PII"), 404, {"oid": 9999, "otype": "table"})
    api.call("POST", tag_path("PII"), 400, {"oid": 1})


def test_the_name_of_the_subject_property_is_a_switch(make: Callable[..., Api]) -> None:
    assert "object" in make(subject_property="object").get(tag_path("Gold"))[0]
