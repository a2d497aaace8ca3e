"""Type definitions over the API (atlan-api.md §2.5, §2.8)."""

from __future__ import annotations

import re

import pytest

from qsync_pipeline_tests.sandbox.atlan.tenant import MERGE, Tenant, error, quality_set


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def test_listing_filters_by_category_in_any_case(tenant: Tenant) -> None:
    found = tenant.meta("GET", "types/typedefs/?type=classification&type=STRUCT").json()
    assert {one["displayName"] for one in found["classificationDefs"]} == {
        "PII",
        "SENSITIVITY",
        "Custom colour",
    }
    assert found["structDefs"]
    assert found["businessMetadataDefs"] == []
    assert Tenant(empty_struct_defs=True).meta("GET", "types/typedefs?type=STRUCT").json()["structDefs"] == []


def test_names_are_hashed_and_what_was_sent_is_overwritten(tenant: Tenant) -> None:
    set_id, ids = quality_set(tenant)
    for made in (set_id, *ids.values()):
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]{21}", made)


def test_duplicates_conflict(tenant: Tenant) -> None:
    body = {"classificationDefs": [{"name": "PII", "displayName": "PII"}]}
    assert error(tenant.meta("POST", "types/typedefs", body)) == (409, "ATLAS-409-00-012")
    assert tenant.meta("POST", "types/typedefs?allowDuplicateDisplayName=true", body).status_code == 200
    attribute = {"displayName": "A", "typeName": "int", "options": {"applicableEntityTypes": '["Asset"]'}}
    body = {"businessMetadataDefs": [{"displayName": "S", "attributeDefs": [attribute, attribute]}]}
    assert error(tenant.meta("POST", "types/typedefs", body)) == (409, "ATLAS-409-00-013")


def test_an_update_matches_by_guid_and_gives_new_attributes_fresh_ids(tenant: Tenant) -> None:
    set_id, ids = quality_set(tenant)
    definition = tenant.meta("GET", f"types/typedef/name/{set_id}").json()
    options = {"applicableEntityTypes": '["Asset"]'}
    more = {"name": "anything", "displayName": "Anomaly Count", "typeName": "int", "options": options}
    body = {
        "businessMetadataDefs": [
            {**definition, "name": "ignored", "attributeDefs": [*definition["attributeDefs"], more]}
        ]
    }
    (updated,) = tenant.meta("PUT", "types/typedefs", body).json()["businessMetadataDefs"]
    assert updated["name"] == set_id
    by_name = {one["displayName"]: one["name"] for one in updated["attributeDefs"]}
    assert by_name.items() > ids.items()
    assert len(by_name["Anomaly Count"]) == 22


def test_an_update_that_forgets_attributes_or_changes_a_type_is_refused(tenant: Tenant) -> None:
    set_id, _ = quality_set(tenant)
    definition = tenant.meta("GET", f"types/typedef/name/{set_id}").json()
    fewer = {**definition, "attributeDefs": definition["attributeDefs"][:1]}
    assert tenant.meta("PUT", "types/typedefs", {"businessMetadataDefs": [fewer]}).status_code == 400
    first = {**definition["attributeDefs"][0], "typeName": "int"}
    other = {**definition, "attributeDefs": [first, *definition["attributeDefs"][1:]]}
    assert tenant.meta("PUT", "types/typedefs", {"businessMetadataDefs": [other]}).status_code == 400


def test_option_values_come_back_as_text(tenant: Tenant) -> None:
    body = {"classificationDefs": [{"displayName": "T", "options": {"color": "Red", "isFlag": False}}]}
    (made,) = tenant.meta("POST", "types/typedefs", body).json()["classificationDefs"]
    assert made["options"] == {"color": "Red", "isFlag": "false"}


def test_bad_definitions_are_refused(tenant: Tenant) -> None:
    def refused(attribute: dict[str, object]) -> tuple[int, str]:
        body = {"businessMetadataDefs": [{"displayName": "S", "attributeDefs": [attribute]}]}
        return error(tenant.meta("POST", "types/typedefs", body))

    options = {"applicableEntityTypes": '["Asset"]'}
    assert refused({"displayName": "", "typeName": "int", "options": options}) == (400, "ATLAS-400-00-02B")
    assert refused({"displayName": "A", "typeName": "string", "options": options}) == (
        400,
        "ATLAS-400-00-02B",
    )
    assert refused({"displayName": "A", "typeName": "Nope", "options": options}) == (404, "ATLAS-404-00-001")
    assert error(tenant.meta("GET", "types/typedef/name/nope")) == (404, "ATLAS-404-00-001")


def test_enum_values_are_checked_on_assets(tenant: Tenant) -> None:
    enum = {"name": "DQ Status", "elementDefs": [{"value": "Pass", "ordinal": 0}]}
    assert tenant.meta("POST", "types/typedefs", {"enumDefs": [enum]}).status_code == 200
    options = {"applicableEntityTypes": '["Asset"]', "isEnum": True}
    attribute = {"displayName": "Status", "typeName": "DQ Status", "options": options}
    body = {"businessMetadataDefs": [{"displayName": "S", "attributeDefs": [attribute]}]}
    made = tenant.meta("POST", "types/typedefs", body).json()["businessMetadataDefs"][0]
    for value, status in (("Pass", 204), ("Fail", 404)):
        sent = {made["attributeDefs"][0]["name"]: value}
        guid = tenant.id("SALES.PUBLIC.ORDERS")
        assert (
            tenant.meta("POST", f"entity/guid/{guid}/businessmetadata/{made['name']}", sent).status_code
            == status
        )


def test_a_set_in_use_cannot_go(tenant: Tenant) -> None:
    set_id, ids = quality_set(tenant)
    guid = tenant.id("SALES.PUBLIC.ORDERS")
    entity = {"typeName": "Table", "guid": guid, "businessAttributes": {set_id: {ids["Check Count"]: 1}}}
    assert tenant.bulk(entity, flags=MERGE).status_code == 200
    path = f"types/typedef/name/{set_id}"
    assert error(tenant.meta("DELETE", path)) == (409, "ATLAS-409-00-002")
    assert tenant.meta("DELETE", f"entity/guid/{guid}/businessmetadata/{set_id}").status_code == 204
    assert tenant.meta("DELETE", path).status_code == 204
    assert tenant.meta("DELETE", "types/typedef/name/Table").status_code == 409


def test_the_asset_type_says_which_attributes_exist(tenant: Tenant) -> None:
    attributes = tenant.meta("GET", "types/typedef/name/Asset").json()["attributeDefs"]
    assert "assetExternalDQMetadataDetails" in {one["name"] for one in attributes}
