"""The control plane's side: what a person sees, and what people change (DESIGN.md §6)."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.sandbox.alation import AlationSystem
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline_tests.sandbox.alation.conftest import HEALTH, VALUES, Api

ORDERS = "EDW.PUBLIC.ORDERS"


def put(api: Api, field: int, value: str) -> None:
    oid = api.one("table", "ORDERS")["id"]
    api.do("PUT", VALUES + "async/", [{"field_id": field, "otype": "table", "oid": oid, "value": value}])


def test_an_entry_shows_what_a_person_sees(api: Api) -> None:
    entry = api.state(ORDERS)
    assert entry == {
        "id": f"table:{api.one('table', 'ORDERS')['id']}",
        "name": ORDERS,
        "kind": "TABLE",
        "tags": [{"name": "Gold", "origin": "person", "color": None, "description": None}],
        "attributes": {},
        "alert": {"type": "WARNING", "title": "", "text": "Late <today>", "by": "person"},
        "health": [],
        "domains": ["Sales"],
    }


def test_names_hold_the_database_where_one_is_known_and_fit_without_it_too(api: Api) -> None:
    assert api.state("crm.public.account")["name"] == "crm.public.account"
    assert api.state("public.account") == api.state("crm.public.account")
    assert api.state("shop.carts.id")["name"] == "shop.carts.id"
    assert api.state('EDW.PUBLIC.odd.name "x".a.b')["kind"] == "attribute"
    assert [entry["kind"] for entry in api.system.state(like="EDW.PUBLIC.V%")] == ["VIEW", "attribute"]
    assert api.system.state(name="No.Such.Thing") == []


def test_attributes_are_shown_as_a_reader_reads_them_by_their_canonical_names(api: Api) -> None:
    api.mutate("clear_alert", ORDERS)
    for name, value in (
        ("Quality Score Total", "<p>81.7</p>"),
        ("Anomaly Count", "2"),
        ("URL", '<a href="https://q/1">Open in Qualytics</a>'),
        ("Something Else", "x"),
    ):
        put(api, api.make_field(f"Qualytics {name}"), value)
    put(api, api.make_field("Check Count"), "not ours")
    assert api.state(ORDERS)["attributes"] == {
        "URL": "https://q/1",
        "Quality Score Total": 81.7,
        "Anomaly Count": 2,
    }


def test_health_shows_the_words_of_the_tab(api: Api) -> None:
    key = api.one("table", "ORDERS")["key"]
    values = [{"field_key": "k", "object_key": key, "object_type": "TABLE", "status": "GOOD", "value": 0}]
    field = {"field_key": "k", "name": "Not null", "type": "NUMERIC", "description": "d"}
    api.do("POST", HEALTH, {"fields": [field], "values": values})
    [row] = api.state(ORDERS)["health"]
    assert row.pop("last_updated").endswith("Z")
    assert row == {
        "rule": "Not null",
        "object": "ORDERS",
        "status": "No Issues",
        "value": 0,
        "description": "d",
    }


def test_a_flag_of_a_service_account_is_the_integrations(api: Api) -> None:
    api.mutate("clear_alert", ORDERS)
    subject = {"id": api.one("table", "ORDERS")["id"], "otype": "table"}
    body = {"flag_type": "WARNING", "flag_reason": "2 open", "subject": subject}
    made = api.call("POST", "/integration/flag/", 201, body)
    assert api.state(ORDERS)["alert"] == {
        "type": "WARNING",
        "title": "",
        "text": "2 open",
        "by": "integration",
    }
    api.mutate("set_alert", ORDERS, text="1 open", edit=True)
    assert api.get(f"/integration/flag/{made['id']}/")["flag_reason"] == "<p>1 open</p>"
    api.mutate("set_alert", ORDERS, text="Mine & only mine")
    assert api.state(ORDERS)["alert"]["by"] == "person"
    assert api.state(ORDERS)["alert"]["text"] == "Mine & only mine"
    api.call("GET", f"/integration/flag/{made['id']}/", 404)


def test_tags_come_go_and_change_their_names(api: Api) -> None:
    api.mutate("tag", ORDERS, tag="Reg #7")
    assert {tag["name"] for tag in api.state(ORDERS)["tags"]} == {"Gold", "Reg #7"}
    api.mutate("rename_tag", **{"from": "Gold", "to": "Finance/Tier 1"})
    api.mutate("untag", ORDERS, tag="Reg #7")
    assert [tag["name"] for tag in api.state(ORDERS)["tags"]] == ["Finance/Tier 1"]


def test_a_renamed_table_keeps_its_id_and_all_that_is_on_it(api: Api) -> None:
    before = api.one("table", "ORDERS")
    ids = api.mutate("rename", ORDERS, to="ORDERS.2026")
    assert f"table:{before['id']}" in ids
    after = api.one("table", "ORDERS.2026")
    assert after["id"] == before["id"]
    assert after["key"] == before["key"].removesuffix("ORDERS") + '"ORDERS.2026"'
    assert api.state("EDW.PUBLIC.ORDERS.2026")["tags"][0]["name"] == "Gold"
    api.mutate("rename", "EDW.PUBLIC", to="PUB")
    assert api.one("schema", "EDW.PUB")["key"].endswith(".EDW.PUB")
    assert api.one("column", "EMAIL")["table_name"] == "edw.pub.orders.2026"


def test_a_swap_exchanges_two_names_and_nothing_else(api: Api) -> None:
    one, other = api.one("table", "ORDERS")["id"], api.one("table", "V_ORDERS")["id"]
    api.mutate("swap", ORDERS, **{"with": "EDW.PUBLIC.V_ORDERS"})
    assert (api.one("table", "ORDERS")["id"], api.one("table", "V_ORDERS")["id"]) == (other, one)


def test_what_is_dropped_and_made_again_has_another_id_and_nothing_on_it(api: Api) -> None:
    [gone] = [each for each in api.mutate("drop", ORDERS) if each.startswith("table")]
    assert api.system.state(name=ORDERS) == []
    [made] = api.mutate("create", ORDERS)
    assert made != gone
    assert api.state(ORDERS)["tags"] == []
    api.mutate("create", f"{ORDERS}.NEW", data_type="DATE")
    assert api.one("column", "NEW")["column_type"] == "DATE"
    api.mutate("create", "shop.v", kind="view")
    assert api.one("table", "v")["table_type"] == "VIEW"


def test_an_object_is_put_into_a_domain_taken_out_of_one_and_left_to_what_is_above(api: Api) -> None:
    column = f"{ORDERS}.EMAIL"
    api.mutate("set_domain", ORDERS, domain="Finance")
    assert api.state(column)["domains"] == ["Finance"]
    api.mutate("set_domain", ORDERS, domain="Sales/Retail")
    assert api.state(column)["domains"] == ["Sales", "Retail"]
    api.mutate("set_domain", ORDERS, domain=None)
    assert api.state(column)["domains"] == ["Sales"]
    api.mutate("set_domain", ORDERS, domain="Sales", exclude=True)
    assert api.state(column)["domains"] == []
    assert api.state("EDW.PUBLIC.Orders")["domains"] == ["Sales"]


def test_a_person_sets_and_clears_an_attribute_once_the_field_is_there(api: Api) -> None:
    with pytest.raises(ControlError, match="no custom field"):
        api.mutate("set_attribute", ORDERS, name="Check Count", value=5)
    api.make_field("Qualytics Check Count")
    api.mutate("set_attribute", ORDERS, name="Check Count", value=5)
    assert api.state(ORDERS)["attributes"] == {"Check Count": 5}
    for odd in ({"a": 1}, [5], True):
        with pytest.raises(ControlError, match="neither a text nor a number"):
            api.mutate("set_attribute", ORDERS, name="Check Count", value=odd)
    api.mutate("set_attribute", ORDERS, name="Check Count", value=None)
    assert api.state(ORDERS)["attributes"] == {}


def test_forbidding_hides_or_locks_and_allowing_undoes_it(api: Api) -> None:
    table = api.one("table", "ORDERS")
    api.mutate("forbid", ORDERS)
    assert api.get("/integration/v2/table/", id=table["id"]) == []
    assert api.state(ORDERS)["tags"], "people still see it"
    api.mutate("allow", ORDERS, mode="read")
    api.call("POST", "/integration/tag/X/subject/", 403, {"oid": table["id"], "otype": "table"})
    api.mutate("allow", ORDERS)
    api.call("POST", "/integration/tag/X/subject/", 201, {"oid": table["id"], "otype": "table"})
    api.mutate("allow", "HR")
    assert api.one("table", "PAY")


@pytest.mark.parametrize(
    "change",
    [
        {"do": "paint", "asset": ORDERS},
        {"do": "tag", "asset": "NO.SUCH.TABLE", "tag": "x"},
        {"do": "tag", "asset": ORDERS, "tag": " "},
        {"do": "untag", "asset": ORDERS, "tag": "Unused"},
        {"do": "rename_tag", "from": "Gold", "to": "pii"},
        {"do": "rename", "asset": ORDERS, "to": "V_ORDERS"},
        {"do": "create", "asset": ORDERS},
        {"do": "create", "asset": "NO.SUCH.SCHEMA.T"},
        {"do": "set_domain", "asset": ORDERS, "domain": "Nowhere"},
        {"do": "set_domain", "asset": ORDERS},
        {"do": "set_alert", "asset": ORDERS, "text": "x", "type": "ENDORSEMENT"},
        {"do": "set_alert", "asset": "shop.carts", "text": "x", "edit": True},
        {"do": "clear_alert", "asset": "shop.carts"},
        {"do": "forbid", "asset": ORDERS, "mode": "write"},
        {"do": "forbid", "asset": ORDERS, "access": "read"},
        {"do": "swap", "asset": ORDERS, "with": "shop.carts"},
        {"do": "drop", "asset": ORDERS, "kind": "view"},
    ],
)
def test_an_impossible_change_is_refused_by_the_check_and_by_the_act(
    api: Api, change: dict[str, Any]
) -> None:
    before = api.system.state()
    for act in (api.system.check, api.system.mutate):
        with pytest.raises(ControlError):
            act(change)
    assert api.system.state() == before


def test_checking_changes_nothing(api: Api) -> None:
    before = api.system.state()
    api.system.check({"do": "drop", "asset": ORDERS})
    api.system.check({"do": "tag", "asset": ORDERS, "tag": "Never Made"})
    assert api.system.state() == before


def test_the_same_estate_and_seed_make_the_same_instance() -> None:
    one, other = (AlationSystem(make_estate("small", 4), VirtualClock(), seed=4) for _ in range(2))
    assert one.state() == other.state()
    assert one.credentials() == other.credentials()
