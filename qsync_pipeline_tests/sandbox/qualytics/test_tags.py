"""Tag definitions and how assignments cascade (qualytics-api.md §2.1, §2.8)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline.sandbox.qualytics import QualyticsSystem
from qsync_pipeline_tests.sandbox.qualytics.conftest import Api, Make, make_tiny, tag_names

MANAGED = {"type": "global", "name": "PII", "color": "#BF1B1B", "category": "atlan", "weight_modifier": 0}


def test_a_tag_is_made_read_changed_and_deleted_by_name(api: Api) -> None:
    made = api.call("POST", "/global-tags", body=MANAGED | {"description": "Personal"})
    assert made | {"count": 0} == api.get("/global-tags/PII")
    changed = api.call("PUT", "/global-tags/PII", body={"type": "global", "color": "#000000"})
    assert (changed["color"], changed["description"], changed["category"]) == ("#000000", "Personal", "atlan")
    api.call("DELETE", "/global-tags/PII", 204)
    assert "not found" in api.get("/global-tags/PII", 404)["detail"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"type": "external"}, 422),
        ({"type": "personal"}, 422),
        ({"name": ""}, 422),
        ({"color": "red"}, 422),
        ({"weight_modifier": 11}, 422),
        ({"category": 3}, 422),
        ({"name": "Gold"}, 409),
    ],
)
def test_a_bad_tag_is_refused(api: Api, change: dict[str, Any], status: int) -> None:
    api.call("POST", "/global-tags", status, body=MANAGED | change)


def test_a_tag_without_colour_gets_one(api: Api) -> None:
    made = api.call("POST", "/global-tags", body={"type": "lineage", "name": "L"})
    assert made["color"].startswith("#")
    assert (made["weight_modifier"], made["parent_lineage_tag_id"]) == (1, None)


def test_listing_rows_carry_the_number_of_uses_or_not(make: Make) -> None:
    api = make()
    api.call("PATCH", "/fields", body=[{"id": api.field("ORDERS", "ID")["id"], "tags": ["Solo"]}])
    counts = {row["name"]: row["count"] for row in api.items("/global-tags")}
    assert counts["Solo"] == 1
    assert counts == {row["name"]: row["count"] for row in api.get("/global-tags/listing")}
    assert "count" not in make(tag_usage_count=False).items("/global-tags")[0]


def test_a_name_nobody_knows_becomes_a_global_tag(api: Api) -> None:
    number = api.container("ORDERS_V")["id"]
    [row] = api.call("PATCH", "/containers", body=[{"id": number, "tags": ["Company", "Stray"]}])
    stray = next(tag for tag in row["global_tags"] if tag["name"] == "Stray")
    assert (stray["type"], stray["category"]) == ("global", None)
    assert api.get("/global-tags/Stray")["id"] == stray["id"]


@pytest.mark.parametrize("name", ["Finance/Tier 1", "a/b/c"])
def test_names_with_a_slash_are_unreachable_in_the_path(make: Make, name: str) -> None:
    quoted = name.replace("/", "%2F").replace(" ", "%20")
    for api, status in ((make(), 404), (make(slashes_in_tag_paths=True), 200)):
        api.call("POST", "/global-tags", body=MANAGED | {"name": name})
        answer = api.get(f"/global-tags/{quoted}", status)
        assert answer == {"detail": "Not Found"} if status == 404 else answer["name"] == name
        assert name in {row["name"] for row in api.items("/global-tags")}


@pytest.mark.parametrize("name", ["100% sure", "ünï cödé", "what?", "#1", "a.b"])
def test_other_odd_names_are_reached_when_quoted(api: Api, name: str) -> None:
    api.call("POST", "/global-tags", body=MANAGED | {"name": name})
    assert api.get(f"/global-tags/{quote(name, safe='')}")["name"] == name


def test_deleting_a_tag_takes_it_off_everything(api: Api) -> None:
    api.call("DELETE", "/global-tags/Company", 204)
    assert all("Company" not in tag_names(row) for row in api.items("/fields") + api.items("/containers"))


def test_renaming_a_tag_keeps_its_uses(api: Api) -> None:
    api.call("PUT", "/global-tags/Gold", body={"type": "entity", "name": "Silver"})
    assert "Silver" in tag_names(api.container("ORDERS"))
    api.get("/global-tags/Gold", 404)
    api.call("PUT", "/global-tags/Silver", 409, body={"name": "Company"})


def origins(api: Api, name: str) -> dict[str, str]:
    [entry] = api.system.state(name=name)
    return {tag["name"]: tag["origin"] for tag in entry["tags"]}


ORDERS, ID = "SALES.PUBLIC.ORDERS", "SALES.PUBLIC.ORDERS.ID"


def test_native_tags_cascade_to_everything_below(api: Api) -> None:
    assert origins(api, "SALES.PUBLIC") == {"Company": "native"}
    assert origins(api, ORDERS) == {"Company": "propagated", "Gold": "native"}
    assert origins(api, ID) == {"Company": "propagated", "Gold": "propagated"}


def test_checks_and_anomalies_take_copies_at_creation_only(api: Api) -> None:
    anomaly = api.items("/anomalies")[0]
    assert tag_names(anomaly) == {"Company", "Gold"}
    api.call("PATCH", "/containers", body=[{"id": api.container("ORDERS")["id"], "tags": ["Later"]}])
    assert tag_names(api.get(f"/anomalies/{anomaly['id']}")) == {"Company", "Gold"}
    api.system.mutate({"do": "raise_anomaly", "asset": ORDERS, "rule": "freshness"})
    assert tag_names(api.items("/anomalies", rule_type="freshness")[0]) == {"Later"}


def test_a_patch_keeps_the_origin_of_what_was_there_and_removes_even_copies(api: Api) -> None:
    number = api.field("ORDERS", "ID")["id"]
    api.call("PATCH", "/fields", body=[{"id": number, "tags": ["Company", "Mine"]}])
    assert origins(api, ID) == {"Company": "propagated", "Mine": "native"}
    api.call("PATCH", "/fields", body=[{"id": number, "tags": ["Mine"]}])
    assert origins(api, ID) == {"Mine": "native"}
    assert "Company" in origins(api, ORDERS)


def test_copies_go_when_their_last_origin_goes(api: Api) -> None:
    table, store = api.container("ORDERS")["id"], api.datastore("sales")["id"]
    api.call("PATCH", "/containers", body=[{"id": table, "tags": ["Both"]}])
    api.call("PUT", f"/datastores/{store}", body={"tags": ["Both"]})
    assert origins(api, ID) == {"Both": "propagated"}
    api.call("PUT", f"/datastores/{store}", body={"tags": []})
    assert origins(api, ID) == {"Both": "propagated"}
    assert origins(api, "SALES.PUBLIC.ORDERS_V.ID") == {}
    api.call("PATCH", "/containers", body=[{"id": table, "tags": []}])
    assert origins(api, ID) == {}


def test_by_switch_copies_stay_when_the_tag_leaves_the_parent(make: Make) -> None:
    api = make(cascade_removal=False)
    api.call("PUT", f"/datastores/{api.datastore('sales')['id']}", body={"tags": []})
    assert origins(api, ID)["Company"] == "propagated"


def test_what_comes_later_inherits(api: Api) -> None:
    api.system.mutate({"do": "create", "asset": "SALES.PUBLIC.LATE", "columns": ["c"]})
    assert origins(api, "SALES.PUBLIC.LATE") == {"Company": "propagated"}
    assert origins(api, "SALES.PUBLIC.LATE.c") == {"Company": "propagated"}


def test_a_definition_made_over_the_api_with_category_and_no_weight_is_managed(api: Api) -> None:
    api.call("POST", "/global-tags", body=MANAGED)
    api.call("POST", "/global-tags", body=MANAGED | {"name": "Weighty", "weight_modifier": 1})
    number = api.container("ORDERS_V")["id"]
    api.call("PATCH", "/containers", body=[{"id": number, "tags": ["PII", "Weighty"]}])
    assert origins(api, "SALES.PUBLIC.ORDERS_V") == {"PII": "managed", "Weighty": "native"}
    assert origins(api, "SALES.PUBLIC.ORDERS_V.ID").items() >= {"PII": "propagated"}.items()


@pytest.mark.rule("5.2", "The Qualytics API replaces the whole list")
def test_external_tags_are_made_only_where_the_switch_allows_it(make: Make) -> None:
    external = {"type": "external", "name": "PII", "color": "#BF1B1B"}
    detail = make().call("POST", "/global-tags", 422, body=external)["detail"]
    assert detail[0]["loc"] == ["body", "type"]
    api = make(external_tags=True)
    assert api.call("POST", "/global-tags", body=external)["type"] == "external"
    number = api.container("ORDERS_V")["id"]
    api.call("PATCH", "/containers", body=[{"id": number, "tags": ["PII"]}])
    assert origins(api, "SALES.PUBLIC.ORDERS_V") == {"PII": "external"}
    assert origins(api, "SALES.PUBLIC.ORDERS_V.ID") == {"Company": "propagated"}
    api.call("PUT", "/global-tags/PII", 422, body={"type": "external", "color": "#000000"})
    changed = api.call("PUT", "/global-tags/PII", body={"category": "x", "weight_modifier": 2})
    assert (changed["category"], changed["weight_modifier"]) == ("x", 2)


OBJECTS = ["SALES.PUBLIC", ORDERS, ID, "SALES.PUBLIC.ORDERS.AMOUNT", "SALES.PUBLIC.ORDERS_V"]
Step = tuple[str, str, str]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["tag", "untag"]), st.sampled_from(OBJECTS), st.sampled_from(["A", "B"])),
        max_size=12,
    )
)
def test_whatever_is_done_the_index_of_uses_agrees_and_no_copy_is_without_origin(steps: list[Step]) -> None:
    system = QualyticsSystem(make_tiny(), VirtualClock(), seed=7)
    for do, asset, tag in steps:
        [entry] = system.state(name=asset)
        if do == "tag" or tag in {item["name"] for item in entry["tags"]}:
            system.mutate({"do": do, "asset": asset, "tag": tag})
    entries = {entry["name"]: entry for entry in system.state()}
    for tag in ("A", "B"):
        carriers = {
            name: item["origin"] for name, e in entries.items() for item in e["tags"] if item["name"] == tag
        }
        definition = system.store.tags.by_name.get(tag)
        assert len(definition.uses if definition else ()) == len(carriers)
        for name, origin in carriers.items():
            if origin == "propagated":
                assert any(name.startswith(p + ".") and carriers[p] == "native" for p in carriers)
