"""Bulk upsert, partial update, deletion and custom metadata (atlan-api.md §2.7, §2.8, §6.2)."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline_tests.sandbox.atlan.tenant import MERGE, Tenant, error, quality_set

ORDERS = "SALES.PUBLIC.ORDERS"
QN = "default/snowflake/1712345678/SALES/PUBLIC/ORDERS"


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def table(**more: Any) -> dict[str, Any]:
    return {
        "typeName": "Table",
        "attributes": {"qualifiedName": QN, "name": "ORDERS", **more.pop("attributes", {})},
        **more,
    }


def test_an_asset_is_matched_by_type_and_qualified_name(tenant: Tenant) -> None:
    answer = tenant.bulk(table(guid="-1", attributes={"userDescription": "All orders"})).json()
    guid = tenant.id(ORDERS)
    assert answer["guidAssignments"] == {"-1": guid}
    assert [row["guid"] for row in answer["mutatedEntities"]["UPDATE"]] == [guid]
    assert tenant.read(guid)["attributes"]["userDescription"] == "All orders"


def test_an_unchanged_entity_is_assigned_but_not_mutated(tenant: Tenant) -> None:
    guid = tenant.id(ORDERS)
    assert tenant.bulk(table(guid="-1")).json() == {"guidAssignments": {"-1": guid}}


def test_a_whole_entity_sent_back_as_it_was_read_changes_nothing(tenant: Tenant) -> None:
    guid = tenant.id("SALES.PUBLIC.A/B")
    assert "mutatedEntities" not in tenant.bulk(tenant.read(guid)).json()


def test_an_unknown_qualified_name_with_a_name_makes_a_ghost(tenant: Tenant) -> None:
    ghost = {
        "typeName": "Table",
        "guid": "-1",
        "attributes": {"qualifiedName": f"{QN}_2", "name": "ORDERS_2"},
    }
    assert len(tenant.bulk(ghost).json()["mutatedEntities"]["CREATE"]) == 1
    assert tenant.system.state(name="SALES.PUBLIC.ORDERS_2")
    del ghost["attributes"]["name"]
    ghost["attributes"]["qualifiedName"] += "_3"
    assert error(tenant.bulk(ghost)) == (404, "ATLAS-404-00-007")


def test_the_wrong_type_for_a_qualified_name_makes_a_second_asset(tenant: Tenant) -> None:
    tenant.bulk({**table(), "typeName": "View"})
    assert sorted(entry["kind"] for entry in tenant.system.state(name=ORDERS)) == ["Table", "View"]


def test_an_unknown_real_guid_fails_and_creates_nothing(tenant: Tenant) -> None:
    entity = table(guid="6d0c0000-0000-4000-a000-000000000000")
    entity["attributes"]["qualifiedName"] += "_9"
    assert error(tenant.bulk(entity)) == (404, "ATLAS-404-00-00A")


def test_one_bad_entity_fails_the_whole_request(tenant: Tenant) -> None:
    good, bad = table(attributes={"userDescription": "x"}), {"typeName": "QualyticsCheck", "attributes": {}}
    assert error(tenant.bulk(good, bad)) == (404, "ATLAS-404-00-001")
    assert "userDescription" not in tenant.read(tenant.id(ORDERS))["attributes"]


def test_a_request_is_limited_in_size_and_not_empty(tenant: Tenant) -> None:
    assert error(tenant.bulk()) == (400, "ATLAS-400-00-01A")
    assert error(tenant.bulk(*[{"typeName": "Table"}] * 10_001)) == (400, "ATLAS-400-00-212")


def test_unknown_attributes_are_skipped_or_refused_by_the_switch(tenant: Tenant) -> None:
    entity = table(attributes={"qualyticsScore": 9})
    assert "mutatedEntities" not in tenant.bulk(entity).json()
    assert error(Tenant(reject_unknown_attributes=True).bulk(entity)) == (400, "ATLAS-400-00-023")


def test_an_announcement_records_its_author_by_itself(tenant: Tenant) -> None:
    guid = tenant.id(ORDERS)
    tenant.bulk(table(attributes={"announcementType": "issue", "announcementTitle": "2 anomalies"}))
    attributes = tenant.read(guid)["attributes"]
    assert attributes["announcementUpdatedBy"].startswith("service-account-apikey-")
    assert tenant.system.state(name=ORDERS)[0]["alert"] == {
        "type": "issue", "title": "2 anomalies", "text": "", "by": "integration",
    }  # fmt: skip
    tenant.bulk(
        table(attributes={"announcementType": None, "announcementTitle": None, "announcementMessage": None})
    )
    assert tenant.system.state(name=ORDERS)[0]["alert"] is None


def test_domains_are_checked(tenant: Tenant) -> None:
    guid = tenant.id(ORDERS)
    assert error(tenant.bulk(table(attributes={"domainGUIDs": [guid]}))) == (400, "ATLAS-400-00-01A")
    assert error(tenant.bulk(table(attributes={"domainGUIDs": ["a", "b"]}))) == (400, "ATLAS-400-00-01A")
    assert tenant.bulk(table(attributes={"domainGUIDs": []})).status_code == 200
    assert tenant.system.state(name=ORDERS)[0]["domains"] == []


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("", {"URL": "a", "Check Count": 1}), (MERGE, {"URL": "b", "Check Count": 1}),
     ("replaceBusinessAttributes=true&overwriteBusinessAttributes=true", {"URL": "b"})],
)  # fmt: skip
def test_a_bulk_write_follows_the_custom_metadata_matrix(
    tenant: Tenant, flags: str, expected: dict[str, Any]
) -> None:
    set_id, ids = quality_set(tenant)
    guid = tenant.id(ORDERS)
    first = {set_id: {ids["URL"]: "a", ids["Check Count"]: 1}}
    assert tenant.meta("POST", f"entity/guid/{guid}/businessmetadata", first).status_code == 204
    tenant.bulk(table(businessAttributes={set_id: {ids["URL"]: "b"}}), flags=flags)
    assert tenant.system.state(name=ORDERS)[0]["attributes"] == expected
    kept = {"Soda"} if "overwriteBusinessAttributes=true" not in flags else set()
    sets = {tenant.system.types.set(one)["displayName"] for one in tenant.read(guid)["businessAttributes"]}  # type: ignore[index]  # sets on assets are defined
    assert sets - {"Qualytics"} == kept


def test_null_deletes_a_key_and_an_empty_set_the_whole_set(tenant: Tenant) -> None:
    set_id, ids = quality_set(tenant)
    values = {ids["URL"]: "a", ids["Check Count"]: 1}
    tenant.bulk(table(businessAttributes={set_id: values}), flags=MERGE)
    tenant.bulk(table(businessAttributes={set_id: {ids["URL"]: None}}), flags=MERGE)
    assert tenant.system.state(name=ORDERS)[0]["attributes"] == {"Check Count": 1}
    tenant.bulk(table(businessAttributes={set_id: {}}), flags=MERGE)
    assert tenant.system.state(name=ORDERS)[0]["attributes"] == {}


def test_the_matrix_of_the_notes_merges_without_the_flag() -> None:
    tenant = Tenant(business_matrix="notes")
    set_id, ids = quality_set(tenant)
    tenant.bulk(table(businessAttributes={set_id: {ids["Check Count"]: 3}}))
    assert tenant.system.state(name=ORDERS)[0]["attributes"] == {"Check Count": 3}


@pytest.mark.parametrize("value", ["97.5", True, [1.0], {"a": 1}])
def test_a_value_of_a_wrong_type_is_an_invalid_instance(tenant: Tenant, value: Any) -> None:
    set_id, ids = quality_set(tenant)
    entity = table(businessAttributes={set_id: {ids["Quality Score Total"]: value}})
    assert error(tenant.bulk(entity, flags=MERGE)) == (404, "ATLAS-404-00-007")


def test_unknown_sets_foreign_types_and_long_texts_are_invalid(tenant: Tenant) -> None:
    set_id, ids = quality_set(tenant, applicableEntityTypes='["Column"]')
    for sent in ({"nope": {"a": 1}}, {set_id: {"nope": 1}}, {set_id: {ids["Check Count"]: 1}}):
        assert error(tenant.bulk(table(businessAttributes=sent), flags=MERGE)) == (404, "ATLAS-404-00-007")
    column = tenant.id(f"{ORDERS}.ID")
    answer = tenant.meta("POST", f"entity/guid/{column}/businessmetadata/{set_id}", {ids["URL"]: "x" * 51})
    assert error(answer) == (404, "ATLAS-404-00-007")


def test_applicability_lists_bind_only_by_the_switch() -> None:
    for enforce in (False, True):
        tenant = Tenant(enforce_applicability=enforce)
        set_id, ids = quality_set(tenant, applicableConnections='["default/other/1"]')
        answer = tenant.bulk(table(businessAttributes={set_id: {ids["Check Count"]: 1}}), flags=MERGE)
        assert answer.status_code == (404 if enforce else 200)


def test_custom_metadata_by_display_names(tenant: Tenant) -> None:
    quality_set(tenant)
    path = f"entity/guid/{tenant.id(ORDERS)}/businessmetadata/displayName"
    assert tenant.meta("POST", path, {"Qualytics": {"Quality Score Total": 97.5}}).status_code == 204
    assert tenant.system.state(name=ORDERS)[0]["attributes"] == {"Quality Score Total": 97.5}
    assert error(tenant.meta("POST", path, {"Qualytics": {"Nope": 1}})) == (404, "ATLAS-404-00-007")


def test_external_quality_structs_are_typed_and_the_map_is_replaced() -> None:
    def write(tenant: Tenant) -> Any:
        for key in ("a", "b"):
            tenant.bulk(
                table(
                    attributes={"assetExternalDQMetadataDetails": {key: {"assetExternalDQSystemName": key}}}
                )
            )
        return tenant.read(tenant.id(ORDERS))["attributes"]["assetExternalDQMetadataDetails"]

    assert write(Tenant()) == {
        "b": {"typeName": "AssetExternalDQMetadata", "attributes": {"assetExternalDQSystemName": "b"}}
    }
    stored = write(Tenant(struct_echo="as_stored", external_dq_merge=True))
    assert stored == {key: {"assetExternalDQSystemName": key} for key in ("a", "b")}


def test_a_partial_update_by_name_never_creates(tenant: Tenant) -> None:
    path = "entity/uniqueAttribute/type/Table?attr%3AqualifiedName="
    body = {"entity": {"typeName": "Table", "attributes": {"certificateStatus": "VERIFIED"}}}
    assert tenant.meta("PUT", path + QN.replace("/", "%2F"), body).json()["mutatedEntities"]["UPDATE"]
    assert tenant.read(tenant.id(ORDERS))["attributes"]["certificateUpdatedBy"]
    assert error(tenant.meta("PUT", f"{path}nope", body)) == (404, "ATLAS-404-00-009")


def test_many_are_read_by_guid_or_none(tenant: Tenant) -> None:
    guids = [tenant.id(ORDERS), tenant.id("SALES.PUBLIC.DYN")]
    answer = tenant.meta("GET", "entity/bulk?" + "&".join(f"guid={guid}" for guid in guids))
    assert [entity["guid"] for entity in answer.json()["entities"]] == guids
    missing = "6d0c0000-0000-4000-a000-000000000000"
    assert error(tenant.meta("GET", f"entity/bulk?guid={guids[0]}&guid={missing}")) == (
        404,
        "ATLAS-404-00-005",
    )


def test_archived_assets_stay_readable_and_purged_ones_go(tenant: Tenant) -> None:
    guid = tenant.id("SALES.PUBLIC.DYN")
    tenant.meta("DELETE", f"entity/bulk?guid={guid}&deleteType=SOFT")
    assert tenant.read(guid)["status"] == "DELETED"
    assert not tenant.hits(
        {"bool": {"filter": [{"term": {"__guid": guid}}, {"term": {"__state": "ACTIVE"}}]}}
    )
    tenant.meta("DELETE", f"entity/bulk?guid={guid}&deleteType=HARD")
    assert error(tenant.meta("GET", f"entity/guid/{guid}")) == (404, "ATLAS-404-00-005")


def test_a_domain_gets_a_name_from_the_server_and_siblings_differ(tenant: Tenant) -> None:
    def domain(name: str) -> dict[str, Any]:
        return {"typeName": "DataDomain", "guid": "-1", "attributes": {"name": name, "qualifiedName": name}}

    made = tenant.bulk(domain("Ops")).json()["mutatedEntities"]["CREATE"][0]
    assert made["attributes"]["qualifiedName"].startswith("default/domain/")
    assert error(tenant.bulk(domain("Ops"))) == (400, "ATLAS-400-00-029")
    sales = tenant.hits(
        {
            "bool": {
                "filter": [
                    {"term": {"__typeName.keyword": "DataDomain"}},
                    {"term": {"name.keyword": "sales"}},
                ]
            }
        }
    )
    assert error(tenant.meta("DELETE", f"entity/bulk?guid={sales[0]['guid']}")) == (409, "ATLAS-409-00-015")


def test_two_writers_collide_by_the_switch() -> None:
    tenant = Tenant(conflict_share=1.0)
    assert tenant.bulk(table(attributes={"userDescription": "1"})).status_code == 200
    assert error(tenant.bulk(table(attributes={"userDescription": "2"}))) == (500, "ATLAS-500-00-001")
