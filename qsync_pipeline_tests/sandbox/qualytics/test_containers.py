"""Containers, fields and profiles (qualytics-api.md §2.2-§2.5)."""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.sandbox.qualytics.conftest import SCORES, Api, Make, tag_names

METRICS = {
    *("last_profiled", "last_scanned", "fields", "records", "completeness", "active_checks"),
    *(
        "important_checks",
        "passing_checks",
        "failing_checks",
        "anomalies",
        "active_anomalies",
        "quality_score",
    ),
}


def test_list_rows_are_full_objects(api: Api) -> None:
    row = api.container("ORDERS")
    assert row == api.get(f"/containers/{row['id']}")
    assert set(row["metrics"]) == METRICS
    assert row["metrics"]["active_checks"] == 3
    assert (row["metrics"]["passing_checks"], row["metrics"]["failing_checks"]) == (1, 1)
    assert (row["metrics"]["anomalies"], row["metrics"]["active_anomalies"]) == (6, 2)
    assert tag_names(row) == {"Company", "Gold"}


def test_completeness_is_a_fraction_on_metrics_and_a_percentage_in_the_score(api: Api) -> None:
    metrics = api.container("ORDERS")["metrics"]
    assert metrics["completeness"] == pytest.approx(0.749)
    assert metrics["quality_score"]["completeness"] == 74.9
    column = api.field("ORDERS", "ID")
    assert column["completeness"] == pytest.approx(0.749)
    assert column["quality_score"]["completeness"] == 74.9


def test_what_was_never_scanned_or_profiled_shows_nulls(api: Api) -> None:
    row = api.container("NEVER.PROFILED")
    assert (row["was_profiled"], row["metrics"]["last_scanned"]) == (False, None)
    assert row["metrics"]["quality_score"] is None
    detail = api.get(f"/containers/{row['id']}/profile", 404)["detail"]
    assert detail == f"Container id: {row['id']} has not been profiled"
    api.get(f"/containers/{row['id']}/scan", 404)
    assert api.get(f"/containers/{row['id']}/field-profiles")["total"] == 0


def test_by_switch_an_unscored_object_shows_a_score_of_nulls(make: Make) -> None:
    score = make(score_object_when_unscored=True).container("NEVER.PROFILED")["metrics"]["quality_score"]
    assert set(score.values()) == {None}
    assert {"total", "volumetrics"} <= set(score)


def test_a_view_is_a_table_of_table_type_view(make: Make) -> None:
    api = make()
    row = api.container("ORDERS_V")
    assert (row["container_type"], row["table_type"]) == ("table", "view")
    assert [item["name"] for item in api.items("/containers", container_type="view")] == ["ORDERS_V"]
    assert make(view_container_type=True).container("ORDERS_V")["container_type"] == "view"


def test_a_put_resets_the_settings_it_does_not_name_and_a_patch_does_not(api: Api) -> None:
    row = api.container("ORDERS")
    path = f"/containers/{row['id']}"
    assert row["incremental_identifier_type"] == "last-modified"
    api.call("PATCH", "/containers", body=[{"id": row["id"], "tags": ["Company"]}])
    assert api.get(path)["incremental_identifier_type"] == "last-modified"
    api.call("PUT", path, 422, body={"tags": ["X"]})
    api.call("PUT", path, 422, body={"container_type": "file"})
    after = api.call("PUT", path, body={"container_type": "table", "partition_field": "ID"})
    assert (after["incremental_identifier_type"], after["partition_field"]) == (None, "ID")
    assert tag_names(after) == {"Company"}


def test_a_bulk_patch_is_all_or_nothing(api: Api) -> None:
    row = api.container("ORDERS")
    api.call("PATCH", "/containers", 404, body=[{"id": row["id"], "tags": ["X"]}, {"id": 99_999, "tags": []}])
    api.call("PATCH", "/containers", 422, body=[{"id": row["id"], "tags": ["X"]}, {"tags": []}])
    api.call("PATCH", "/containers", 422, body=[{"id": row["id"], "tags": "X"}])
    api.call("PATCH", "/containers", 422, body={"id": row["id"]})
    assert api.container("ORDERS") == row


def test_a_listing_is_light_and_ignores_type(api: Api) -> None:
    sales = api.datastore("sales")["id"]
    rows = api.get("/containers/listing", datastore=sales, type="computed_table")
    assert {row["name"] for row in rows} == {"ORDERS", "ORDERS_V", "NEVER.PROFILED"}
    assert all("metrics" not in row for row in rows)


def test_only_computed_containers_are_created_and_they_profile_at_once(api: Api) -> None:
    sales = api.datastore("sales")["id"]
    body = {"container_type": "computed_table", "name": "C", "datastore_id": sales, "query": "select 1"}
    api.call("POST", "/containers", 422, body=body | {"container_type": "table"})
    api.call("POST", "/containers", 422, body={"container_type": "computed_table", "name": "C"})
    api.call("POST", "/containers/validate", 204, body={"container": body}, timeout_seconds=60)
    api.call("POST", "/containers/validate", 422, body=body)
    made = api.call("POST", "/containers", body=body)
    assert tag_names(made) == {"Company"}
    assert made["was_profiled"] is False
    api.call("POST", "/containers", 409, body=body)
    api.system.clock.advance(60)
    assert api.get(f"/containers/{made['id']}")["was_profiled"] is True


def test_deleting_a_container_takes_fields_checks_and_anomalies_along(api: Api) -> None:
    row, column = api.container("ORDERS"), api.field("ORDERS", "ID")
    api.call("DELETE", f"/containers/{row['id']}", 204)
    assert "not found" in api.get(f"/containers/{row['id']}", 404)["detail"]
    api.get(f"/fields/{column['id']}", 404)
    assert api.get("/quality-checks", archived="include")["total"] == 0


def test_fields_are_an_array_and_a_paged_list(api: Api) -> None:
    number = api.container("ORDERS")["id"]
    rows = api.get(f"/containers/{number}/fields")
    assert [row["name"] for row in rows] == ["ID", "AMOUNT"]
    assert api.items("/fields", container_id=number) == rows
    assert api.items("/fields", name="AMOUNT") == rows[1:]
    assert [row["name"] for row in api.get("/fields/listing", container_id=number)] == ["ID", "AMOUNT"]
    assert rows[0]["quality_score"]["total"] == SCORES["total"]
    assert rows[0]["status"] == "active"


def test_a_missing_field_is_listed_with_its_status(api: Api) -> None:
    api.system.mutate({"do": "drop", "asset": "SALES.PUBLIC.ORDERS.ID", "how": "missing"})
    assert api.field("ORDERS", "ID")["status"] == "missing"
    number = api.container("ORDERS")["id"]
    assert [row["name"] for row in api.get(f"/containers/{number}/fields", status="active")] == ["AMOUNT"]


def test_field_tags_are_replaced_by_put_and_patch(api: Api) -> None:
    column = api.field("ORDERS", "ID")
    after = api.call("PUT", f"/fields/{column['id']}", body={"tags": ["Company", "PII"]})
    assert tag_names(after) == {"Company", "PII"}
    assert tag_names(api.call("PUT", f"/fields/{column['id']}", body={})) == {"Company", "PII"}
    [row] = api.call("PATCH", "/fields", body=[{"id": column["id"], "tags": []}])
    assert row["global_tags"] == []


def test_profiles_of_fields(api: Api) -> None:
    column = api.field("ORDERS", "AMOUNT")
    profile = api.get(f"/field-profiles/{column['latest_profile_id']}")
    assert profile["completeness"] == pytest.approx(0.749)
    assert (profile["quality_check_count"], profile["anomaly_count"]) == (1, 2)
    assert api.get(f"/fields/{column['id']}/field-profiles") == [profile]
    top = api.items("/field-profiles", sort_active_anomalies="desc")[0]
    assert top["name"] == "AMOUNT"
    api.get(f"/field-profiles/{api.field('NEVER.PROFILED', 'a.b')['id']}", 404)


def test_computed_fields_live_on_their_container(api: Api) -> None:
    number = api.container("ORDERS")["id"]
    body = {"name": "clean", "container_id": number, "transformation": "cast", "source_fields": ["ID"]}
    made = api.call("POST", "/computed-fields", body=body)
    api.call("POST", "/computed-fields", 409, body=body)
    assert [row["name"] for row in api.container("ORDERS")["computed_fields"]] == ["clean"]
    body = {"name": "cleaner", "transformation": "cast"}
    assert api.call("PUT", f"/computed-fields/{made['id']}", body=body)["name"] == "cleaner"
    api.call("DELETE", f"/computed-fields/{made['id']}", 204)
    api.call("DELETE", f"/computed-fields/{api.field('ORDERS', 'ID')['id']}", 404)


def test_score_routes_of_containers_are_there_by_switch(make: Make) -> None:
    api = make()
    path = f"/containers/{api.container('ORDERS')['id']}/quality-scores"
    assert api.get(path)[0]["total"] == SCORES["total"]
    assert make(container_score_routes=False).get(path, 404) == {"detail": "Not Found"}


def test_in_chaos_mode_empty_lists_may_be_null_but_full_ones_never(make: Make) -> None:
    calm, wild = make(), make(null_lists=True)
    saw_null = False
    for path in ("/containers", "/fields", "/quality-checks", "/anomalies"):
        for plain, chaotic in zip(calm.items(path), wild.items(path), strict=True):
            for key in ("global_tags", "fields", "failed_checks"):
                if key in plain and chaotic[key] is None:
                    assert plain[key] == []
                    saw_null = True
    assert saw_null


def test_search_mixes_levels(api: Api) -> None:
    kinds = {hit["object_type"] for hit in api.get("/search", name="o")}
    assert kinds == {"datastore", "container", "field"}
