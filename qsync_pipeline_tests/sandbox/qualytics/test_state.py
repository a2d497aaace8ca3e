"""What the control plane says a person would see (DESIGN.md §6)."""

from __future__ import annotations

import pytest

from qsync_pipeline.core.rows import ATTRIBUTES, DIMENSIONS
from qsync_pipeline_tests.sandbox.qualytics.conftest import SCORES, Api, Make

TABLE = "SALES.PUBLIC.ORDERS"


def test_an_entry_has_everything_and_its_twelve_attributes_as_qualytics_has_them(api: Api) -> None:
    api.system.set_base_url("http://127.0.0.1:9/api/")
    [entry] = api.system.state(name=TABLE)
    store, number = api.datastore("sales")["id"], api.container("ORDERS")["id"]
    assert (entry["id"], entry["kind"]) == (f"container:{number}", "table")
    assert (entry["alert"], entry["health"], entry["domains"]) == (None, [], [])
    assert {"name": "Gold", "origin": "native", "color": "#5C6BC0", "description": None} in entry["tags"]
    values = entry["attributes"]
    assert tuple(values) == ATTRIBUTES
    assert values["URL"] == f"http://127.0.0.1:9/datastores/{store}/containers/{number}/overview"
    assert values["Quality Score Total"] == SCORES["total"]
    assert values["Quality Score Accuracy"] == 98.25
    assert values["Quality Score Conformity"] is None
    assert {values[f"Quality Score {key.capitalize()}"] for key in DIMENSIONS} == set(SCORES.values()) - {
        81.7
    }
    assert (values["Anomaly Count"], values["Check Count"]) == (2, 3)


@pytest.mark.parametrize(
    ("name", "kind", "anomalies", "checks"),
    [
        ("SALES.PUBLIC", "datastore", 2, 3),
        ("SALES.PUBLIC.ORDERS_V", "view", 0, 0),
        ("SALES.PUBLIC.ORDERS.AMOUNT", "field", 2, 1),
        ("SALES.PUBLIC.ORDERS.ID", "field", 0, 1),
        ("SALES.PUBLIC.NEVER.PROFILED", "table", None, 0),
        ("SALES.PUBLIC.NEVER.PROFILED.a.b", "field", None, 0),
        ("shop", "datastore", None, 0),
        ("shop.carts.id", "field", None, 0),
        ("landing", "datastore", 0, 0),
        ("landing.daily.csv.x", "field", 0, 0),
    ],
)
def test_names_with_dots_are_found_whole_and_null_is_not_zero(
    api: Api, name: str, kind: str, anomalies: int | None, checks: int
) -> None:
    [entry] = api.system.state(name=name)
    assert (entry["name"], entry["kind"]) == (name, kind)
    assert entry["attributes"]["Anomaly Count"] == anomalies
    assert entry["attributes"]["Check Count"] == checks


def test_links_of_datastores_and_fields(api: Api) -> None:
    [store], [column] = api.system.state(name="shop"), api.system.state(name="shop.carts.id")
    number = api.datastore("shop")["id"]
    assert f"/datastores/{number}" in store["attributes"]["URL"]
    container, field = api.container("carts")["id"], api.field("carts", "id")["id"]
    assert column["attributes"]["URL"].endswith(
        f"/datastores/{number}/containers/{container}/fields/{field}/overview"
    )


def test_names_match_exactly_and_like_matches_as_sql_does(api: Api) -> None:
    assert api.system.state(name="sales.public.orders") == []
    assert api.system.state(name="SALES.PUBLIC.ORDERS.") == []
    assert {e["name"] for e in api.system.state(like="%.orders")} == {TABLE}
    assert {e["name"] for e in api.system.state(like="sales.public.orders__")} == {"SALES.PUBLIC.ORDERS_V"}
    everything = api.system.state()
    assert len(everything) == len(api.system.state(like="%")) == 4 + 5 + 6
    assert all(entry in api.system.state(name=entry["name"]) for entry in everything)


def test_the_base_url_follows_the_api_root(make: Make) -> None:
    api = make(api_root="/gw/dq")
    api.system.set_base_url("http://127.0.0.1:9/gw/dq")
    [entry] = api.system.state(name="shop")
    assert entry["attributes"]["URL"].startswith("http://127.0.0.1:9/datastores/")
