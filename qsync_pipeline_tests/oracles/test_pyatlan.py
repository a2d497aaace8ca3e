"""The vendor's two SDKs for Python work unchanged against the sandbox (atlan-api.md §6.4, oracle set)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from httpx_retries import Retry

from qsync_pipeline.sandbox.atlan import AtlanSwitches, AtlanSystem
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline_tests.oracles.atlan_server import served
from qsync_pipeline_tests.oracles.pyatlan_sdks import Sdk
from qsync_pipeline_tests.sandbox.atlan.estate import tiny_estate

NO_LAG = AtlanSwitches(index_lag=0, audit_lag=0, propagation_lag=0)


class Tenant:
    """One sandbox with a client of one SDK on it."""

    def __init__(self, url: str, system: AtlanSystem, sdk: Sdk) -> None:
        self.url, self.system, self.sdk = url, system, sdk
        self.client = sdk.AtlanClient(base_url=url, api_key=system.credentials()["token"])

    def find(self, name: str, kind: Any = None, *extra: object) -> Any:
        """The one active asset of this type (a table) and name."""
        sdk = self.sdk
        kind = kind or sdk.Table
        search = (
            sdk.FluentSearch()
            .where(sdk.CompoundQuery.active_assets())
            .where(sdk.CompoundQuery.asset_type(kind))
        )
        search = search.where(sdk.Asset.NAME.eq(name)).include_on_results(sdk.Asset.CONNECTION_QUALIFIED_NAME)
        for field in (
            *extra,
            sdk.Asset.ANNOUNCEMENT_TYPE,
            sdk.Asset.ANNOUNCEMENT_TITLE,
            sdk.Asset.ANNOUNCEMENT_UPDATED_BY,
        ):
            search = search.include_on_results(field)
        found = list(search.execute(self.client))
        exact = [asset for asset in found if asset.name == name]
        assert len(exact) == 1, [asset.qualified_name for asset in found]
        return exact[0]

    def tag(self, name: str, path: str, tag: str, kind: Any = None) -> None:
        """Put it there: by the SDK, but that of v9 11.6.0 fails before it sends anything."""
        if self.sdk.is_v9:
            self.system.mutate({"do": "tag", "asset": path, "tag": tag})
        else:
            found = self.find(name, kind)
            self.client.asset.add_atlan_tags(type(found), found.qualified_name, [tag])

    def untag(self, name: str, path: str, tag: str, kind: Any = None) -> None:
        """Take it off, in the same way."""
        if self.sdk.is_v9:
            self.system.mutate({"do": "untag", "asset": path, "tag": tag})
        else:
            found = self.find(name, kind)
            self.client.asset.remove_atlan_tag(type(found), found.qualified_name, tag)


@pytest.fixture(scope="module", params=["pyatlan", "pyatlan_v9"])
def sdk(request: pytest.FixtureRequest) -> Sdk:
    return Sdk(request.param)


@pytest.fixture(scope="module")
def tenant(sdk: Sdk) -> Iterator[Tenant]:
    system = AtlanSystem(
        tiny_estate(columns=700), VirtualClock(), switches=NO_LAG, seed=1, rate_limit_scale=100
    )
    with served(system) as url:
        yield Tenant(url, system, sdk)


def make_set(tenant: Tenant, name: str) -> None:
    client, sdk = tenant.client, tenant.sdk
    definition = sdk.maker(sdk.CustomMetadataDef)(display_name=name)
    text = sdk.maker(sdk.AttributeDef)(
        client=client, display_name="URL", attribute_type=sdk.AtlanCustomAttributePrimitiveType.URL
    )
    score = sdk.maker(sdk.AttributeDef)(
        client=client, display_name="Score", attribute_type=sdk.AtlanCustomAttributePrimitiveType.DECIMAL
    )
    definition.attribute_defs = [text, score]
    definition.options = sdk.CustomMetadataDef.Options.with_logo_as_emoji("🔎", locked=False)
    created = sdk.maker(client.typedef)(definition)
    assert [one.display_name for one in created.custom_metadata_defs] == [name]


def test_finds_a_table_by_name_with_its_tags_and_parents(tenant: Tenant, sdk: Sdk) -> None:
    table = tenant.find("ORDERS", sdk.Table, sdk.Table.SCHEMA_NAME, sdk.Table.DATABASE_NAME)
    assert (table.database_name, table.schema_name) == ("SALES", "PUBLIC")
    assert sdk.tag_names(table) == {"PII", "SENSITIVITY"}


def test_reads_source_tag_values(tenant: Tenant, sdk: Sdk) -> None:
    table = tenant.client.asset.get_by_guid(tenant.find("ORDERS").guid, sdk.Table)
    tag = next(tag for tag in sdk.tags(table) if str(tag.type_name) == "SENSITIVITY")
    assert tag.source_tag_attachments[0].source_tag_value[0].tag_attachment_value == "HIGH"


def test_a_propagated_tag_names_its_origin(tenant: Tenant, sdk: Sdk) -> None:
    column = tenant.find("E.MAIL", sdk.Column)
    assert [tag.entity_guid for tag in sdk.tags(column)] != [column.guid]


def test_reads_other_tools_custom_metadata(tenant: Tenant, sdk: Sdk) -> None:
    attributes = tenant.client.custom_metadata_cache.get_attributes_for_search_results("Soda")
    search = (
        sdk.FluentSearch().where(sdk.Asset.NAME.eq("ORDERS")).where(sdk.CompoundQuery.asset_type(sdk.Table))
    )
    request = search.to_request()
    request.attributes = attributes
    found = [table for table in tenant.client.asset.search(request) if table.name == "ORDERS"]
    assert found[0].get_custom_metadata(client=tenant.client, name="Soda")["Health"] == 65.5


def test_creates_a_set_and_merges_and_clears_values_in_a_batch(tenant: Tenant, sdk: Sdk) -> None:
    client = tenant.client
    make_set(tenant, "Quality")
    names = {
        one.display_name
        for one in client.custom_metadata_cache.get_custom_metadata_def("Quality").attribute_defs
    }
    assert names == {"URL", "Score"}
    table = tenant.find("DYN", sdk.SnowflakeDynamicTable)

    def write(score: float | None) -> None:
        update = table.trim_to_required()
        values = sdk.CustomMetadataDict(client=client, name="Quality")
        values["Score"] = score
        values["URL"] = "https://acme.example/1"
        update.set_custom_metadata(custom_metadata=values, client=client)
        batch = sdk.Batch(client, max_size=20, custom_metadata_handling=sdk.CustomMetadataHandling.MERGE)
        batch.add(update)
        batch.flush()
        assert not batch.failures

    def read() -> Any:
        return client.asset.get_by_guid(table.guid).get_custom_metadata(client=client, name="Quality")

    write(97.5)
    assert (read()["Score"], read()["URL"]) == (97.5, "https://acme.example/1")
    write(None)
    assert (read()["Score"], read()["URL"]) == (None, "https://acme.example/1")
    client.asset.remove_custom_metadata(table.guid, "Quality")
    assert read()["URL"] is None


def test_a_wrong_value_type_is_refused(tenant: Tenant, sdk: Sdk) -> None:
    make_set(tenant, "Strict")
    values = sdk.CustomMetadataDict(client=tenant.client, name="Strict")
    values["Score"] = "high"
    with pytest.raises(sdk.NotFoundError, match="ATLAS-404-00-007"):
        tenant.client.asset.update_custom_metadata_attributes(tenant.find("ORDERS").guid, values)


def test_an_announcement_is_set_and_cleared(tenant: Tenant, sdk: Sdk) -> None:
    table = tenant.find("ORDERS")
    banner = sdk.Announcement(
        announcement_type=sdk.AnnouncementType.ISSUE,
        announcement_title="2 anomalies",
        announcement_message="See",
    )
    tenant.client.asset.update_announcement(sdk.Table, table.qualified_name, table.name, banner)
    seen = tenant.find("ORDERS")
    assert (seen.announcement_type, seen.announcement_title) == (sdk.AnnouncementType.ISSUE, "2 anomalies")
    assert seen.announcement_updated_by.startswith("service-account-apikey-")
    tenant.client.asset.remove_announcement(sdk.Table, table.qualified_name, table.name)
    assert not tenant.find("ORDERS").announcement_type


def test_a_tag_definition_lives_on_an_asset_and_goes(tenant: Tenant, sdk: Sdk) -> None:
    client = tenant.client
    sdk.maker(client.typedef)(sdk.maker(sdk.AtlanTagDef)(name="Gold", color=sdk.AtlanTagColor.YELLOW))
    assert client.atlan_tag_cache.get_id_for_name("Gold")
    tenant.tag("X", "SALES.PUBLIC.A/B.X", "Gold", sdk.Column)
    assert sdk.tag_names(tenant.find("X", sdk.Column)) == {"Gold"}
    with pytest.raises(sdk.AtlanError, match="ATLAS-409-00-002"):
        client.typedef.purge("Gold", sdk.AtlanTagDef)
    tenant.untag("X", "SALES.PUBLIC.A/B.X", "Gold", sdk.Column)
    assert not sdk.tags(tenant.find("X", sdk.Column))
    client.typedef.purge("Gold", sdk.AtlanTagDef)
    assert client.atlan_tag_cache.get_id_for_name("Gold") is None


def test_a_badge_is_made_once(tenant: Tenant, sdk: Sdk) -> None:
    make_set(tenant, "Badged")
    condition = sdk.maker(sdk.BadgeCondition)(
        badge_condition_operator=sdk.BadgeComparisonOperator.GTE,
        badge_condition_value="80",
        badge_condition_colorhex=sdk.BadgeConditionColor.GREEN,
    )
    badge = sdk.Badge.creator(
        client=tenant.client,
        name="Score",
        cm_name="Badged",
        cm_attribute="Score",
        badge_conditions=[condition],
    )
    first = tenant.client.asset.save(badge)
    assert len(first.assets_created(sdk.Badge)) == 1
    assert not tenant.client.asset.save(badge).assets_created(sdk.Badge)


def test_domains_are_found_and_made(tenant: Tenant, sdk: Sdk) -> None:
    client = tenant.client
    retail = client.asset.find_domain_by_name("Retail", attributes=["parentDomainQualifiedName"])
    assert retail.parent_domain_qualified_name == client.asset.find_domain_by_name("Sales").qualified_name
    made = client.asset.save(sdk.DataDomain.creator(name="Logistics")).assets_created(sdk.DataDomain)[0]
    assert made.qualified_name.startswith("default/domain/")


def test_the_activity_log_shows_what_changed(tenant: Tenant, sdk: Sdk) -> None:
    table = tenant.find("cart")
    tenant.tag("cart", "DEFAULT.shop.cart", "PII")
    log = tenant.client.audit.search(sdk.AuditSearchRequest.by_guid(guid=table.guid, size=10, sort=[]))
    assert [entry.action.value for entry in log][:1] == ["CLASSIFICATION_ADD"]


def test_pages_through_more_than_one_page(tenant: Tenant, sdk: Sdk) -> None:
    search = (
        sdk.FluentSearch()
        .where(sdk.CompoundQuery.asset_type(sdk.Column))
        .where(sdk.CompoundQuery.active_assets())
    )
    search = search.page_size(300)
    guids = [column.guid for column in search.execute(tenant.client)]
    bulk = [column.guid for column in search.execute(tenant.client, bulk=True)]
    assert len(guids) == len(set(guids)) == search.count(tenant.client) > 700
    assert sorted(bulk) == sorted(guids)


def test_connections_are_found_by_name(tenant: Tenant, sdk: Sdk) -> None:
    found = tenant.client.asset.find_connections_by_name("Snow", sdk.AtlanConnectorType.SNOWFLAKE)
    assert [connection.name for connection in found] == ["Snow"]
    assert isinstance(found[0], sdk.Connection)


def test_an_asset_is_archived_and_restored(tenant: Tenant, sdk: Sdk) -> None:
    column = tenant.find("Y", sdk.Column)
    tenant.client.asset.delete_by_guid(column.guid)
    assert tenant.client.asset.get_by_guid(column.guid).status == sdk.EntityStatus.DELETED.value
    assert tenant.client.asset.restore(sdk.Column, column.qualified_name)
    assert tenant.find("Y", sdk.Column).guid == column.guid


def test_who_am_i(tenant: Tenant) -> None:
    assert tenant.client.user.get_current().username.startswith("service-account-apikey-")
    assert tenant.client.role_cache.get_id_for_name("$admin")


def test_a_missing_asset_and_a_bad_token_are_typed_errors(tenant: Tenant, sdk: Sdk) -> None:
    with pytest.raises(sdk.NotFoundError, match="ATLAN-PYTHON-404"):
        tenant.client.asset.get_by_guid("6d0c0000-0000-4000-a000-000000000000")
    stranger = sdk.AtlanClient(base_url=tenant.url, api_key="not-a-token")
    with pytest.raises(sdk.AtlanError, match="401"):
        stranger.user.get_current()


def test_a_hidden_asset_is_a_permission_error(tenant: Tenant, sdk: Sdk) -> None:
    hidden = tenant.system.state(name="HR.S.T")[0]["id"]
    with (
        tenant.client.max_retries(Retry(total=0)),
        pytest.raises(sdk.PermissionError, match="ATLAS-403-00-001"),
    ):
        tenant.client.asset.get_by_guid(hidden)


def test_the_rate_limit_is_a_typed_error_when_the_body_has_a_code(sdk: Sdk) -> None:
    switches = AtlanSwitches(retry_after=0, rate_limit_body="atlas")
    system = AtlanSystem(tiny_estate(), VirtualClock(), switches=switches, rate_limit_scale=1 / 400)
    with served(system) as url:
        client = sdk.AtlanClient(base_url=url, api_key=system.credentials()["token"])
        client.user.get_current()
        with client.max_retries(Retry(total=0)), pytest.raises(sdk.RateLimitError):
            client.user.get_current()
