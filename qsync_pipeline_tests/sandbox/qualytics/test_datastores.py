"""Datastores and connections (qualytics-api.md §2.1, §2.5)."""

from __future__ import annotations

import datetime

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline_tests.sandbox.qualytics.conftest import SCORES, Api, Make, tag_names

SCORE_KEYS = {"created", "total", *DIMENSIONS}


def test_rows_show_identity_by_store_type(api: Api) -> None:
    sales, shop, landing = (api.datastore(name) for name in ("sales", "shop", "landing"))
    assert (sales["database"], sales["schema"], sales["host"]) == ("SALES", "PUBLIC", "acme.sf.invalid")
    assert (shop["database"], shop["schema"], shop["type"]) == (None, "shop", "mysql")
    assert {"uri", "root_path"} <= set(landing)
    assert not {"database", "schema"} & set(landing)
    assert sales["connection"]["name"] == "sf"
    assert api.get(f"/datastores/{sales['id']}") == sales


def test_enrichment_datastores_are_listed_only_when_asked_for(api: Api) -> None:
    assert {row["name"] for row in api.items("/datastores")} == {"sales", "shop", "landing"}
    assert [row["name"] for row in api.items("/datastores", enrichment_only=True)] == ["enrich"]
    assert {row["name"] for row in api.get("/datastores/listing")} == {"sales", "shop", "landing", "enrich"}


def test_filters_by_name_search_type_and_tag(api: Api) -> None:
    number = api.datastore("shop")["id"]
    for query in ({"name": "shop"}, {"search": "SHO"}, {"search": str(number)}, {"datastore_type": "mysql"}):
        assert "shop" in {row["name"] for row in api.items("/datastores", **query)}
    assert [row["name"] for row in api.items("/datastores", tag="Company")] == ["sales"]
    assert api.items("/datastores", name="Shop") == []


def test_metrics_count_what_is_in_it(api: Api) -> None:
    metrics = api.datastore("sales")["metrics"]
    assert metrics["containers"] == 3
    assert metrics["active_checks"] == 3
    assert metrics["active_anomalies"] == 2
    assert metrics["quality_score"].keys() == SCORE_KEYS
    assert {key: metrics["quality_score"][key] for key in SCORES} == SCORES
    assert api.datastore("shop")["metrics"]["quality_score"] is None


def test_active_anomalies_leave_out_the_acknowledged_by_switch(make: Make) -> None:
    api = make(active_includes_acknowledged=False)
    assert api.datastore("sales")["metrics"]["active_anomalies"] == 1
    assert api.container("ORDERS")["metrics"]["active_anomalies"] == 1


def test_without_the_switch_the_score_is_in_the_history_only(make: Make) -> None:
    api = make(datastore_score_in_metrics=False)
    sales = api.datastore("sales")
    assert "quality_score" not in sales["metrics"]
    rows = api.get(f"/datastores/{sales['id']}/quality-scores")
    assert {key: rows[0][key] for key in SCORES} == SCORES


def test_the_history_is_ten_daily_rows_newest_first_with_nulls_kept(api: Api) -> None:
    rows = api.get(f"/datastores/{api.datastore('sales')['id']}/quality-scores")
    days = [datetime.date.fromisoformat(row["date"]) for row in rows]
    assert days == [days[0] - datetime.timedelta(days=back) for back in range(10)]
    for row in rows:
        assert set(row) == {"date", "total", *DIMENSIONS}
        assert row["conformity"] is None
        assert 0 <= row["total"] <= 100
    assert api.get(f"/datastores/{api.datastore('shop')['id']}/quality-scores") == []


def test_a_put_applies_only_what_is_given(api: Api) -> None:
    before = api.datastore("sales")
    after = api.call("PUT", f"/datastores/{before['id']}", body={"description": "Sales of all kinds"})
    assert after == before | {"description": "Sales of all kinds"}
    assert api.call("PUT", f"/datastores/{before['id']}", body={"tags": None, "teams": None}) == after
    cleared = api.call("PUT", f"/datastores/{before['id']}", body={"tags": [], "teams": ["A", "B"]})
    assert (cleared["global_tags"], [team["name"] for team in cleared["teams"]]) == ([], ["A", "B"])


def test_a_native_datastore_needs_its_discriminator(api: Api) -> None:
    made = api.call(
        "POST", "/datastores", 201, body={"name": "lake", "connection": {"name": "u", "type": "unity_native"}}
    )
    assert made["store_type"] == "native"
    api.call("PUT", f"/datastores/{made['id']}", 422, body={"schema": "gold"})
    body = {"schema": "gold", "catalog": "main", "connection": {"type": "unity_native"}}
    row = api.call("PUT", f"/datastores/{made['id']}", body=body)
    assert (row["catalog"], row["schema"]) == ("main", "gold")


def test_creating_answers_201_and_refuses_a_taken_name(api: Api) -> None:
    connection = api.datastore("sales")["connection_id"]
    body = {"name": "new", "connection_id": connection, "database": "D", "schema": "S", "tags": ["Brand New"]}
    made = api.call("POST", "/datastores", 201, body=body)
    assert tag_names(made) == {"Brand New"}
    api.call("POST", "/datastores", 409, body=body)
    api.call("POST", "/datastores", 404, body=body | {"name": "other", "connection_id": 9999})
    api.call("POST", "/datastores/connection", 204, body=body)


def test_deleting_takes_everything_below_along(api: Api) -> None:
    number, orders = api.datastore("sales")["id"], api.container("ORDERS")["id"]
    api.call("DELETE", f"/datastores/{number}", 204)
    assert "not found" in api.get(f"/datastores/{number}", 404)["detail"]
    api.get(f"/containers/{orders}", 404)
    assert api.get("/anomalies", archived="include")["total"] == 0
    assert api.get("/global-tags/Company")["count"] == 0


def test_a_connection_in_use_cannot_be_deleted(api: Api) -> None:
    number = api.datastore("shop")["connection_id"]
    api.call("DELETE", f"/connections/{number}", 409)
    api.call("DELETE", f"/datastores/{api.datastore('shop')['id']}", 204)
    api.call("DELETE", f"/connections/{number}", 204)


def test_connections_can_be_made_changed_and_tested(api: Api) -> None:
    made = api.call("POST", "/connections", body={"name": "pg", "type": "postgresql", "host": "h"})
    assert "password" not in made
    api.call("POST", "/connections", 409, body={"name": "pg", "type": "postgresql"})
    api.call("POST", "/connections", 422, body={"name": "no type"})
    assert api.call("PUT", f"/connections/{made['id']}", body={"host": "h2"})["host"] == "h2"
    api.call("POST", f"/connections/{made['id']}/test", 204)
    assert [row["name"] for row in api.items("/connections", type="postgresql")] == ["pg"]


def test_enrichment_is_linked_and_unlinked(api: Api) -> None:
    number = api.datastore("sales")["id"]
    target = api.items("/datastores", enrichment_only=True)[0]["id"]
    assert api.get(f"/datastores/{number}")["enrichment_datastore"]["id"] == target
    api.call("DELETE", f"/datastores/{number}/enrichment", 204)
    assert api.get(f"/datastores/{number}")["enrichment_datastore"] is None
    api.call("PATCH", f"/datastores/{number}/enrichment/{target}")
    api.call("PATCH", f"/datastores/{number}/enrichment/{number}", 400)


def test_small_settings_of_a_datastore(api: Api) -> None:
    path = f"/datastores/{api.datastore('shop')['id']}"
    assert api.call("PATCH", path + "/favorite", body={"favorite": True})["favorite"] is True
    assert api.call("PATCH", path + "/assign-group", body={"group_id": 5})["group"] == {"id": 5}
    api.call("PATCH", path + "/assign-group", 422, body={"group_id": "five"})
    assert api.call("POST", path + "/connection") == {"connected": True}
    assert api.items("/datastores", sort_favorite="desc")[0]["name"] == "shop"
    assert api.get(path + "/catalog")[0]["fields"] == ["id"]


def test_score_settings_are_null_until_set_and_a_put_is_partial(make: Make) -> None:
    api = make()
    path = f"/datastores/{api.datastore('sales')['id']}/score-settings"
    assert set(api.get(path).values()) == {None}
    assert api.call("PUT", path, body={"decay_period_days": 30})["decay_period_days"] == 30
    api.call("PUT", path, body={"coverage_weight": 0})
    assert api.get(path)["decay_period_days"] == 30
    detail = api.call("PUT", path, 422, body={"decay_period_days": 6})["detail"]
    assert detail[0]["loc"] == ["body", "decay_period_days"]
    api.call("PUT", path, 422, body={"coverage_weight": 2.5})
    strict = make(unset_settings_404=True)
    strict.get(f"/datastores/{strict.datastore('sales')['id']}/score-settings", 404)
