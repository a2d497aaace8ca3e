"""What the control plane sees and changes (DESIGN.md §6)."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline_tests.sandbox.atlan.tenant import Tenant, quality_set

ORDERS = "SALES.PUBLIC.ORDERS"


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def one(tenant: Tenant, name: str) -> dict[str, Any]:
    (entry,) = tenant.system.state(name=name)
    return entry


def do(tenant: Tenant, verb: str, asset: str | None = None, **more: Any) -> list[str]:
    change = {"do": verb, **({"asset": asset} if asset is not None else {}), **more}
    tenant.system.check(change)
    return list(tenant.system.mutate(change))


def test_an_entry_shows_what_a_person_sees(tenant: Tenant) -> None:
    entry = one(tenant, ORDERS)
    assert (entry["name"], entry["kind"], entry["domains"], entry["health"]) == (
        ORDERS,
        "Table",
        ["Retail"],
        [],
    )
    assert {"name": "PII", "origin": "person", "color": "Red", "description": "Personal data"} in entry[
        "tags"
    ]
    assert one(tenant, f"{ORDERS}.E.MAIL")["tags"][0]["origin"] == "propagated"
    assert one(tenant, "SALES.PUBLIC.A/B")["alert"] == {
        "type": "information", "title": "Note", "text": "Frozen until May", "by": "person",
    }  # fmt: skip
    assert one(tenant, "Snow")["kind"] == "Connection"


def test_names_are_exact_and_never_split_on_dots(tenant: Tenant) -> None:
    assert one(tenant, f"{ORDERS}.E.MAIL")["kind"] == "Column"
    assert one(tenant, "SALES.PUBLIC.orders")["id"] != one(tenant, ORDERS)["id"]
    assert tenant.system.state(name="sales.public.ORDERS") == []
    assert tenant.system.state(name="SALES.PUBLIC.UNSEEN") == []


def test_a_stand_in_database_may_be_left_out(tenant: Tenant) -> None:
    assert one(tenant, "shop.cart") == one(tenant, "DEFAULT.shop.cart")
    assert one(tenant, "shop.cart")["name"] == "DEFAULT.shop.cart"
    assert [entry["name"] for entry in tenant.system.state(like="shop.%")] == [
        "DEFAULT.shop.cart",
        "DEFAULT.shop.cart.id",
    ]


def test_like_matches_as_sql_does(tenant: Tenant) -> None:
    assert {entry["name"] for entry in tenant.system.state(like="SALES.PUBLIC._RDERS")} == {ORDERS}
    assert {entry["kind"] for entry in tenant.system.state(like="%ORDERS.%")} == {"Column"}


def test_tag_makes_the_definition_and_untag_takes_the_direct_one(tenant: Tenant) -> None:
    for odd in ("Chartreuse", "#12345", 7):
        with pytest.raises(ControlError, match="allowed: Green, Yellow, Red, Gray"):
            do(tenant, "tag", ORDERS, tag="Brand new", color=odd)
    do(tenant, "tag", ORDERS, tag="Brand new", color="Green")
    assert {"name": "Brand new", "origin": "person", "color": "Green", "description": None} in one(
        tenant, ORDERS
    )["tags"]
    do(tenant, "untag", ORDERS, tag="Brand new")
    assert "Brand new" not in {tag["name"] for tag in one(tenant, ORDERS)["tags"]}
    with pytest.raises(ControlError, match="not directly on"):
        do(tenant, "untag", f"{ORDERS}.E.MAIL", tag="PII")


def test_rename_tag_keeps_its_id(tenant: Tenant) -> None:
    before = tenant.tag_id("PII")
    do(tenant, "rename_tag", **{"from": "PII", "to": "Personal"})
    assert tenant.tag_id("Personal") == before


def test_rename_keeps_guids_and_takes_the_children_along(tenant: Tenant) -> None:
    column = tenant.id(f"{ORDERS}.ID")
    do(tenant, "rename", ORDERS, to="PURCHASES")
    assert tenant.id("SALES.PUBLIC.PURCHASES.ID") == column
    assert tenant.read(column)["attributes"]["tableName"] == "PURCHASES"
    table = {"term": {"tableQualifiedName": "default/snowflake/1712345678/SALES/PUBLIC/PURCHASES"}}
    assert len(tenant.hits(table)) == 4
    with pytest.raises(ControlError, match="exists already"):
        do(tenant, "rename", "SALES.PUBLIC.DYN", to="PURCHASES")


def test_drop_archives_the_children_and_create_gives_a_new_guid(tenant: Tenant) -> None:
    old = tenant.id(ORDERS)
    assert len(do(tenant, "drop", ORDERS)) == 5
    assert tenant.system.state(name=ORDERS) == tenant.system.state(name=f"{ORDERS}.ID") == []
    assert tenant.read(old)["status"] == "DELETED"
    do(tenant, "create", ORDERS)
    do(tenant, "create", f"{ORDERS}.ID")
    assert one(tenant, ORDERS)["id"] != old
    assert one(tenant, f"{ORDERS}.ID")["kind"] == "Column"
    with pytest.raises(ControlError, match="exists already"):
        do(tenant, "create", ORDERS)
    with pytest.raises(ControlError, match="no schema or table"):
        do(tenant, "create", "NOWHERE.X.Y")


@pytest.mark.parametrize(("kind", "made"), [("view", "View"), ("TABLE", "Table"), ("MaterialisedView",) * 2])
def test_what_is_created_may_be_named_in_any_case(tenant: Tenant, kind: str, made: str) -> None:
    do(tenant, "create", "SALES.PUBLIC.FRESH", kind=kind)
    assert one(tenant, "SALES.PUBLIC.FRESH")["kind"] == made
    with pytest.raises(ControlError, match="'schema' is not allowed; allowed: Table"):
        do(tenant, "create", "SALES.PUBLIC.OTHER", kind="schema")


def test_a_swapped_pair_exchanges_names_only(tenant: Tenant) -> None:
    first, second = tenant.id(ORDERS), tenant.id("SALES.PUBLIC.DYN")
    do(tenant, "swap", ORDERS, **{"with": "SALES.PUBLIC.DYN"})
    assert (tenant.id(ORDERS), tenant.id("SALES.PUBLIC.DYN")) == (second, first)
    assert one(tenant, "SALES.PUBLIC.DYN.ID")["kind"] == "Column"
    assert (
        tenant.search({"term": {"qualifiedName": "default/snowflake/1712345678/SALES/PUBLIC/ORDERS/Y"}})[
            "approximateCount"
        ]
        == 1
    )


def test_domains_by_name_by_path_and_none(tenant: Tenant) -> None:
    for domain, seen in (("Sales/Retail", ["Retail"]), ("Empty", ["Empty"]), (None, [])):
        do(tenant, "set_domain", "SALES.PUBLIC", domain=domain)
        assert one(tenant, "SALES.PUBLIC")["domains"] == seen
    with pytest.raises(ControlError, match="unknown; there are: Empty, Sales, Sales/Retail"):
        do(tenant, "set_domain", ORDERS, domain="Nope")


def test_alerts_of_a_person_come_and_go(tenant: Tenant) -> None:
    do(tenant, "set_alert", ORDERS, text="Do not use")
    assert one(tenant, ORDERS)["alert"]["by"] == "person"
    do(tenant, "clear_alert", ORDERS)
    assert one(tenant, ORDERS)["alert"] is None
    with pytest.raises(ControlError, match="no alert"):
        do(tenant, "clear_alert", ORDERS)


def test_a_person_edits_a_pushed_value(tenant: Tenant) -> None:
    with pytest.raises(ControlError, match="no custom metadata set"):
        do(tenant, "set_attribute", ORDERS, name="Check Count", value=3)
    quality_set(tenant)
    do(tenant, "set_attribute", ORDERS, name="Check Count", value=3)
    assert one(tenant, ORDERS)["attributes"] == {"Check Count": 3}
    with pytest.raises(ControlError, match="value: "):
        do(tenant, "set_attribute", ORDERS, name="Check Count", value="three")
    do(tenant, "set_attribute", ORDERS, name="Check Count", value=None)
    assert one(tenant, ORDERS)["attributes"] == {}


def test_forbid_and_allow_change_what_the_token_sees(tenant: Tenant) -> None:
    guid = tenant.id(f"{ORDERS}.ID")

    def status() -> int:
        return tenant.meta("GET", f"entity/guid/{guid}").status_code

    do(tenant, "forbid", "SALES")
    assert status() == 403
    do(tenant, "allow", ORDERS)
    assert status() == 200
    do(tenant, "forbid", "Snow", mode="read")
    assert status() == 200
    assert (
        tenant.bulk({"typeName": "Column", "guid": guid, "attributes": {"userDescription": "x"}}).status_code
        == 403
    )
    do(tenant, "allow", "Snow")
    assert (
        tenant.bulk({"typeName": "Column", "guid": guid, "attributes": {"userDescription": "x"}}).status_code
        == 200
    )
    assert one(tenant, "HR.S.T")["tags"]
    do(tenant, "allow", "Secret")
    assert tenant.read(tenant.id("HR.S.T"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"do": "explode", "asset": ORDERS}, "do: 'explode' is unknown; allowed: tag, "),
        ({"do": "tag", "asset": "SALES.NOPE", "tag": "x"}, "asset: no asset named 'SALES.NOPE'"),
        ({"do": "tag", "asset": ORDERS}, "tag: needed"),
        ({"do": "tag", "asset": ORDERS, "tag": "x", "kind": "View"}, "exists, but not with kind 'View'"),
        ({"do": "set_alert", "asset": ORDERS, "text": "x", "type": "loud"}, "type: 'loud'"),
        ({"do": "forbid", "asset": ORDERS, "mode": "half"}, "mode: 'half'"),
        ({"do": "forbid", "asset": ORDERS, "level": "read"}, "level: unknown; forbid takes asset, kind, "),
        ({"do": "set_domain", "asset": ORDERS}, "domain: needed"),
        (
            {"do": "swap", "asset": ORDERS, "with": "OLD.S.T"},
            "with: must be another table of the same schema",
        ),
    ],
)
def test_a_wrong_change_is_named_and_nothing_happens(
    tenant: Tenant, change: dict[str, Any], message: str
) -> None:
    before = tenant.system.state()
    with pytest.raises(ControlError, match=message.replace("(", r"\(")):
        tenant.system.check(change)
    assert tenant.system.state() == before


def test_the_small_estate_is_the_same_for_the_same_seed() -> None:
    first, second = (Tenant(make_estate("small", 3)).system.state() for _ in range(2))
    assert first == second
    assert {"Table", "View", "Column", "Schema", "Database", "Connection"} <= {
        entry["kind"] for entry in first
    }
