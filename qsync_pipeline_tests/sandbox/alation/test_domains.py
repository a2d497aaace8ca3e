"""Domains and membership rules (alation-api.md §2.8, §6 rows 46 to 51)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qsync_pipeline_tests.sandbox.alation.conftest import Api

DOMAINS = "/integration/v2/domain/"
MEMBERS = DOMAINS + "membership/"


def domain(api: Api, title: str) -> int:
    return next(int(row["id"]) for row in api.get(DOMAINS) if row["title"] == title)


def rules(api: Api, title: str, *, exclude: bool, **more: Any) -> list[Any]:
    body = {"domain_id": [domain(api, title)], "exclude": exclude, **more}
    return [
        (row["otype"], row["oid"], row["recursive"])
        for row in api.call("POST", MEMBERS + "view_rules/", 200, body)
    ]


def member(api: Api, title: str, table: str, **more: Any) -> dict[str, Any]:
    return {"id": domain(api, title), "otype": "table", "oid": [api.one("table", table)["id"]], **more}


def test_the_estates_tree_is_there(api: Api) -> None:
    rows = {row["title"]: row for row in api.get(DOMAINS)}
    assert set(rows) == {"Sales", "Retail", "Finance"}
    assert rows["Retail"]["parent_id"] == rows["Sales"]["id"]
    assert api.get(DOMAINS, parent_id=rows["Sales"]["id"]) == [rows["Retail"]]
    api.call("GET", DOMAINS, 400, title="Sales")


def test_a_connections_domain_is_one_recursive_rule_from_which_others_are_excluded(api: Api) -> None:
    assert rules(api, "Sales", exclude=False) == [("data", api.source("Warehouse"), True)]
    view = api.one("table", "V_ORDERS")["id"]
    assert rules(api, "Finance", exclude=False) == [("table", view, True)]
    assert rules(api, "Sales", exclude=True) == [("table", view, True)]
    assert api.state("EDW.PUBLIC.V_ORDERS.id")["domains"] == ["Finance"]
    assert api.state("EDW.PUBLIC.ORDERS.EMAIL")["domains"] == ["Sales"]
    assert api.state('EDW.PUBLIC.odd.name "x"')["domains"] == ["Sales", "Retail"]


def test_the_nearest_rule_decides(api: Api) -> None:
    sales = domain(api, "Sales")
    assert api.call("POST", MEMBERS, 201, member(api, "Sales", "ORDERS", exclude=True))["id"] == sales
    assert api.state("EDW.PUBLIC.ORDERS.EMAIL")["domains"] == ["Sales"], "the exclusion is not recursive"
    [table] = api.system.state(name="EDW.PUBLIC.ORDERS")
    assert table["domains"] == []
    api.call("POST", MEMBERS, 201, member(api, "Sales", "ORDERS", exclude=True, recursive=True))
    assert api.state("EDW.PUBLIC.ORDERS.EMAIL")["domains"] == []
    column = {"id": sales, "otype": "attribute", "oid": [api.one("column", "EMAIL")["id"]]}
    api.call("POST", MEMBERS, 201, column)
    assert api.state("EDW.PUBLIC.ORDERS.EMAIL")["domains"] == ["Sales"]


def test_rules_are_asked_for_by_kind_and_an_unknown_domain_has_none(api: Api) -> None:
    body = {"domain_id": [99_999], "exclude": False}
    assert api.call("POST", MEMBERS + "view_rules/", 200, body) == []
    api.call("POST", MEMBERS + "view_rules/", 400, {"domain_id": [domain(api, "Sales")]})
    assert rules(api, "Sales", exclude=False, recursive=False) == []


def test_rules_are_paged_in_the_query(api: Api) -> None:
    for table in ("ORDERS", "carts", "account"):
        if table != "ORDERS":
            api.call("POST", MEMBERS, 201, member(api, "Finance", table))
    body = {"domain_id": [domain(api, "Finance")], "exclude": False}
    answer = api.answer("POST", MEMBERS + "view_rules/", body, limit=2)
    assert len(answer.json()) == 2
    assert len(api.call("POST", answer.headers["X-Next-Page"], 200, body)) == 1


def test_domains_are_made_moved_and_deleted_with_their_children(api: Api) -> None:
    [made] = api.call("POST", DOMAINS, 201, [{"title": "New", "parent_id": domain(api, "Retail")}])
    api.call("PATCH", f"{DOMAINS}{domain(api, 'Sales')}/", 400, {"parent_id": made["id"]})
    moved = api.call("PATCH", f"{DOMAINS}{made['id']}/", 200, {"parent_id": domain(api, "Finance")})
    assert moved["parent_id"] == domain(api, "Finance")
    gone = api.call("DELETE", DOMAINS, 200, {"id": [domain(api, "Finance")]})
    assert (gone["status"], gone["deleted_domain_count"]) == ("successful", 2)
    body = api.call("POST", MEMBERS, 400, {"id": made["id"], "otype": "table", "oid": [1]})
    assert body["detail"] == f"Cannot add object to domain {made['id']}.  The domain has been deleted."
    api.call("DELETE", DOMAINS, 400, {"id": [99_999]})


def test_deleting_may_be_a_job_and_may_leave_the_children(make: Callable[..., Api]) -> None:
    api = make(domain_delete="job", delete_subdomains=False)
    told = api.do("DELETE", DOMAINS, {"id": [domain(api, "Sales")]})
    assert told["result"]["deleted_domain_count"] == 1
    [retail] = [row for row in api.get(DOMAINS) if row["title"] == "Retail"]
    assert retail["parent_id"] is None


def test_many_members_are_a_job_without_a_result(make: Callable[..., Api]) -> None:
    api = make(bulk_membership=2)
    tables = [api.one("table", name)["id"] for name in ("carts", "account")]
    body = {"id": domain(api, "Finance"), "otype": "table", "oid": tables}
    assert api.do("POST", MEMBERS, body) | {"msg": ""} == {"status": "successful", "msg": "", "result": None}
    assert len(rules(api, "Finance", exclude=False)) == 3


def test_a_recursive_change_takes_99_objects_at_most_and_no_columns(api: Api) -> None:
    body = member(api, "Sales", "carts", recursive=True)
    api.call("POST", MEMBERS, 400, {**body, "oid": body["oid"] * 100})
    api.call("POST", MEMBERS, 400, {**body, "otype": "attribute"})
    api.call("POST", MEMBERS, 400, {**body, "oid": [99_999]})
    api.call("POST", MEMBERS, 403, member(api, "Sales", "t"))
