"""Data sources, schemas, tables, columns: lists, filters, paging (alation-api.md §1.6, §2.0-§2.2)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from qsync_pipeline.sandbox.alation import AlationSystem
from qsync_pipeline.sandbox.estate import model
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline_tests.sandbox.alation.conftest import Api

TABLES = "/integration/v2/table/"
COLUMNS = "/integration/v2/column/"


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


def test_a_full_inventory_of_data_sources_needs_both_versions(api: Api) -> None:
    v2, v1 = api.get("/integration/v2/datasource/"), api.get("/integration/v1/datasource/")
    assert [row["title"] for row in v2] == ["Warehouse", "CRM", "Archive"]
    assert [row["title"] for row in v1] == ["Shop"]
    assert {row["dbtype"] for row in v1} == {"mysql"}
    assert len({row["id"] for row in v1 + v2}) == 4


def test_a_hidden_data_source_is_not_listed_and_asking_for_it_is_403(
    api: Api, make: Callable[..., Api]
) -> None:
    [hidden] = [node for node in api.system.world.store.sources() if node.name == "HR"]
    path = f"/integration/v2/datasource/{hidden.id}/"
    api.call("GET", path, 403)
    make(hidden_source_status=404).call("GET", path, 404)
    api.call("GET", "/integration/v2/datasource/99999/", 404)
    assert api.get(TABLES, name="PAY") == []
    assert api.get(COLUMNS, name="IBAN") == []


def test_a_schema_is_named_with_its_database_where_its_source_type_does_that(api: Api) -> None:
    rows = api.get("/integration/v2/schema/")
    assert names(rows) == ["EDW.PUBLIC", "public", "shop", "old.dbo"]
    warehouse = api.source("Warehouse")
    assert rows[0]["key"] == f"{warehouse}.EDW.PUBLIC"


def test_keys_quote_what_holds_a_dot_or_a_quote_but_not_the_dot_behind_the_database(api: Api) -> None:
    table = api.one("table", 'odd.name "x"')
    assert table["key"] == f'{api.source("Warehouse")}.EDW.PUBLIC."odd.name \\"x\\""'
    assert api.one("column", "a.b")["key"] == table["key"] + '."a.b"'


def test_containers_that_only_qualytics_has_are_not_there(api: Api) -> None:
    assert {"COMPUTED", "NOT_HERE"}.isdisjoint(names(api.get(TABLES)))


def test_a_columns_table_name_is_lower_case_although_its_name_is_not(api: Api) -> None:
    column = api.one("column", "EMAIL")
    assert (column["name"], column["table_name"]) == ("EMAIL", "edw.public.orders")


def test_ids_are_counted_for_each_type_of_object_so_that_numbers_collide(api: Api) -> None:
    tables = {row["id"] for row in api.get(TABLES)}
    columns = {row["id"] for row in api.get(COLUMNS)}
    assert tables & columns


def test_filters_are_ors_within_and_ands_between_parameters(api: Api) -> None:
    warehouse, shop = api.source("Warehouse"), api.source("Shop")
    assert names(api.get(TABLES, ds_id=[shop, warehouse], name=["carts", "V_ORDERS", "account"])) == [
        "V_ORDERS",
        "carts",
    ]
    assert names(
        api.get(TABLES, ds_id=warehouse, schema_name__iexact="edw.public", name__iexact="orders")
    ) == [
        "ORDERS",
        "Orders",
    ]
    assert names(api.get(TABLES, name__istartswith="v_")) == ["V_ORDERS"]
    assert names(api.get(COLUMNS, table_id=api.one("table", "ORDERS")["id"], name__icontains="mai")) == [
        "EMAIL"
    ]
    assert names(api.get(TABLES, order_by="-name", ds_id=warehouse))[0] == 'odd.name "x"'


def test_only_the_properties_asked_for_are_returned(api: Api) -> None:
    assert api.get(TABLES, name="carts", fields="id,name") == [
        {"id": api.one("table", "carts")["id"], "name": "carts"}
    ]


def test_an_unknown_parameter_of_a_v2_list_is_refused(api: Api, make: Callable[..., Api]) -> None:
    body = api.call("GET", TABLES, 400, ids=3, name="x")
    assert body == {"detail": "Invalid query parameters: [ids]", "code": "400006"}
    api.call("GET", TABLES, 400, id="x")
    make(unknown_parameters="ignore").call("GET", TABLES, 200, ids=3)


@pytest.mark.parametrize("limit", [1, 2, 5, 7])
def test_following_the_next_page_gives_everything_once_in_order(api: Api, limit: int) -> None:
    whole = api.get(COLUMNS, name__icontains="i")
    got: list[Any] = []
    path: str | None = f"{COLUMNS}?limit={limit}&name__icontains=i"
    while path is not None:
        answer = api.answer("GET", path)
        assert path.startswith("/")
        got += answer.json()
        path = answer.headers.get("X-Next-Page")
    assert got == whole
    assert [row["id"] for row in got] == sorted(row["id"] for row in got)


def test_a_page_that_is_exactly_full_with_nothing_behind_it_names_no_next_one(api: Api) -> None:
    count = len(api.get(TABLES))
    assert "X-Next-Page" not in api.answer("GET", TABLES, limit=count).headers
    assert "X-Next-Page" in api.answer("GET", TABLES, limit=count - 1).headers
    assert "X-Total-Count" not in api.answer("GET", TABLES).headers


def test_keyset_paging_gives_everything_once(api: Api) -> None:
    whole, got, last = api.get(COLUMNS), list[Any](), 0
    while rows := api.get(COLUMNS, order_by="id", id__gt=last, limit=2):
        got += rows
        last = rows[-1]["id"]
    assert got == whole


def test_limits_are_capped_in_silence_and_nonsense_is_refused(make: Callable[..., Api]) -> None:
    api = make(page_cap=3)
    assert len(api.get(TABLES, limit=5000)) == 3
    for limit in ("0", "-1", "x"):
        api.call("GET", TABLES, 400, limit=limit)


def test_the_next_page_may_be_a_whole_url(make: Callable[..., Api]) -> None:
    answer = make(absolute_next_page=True).answer("GET", TABLES, limit=1)
    assert answer.headers["X-Next-Page"].startswith("http://testserver/integration/v2/table/?")


def test_objects_that_are_dropped_or_forbidden_leave_the_lists_at_once(api: Api) -> None:
    assert "carts" in names(api.get(TABLES))
    api.mutate("drop", "shop.carts")
    assert "carts" not in names(api.get(TABLES))
    api.mutate("forbid", "crm.public")
    assert "account" not in names(api.get(TABLES))
    api.mutate("allow", "crm.public")
    assert "account" in names(api.get(TABLES))


@pytest.mark.parametrize("name", ["small", "demo"])
def test_every_key_of_an_estate_finds_its_own_object(name: Any) -> None:
    system = AlationSystem(make_estate(name, 11), VirtualClock(), seed=11)
    store = system.world.store
    for nodes in store.nodes.values():
        for node in nodes.values():
            assert store.resolve(node.key) is node
            found = store.resolve(node.key.lower())
            assert found is not None
            assert found.key.lower() == node.key.lower()


@pytest.mark.soak
def test_columns_are_served_fast_enough() -> None:
    """40,000 columns a second of processor time (not of the wall clock, as a test machine is shared)."""
    columns = [model.ColumnSpec(f"COLUMN_{n}") for n in range(100)]
    tables = [model.TableSpec(f"TABLE_{n}", columns=columns) for n in range(200)]
    schema = model.SchemaSpec("S", tables)
    source = model.ConnectionSpec("W", "snowflake", "w", [model.DatabaseSpec("D", [schema])])
    api = Api(AlationSystem(model.Estate("wide", 1, [source], []), VirtualClock()))
    began, read, last = time.process_time(), 0, 0
    while content := api.answer("GET", COLUMNS, order_by="id", id__gt=last, limit=1000).content:
        if content == b"[]":
            break
        read += content.count(b'"column_type"')
        last += 1000 if last else int(content[7 : content.index(b",")]) + 999
    assert read == 20_000
    assert read / (time.process_time() - began) > 40_000
