"""Changes through the control plane (DESIGN.md §6)."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline_tests.sandbox.qualytics.conftest import SCORES, Api

TABLE, COLUMN, NEVER = "SALES.PUBLIC.ORDERS", "SALES.PUBLIC.ORDERS.AMOUNT", "SALES.PUBLIC.NEVER.PROFILED"


def values(api: Api, name: str) -> dict[str, Any]:
    [entry] = api.system.state(name=name)
    found: dict[str, Any] = entry["attributes"]
    return found


def do(api: Api, deed: str, **words: Any) -> list[str]:
    change = {"system": "qualytics", "do": deed, **words}
    api.system.check(change)
    return list(api.system.mutate(change))


@pytest.mark.parametrize("asset", ["SALES.PUBLIC", TABLE, COLUMN, NEVER])
def test_scores_are_set_and_unset_on_every_level(api: Api, asset: str) -> None:
    do(api, "set_score", asset=asset, dimension="total", value=12.3456)
    do(api, "set_score", asset=asset, dimension="volumetrics", value=0)
    do(api, "set_score", asset=asset, dimension="coverage", value=None)
    found = values(api, asset)
    assert (found["Quality Score Total"], found["Quality Score Volumetrics"]) == (12.3456, 0.0)
    assert found["Quality Score Coverage"] is None


def test_a_score_that_was_set_shows_in_the_api_and_spares_the_estate(api: Api) -> None:
    do(api, "set_score", asset="SALES.PUBLIC", dimension="total", value=1)
    sales = api.datastore("sales")
    assert sales["metrics"]["quality_score"]["total"] == 1
    assert api.get(f"/datastores/{sales['id']}/quality-scores")[0]["total"] == 1
    assert SCORES["total"] == 81.7


def test_anomalies_are_raised_on_an_active_check_of_the_rule(api: Api) -> None:
    ids = do(api, "raise_anomaly", asset=COLUMN, rule="notNull", count=3)
    assert len([item for item in ids if item.startswith("anomaly:")]) == 3
    assert (values(api, COLUMN)["Anomaly Count"], values(api, COLUMN)["Check Count"]) == (5, 1)
    assert values(api, "SALES.PUBLIC")["Anomaly Count"] == 5


def test_a_check_is_made_where_there_is_none_and_drafts_do_not_count(api: Api) -> None:
    do(api, "raise_anomaly", asset=COLUMN, rule="minValue")
    assert values(api, COLUMN)["Check Count"] == 2
    do(api, "raise_anomaly", asset=TABLE, rule="freshness")
    assert (values(api, TABLE)["Anomaly Count"], values(api, TABLE)["Check Count"]) == (4, 5)


def test_an_anomaly_on_a_table_that_was_never_scanned_scans_it(api: Api) -> None:
    do(api, "raise_anomaly", asset=NEVER, rule="freshness")
    assert values(api, NEVER)["Anomaly Count"] == 1
    assert api.container("NEVER.PROFILED")["metrics"]["last_scanned"] is not None


def test_statuses_are_set_by_id_or_for_all_of_an_asset(api: Api) -> None:
    number = api.items("/anomalies")[0]["id"]
    assert do(api, "set_anomaly_status", id=number, status="Resolved") == [f"anomaly:{number}"]
    assert values(api, TABLE)["Anomaly Count"] == 1
    do(api, "set_anomaly_status", id=f"anomaly:{number}", status="Active")
    assert len(do(api, "set_anomaly_status", id="all", asset=COLUMN, status="Acknowledged")) == 2
    assert values(api, TABLE)["Anomaly Count"] == 2
    do(api, "set_anomaly_status", all=True, asset="SALES.PUBLIC", status="Duplicate")
    assert values(api, TABLE)["Anomaly Count"] == 0
    assert do(api, "set_anomaly_status", id="all", asset=TABLE, status="Active") == []


def test_checks_are_archived_by_asset_rule_or_id(api: Api) -> None:
    number = api.items("/quality-checks", rule_type="unique")[0]["id"]
    assert do(api, "archive_check", id=number) == [f"check:{number}"]
    assert len(do(api, "archive_check", asset=TABLE, rule="volumetric", status="Invalid")) == 1
    assert values(api, TABLE)["Check Count"] == 1
    do(api, "archive_check", asset=TABLE, delete_anomalies=False)
    assert (values(api, TABLE)["Check Count"], values(api, TABLE)["Anomaly Count"]) == (0, 2)


def test_a_description_is_edited(api: Api) -> None:
    number = api.items("/quality-checks")[0]["id"]
    do(api, "edit_check", id=number, description="in other words")
    assert api.get(f"/quality-checks/{number}")["description"] == "in other words"


def test_a_scan_is_finished_at_once(api: Api) -> None:
    do(api, "finish_scan", asset=NEVER)
    assert values(api, NEVER)["Anomaly Count"] == 0
    before = api.items("/quality-checks", rule_type="volumetric")[0]["last_asserted"]
    ids = do(api, "finish_scan", asset="SALES.PUBLIC")
    assert before is None
    assert api.items("/quality-checks", rule_type="volumetric")[0]["last_asserted"] is not None
    assert api.get(f"/operations/{ids[0].removeprefix('operation:')}")["result"] == "success"


def test_tags_come_and_go_as_a_persons(api: Api) -> None:
    do(api, "create_tag", name="Blue", color="#0000FF", description="cool")
    do(api, "tag", asset=TABLE, tag="Blue")
    do(api, "tag", asset=COLUMN, tag="Made On The Way")
    [entry] = api.system.state(name=TABLE)
    assert {"name": "Blue", "origin": "native", "color": "#0000FF", "description": "cool"} in entry["tags"]
    do(api, "tag", asset=COLUMN, tag="Blue")
    do(api, "untag", asset=TABLE, tag="Blue")
    origins = {tag["name"]: tag["origin"] for tag in api.system.state(name=COLUMN)[0]["tags"]}
    assert origins == {
        "Company": "propagated",
        "Gold": "propagated",
        "Blue": "native",
        "Made On The Way": "native",
    }
    do(api, "delete_tag", name="Blue")
    assert "Blue" not in {tag["name"] for tag in api.system.state(name=COLUMN)[0]["tags"]}
    assert "Blue" not in {tag["name"] for tag in api.items("/global-tags")}
    do(api, "drop", asset=TABLE, how="archive")
    counts = {tag["name"]: tag["count"] for tag in api.items("/global-tags")}
    assert counts["Made On The Way"] == 0, "what is archived is out of play"


def test_renaming_changes_the_last_part_of_the_name(api: Api) -> None:
    do(api, "rename", asset=TABLE, to="ORDERS.2")
    assert api.system.state(name=TABLE) == []
    assert values(api, "SALES.PUBLIC.ORDERS.2.AMOUNT")["Check Count"] == 1
    do(api, "rename", asset="SALES.PUBLIC", to="Sales of late")
    assert api.datastore("Sales of late")["schema"] == "PUBLIC"
    do(api, "rename", asset="SALES.PUBLIC", to="PRIVATE", what="schema")
    assert values(api, "SALES.PRIVATE")["Anomaly Count"] == 2


@pytest.mark.parametrize("asset", ["SALES.PUBLIC", TABLE, COLUMN])
def test_dropping_takes_everything_below_along(api: Api, asset: str) -> None:
    before = {entry["name"] for entry in api.system.state()}
    do(api, "drop", asset=asset)
    left = {entry["name"] for entry in api.system.state()}
    assert left == {name for name in before if name != asset and not name.startswith(asset + ".")}
    assert api.items("/quality-checks", rule_type="notNull", archived="include") == []


def test_tables_and_columns_are_created_below_known_names(api: Api) -> None:
    do(api, "create", asset="SALES.PUBLIC.NEW.ONE", columns=["A", "B.C"], view=True)
    assert api.system.state(name="SALES.PUBLIC.NEW.ONE")[0]["kind"] == "view"
    assert values(api, "SALES.PUBLIC.NEW.ONE")["Anomaly Count"] is None
    do(api, "create", asset=f"{TABLE}.EXTRA")
    assert api.system.state(name=f"{TABLE}.EXTRA")[0]["kind"] == "field"
    do(api, "create", asset=f"{TABLE}.EXTRA2", level="table")
    assert api.system.state(name=f"{TABLE}.EXTRA2")[0]["kind"] == "table"
    do(api, "create", asset="landing.weekly.csv")
    assert api.system.state(name="landing.weekly.csv")[0]["kind"] == "file"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"do": "paint"}, r"do: 'paint' is not one of set_score"),
        ({"do": None}, r"do: None"),
        ({"do": "drop"}, r"drop: asset: must be a text"),
        ({"do": "drop", "asset": "NO.SUCH"}, r"there is no 'NO.SUCH'; no datastore is the beginning"),
        ({"do": "drop", "asset": "SALES.PUBLIC.NOPE"}, r"known of it is the datastore before 'NOPE'"),
        ({"do": "drop", "asset": TABLE, "why": "fun"}, r"why: unknown; drop takes asset, how"),
        ({"do": "drop", "asset": COLUMN, "how": "archive"}, r"how: 'archive' is not one of delete, missing"),
        ({"do": "set_score", "asset": TABLE, "dimension": "volume", "value": 1}, r"dimension: 'volume'"),
        ({"do": "set_score", "asset": TABLE, "dimension": "total", "value": 101}, r"value: 101 is neither"),
        ({"do": "set_score", "asset": TABLE, "dimension": "total", "value": True}, r"value: True is neither"),
        ({"do": "set_score", "asset": TABLE, "dimension": "total"}, r"value: must be there"),
        ({"do": "raise_anomaly", "asset": "SALES.PUBLIC", "rule": "notNull"}, r"takes a table or column"),
        ({"do": "raise_anomaly", "asset": COLUMN, "rule": "volumetric"}, r"rule of whole tables"),
        ({"do": "raise_anomaly", "asset": TABLE, "rule": "notNull", "count": 0}, r"count: 0"),
        ({"do": "set_anomaly_status", "id": 9999, "status": "Active"}, r"id: there is no anomaly 9999"),
        ({"do": "set_anomaly_status", "id": "x", "status": "Active"}, r"id: 'x' is not the id of a anomaly"),
        ({"do": "set_anomaly_status", "id": 1, "status": "Gone"}, r"status: 'Gone' is not one of Active"),
        ({"do": "archive_check", "id": 9999}, r"id: there is no check 9999"),
        ({"do": "archive_check", "asset": NEVER}, r"has no Active check"),
        ({"do": "archive_check", "asset": TABLE, "rule": "sum"}, r"no Active check of the rule 'sum'"),
        ({"do": "archive_check", "asset": TABLE, "delete_anomalies": 1}, r"neither true nor false"),
        ({"do": "edit_check", "id": 9999, "description": "x"}, r"there is no check 9999"),
        ({"do": "finish_scan", "asset": COLUMN}, r"is a field; finish_scan takes a datastore or table"),
        ({"do": "untag", "asset": TABLE, "tag": "X"}, r"'X' is not on .*; its tags: 'Company', 'Gold'"),
        ({"do": "tag", "asset": TABLE, "tag": " "}, r"tag: must be a text"),
        ({"do": "create_tag", "name": "Gold"}, r"there is a tag 'Gold' already"),
        ({"do": "delete_tag", "name": "gold"}, r"'gold' is no global tag; there are Company"),
        ({"do": "rename", "asset": TABLE, "to": "ORDERS_V"}, r"there is a table 'ORDERS_V' beside it"),
        ({"do": "rename", "asset": TABLE, "to": "X", "what": "schema"}, r"only datastores have a schema"),
        ({"do": "rename", "asset": "shop", "to": "sales"}, r"there is a datastore 'sales' already"),
        ({"do": "create", "asset": TABLE}, r"there is 'SALES.PUBLIC.ORDERS' already"),
        (
            {"do": "create", "asset": "NO.SUCH.TABLE"},
            r"no known datastore or table; datastores: SALES.PUBLIC",
        ),
        ({"do": "create", "asset": f"{TABLE}.X", "columns": ["A"]}, r"would be a column"),
        ({"do": "create", "asset": "SALES.PUBLIC.X", "columns": "A"}, r"columns: 'A' is not a list"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_word_at_fault_and_changes_nothing(
    api: Api, change: dict[str, Any], words: str
) -> None:
    before = api.system.state()
    with pytest.raises(ControlError, match=words):
        api.system.check(change)
    with pytest.raises(ControlError):
        api.system.mutate(change)
    assert api.system.state() == before


def test_a_check_changes_nothing(api: Api) -> None:
    before = api.system.state()
    for change in (
        {"do": "drop", "asset": TABLE},
        {"do": "tag", "asset": TABLE, "tag": "New"},
        {"do": "create", "asset": "SALES.PUBLIC.NEW"},
        {"do": "raise_anomaly", "asset": TABLE, "rule": "notNull"},
    ):
        api.system.check(change)
    assert api.system.state() == before
    assert api.get("/global-tags/New", 404)


def test_a_name_of_several_objects_must_be_told_apart_by_id(api: Api) -> None:
    connection = api.datastore("sales")["connection_id"]
    body = {"name": "twin", "connection_id": connection, "database": "SALES", "schema": "PUBLIC"}
    twin = api.call("POST", "/datastores", 201, body=body)
    assert len(api.system.state(name="SALES.PUBLIC")) == 2
    with pytest.raises(ControlError, match=rf"several objects; give one of the ids .*datastore:{twin['id']}"):
        api.system.check({"do": "drop", "asset": "SALES.PUBLIC"})
    do(api, "drop", asset=f"datastore:{twin['id']}")
    assert len(api.system.state(name="SALES.PUBLIC")) == 1
