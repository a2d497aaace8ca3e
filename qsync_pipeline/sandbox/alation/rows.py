"""The rows of data sources, schemas, tables and columns (alation-api.md §2.1, §2.2).

Structs, as a page holds a thousand of them and the encoder writes those fastest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from qsync_pipeline.sandbox.alation.fields import Fields
from qsync_pipeline.sandbox.alation.filters import table_name
from qsync_pipeline.sandbox.alation.keys import part
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.users import User


class ValueRow(msgspec.Struct, gc=False):
    """A custom field's value as it rides along on an object."""

    field_id: int
    field_name: str
    value: Any


class IndexRow(msgspec.Struct):
    isPrimaryKey: bool = False  # noqa: N815 - the vendor's spelling
    isForeignKey: bool = False  # noqa: N815 - the vendor's spelling
    referencedColumnId: str | None = None  # noqa: N815 - the vendor's spelling
    isOtherIndex: bool = False  # noqa: N815 - the vendor's spelling


class SchemaRow(msgspec.Struct):
    id: int
    name: str
    title: str
    description: str
    ds_id: int
    key: str
    url: str
    custom_fields: list[ValueRow]
    db_comment: str | None


class TableRow(msgspec.Struct):
    id: int
    name: str
    title: str
    description: str
    ds_id: int
    key: str
    url: str
    custom_fields: list[ValueRow]
    table_type: str
    schema_id: int
    schema_name: str
    base_table_key: str | None
    sql: str | None
    partition_columns: list[str]
    partition_definition: str | None
    table_comment: str | None


class ColumnRow(msgspec.Struct):
    id: int
    name: str
    title: str
    description: str
    ds_id: int
    key: str
    url: str
    custom_fields: list[ValueRow]
    column_type: str | None
    column_comment: str | None
    index: Any
    nullable: bool
    schema_id: int
    table_id: int
    table_name: str
    position: int | None


_NO_INDEX = IndexRow()


def values_of(node: Node, fields: Fields) -> list[ValueRow]:
    if not node.values:
        return []
    names = fields.names
    return [ValueRow(number, names[number], stored.value) for number, stored in node.values.items()]


def schema_row(node: Node, fields: Fields) -> SchemaRow:
    extra = node.extra
    return SchemaRow(
        node.id, node.name, extra.get("title", ""), extra.get("description", ""), node.data.id, node.key,
        node.url, values_of(node, fields), extra.get("db_comment"),
    )  # fmt: skip


def table_row(node: Node, fields: Fields) -> TableRow:
    extra, schema = node.extra, node.parent
    assert schema is not None
    return TableRow(
        node.id, node.name, extra.get("title", ""), extra.get("description", ""), node.data.id, node.key,
        node.url, values_of(node, fields), extra.get("table_type", "TABLE"), schema.id, schema.name,
        extra.get("base_table_key"), extra.get("sql"), extra.get("partition_columns", []),
        extra.get("partition_definition"), extra.get("table_comment"),
    )  # fmt: skip


class TableFacts(NamedTuple):
    """What all columns of a table share."""

    ds_id: int
    key: str
    schema_id: int
    id: int
    name: str


def facts_of(table: Node) -> TableFacts:
    schema = table.parent
    assert schema is not None
    return TableFacts(table.data.id, table.key, schema.id, table.id, table_name(table))


def column_row(node: Node, fields: Fields, facts: TableFacts) -> ColumnRow:
    extra, name = node.extra, node.name
    return ColumnRow(
        node.id, name, extra.get("title", ""), extra.get("description", ""), facts.ds_id,
        f"{facts.key}.{part(name)}", f"/attribute/{node.id}/", values_of(node, fields), node.column_type,
        extra.get("column_comment"), extra.get("index", _NO_INDEX), extra.get("nullable", True),
        facts.schema_id, facts.id, facts.name, node.position,
    )  # fmt: skip


_PORTS = {"postgresql": 5432, "sqlserver": 1433, "mysql": 3306}


def source_row(node: Node, owner: User, private: bool, extracted: str) -> dict[str, Any]:
    """A data source as either list shows it: what both have, then what each adds (§2.1)."""
    source = node.source
    assert source is not None
    port = _PORTS.get(source.connector)
    uri = f"{source.connector}://{source.host}" + (f":{port}" if port else "")
    row: dict[str, Any] = {
        "id": node.id,
        "title": node.name,
        "description": node.extra.get("description", ""),
        "uri": f"{uri}/{source.database}" if source.database else uri,
        "connector_id": None if source.native else 100 + sum(source.connector.encode()) % 97,
        "db_username": "svc_catalog",
        "qualified_name": "",
        "private": private,
        "is_hidden": False,
        "deleted": False,
        "owner_ids": [owner.id],
        "latest_extraction_time": extracted,
        "latest_extraction_successful": True,
        "cron_extraction": "0 2 * * *",
        "enabled_in_compose": True,
        "supports_compose": True,
        "limit_schemas": "",
        "exclude_schemas": "",
        "otype": "data",
        "url": node.url,
    }
    if source.native:
        row |= {
            "dbtype": source.connector,
            "host": source.host,
            "port": port,
            "dbname": source.database or "",
            "jdbc_driver": None,
            "is_virtual": False,
            "deployment_setup_complete": True,
        }
    return row
