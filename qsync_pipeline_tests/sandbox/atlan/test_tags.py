"""Tags on assets, and their propagation (atlan-api.md §2.5, §6.2 rows 10, 11, 17, 21)."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline_tests.sandbox.atlan.tenant import Tenant, error

CART = "DEFAULT.shop.cart"
QN = "default/mysql/1712346678/DEFAULT/shop/cart"


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def tags(tenant: Tenant, name: str = CART) -> dict[str, str]:
    return {tag["name"]: tag["origin"] for tag in tenant.system.state(name=name)[0]["tags"]}


def cart(tenant: Tenant, **more: Any) -> dict[str, Any]:
    return {"typeName": "Table", "attributes": {"qualifiedName": QN, "name": "cart"}, **more}


def on(tenant: Tenant, name: str = "PII", **more: Any) -> dict[str, Any]:
    return {"typeName": tenant.tag_id(name), "propagate": False, **more}


def test_without_a_switch_tags_on_existing_assets_are_ignored(tenant: Tenant) -> None:
    tenant.bulk(cart(tenant, classifications=[on(tenant)], addOrUpdateClassifications=[on(tenant)]))
    assert tags(tenant) == {}


def test_on_created_assets_classifications_are_applied(tenant: Tenant) -> None:
    attributes = {"qualifiedName": f"{QN}2", "name": "cart2"}
    tenant.bulk({"typeName": "Table", "attributes": attributes, "classifications": [on(tenant)]})
    assert tags(tenant, "shop.cart2") == {"PII": "person"}


def test_append_adds_and_removes_and_reads_its_two_lists_only(tenant: Tenant) -> None:
    tenant.bulk(cart(tenant, classifications=[on(tenant)]), flags="appendTags=true")
    assert tags(tenant) == {}
    tenant.bulk(cart(tenant, addOrUpdateClassifications=[on(tenant)]), flags="appendTags=true")
    assert tags(tenant) == {"PII": "person"}
    both = {
        "addOrUpdateClassifications": [on(tenant)],
        "removeClassifications": [on(tenant), on(tenant, "SENSITIVITY")],
    }
    tenant.bulk(cart(tenant, **both), flags="appendTags=true")
    assert tags(tenant) == {}


def test_replace_keeps_propagated_tags(tenant: Tenant) -> None:
    column = tenant.id("SALES.PUBLIC.ORDERS.E.MAIL")
    entity = {
        "typeName": "Column",
        "guid": column,
        "attributes": {},
        "classifications": [on(tenant, "SENSITIVITY")],
    }
    tenant.bulk(entity, flags="replaceTags=true")
    assert tags(tenant, "SALES.PUBLIC.ORDERS.E.MAIL") == {"SENSITIVITY": "person", "PII": "propagated"}


def test_the_tag_switches_exclude_each_other(tenant: Tenant) -> None:
    flags = "replaceTags=true&appendTags=true"
    assert error(tenant.bulk(cart(tenant), flags=flags)) == (400, "ATLAS-400-00-029")


def test_an_unknown_tag_is_404(tenant: Tenant) -> None:
    entity = cart(tenant, addOrUpdateClassifications=[{"typeName": "PII"}])
    assert error(tenant.bulk(entity, flags="appendTags=true")) == (404, "ATLAS-404-00-008")


def test_a_tag_without_propagate_propagates_after_a_while() -> None:
    tenant = Tenant(propagation_lag=2)
    tag = on(tenant)
    del tag["propagate"]
    tenant.bulk(cart(tenant, addOrUpdateClassifications=[tag]), flags="appendTags=true")
    assert tags(tenant, f"{CART}.id") == {}
    tenant.clock.advance(2.1)
    assert tags(tenant, f"{CART}.id") == {"PII": "propagated"}
    tenant.system.mutate({"do": "create", "asset": f"{CART}.new"})
    tenant.bulk(cart(tenant, removeClassifications=[tag]), flags="appendTags=true")
    tenant.clock.advance(5)
    assert tags(tenant, f"{CART}.id") == tags(tenant, f"{CART}.new") == {}


def test_what_spread_while_nobody_asked_is_in_the_index_at_the_first_search() -> None:
    tenant = Tenant(propagation_lag=2, index_lag=1)
    tenant.system.mutate({"do": "tag", "asset": CART, "tag": "PII", "propagate": True})
    column = {"term": {"__guid": tenant.id(f"{CART}.id")}}
    tenant.clock.advance(2.5)
    assert tenant.search(column)["entities"][0]["classificationNames"] == []
    tenant.system.mutate({"do": "untag", "asset": CART, "tag": "PII"})
    tenant.system.mutate({"do": "tag", "asset": CART, "tag": "SENSITIVITY", "propagate": True})
    tenant.clock.advance(60)
    found = tenant.search(column)["entities"][0]["classificationNames"]
    assert found == [tenant.tag_id("SENSITIVITY")]


def test_a_new_child_inherits_what_its_parent_spreads(tenant: Tenant) -> None:
    tenant.system.mutate({"do": "tag", "asset": CART, "tag": "PII", "propagate": True})
    tenant.system.mutate({"do": "create", "asset": f"{CART}.new"})
    assert tags(tenant, f"{CART}.new") == {"PII": "propagated"}


@pytest.mark.parametrize("bumps", [False, True])
def test_a_propagated_tag_bumps_the_child_only_by_the_switch(bumps: bool) -> None:
    tenant = Tenant(propagated_tag_bumps=bumps)
    guid = tenant.id(f"{CART}.id")
    before = tenant.read(guid)["updateTime"]
    tenant.system.mutate({"do": "tag", "asset": CART, "tag": "PII", "propagate": True})
    assert (tenant.read(guid)["updateTime"] != before) is bumps


def test_single_asset_endpoints(tenant: Tenant) -> None:
    path = f"entity/guid/{tenant.id(CART)}/classifications"
    assert error(tenant.meta("PUT", path, [on(tenant)])) == (400, "ATLAS-400-00-06D")
    assert tenant.meta("POST", path, [on(tenant)]).status_code == 204
    assert error(tenant.meta("POST", path, [on(tenant)])) == (400, "ATLAS-400-00-01A")
    assert len(tenant.meta("GET", path).json()["list"]) == 1
    one = path.removesuffix("s") + f"/{tenant.tag_id('PII')}"
    assert tenant.meta("DELETE", one).status_code == 204
    assert error(tenant.meta("DELETE", one)) == (400, "ATLAS-400-00-06D")


def test_many_assets_in_one_call_by_id_and_by_display_name(tenant: Tenant) -> None:
    guids = [tenant.id(CART), tenant.id("SALES.PUBLIC.DYN")]
    body = {"classification": on(tenant), "entityGuids": guids}
    assert tenant.meta("POST", "entity/bulk/classification", body).status_code == 204
    named = [{"displayName": "SENSITIVITY", "entityGuid": guid, "propagate": False} for guid in guids]
    assert tenant.meta("POST", "entity/bulk/classification/displayName", named).status_code == 204
    assert tags(tenant) == tags(tenant, "SALES.PUBLIC.DYN") == {"PII": "person", "SENSITIVITY": "person"}


def test_deleting_a_tag_waits_for_its_propagation() -> None:
    tenant = Tenant(propagation_lag=2)
    tenant.system.mutate({"do": "tag", "asset": CART, "tag": "New", "propagate": True})
    path = f"types/typedef/name/{tenant.tag_id('New')}"
    assert error(tenant.meta("DELETE", path)) == (406, "ATLAS-406-00-001")
    tenant.clock.advance(3)
    assert error(tenant.meta("DELETE", path)) == (409, "ATLAS-409-00-002")
    tenant.system.mutate({"do": "untag", "asset": CART, "tag": "New"})
    tenant.clock.advance(3)
    assert tenant.meta("DELETE", path).status_code == 204


def test_the_audit_log_has_both_kinds_of_tag_changes_after_its_lag() -> None:
    tenant = Tenant(audit_lag=30)
    tenant.system.mutate({"do": "tag", "asset": CART, "tag": "PII", "propagate": True})
    body = {
        "dsl": {"query": {"term": {"entityQualifiedName": f"{QN}/id"}}, "size": 10},
        "attributes": ["name"],
    }
    assert tenant.meta("POST", "entity/auditSearch", body).json()["totalCount"] == 0
    tenant.clock.advance(31)
    (row,) = tenant.meta("POST", "entity/auditSearch", body).json()["entityAudits"]
    assert (row["action"], row["detail"]["entityGuid"]) == ("PROPAGATED_CLASSIFICATION_ADD", tenant.id(CART))
    assert row["entityDetail"]["attributes"] == {"name": "id"}


def test_audit_records_carry_the_agent_headers(tenant: Tenant) -> None:
    entity = cart(tenant, attributes={"qualifiedName": QN, "name": "cart", "userDescription": "x"})
    tenant.http.headers["x-atlan-agent-id"] = "qsync"
    tenant.bulk(entity)
    body = {"dsl": {"query": {"term": {"action": "ENTITY_UPDATE"}}}}
    (row,) = tenant.meta("POST", f"entity/{tenant.id(CART)}/auditSearch", body).json()["entityAudits"]
    assert row["headers"]["x-atlan-agent-id"] == "qsync"
    assert row["detail"]["attributes"] == {"userDescription": "x"}
