"""Compact schemas: from a few lines of text to tables with typed columns.

A table is a head and its columns, ``[view|mview|dynamic ]name[ prefix] | column column:type ...``;
indented lines go on. ``~`` stands for a blank in a name, ``{01..12}`` repeats a column, ``@group`` is one of
:data:`GROUPS`. A column without a type gets one from its name, ``customer_id`` Integral, ``ShipDate`` Date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from qsync_pipeline.sandbox.estate.model import ColumnSpec, TableKind, TableSpec

Style = Literal["upper", "lower", "as_is"]

TYPES = {
    "i": "Integral",
    "n": "Fractional",
    "s": "String",
    "d": "Date",
    "t": "Timestamp",
    "b": "Boolean",
    "x": "Unknown",
}
"""One-letter codes of the Qualytics field types (qualytics-api.md §2.3)."""

GROUPS = {
    "audit": "created_at created_by updated_at updated_by source_system batch_id is_deleted deleted_at",
    "address": "street city state postal_code country_code",
    "scd": "valid_from:t valid_to:t is_current row_version:i",
    "load": "load_id loaded_at loaded_by record_source record_hash source_file",
    "contact": "first_name last_name email phone",
    "money": "gross_amount discount_amount tax_amount net_amount currency_code",
}
"""Columns that come together in a business's own marts."""

_KINDS: dict[str, TableKind] = {"view": "view", "mview": "materialised_view", "dynamic": "dynamic_table"}


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_INTEGRAL = _set(
    "id sk key count qty quantity year month week quarter hour minute seconds minutes hours days age num "
    "rank number version level units unit rating points length lines attempts seats"
)
_FRACTIONAL = _set(
    "amt amount price cost tax rate pct percent total balance value score lat lon latitude longitude revenue "
    "margin discount fee weight ratio spend charge fare freight salary budget profit paid loss limit share "
    "premium forecast variance"
)
_DATES = _set("date dob birthday birthdate deathdate")
_TIMES = _set("at ts time timestamp datetime")
_FLAGS = _set("is has can opted")

_NATIVE: dict[str, dict[str, str]] = {
    "snowflake": {
        "Integral": "NUMBER(38,0)",
        "Fractional": "NUMBER(18,4)",
        "String": "VARCHAR(16777216)",
        "Timestamp": "TIMESTAMP_NTZ(9)",
        "Unknown": "VARIANT",
    },
    "postgresql": {
        "Integral": "bigint",
        "Fractional": "numeric(18,4)",
        "String": "character varying",
        "Date": "date",
        "Timestamp": "timestamp without time zone",
        "Boolean": "boolean",
        "Unknown": "jsonb",
    },
    "sqlserver": {
        "Integral": "int",
        "Fractional": "decimal(18,4)",
        "String": "nvarchar(256)",
        "Date": "date",
        "Timestamp": "datetime2",
        "Boolean": "bit",
        "Unknown": "xml",
    },
    "bigquery": {
        "Integral": "INT64",
        "Fractional": "NUMERIC",
        "String": "STRING",
        "Boolean": "BOOL",
        "Unknown": "JSON",
    },
    "databricks": {
        "Integral": "bigint",
        "Fractional": "decimal(18,4)",
        "String": "string",
        "Date": "date",
        "Timestamp": "timestamp",
        "Boolean": "boolean",
        "Unknown": "struct",
    },
    "mysql": {
        "Integral": "int",
        "Fractional": "decimal(12,2)",
        "String": "varchar(255)",
        "Date": "date",
        "Timestamp": "datetime",
        "Boolean": "tinyint(1)",
        "Unknown": "json",
    },
}
_ANSI = {
    "Integral": "BIGINT",
    "Fractional": "DECIMAL(18,4)",
    "String": "VARCHAR",
    "Date": "DATE",
    "Timestamp": "TIMESTAMP",
    "Boolean": "BOOLEAN",
    "Unknown": "BLOB",
}
_REPEAT = re.compile(r"\{(\d+)\.\.(\d+)\}")


def words(name: str) -> list[str]:
    """The lower-case words of a snake_case or CamelCase name."""
    return [w for w in re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()) if w]


@lru_cache(maxsize=8192)
def type_of(name: str) -> str:
    """The Qualytics field type that a column's name suggests."""
    parts = words(name) or [""]
    last = parts[-1]
    if parts[0] in _FLAGS or last == "flag":
        return "Boolean"
    for kind, vocabulary in (
        ("Integral", _INTEGRAL),
        ("Fractional", _FRACTIONAL),
        ("Date", _DATES),
        ("Timestamp", _TIMES),
    ):
        if last in vocabulary:
            return kind
    return "String"


def native_type(connector: str, field_type: str) -> str:
    """What the source itself calls a type of column."""
    return _NATIVE.get(connector, {}).get(field_type) or _ANSI[field_type]


def spelled(name: str, style: Style) -> str:
    """A name as a source spells it that folds names to one case, or one that does not."""
    if style == "as_is":
        return name
    return name.upper() if style == "upper" else name.lower()


def _columns(text: str, prefix: str) -> Iterator[tuple[str, str]]:
    for token in text.split():
        if token.startswith("@"):
            yield from _columns(GROUPS[token[1:]], prefix)
            continue
        name, _, code = token.partition(":")
        name = prefix + name.replace("~", " ")
        repeat = _REPEAT.search(name)
        names = [name]
        if repeat:
            first, last = repeat.group(1), repeat.group(2)
            names = [
                name[: repeat.start()] + str(n).zfill(len(first)) + name[repeat.end() :]
                for n in range(int(first), int(last) + 1)
            ]
        for each in names:
            yield each, TYPES[code] if code else type_of(each)


def parse(text: str, connector: str, style: Style = "as_is") -> list[TableSpec]:
    """Tables of a compact schema, spelled in ``style``, with the connector's native types. No quality yet."""
    tables = []
    for line in re.sub(r"\n\s+", " ", text.strip()).splitlines():
        head, _, body = line.partition("|")
        parts = head.split()
        kind: TableKind = _KINDS[parts.pop(0)] if parts[0] in _KINDS else "table"
        prefix = parts[1] if len(parts) > 1 else ""
        columns = [
            ColumnSpec(spelled(name, style), kind_of, native_type(connector, kind_of))
            for name, kind_of in _columns(body, prefix)
        ]
        tables.append(TableSpec(spelled(parts[0].replace("~", " "), style), kind, columns=columns))
    return tables
