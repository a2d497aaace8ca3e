"""The paging envelope, filters and errors (qualytics-api.md §1.4-§1.6)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline.sandbox.qualytics import QualyticsSystem
from qsync_pipeline_tests.sandbox.qualytics.conftest import Api, Make, make_tiny

LISTS = [
    *(
        "/datastores",
        "/containers",
        "/fields",
        "/quality-checks",
        "/anomalies",
        "/global-tags",
        "/operations",
    ),
    *("/connections", "/users", "/teams", "/field-profiles", "/quality-check-templates"),
]


@pytest.mark.parametrize("path", LISTS)
def test_every_list_has_exactly_the_envelope(api: Api, path: str) -> None:
    page = api.get(path)
    assert set(page) == {"items", "total", "page", "size", "pages"}
    assert (page["page"], page["size"]) == (1, 50)
    assert page["pages"] == -(-page["total"] // 50)


@pytest.mark.parametrize("query", [{"size": 101}, {"size": 0}, {"page": 0}, {"size": "many"}])
def test_a_page_out_of_bounds_is_422(api: Api, query: dict[str, Any]) -> None:
    detail = api.get("/containers", 422, **query)["detail"]
    assert detail[0]["loc"] == ["query", next(iter(query))]
    assert set(detail[0]) == {"loc", "msg", "type"}


def test_a_page_past_the_end_is_empty(api: Api) -> None:
    page = api.get("/containers", page=99, size=2)
    assert (page["items"], page["page"]) == ([], 99)
    assert page["total"] > 0


_WALKED = Api(QualyticsSystem(make_tiny(), VirtualClock(), seed=7))


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 100), path=st.sampled_from(["/fields", "/containers", "/anomalies"]))
def test_pages_of_any_size_hold_every_row_once(size: int, path: str) -> None:
    api, seen, page = _WALKED, [], 1
    while True:
        answer = api.get(path, page=page, size=size)
        seen += [row["id"] for row in answer["items"]]
        if page * size >= answer["total"]:
            assert page >= answer["pages"]
            break
        page += 1
    assert seen == [row["id"] for row in api.items(path, size=100)]
    assert len(seen) == len(set(seen)) == answer["total"]


def test_lists_are_repeated_keys_never_joined_by_commas(api: Api) -> None:
    sales, shop = api.datastore("sales")["id"], api.datastore("shop")["id"]
    names = {row["name"] for row in api.items("/containers", datastore=[sales, shop])}
    assert names == {"ORDERS", "ORDERS_V", "NEVER.PROFILED", "carts"}
    api.get("/containers", 422, datastore=f"{sales},{shop}")
    both = api.items("/anomalies", status=["Active", "Acknowledged"])
    assert {row["status"] for row in both} == {"Active", "Acknowledged"}
    assert api.items("/anomalies", status="Active,Acknowledged") == []


@pytest.mark.parametrize("path", ["/containers", "/quality-checks", "/anomalies"])
def test_archived_is_an_enum_and_a_boolean_is_422(api: Api, path: str) -> None:
    api.get(path, 422, archived="false")
    api.get(path, 422, archived="true")
    plain, only = api.get(path)["total"], api.get(path, archived="only")["total"]
    assert api.get(path, archived="include")["total"] == plain + only


def test_unknown_query_keys_are_ignored_or_by_switch_422(make: Make) -> None:
    assert make().get("/containers", limit=1, sort="name")["total"] == 5
    detail = make(strict_query=True).get("/containers", 422, limit=1)["detail"]
    assert detail[0]["loc"] == ["query", "limit"]


def test_sorting_is_one_parameter_per_column(api: Api) -> None:
    names = [row["name"] for row in api.items("/containers", sort_name="desc")]
    assert names == sorted(names, reverse=True)
    api.get("/containers", 422, sort_name="down")


def test_a_uri_over_4096_characters_is_414(api: Api) -> None:
    api.get("/containers", 414, id=[10_000 + number for number in range(600)])
    assert api.get("/containers", id=[10_000 + number for number in range(300)])["items"] == []


def test_unknown_routes_and_methods_answer_as_fastapi_does(api: Api) -> None:
    assert api.get("/nowhere", 404) == {"detail": "Not Found"}
    assert api.http.get("/containers", headers=api.headers).json() == {"detail": "Not Found"}
    assert api.call("DELETE", "/status", 405) == {"detail": "Method Not Allowed"}


def test_a_body_that_is_not_json_is_422_and_a_huge_one_413(api: Api) -> None:
    broken = api.http.post("/api/global-tags", content=b"{", headers=api.headers)
    assert broken.status_code == 422
    assert broken.json()["detail"][0]["loc"] == ["body"]
    huge = api.http.post("/api/global-tags", content=b" " * 2_600_001, headers=api.headers)
    assert huge.status_code == 413


def test_ids_must_be_integers(api: Api) -> None:
    assert api.get("/containers/abc", 422)["detail"][0]["loc"] == ["path", "container_id"]


def test_a_list_shows_what_was_written_between_its_pages(api: Api) -> None:
    first = api.get("/containers", size=1)["items"][0]
    api.call("PATCH", "/containers", body=[{"id": first["id"], "tags": ["Fresh"]}])
    again = api.get("/containers", size=1)["items"][0]
    assert [tag["name"] for tag in again["global_tags"]] == ["Fresh"]


def test_the_api_root_can_be_elsewhere(make: Make) -> None:
    assert make(api_root="/gateway/dq").get("/containers")["total"] == 5
    assert make(api_root="").get("/containers")["total"] == 5


def test_routes_are_templates_for_whoever_logs_them(api: Api) -> None:
    paths = {route.path for route in api.system.app.routes}  # type: ignore[attr-defined]  # all are Routes
    assert {"/api/containers/{container_id}", "/api/global-tags/{tag_name}"} <= paths
