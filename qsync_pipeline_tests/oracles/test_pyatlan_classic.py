"""The vendor's classic SDK works unchanged against the sandbox (atlan-api.md §6.4, oracle set)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from httpx_retries import Retry

from qsync_pipeline.sandbox.atlan import AtlanSwitches, AtlanSystem
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline_tests.oracles.atlan_server import served
from qsync_pipeline_tests.sandbox.atlan.estate import tiny_estate

NO_LAG = AtlanSwitches(index_lag=0, audit_lag=0, propagation_lag=0)


@pytest.fixture(scope="module", autouse=True)
def sdk() -> None:
    """The SDK's names in this module: to import it at the top would cost every worker seconds."""
    global Batch, CustomMetadataHandling, AtlanClient, AtlanError, NotFoundError, PermissionError
    global RateLimitError, Asset, Badge, Column, Connection, DataDomain, SnowflakeDynamicTable, Table
    global AuditSearchRequest, Announcement, CustomMetadataDict, AnnouncementType, AtlanConnectorType
    global AtlanCustomAttributePrimitiveType, AtlanTagColor, BadgeComparisonOperator, BadgeConditionColor
    global EntityStatus, CompoundQuery, FluentSearch, BadgeCondition, AtlanTagDef, AttributeDef
    global CustomMetadataDef
    from pyatlan.client.asset import Batch, CustomMetadataHandling
    from pyatlan.client.atlan import AtlanClient
    from pyatlan.errors import AtlanError, NotFoundError, PermissionError, RateLimitError
    from pyatlan.model.assets import (
        Asset,
        Badge,
        Column,
        Connection,
        DataDomain,
        SnowflakeDynamicTable,
        Table,
    )
    from pyatlan.model.audit import AuditSearchRequest
    from pyatlan.model.core import Announcement
    from pyatlan.model.custom_metadata import CustomMetadataDict
    from pyatlan.model.enums import (
        AnnouncementType,
        AtlanConnectorType,
        AtlanCustomAttributePrimitiveType,
        AtlanTagColor,
        BadgeComparisonOperator,
        BadgeConditionColor,
        EntityStatus,
    )
    from pyatlan.model.fluent_search import CompoundQuery, FluentSearch
    from pyatlan.model.structs import BadgeCondition
    from pyatlan.model.typedef import AtlanTagDef, AttributeDef, CustomMetadataDef


class Tenant:
    """One sandbox with a client on it."""

    def __init__(self, url: str, system: AtlanSystem) -> None:
        self.url, self.system = url, system
        self.client = AtlanClient(base_url=url, api_key=system.credentials()["token"])

    def find(self, name: str, kind: type[Asset] | None = None, *extra: object) -> Asset:
        kind = kind or Table
        search = FluentSearch().where(CompoundQuery.active_assets()).where(CompoundQuery.asset_type(kind))
        search = search.where(Asset.NAME.eq(name)).include_on_results(Asset.CONNECTION_QUALIFIED_NAME)
        for field in (
            *extra,
            Asset.ANNOUNCEMENT_TYPE,
            Asset.ANNOUNCEMENT_TITLE,
            Asset.ANNOUNCEMENT_UPDATED_BY,
        ):
            search = search.include_on_results(field)
        found = list(search.execute(self.client))
        exact = [asset for asset in found if asset.name == name]
        assert len(exact) == 1, [asset.qualified_name for asset in found]
        return exact[0]


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    system = AtlanSystem(
        tiny_estate(columns=700), VirtualClock(), switches=NO_LAG, seed=1, rate_limit_scale=100
    )
    with served(system) as url:
        yield Tenant(url, system)


def make_set(client: AtlanClient, name: str) -> None:
    definition = CustomMetadataDef.create(display_name=name)
    text = AttributeDef.create(
        client=client, display_name="URL", attribute_type=AtlanCustomAttributePrimitiveType.URL
    )
    score = AttributeDef.create(
        client=client, display_name="Score", attribute_type=AtlanCustomAttributePrimitiveType.DECIMAL
    )
    definition.attribute_defs = [text, score]
    definition.options = CustomMetadataDef.Options.with_logo_as_emoji("🔎", locked=False)
    created = client.typedef.create(definition)
    assert [one.display_name for one in created.custom_metadata_defs] == [name]


def test_finds_a_table_by_name_with_its_tags_and_parents(tenant: Tenant) -> None:
    table = tenant.find("ORDERS", Table, Table.SCHEMA_NAME, Table.DATABASE_NAME)
    assert (table.database_name, table.schema_name) == ("SALES", "PUBLIC")
    assert {str(tag.type_name) for tag in table.atlan_tags} == {"PII", "SENSITIVITY"}


def test_reads_source_tag_values(tenant: Tenant) -> None:
    table = tenant.client.asset.get_by_guid(tenant.find("ORDERS").guid, Table)
    tag = next(tag for tag in table.atlan_tags if str(tag.type_name) == "SENSITIVITY")
    assert tag.source_tag_attachments[0].source_tag_value[0].tag_attachment_value == "HIGH"


def test_a_propagated_tag_names_its_origin(tenant: Tenant) -> None:
    column = tenant.find("E.MAIL", Column)
    assert [tag.entity_guid for tag in column.atlan_tags] != [column.guid]


def test_reads_other_tools_custom_metadata(tenant: Tenant) -> None:
    attributes = tenant.client.custom_metadata_cache.get_attributes_for_search_results("Soda")
    search = FluentSearch().where(Asset.NAME.eq("ORDERS")).where(CompoundQuery.asset_type(Table))
    request = search.to_request()
    request.attributes = attributes
    found = [table for table in tenant.client.asset.search(request) if table.name == "ORDERS"]
    assert found[0].get_custom_metadata(client=tenant.client, name="Soda")["Health"] == 65.5


def test_creates_a_set_and_merges_and_clears_values_in_a_batch(tenant: Tenant) -> None:
    client = tenant.client
    make_set(client, "Quality")
    names = {
        one.display_name
        for one in client.custom_metadata_cache.get_custom_metadata_def("Quality").attribute_defs
    }
    assert names == {"URL", "Score"}
    table = tenant.find("DYN", SnowflakeDynamicTable)

    def write(score: float | None) -> None:
        update = table.trim_to_required()
        values = CustomMetadataDict(client=client, name="Quality")
        values["Score"] = score
        values["URL"] = "https://acme.example/1"
        update.set_custom_metadata(custom_metadata=values, client=client)
        batch = Batch(client, max_size=20, custom_metadata_handling=CustomMetadataHandling.MERGE)
        batch.add(update)
        batch.flush()
        assert not batch.failures

    def read() -> CustomMetadataDict:
        return client.asset.get_by_guid(table.guid).get_custom_metadata(client=client, name="Quality")

    write(97.5)
    assert (read()["Score"], read()["URL"]) == (97.5, "https://acme.example/1")
    write(None)
    assert (read()["Score"], read()["URL"]) == (None, "https://acme.example/1")
    client.asset.remove_custom_metadata(table.guid, "Quality")
    assert read()["URL"] is None


def test_a_wrong_value_type_is_refused(tenant: Tenant) -> None:
    make_set(tenant.client, "Strict")
    values = CustomMetadataDict(client=tenant.client, name="Strict")
    values["Score"] = "high"
    with pytest.raises(NotFoundError, match="ATLAS-404-00-007"):
        tenant.client.asset.update_custom_metadata_attributes(tenant.find("ORDERS").guid, values)


def test_an_announcement_is_set_and_cleared(tenant: Tenant) -> None:
    table = tenant.find("ORDERS")
    banner = Announcement(
        announcement_type=AnnouncementType.ISSUE, announcement_title="2 anomalies", announcement_message="See"
    )
    tenant.client.asset.update_announcement(Table, table.qualified_name, table.name, banner)
    seen = tenant.find("ORDERS")
    assert (seen.announcement_type, seen.announcement_title) == (AnnouncementType.ISSUE, "2 anomalies")
    assert seen.announcement_updated_by.startswith("service-account-apikey-")
    tenant.client.asset.remove_announcement(Table, table.qualified_name, table.name)
    assert tenant.find("ORDERS").announcement_type is None


def test_a_tag_definition_lives_on_an_asset_and_goes(tenant: Tenant) -> None:
    client = tenant.client
    client.typedef.create(AtlanTagDef.create(name="Gold", color=AtlanTagColor.YELLOW))
    column = tenant.find("X", Column)
    client.asset.add_atlan_tags(Column, column.qualified_name, ["Gold"])
    assert [str(tag.type_name) for tag in tenant.find("X", Column).atlan_tags] == ["Gold"]
    client.asset.remove_atlan_tag(Column, column.qualified_name, "Gold")
    assert not tenant.find("X", Column).atlan_tags
    client.typedef.purge("Gold", AtlanTagDef)
    assert client.atlan_tag_cache.get_id_for_name("Gold") is None


def test_a_badge_is_made_once(tenant: Tenant) -> None:
    make_set(tenant.client, "Badged")
    condition = BadgeCondition.create(
        badge_condition_operator=BadgeComparisonOperator.GTE,
        badge_condition_value="80",
        badge_condition_colorhex=BadgeConditionColor.GREEN,
    )
    badge = Badge.creator(
        client=tenant.client,
        name="Score",
        cm_name="Badged",
        cm_attribute="Score",
        badge_conditions=[condition],
    )
    first = tenant.client.asset.save(badge)
    assert len(first.assets_created(Badge)) == 1
    assert not tenant.client.asset.save(badge).assets_created(Badge)


def test_domains_are_found_and_made(tenant: Tenant) -> None:
    client = tenant.client
    retail = client.asset.find_domain_by_name("Retail", attributes=["parentDomainQualifiedName"])
    assert retail.parent_domain_qualified_name == client.asset.find_domain_by_name("Sales").qualified_name
    made = client.asset.save(DataDomain.creator(name="Logistics")).assets_created(DataDomain)[0]
    assert made.qualified_name.startswith("default/domain/")


def test_the_activity_log_shows_what_changed(tenant: Tenant) -> None:
    table = tenant.find("cart")
    tenant.client.asset.add_atlan_tags(Table, table.qualified_name, ["PII"])
    log = tenant.client.audit.search(AuditSearchRequest.by_guid(guid=table.guid, size=10, sort=[]))
    assert [entry.action.value for entry in log][:1] == ["CLASSIFICATION_ADD"]


def test_pages_through_more_than_one_page(tenant: Tenant) -> None:
    search = FluentSearch().where(CompoundQuery.asset_type(Column)).where(CompoundQuery.active_assets())
    search = search.page_size(300)
    guids = [column.guid for column in search.execute(tenant.client)]
    bulk = [column.guid for column in search.execute(tenant.client, bulk=True)]
    assert len(guids) == len(set(guids)) == search.count(tenant.client) > 700
    assert sorted(bulk) == sorted(guids)


def test_connections_are_found_by_name(tenant: Tenant) -> None:
    found = tenant.client.asset.find_connections_by_name("Snow", AtlanConnectorType.SNOWFLAKE)
    assert [connection.name for connection in found] == ["Snow"]
    assert isinstance(found[0], Connection)


def test_an_asset_is_archived_and_restored(tenant: Tenant) -> None:
    column = tenant.find("Y", Column)
    tenant.client.asset.delete_by_guid(column.guid)
    assert tenant.client.asset.get_by_guid(column.guid).status is EntityStatus.DELETED
    assert tenant.client.asset.restore(Column, column.qualified_name)
    assert tenant.find("Y", Column).guid == column.guid


def test_who_am_i(tenant: Tenant) -> None:
    assert tenant.client.user.get_current().username.startswith("service-account-apikey-")
    assert tenant.client.role_cache.get_id_for_name("$admin")


def test_a_missing_asset_and_a_bad_token_are_typed_errors(tenant: Tenant) -> None:
    with pytest.raises(NotFoundError, match="ATLAN-PYTHON-404"):
        tenant.client.asset.get_by_guid("6d0c0000-0000-4000-a000-000000000000")
    stranger = AtlanClient(base_url=tenant.url, api_key="not-a-token")
    with pytest.raises(AtlanError, match="401"):
        stranger.user.get_current()


def test_a_hidden_asset_is_a_permission_error(tenant: Tenant) -> None:
    hidden = tenant.system.state(name="HR.S.T")[0]["id"]
    with tenant.client.max_retries(Retry(total=0)), pytest.raises(PermissionError, match="ATLAS-403-00-001"):
        tenant.client.asset.get_by_guid(hidden)


def test_the_rate_limit_is_a_typed_error_when_the_body_has_a_code() -> None:
    switches = AtlanSwitches(retry_after=0, rate_limit_body="atlas")
    system = AtlanSystem(tiny_estate(), VirtualClock(), switches=switches, rate_limit_scale=1 / 400)
    with served(system) as url:
        client = AtlanClient(base_url=url, api_key=system.credentials()["token"])
        client.user.get_current()
        with client.max_retries(Retry(total=0)), pytest.raises(RateLimitError):
            client.user.get_current()
