"""Which Alation database type is which Qualytics connector.

Alation names a source's type as ``dbtype`` (native connectors) or by the scheme of its URI (OCF connectors,
alation-api.md §2.1). Neither list is published; the names here are those of the drivers. Qualytics' types
are those of qualytics-api.md §2.1.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from qsync_pipeline.catalogs.alation.models import DataSource

FAMILIES: dict[str, frozenset[str]] = {
    "snowflake": frozenset({"snowflake"}),
    "postgresql": frozenset({"postgresql", "postgres", "timescale"}),
    "postgres": frozenset({"postgresql", "postgres", "timescale"}),
    "greenplum": frozenset({"postgresql", "postgres"}),
    "redshift": frozenset({"redshift"}),
    "sqlserver": frozenset({"sqlserver", "mssql", "synapse"}),
    "mssql": frozenset({"sqlserver", "mssql", "synapse"}),
    "jtds": frozenset({"sqlserver", "mssql"}),
    "azuresqldb": frozenset({"sqlserver", "mssql"}),
    "azuresqldw": frozenset({"synapse", "sqlserver"}),
    "synapse": frozenset({"synapse", "sqlserver"}),
    "fabric": frozenset({"fabric"}),
    "bigquery": frozenset({"bigquery"}),
    "googlebigquery": frozenset({"bigquery"}),
    "databricks": frozenset({"databricks", "databricks_native", "unity_native"}),
    "databricksunitycatalog": frozenset({"databricks", "databricks_native", "unity_native"}),
    "spark": frozenset({"databricks", "hive"}),
    "mysql": frozenset({"mysql", "mariadb"}),
    "mariadb": frozenset({"mariadb", "mysql"}),
    "athena": frozenset({"athena"}),
    "awsathena": frozenset({"athena"}),
    "oracle": frozenset({"oracle"}),
    "hive": frozenset({"hive", "hive_native"}),
    "hive2": frozenset({"hive", "hive_native"}),
    "glue": frozenset({"glue", "glue_native"}),
    "presto": frozenset({"presto"}),
    "trino": frozenset({"trino"}),
    "starburst": frozenset({"trino"}),
    "teradata": frozenset({"teradata"}),
    "db2": frozenset({"db2"}),
    "hana": frozenset({"hana"}),
    "sap": frozenset({"hana"}),
    "dremio": frozenset({"dremio"}),
}
"""Alation's type, without case and punctuation, to the Qualytics types that may stand behind it."""

_PUNCTUATION = re.compile(r"[^a-z0-9]+")


def connector_matches(connector: str, unit_connector: str) -> bool:
    """Whether the two are the same kind of source. Names outside the table match when they are equal."""
    theirs, ours = connector.strip().lower(), unit_connector.strip().lower()
    bare = _PUNCTUATION.sub("", theirs)
    return bare == _PUNCTUATION.sub("", ours) or ours in FAMILIES.get(bare, frozenset())


def connector_of(source: DataSource) -> str:
    """The type of a source: ``dbtype``, else the scheme of its URI, without ``jdbc:``."""
    return (source.dbtype or _uri(source)[0]).lower()


def host_of(source: DataSource) -> str | None:
    """The host of a source, where it shows one."""
    return source.host or _uri(source)[1] or None


def database_of(source: DataSource) -> str | None:
    """The database that a source as a whole stands for (PostgreSQL), where it shows one."""
    return source.dbname or _uri(source)[2] or None


def _uri(source: DataSource) -> tuple[str, str, str]:
    """Scheme, host and path of a URI, empty where it has none."""
    uri = (source.uri or "").strip()
    uri = uri[5:] if uri.lower().startswith("jdbc:") else uri
    if "://" not in uri:
        return uri.partition(":")[0] if ":" in uri else "", "", ""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return uri.partition(":")[0], "", ""
    return parts.scheme, host, parts.path.strip("/").partition("/")[0].partition(";")[0]
