"""indexsearch and its neighbours (atlan-api.md §2.1-§2.3, §2.11, §6.2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsync_pipeline_tests.sandbox.atlan.tenant import Tenant, error

TABLES = {"terms": {"__typeName.keyword": ["Table", "View", "SnowflakeDynamicTable"]}}
ACTIVE = {"term": {"__state": "ACTIVE"}}
BY_TIME = [{"__timestamp": {"order": "asc"}}, {"__guid": {"order": "asc"}}]


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    return Tenant()


def names(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["attributes"]["name"] for row in rows)


def test_the_entities_key_is_absent_without_hits(tenant: Tenant) -> None:
    answer = tenant.search({"term": {"name.keyword": "nowhere"}})
    assert "entities" not in answer
    assert answer["approximateCount"] == 0
    assert Tenant(empty_entities="list").search({"term": {"name.keyword": "nowhere"}})["entities"] == []


def test_only_header_attributes_come_unless_more_are_asked_for(tenant: Tenant) -> None:
    query = {"term": {"qualifiedName": "default/snowflake/1712345678/SALES/PUBLIC/ORDERS"}}
    (plain,) = tenant.hits(query)
    assert set(plain["attributes"]) == {"name", "qualifiedName", "description"}
    (asked,) = tenant.hits(query, "schemaName", "databaseName", "domainGUIDs", "rowCount")
    assert asked["attributes"]["databaseName"] == "SALES"
    assert len(asked["attributes"]["domainGUIDs"]) == 1
    assert "rowCount" not in asked["attributes"]


def test_custom_metadata_comes_only_as_set_dot_attribute(tenant: Tenant) -> None:
    definition = tenant.system.types.set_named("Soda")
    assert definition is not None
    key = f"{definition['name']}.{tenant.system.types.attribute_ids(definition)['Health']}"
    attribute = key.split(".")[1]
    (row,) = tenant.hits({"exists": {"field": attribute}}, key)
    assert row["attributes"][key] == 65.5


def test_classifications_mix_direct_and_propagated(tenant: Tenant) -> None:
    rows = tenant.hits({"terms": {"name.keyword": ["id", "e.mail"]}}, "tableName")
    by_name = {row["displayText"]: row for row in rows if row["attributes"].get("tableName") == "ORDERS"}
    assert [tag["entityGuid"] for tag in by_name["ID"]["classifications"]] == [by_name["ID"]["guid"]]
    assert [tag["entityGuid"] for tag in by_name["E.MAIL"]["classifications"]] != [by_name["E.MAIL"]["guid"]]
    propagated = tenant.hits({"term": {"__propagatedTraitNames": tenant.tag_id("PII")}})
    assert names(propagated) == ["E.MAIL"]


def test_keyword_fields_ignore_case_and_qualified_names_do_not(tenant: Tenant) -> None:
    assert names(tenant.hits({"bool": {"filter": [TABLES, {"term": {"name.keyword": "Orders"}}]}})) == [
        "ORDERS",
        "orders",
    ]
    assert not tenant.hits({"term": {"qualifiedName": "default/snowflake/1712345678/sales/public/orders"}})
    strict = Tenant(lowercase_keywords=False)
    assert names(strict.hits({"bool": {"filter": [TABLES, {"term": {"name.keyword": "orders"}}]}})) == [
        "orders"
    ]


def test_columns_of_views_carry_view_names(tenant: Tenant) -> None:
    (column,) = tenant.hits(
        {"term": {"viewName.keyword": "a/b"}}, "viewName", "tableName", "viewQualifiedName"
    )
    assert column["attributes"]["viewName"] == "A/B"
    assert "tableName" not in column["attributes"]


def test_the_window_ends_at_ten_thousand(tenant: Tenant) -> None:
    body = {"dsl": {"from": 9_990, "size": 11, "query": {"match_all": {}}}}
    assert error(tenant.meta("POST", "search/indexsearch", body)) == (400, "ATLAS-400-00-503")
    assert Tenant(window=100_000).meta("POST", "search/indexsearch", body).status_code == 200


def test_unknown_queries_and_a_missing_dsl_are_refused(tenant: Tenant) -> None:
    body = {"dsl": {"query": {"teapot": {}}}}
    assert error(tenant.meta("POST", "search/indexsearch", body)) == (400, "ATLAS-400-00-503")
    assert error(tenant.meta("POST", "search/indexsearch", {})) == (400, "ATLAS-400-00-029")


def test_search_after_visits_every_row_once(tenant: Tenant) -> None:
    seen: list[str] = []
    after: list[Any] | None = None
    while rows := tenant.hits(ACTIVE, size=3, sort=BY_TIME, **({"search_after": after} if after else {})):
        seen += [row["guid"] for row in rows]
        after = [rows[-1]["createTime"], rows[-1]["guid"]]
    assert len(seen) == len(set(seen)) == tenant.search(ACTIVE)["approximateCount"]


def test_missing_values_sort_last_in_both_directions(tenant: Tenant) -> None:
    for direction in ("asc", "desc"):
        rows = tenant.hits(TABLES, "announcementType", sort=[{"announcementType": {"order": direction}}])
        assert rows[0]["attributes"].get("announcementType") == "information"


def test_the_index_lags_behind_reads_by_guid() -> None:
    tenant = Tenant(index_lag=1)
    guid = tenant.id("SALES.PUBLIC.ORDERS")
    tenant.system.mutate({"do": "set_alert", "asset": "SALES.PUBLIC.ORDERS", "text": "Late"})
    query = {"bool": {"filter": [{"term": {"announcementType": "information"}}, {"term": {"__guid": guid}}]}}
    assert tenant.read(guid)["attributes"]["announcementMessage"] == "Late"
    assert not tenant.hits(query)
    tenant.clock.advance(1.1)
    assert [row["guid"] for row in tenant.hits(query)] == [guid]


def test_hidden_assets_are_scrubbed_but_counted(tenant: Tenant) -> None:
    query = {"bool": {"filter": [TABLES, {"prefix": {"qualifiedName": "default/postgres/"}}]}}
    (row,) = tenant.hits(query, "schemaName")
    assert row["scrubbed"] is True
    assert set(row["attributes"]) == {"name", "qualifiedName"}
    assert "classifications" not in row
    (legacy,) = Tenant(scrub="legacy", scrub_keys="both").hits(query)
    assert (legacy["guid"], legacy["attributes"], legacy["isScrubbed"]) == ("-1", {}, True)
    assert Tenant(scrub="full").search(query)["approximateCount"] == 0


def test_count_needs_the_client_origin_header(tenant: Tenant) -> None:
    body = {"dsl": {"query": TABLES}}
    assert tenant.meta("POST", "search/count", body).status_code == 400
    answer = tenant.call(
        "POST", "/api/meta/search/count/", body, headers={"x-atlan-client-origin": "product_sdk"}
    )
    assert answer.json() == {"count": tenant.search(TABLES)["approximateCount"]}


def test_terms_aggregations_count_the_hits(tenant: Tenant) -> None:
    aggregations = {"by_type": {"terms": {"field": "__typeName.keyword"}}}
    buckets = tenant.search(ACTIVE, size=0, aggregations=aggregations)["aggregations"]["by_type"]["buckets"]
    assert {"key": "Connection", "doc_count": 4} in buckets


def test_a_domain_can_be_inherited_by_a_switch() -> None:
    query = {"bool": {"filter": [TABLES, {"exists": {"field": "domainGUIDs"}}]}}
    assert names(Tenant().hits(query)) == ["ORDERS"]
    assert "orders" in names(Tenant(domain_inherits=True).hits(query))


LEAVES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        TABLES,
        ACTIVE,
        {"match_all": {}},
        {"term": {"name.keyword": "ID"}},
        {"term": {"__superTypeNames.keyword": "Table"}},
        {"term": {"schemaQualifiedName": "default/snowflake/1712345678/SALES/PUBLIC"}},
        {"term": {"connectionQualifiedName": "default/mysql/1712346678"}},
        {"term": {"tableQualifiedName": "default/snowflake/1712345678/SALES/PUBLIC/ORDERS"}},
        {"term": {"viewQualifiedName": "default/snowflake/1712345678/SALES/PUBLIC/A/B"}},
        {"prefix": {"qualifiedName": "default/snowflake/1712345678/SALES/PUBLIC/ORD"}},
        {"exists": {"field": "__traitNames"}},
        {"exists": {"field": "announcementType"}},
        {"wildcard": {"name.keyword": "o*"}},
        {"range": {"__timestamp": {"gte": 1_712_345_678_001}}},
        {"terms": {"connectorName": ["snowflake", "mssql"]}},
    ]
)


def combined(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    clauses = st.lists(children, min_size=1, max_size=3)
    kinds = st.dictionaries(st.sampled_from(["must", "filter", "should", "must_not"]), clauses, min_size=1)
    return st.builds(lambda body: {"bool": body}, kinds)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.recursive(LEAVES, combined, max_leaves=6))
def test_indexes_never_change_what_is_found(tenant: Tenant, query: dict[str, Any]) -> None:
    """A second look at every document, without any index, finds the same."""
    index = tenant.system.store.index
    compiled = index._compiler.compile(query)
    expected = {doc.guid for doc in tenant.system.store.docs() if compiled.test(doc)}
    assert {doc.guid for doc in index.search(query, None).docs} == expected
