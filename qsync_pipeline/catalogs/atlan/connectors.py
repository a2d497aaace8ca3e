"""Which Atlan connector is which Qualytics connector.

Sources: Atlan's connector slugs (atlan-api.md §2.4), Qualytics' connector types (qualytics-api.md §2.1), and
the renames that a published exporter needs to meet catalog platform names (qualytics-api.md §3.5): postgresql
and timescale are postgres, sqlserver and synapse are mssql, the native ones go by their plain names.
"""

from __future__ import annotations

FAMILIES: dict[str, frozenset[str]] = {
    "snowflake": frozenset({"snowflake"}),
    "postgres": frozenset({"postgresql", "postgres", "timescale"}),
    "alloydb": frozenset({"postgresql", "postgres"}),
    "alloydb-postgres": frozenset({"postgresql", "postgres"}),
    "aurora": frozenset({"postgresql", "postgres", "mysql"}),
    "cloudsql-postgres": frozenset({"postgresql", "postgres"}),
    "cockroachdb": frozenset({"postgresql", "postgres"}),
    "rds": frozenset({"postgresql", "postgres", "mysql", "mariadb", "sqlserver", "oracle"}),
    "mssql": frozenset({"sqlserver", "mssql", "synapse"}),
    "synapse": frozenset({"synapse", "sqlserver"}),
    "fabric": frozenset({"fabric"}),
    "bigquery": frozenset({"bigquery"}),
    "databricks": frozenset({"databricks", "databricks_native", "unity_native"}),
    "mysql": frozenset({"mysql", "mariadb"}),
    "mariadb": frozenset({"mariadb", "mysql"}),
    "percona-server": frozenset({"mysql"}),
    "redshift": frozenset({"redshift"}),
    "athena": frozenset({"athena"}),
    "oracle": frozenset({"oracle"}),
    "hive": frozenset({"hive", "hive_native"}),
    "cloudera-data-warehouse": frozenset({"hive", "hive_native"}),
    "glue": frozenset({"glue", "glue_native"}),
    "presto": frozenset({"presto"}),
    "trino": frozenset({"trino"}),
    "starburst-galaxy": frozenset({"trino"}),
    "teradata": frozenset({"teradata"}),
    "ibmdb2": frozenset({"db2"}),
    "db2": frozenset({"db2"}),
    "sap-hana": frozenset({"hana"}),
    "dremio": frozenset({"dremio"}),
}
"""Atlan's connectorName to the Qualytics types that may stand behind it."""


def connector_matches(connector: str, unit_connector: str) -> bool:
    """Whether Atlan's ``connectorName`` and a Qualytics connector type are the same kind of source.

    Names outside the table match when they are equal, apart from case, hyphens and underscores.
    """
    theirs, ours = connector.strip().lower(), unit_connector.strip().lower()
    if theirs.replace("-", "_") == ours.replace("-", "_"):
        return True
    return ours in FAMILIES.get(theirs, frozenset())
