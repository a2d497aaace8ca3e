"""Relational writes (alation-api.md §2.2, §6 rows 30 and 31)."""

from __future__ import annotations

from collections.abc import Callable

from qsync_pipeline_tests.sandbox.alation.conftest import Api

TABLES = "/integration/v2/table/"
COLUMNS = "/integration/v2/column/"


def test_a_post_resets_what_it_leaves_out_and_a_patch_does_not(api: Api, make: Callable[..., Api]) -> None:
    for each, kept in ((api, ""), (make(post_resets=False), "<p>Carts</p>")):
        field, shop = each.make_field("Note"), each.source("Shop")
        key = f"{shop}.shop.carts"
        values = [{"field_id": field, "value": "kept"}]
        full = [{"key": key, "title": "T", "description": "Carts", "custom_fields": values}]
        told = each.do("PATCH", TABLES, full, ds_id=shop)
        assert told["result"][0]["response"] == "Updated 1 table objects."
        row = each.one("table", "carts")
        assert (row["title"], row["description"]) == ("T", "<p>Carts</p>")
        assert row["custom_fields"] == [{"field_id": field, "field_name": "Note", "value": "<p>kept</p>"}]
        each.do("PATCH", TABLES, [{"id": row["id"], "title": "U"}], ds_id=shop)
        assert each.one("table", "carts")["description"] == "<p>Carts</p>"
        told = each.do("POST", TABLES, [{"key": key.upper()}], ds_id=shop)
        assert told["result"][0]["mapping"] == [{"id": row["id"], "key": key}]
        row = each.one("table", "carts")
        assert row["description"] == kept
        assert bool(row["custom_fields"]) == bool(kept)


def test_a_post_makes_what_is_not_there_and_tells_what_has_no_parent(api: Api) -> None:
    ds = api.source("Warehouse")
    api.do("POST", "/integration/v2/schema/", [{"key": f"{ds}.EDW.NEW"}], ds_id=ds)
    assert api.one("schema", "EDW.NEW")["key"] == f"{ds}.EDW.NEW"
    field = api.make_field("Note")
    table = {"key": f'{ds}.EDW.NEW."a.b"', "custom_fields": [{"field_id": field, "value": "x"}]}
    told = api.do("POST", TABLES, [table, table, {"key": f"{ds}.EDW.NO.T"}], ds_id=ds)["result"][0]
    assert told["response"] == "Upserted 2 table objects."
    assert [error["key"] for error in told["errors"]] == [f"{ds}.EDW.NO.T"]
    assert api.one("table", "a.b")["custom_fields"][0]["value"] == "<p>x</p>"
    columns = [{"key": f'{ds}.EDW.NEW."a.b".made', "column_type": "INT", "position": 4, "nullable": False}]
    api.do("POST", COLUMNS, columns, ds_id=ds)
    row = api.one("column", "made")
    assert (row["column_type"], row["position"], row["nullable"]) == ("INT", 4, False)


def test_wrong_items_refuse_the_whole_call_before_any_job(api: Api) -> None:
    ds = api.source("Shop")
    table = api.one("table", "carts")
    body = api.call("POST", TABLES, 400, [{"title": "x"}], ds_id=ds)
    assert (body["code"], body["errors"][0]["key"][0][:6]) == ("400010", "400068")
    good = {"id": table["id"], "title": "never"}
    for bad in ({}, {"id": 99_999}, {"id": table["id"], "key": f"{ds}.shop.other"}):
        api.call("PATCH", TABLES, 400, [good, bad], ds_id=ds)
    api.call("PATCH", TABLES, 404, [good], ds_id=99_999)
    api.call("POST", TABLES, 400, [{"key": "k"}] * 1001, ds_id=ds)
    api.call("PATCH", TABLES, 403, [], ds_id=api.source("Archive"))
    api.clock.advance(60)
    assert api.one("table", "carts")["title"] == ""


def test_what_a_write_does_is_seen_once_its_job_is_over(make: Callable[..., Api]) -> None:
    api = make(job_seconds=30)
    ds, table = api.source("Shop"), api.one("table", "carts")
    api.call("PATCH", TABLES, 202, [{"id": table["id"], "title": "New"}], ds_id=ds)
    assert api.one("table", "carts")["title"] == ""
    api.clock.advance(30)
    assert api.one("table", "carts")["title"] == "New"
