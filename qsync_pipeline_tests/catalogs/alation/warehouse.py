"""Ready-made answers of an Alation with one data source of one schema, for measuring how fast it is read.

Rows have all that Alation shows, what nobody reads included (alation-api.md §2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from qsync_pipeline.config import AlationConfig, load_config
from qsync_pipeline.core.rows import ATTRIBUTES
from qsync_pipeline_tests.catalogs.alation.pages import Page, Pages

PAGE = 1_000
FIELDS = {name: 10_000 + n for n, name in enumerate(ATTRIBUTES)}
"""Our custom fields: canonical attribute to id."""
TAGS = 20
EACH_TAGGED = 500
"""Columns that each of the tags is on."""
COLUMNS_OF_A_TABLE = 20


def pages(columns: int = 50_000, values: int = 12) -> Pages:
    """Answers to everything that is asked when a datastore is read.

    Every table and column carries so many of our values; every table has three health rows, every tenth one
    a flag of ours, and every fifth is excluded from the domain that its schema is in.
    """
    tables = columns // COLUMNS_OF_A_TABLE
    shown = [
        {"field_id": FIELDS[name], "field_name": f"Qualytics {name}", "value": f"<p>{90 + n / 10}</p>"}
        for n, name in enumerate(ATTRIBUTES[:values])
    ]
    schema = {"id": 5, "name": "EDW.PUBLIC", "ds_id": 6, "key": "6.EDW.PUBLIC", "custom_fields": shown}
    source = {"id": 6, "title": "EDW", "uri": "snowflake://acme.snowflakecomputing.com/EDW"}
    me = {"id": 42, "display_name": "Qsync", "role": "CATALOG_ADMIN"}
    rules = [{"domain_id": 1, "exclude": False, "otype": "schema", "oid": 5, "recursive": True}] + [
        {"domain_id": 1, "exclude": True, "otype": "table", "oid": n, "recursive": True}
        for n in range(1, tables + 1, 5)
    ]
    token = {"user_id": 42, "token_status": "ACTIVE", "token_expires_at": "2099-01-01T00:00:00.000000Z"}
    access = {**token, "api_access_token": "obviously-fake", "created_at": "2026-01-01T00:00:00.000000Z"}
    found = {
        "/integration/v1/createAPIAccessToken/ ": Page(msgspec.json.encode(access)),
        "/integration/v1/validateRefreshToken/ ": Page(msgspec.json.encode(token)),
        "/integration/v1/userinfo/ ": Page(msgspec.json.encode(me)),
        **_paged("/integration/v2/datasource/", [source]),
        **_paged("/integration/v2/schema/", [schema]),
        **_paged("/integration/v2/table/", [_table(n, shown) for n in range(1, tables + 1)]),
        **_paged("/integration/v2/column/", [_column(n, tables, shown) for n in range(1, columns + 1)]),
        **_paged("/integration/v2/domain/", [{"id": 1, "title": "Sales", "parent_id": None}]),
        **_paged("/integration/v2/domain/membership/view_rules/", rules),
        **_paged("/integration/flag/", [_flag(n, me) for n in range(1, tables + 1, 10)]),
        **_paged("/integration/v1/data_quality/values/", [_health(n) for n in range(3 * tables)]),
    }
    tags = [
        {"id": n, "name": f"Tag {n}", "description": "", "number_of_objects_tagged": EACH_TAGGED}
        for n in range(1, TAGS + 1)
    ]
    found |= _paged("/integration/tag/", tags)
    for tag in tags:
        carriers = range(1, columns + 1, max(1, columns // EACH_TAGGED))
        rows = [{"subject": {"id": n, "otype": "attribute"}, "ts_tagged": "2026-01-01"} for n in carriers]
        found |= _paged(f"/integration/tag/Tag%20{tag['id']}/subject/", rows)
    return found


def config(directory: Path, url: str) -> AlationConfig:
    """The config of an integration on that server, with a request budget that never runs out."""
    (directory / "token").write_text("obviously-fake-token\n", encoding="utf-8")
    (directory / "qsync.yaml").write_text(
        f"qualytics: {{url: 'http://127.0.0.1:9', token: {{file: token}}}}\n"
        f"integrations: [{{name: alation, type: alation, url: '{url}', user_id: 42,"
        " refresh_token: {file: token}, requests_per_minute: 10000}]\n",
        encoding="utf-8",
    )
    (found,) = load_config(directory / "qsync.yaml").integrations
    assert isinstance(found, AlationConfig)
    return found


def _paged(path: str, rows: Sequence[dict[str, Any]]) -> dict[str, Page]:
    """Ids count from 1 without a gap, so "after this id" and "skip so many" are one number.

    Pages that begin with the last row of the one before are there, as our client asks for them, and such
    that begin behind it, as the vendor's SDK does.
    """
    return {
        f"{path} {start or ''}": Page(
            msgspec.json.encode(rows[start : start + PAGE]),
            f"{path}?limit={PAGE}&skip={start + PAGE}" if start + PAGE < len(rows) else "",
        )
        for start in {*range(0, max(len(rows), 1), PAGE - 1), *range(0, len(rows), PAGE)}
    }


def _table(n: int, shown: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": n, "name": f"TABLE_{n}", "title": "", "description": "", "ds_id": 6, "schema_id": 5,
        "key": f"6.EDW.PUBLIC.TABLE_{n}", "url": f"/table/{n}/", "custom_fields": shown,
        "table_type": "TABLE", "schema_name": "EDW.PUBLIC", "sql": None, "table_comment": None,
        "base_table_key": None, "partition_definition": None, "partition_columns": None,
    }  # fmt: skip


def _column(n: int, tables: int, shown: list[dict[str, Any]]) -> dict[str, Any]:
    table = n % tables + 1
    return {
        "id": n, "name": f"COLUMN_{n}", "title": "", "description": "", "ds_id": 6, "schema_id": 5,
        "key": f"6.EDW.PUBLIC.TABLE_{table}.COLUMN_{n}", "url": f"/attribute/{n}/",
        "custom_fields": shown, "column_type": "VARCHAR(100)", "column_comment": None, "nullable": True,
        "index": {"isPrimaryKey": False, "isForeignKey": False, "referencedColumnId": None},
        "table_id": table, "table_name": f"edw.public.table_{table}", "position": 7,
    }  # fmt: skip


def _flag(n: int, me: dict[str, Any]) -> dict[str, Any]:
    reason = (
        f'<p>3 active anomalies</p><p>See <a href="https://q.example/{n}?qsync=alation">Qualytics</a></p>'
    )
    return {
        "id": n, "flag_type": "WARNING", "flag_reason": reason, "subject": {"id": n, "otype": "table"},
        "user": me, "ts_created": "2026-01-01T00:00:00.000000Z", "flag_object_url": f"/table/{n}/",
    }  # fmt: skip


def _health(n: int) -> dict[str, Any]:
    table = n // 3 + 1
    return {
        "field_key": f"qsync.alation.check:{n}", "field_name": "notNull", "field_description": "Never empty",
        "object_key": f"6.edw.public.table_{table}", "object_name": f"table_{table}", "otype": "table",
        "oid": table, "source_otype": "table", "source_oid": table, "value_id": n, "value_value": 2,
        "value_quality": "ALERT", "value_last_updated": "2026-01-01T00:00:00.000000Z",
    }  # fmt: skip
