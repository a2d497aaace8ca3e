"""Which Atlan connector is which Qualytics connector."""

from __future__ import annotations

import pytest

from qsync_pipeline.catalogs.atlan.connectors import connector_matches


@pytest.mark.parametrize(
    ("atlan", "qualytics"),
    [
        ("snowflake", "snowflake"),
        ("postgres", "postgresql"),
        ("postgres", "timescale"),
        ("mssql", "sqlserver"),
        ("mssql", "synapse"),
        ("synapse", "synapse"),
        ("bigquery", "bigquery"),
        ("databricks", "unity_native"),
        ("databricks", "databricks_native"),
        ("mysql", "mariadb"),
        ("hive", "hive_native"),
        ("glue", "glue_native"),
        ("sap-hana", "hana"),
        ("ibmdb2", "db2"),
        ("Brand-New", "brand_new"),
    ],
)
def test_the_same_kind_of_source_matches(atlan: str, qualytics: str) -> None:
    assert connector_matches(atlan, qualytics)


@pytest.mark.parametrize(
    ("atlan", "qualytics"),
    [("snowflake", "postgresql"), ("postgres", "mysql"), ("hive", "glue_native"), ("brand-new", "snowflake")],
)
def test_different_kinds_do_not(atlan: str, qualytics: str) -> None:
    assert not connector_matches(atlan, qualytics)
