"""From Atlan's entities to assets: names, tags, attributes, alerts, and what must not be trusted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from qsync_pipeline.catalogs.atlan.models import Entity, TypeDefs
from qsync_pipeline.catalogs.atlan.translate import Above, Translator, domain_tree
from qsync_pipeline.catalogs.atlan.types import AttributeIds, TagIndex, color_hex
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline_tests.catalogs.atlan.fake import CONN, row

TYPES = msgspec.convert(
    {
        "classificationDefs": [
            {"name": "hPII", "displayName": "PII", "description": "personal", "options": {"color": "Red"}},
            {"name": "hGold", "displayName": "Gold", "options": {"color": "#abcdef"}},
        ]
    },
    TypeDefs,
)
IDS = AttributeIds("set", {"Check Count": "cc", "Quality Score Total": "qt"})


def entity(*args: Any, **more: Any) -> Entity:
    return msgspec.convert(row(*args, **more), Entity)


def translate(one: Entity, **more: Any) -> CatalogAsset:
    asset = Translator(tags=TagIndex.of(TYPES), ids=IDS, **more).asset(one)
    assert asset is not None
    return asset


def tag(id: str, origin: str) -> dict[str, Any]:
    return {"typeName": id, "entityGuid": origin, "entityStatus": "ACTIVE", "displayName": "a newer key"}


def test_a_table_is_placed_by_its_denormalised_attributes_never_by_slashes() -> None:
    asset = translate(
        entity(
            7,
            attributes={
                "name": "a/b.c",
                "databaseName": "D/B",
                "schemaName": "S/1",
                "qualifiedName": f"{CONN}/D/B/S/1/a/b.c",
                "schemaQualifiedName": f"{CONN}/D/B/S/1",
            },
        )
    )
    assert (asset.level, asset.kind) == ("table", "Table")
    assert (asset.database, asset.schema, asset.table, asset.column) == ("D/B", "S/1", "a/b.c", None)
    assert asset.name == "a/b.c"
    assert asset.parent_id == f"{CONN}/D/B/S/1"
    assert (asset.connection, asset.connector, asset.updated) == (CONN, "snowflake", 2007)


@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_column_belongs_to_its_table_or_view(kind: str) -> None:
    names = {f"{kind}Name": "T", f"{kind}QualifiedName": f"{CONN}/DB/S/T"}
    asset = translate(entity(1, "Column", attributes={"name": "C", **names}))
    assert (asset.level, asset.table, asset.column, asset.parent_id) == ("column", "T", "C", f"{CONN}/DB/S/T")


def test_a_column_inside_a_struct_column_is_skipped() -> None:
    nested = entity(
        1, "Column", attributes={"tableName": "T", "parentColumnQualifiedName": f"{CONN}/DB/S/T/C"}
    )
    assert Translator().asset(nested) is None


@pytest.mark.parametrize("kind", ["View", "MaterialisedView", "SnowflakeDynamicTable", "IcebergTable"])
def test_every_table_like_type_is_a_table(kind: str) -> None:
    assert translate(entity(1, kind)).level == "table"


def test_other_types_are_no_assets_of_ours() -> None:
    assert Translator().asset(entity(1, "Procedure")) is None


def test_missing_names_come_from_the_assets_above() -> None:
    schema = translate(entity(1, "Schema", attributes={"name": "S", "qualifiedName": f"{CONN}/DB/S"}))
    bare = entity(2, attributes={"databaseName": None, "schemaName": None, "connectionQualifiedName": None})
    asset = translate(bare, above=Above(hosts={CONN: "acme.example"}, schemas={f"{CONN}/DB/S": schema}))
    assert (asset.database, asset.schema, asset.host) == ("DB", "S", "acme.example")
    assert asset.connection == CONN


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("kind", ["Database", "Schema", "Table", "Column"])
def test_an_asset_that_does_not_tell_its_connection_is_of_the_one_in_its_name(kind: str) -> None:
    names = {"qualifiedName": f"{CONN}/DB/S/T/C", "connectionQualifiedName": None, "connectorName": None}
    asset = translate(entity(1, kind, attributes=names))
    assert (asset.connection, asset.connector) == (CONN, "snowflake")
    made_by_hand = translate(entity(1, kind, attributes={**names, "qualifiedName": "DB/S"}))
    assert (made_by_hand.connection, made_by_hand.connector) == ("", "")


def test_a_tag_is_direct_when_it_was_attached_here_and_direct_wins() -> None:
    tags = [tag("hPII", "elsewhere"), tag("hPII", "guid-0001"), tag("hGold", "elsewhere")]
    asset = translate(entity(1, classifications=tags, classificationNames=["hPII", "hGold"]))
    assert [(t.name, t.id, t.origin, t.color, t.description) for t in asset.tags] == [
        ("PII", "hPII", "direct", "#BF1B1B", "personal"),
        ("Gold", "hGold", "propagated", "#abcdef", None),
    ]
    assert asset.complete


@pytest.mark.rule("5.2", "Source-tag values of Atlan")
def test_values_of_source_tags_are_ignored() -> None:
    valued = {**tag("hPII", "guid-0001"), "attributes": {"hX": [{"typeName": "SourceTagAttachment"}]}}
    assert [t.name for t in translate(entity(1, classifications=[valued])).tags] == ["PII"]


def test_an_asset_with_a_tag_that_cannot_be_named_is_not_complete() -> None:
    asset = translate(entity(1, classifications=[tag("hPII", "guid-0001"), tag("hNew", "guid-0001")]))
    assert [t.name for t in asset.tags] == ["PII"]
    assert asset.readable
    assert not asset.complete


def test_a_tag_that_is_only_named_is_not_complete_either() -> None:
    assert not translate(entity(1, classificationNames=["hPII"])).complete


@pytest.mark.parametrize(
    "mark", [{"scrubbed": True}, {"scrubbed": "true"}, {"isScrubbed": True}, {"guid": "-1"}]
)
def test_a_scrubbed_row_shows_nothing_and_proves_nothing(mark: dict[str, Any]) -> None:
    asset = translate(entity(1, classifications=[tag("hPII", "guid-0001")], **mark))
    assert (asset.readable, asset.complete, asset.tags, asset.attributes) == (False, False, (), {})
    assert asset.name == "T1"


def test_a_scrubbed_row_that_keeps_only_its_names_still_finds_its_place() -> None:
    schema = translate(entity(1, "Schema", attributes={"name": "S/1", "qualifiedName": f"{CONN}/DB/S/1"}))
    left = {"name": "T/2", "qualifiedName": f"{CONN}/DB/S/1/T/2", "schemaQualifiedName": None}
    left |= {"databaseName": None, "schemaName": None}
    asset = translate(
        entity(2, scrubbed=True, attributes=left), above=Above(schemas={schema.qualified_name: schema})
    )
    assert (asset.database, asset.schema, asset.table) == ("DB", "S/1", "T/2")
    assert asset.parent_id == schema.qualified_name


def test_rows_hidden_down_to_their_guid_keep_apart() -> None:
    ids = {translate(entity(n, guid="-1")).id for n in (1, 2)}
    assert len(ids) == 2


def test_values_are_read_from_search_rows_and_from_guid_reads_alike() -> None:
    flat = translate(entity(1, attributes={"set.cc": 3, "set.qt": None, "other.cc": 9}))
    nested = translate(entity(1, businessAttributes={"set": {"cc": 3, "qt": None}, "other": {"cc": 9}}))
    assert flat.attributes == nested.attributes == {"Check Count": 3}


def test_without_definitions_no_values_are_read() -> None:
    asset = Translator().asset(entity(1, attributes={"set.cc": 3}))
    assert asset is not None
    assert asset.attributes == {}


def test_an_announcement_is_an_alert_with_its_author() -> None:
    alert = translate(
        entity(
            1,
            attributes={
                "announcementType": "warning",
                "announcementTitle": "Two",
                "announcementMessage": "<p>anomalies</p>",
                "announcementUpdatedBy": "ada",
            },
        )
    ).alert
    assert alert is not None
    assert (alert.type, alert.title, alert.text, alert.by) == ("warning", "Two", "<p>anomalies</p>", "ada")
    assert translate(entity(1, attributes={"announcementUpdatedBy": "ada"})).alert is None


def test_the_domain_is_the_one_on_the_asset_itself() -> None:
    assert translate(entity(1, attributes={"domainGUIDs": ["d1"]})).domain == "d1"
    assert translate(entity(1, attributes={"domainGUIDs": []})).domain is None


def test_domains_are_linked_by_id_and_a_hidden_one_is_a_gap() -> None:
    finance = entity(
        1, "DataDomain", attributes={"name": "Finance", "qualifiedName": "default/domain/a/super"}
    )
    risk = entity(
        2,
        "DataDomain",
        attributes={
            "name": "Risk",
            "qualifiedName": "default/domain/a/super/domain/b",
            "parentDomainQualifiedName": "default/domain/a/super",
        },
    )
    tree, gap = domain_tree([risk, finance])
    assert [(d.name, d.parent) for d in tree] == [("Risk", "guid-0001"), ("Finance", None)]
    assert gap is None
    assert "1 domain" in (domain_tree([risk])[1] or "")


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_domain_whose_parent_is_not_answered_is_below_the_one_in_its_name() -> None:
    names = ("default/domain/a/super", "default/domain/a/super/domain/b")
    both = [
        entity(n, "DataDomain", attributes={"name": f"D{n}", "qualifiedName": name})
        for n, name in enumerate(names, 1)
    ]
    tree, gap = domain_tree(both)
    assert [one.parent for one in tree] == [None, "guid-0001"]
    assert gap is None


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_domain_without_its_id_is_a_gap() -> None:
    named = entity(1, "DataDomain", attributes={"name": "Finance", "qualifiedName": "default/domain/a/super"})
    tree, gap = domain_tree([msgspec.structs.replace(named, guid="")])
    assert tree == ()
    assert "1 domain" in (gap or "")


@pytest.mark.parametrize(
    ("given_", "hex"),
    [
        ("Green", "#047960"),
        ("Yellow", "#F7B43D"),
        ("red", "#BF1B1B"),
        ("Gray", "#525C73"),
        ("#12ab9f", "#12ab9f"),
        ("#12ab9", None),
        ("mauve", None),
        (None, None),
        (7, None),
    ],
)
def test_colours_are_mapped_and_hex_passes(given_: object, hex: str | None) -> None:
    assert color_hex(given_) == hex
