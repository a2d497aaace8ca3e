"""The demo estate: a retailer with a clinic on the side, on public schemas beside its own marts.

Twelve datastores: one on a read-only connection (the old ERP), one on a connection that the token may not
read (HR), a file store and an enrichment datastore among them. ``pagila.public`` is there twice, on two
hosts.
"""

from __future__ import annotations

from qsync_pipeline.sandbox.estate import vocabulary
from qsync_pipeline.sandbox.estate.awkward_shapes import clone, qualytics_alone
from qsync_pipeline.sandbox.estate.columns import parse
from qsync_pipeline.sandbox.estate.furnish import catalog_only, fill, rng_of, shape
from qsync_pipeline.sandbox.estate.model import (
    ConnectionSpec,
    DatabaseSpec,
    DatastoreSpec,
    Estate,
    SchemaSpec,
    TableSpec,
)
from qsync_pipeline.sandbox.estate.schemas import (
    adventureworks,
    chinook,
    marts,
    northwind,
    sakila,
    synthea,
    tpcds,
)
from qsync_pipeline.sandbox.estate.tagging import use

DOMAINS = (
    "Sales",
    "Sales/Retail",
    "Sales/Wholesale",
    "Sales/Retail/Online",
    "Finance",
    "Finance/Accounting",
    "Finance/Treasury",
    "Customer",
    "Customer/Marketing",
    "Healthcare",
    "Healthcare/Clinical Data",
    "People",
    "Innovation Lab",
)
"""The last one holds nothing."""


def landing_files() -> list[TableSpec]:
    """Containers of the file store: files, and one computed from the first of them."""
    tables = parse(marts.LANDING, "s3")
    tables.append(clone(tables[0], "orders_deduplicated"))
    for table in tables:
        table.container_kind = "file"
        qualytics_alone(table)
    tables[-1].container_kind = "computed_file"
    return tables


def _connections() -> list[ConnectionSpec]:
    finance = parse(marts.FINANCE, "snowflake", "upper")
    sales = parse(marts.SALES, "snowflake", "upper")
    lake = parse(marts.LAKE + chinook.CHINOOK.lstrip("\n"), "databricks", "lower")
    clinical = parse(synthea.SYNTHEA + synthea.CLINIC.lstrip("\n"), "bigquery", "lower")
    analytics = [
        SchemaSpec("TPCDS", parse(tpcds.TPCDS, "snowflake", "upper"), domain="Sales/Retail"),
        SchemaSpec(
            "MARTS", finance + sales, tags=(use("Finance/Tier 2"), use("Certified")), domain="Finance"
        ),
        SchemaSpec("QUALYTICS_ENRICHMENT", parse(marts.ENRICHMENT, "snowflake", "upper")),
    ]
    adventure = [
        SchemaSpec("Sales", parse(adventureworks.SALES, "sqlserver"), domain="Sales/Wholesale"),
        SchemaSpec("Person", catalog_only(parse(adventureworks.PERSON, "sqlserver")), tags=(use("PII"),)),
    ]
    return [
        ConnectionSpec(
            "Snowflake Production",
            "snowflake",
            "acme-prod.snowflakecomputing.com",
            [DatabaseSpec("ANALYTICS", analytics, tags=(use("Certified"),))],
            tags=(use("GDPR"),),
        ),
        ConnectionSpec(
            "Snowflake HR",
            "snowflake",
            "acme-hr.snowflakecomputing.com",
            [
                DatabaseSpec(
                    "HR", [SchemaSpec("PEOPLE", parse(adventureworks.HUMAN_RESOURCES, "snowflake", "upper"))]
                )
            ],
            domain="People",
            access="hidden",
        ),
        ConnectionSpec(
            "Wholesale SQL Server",
            "sqlserver",
            "sql-wholesale.acme.example.com",
            [DatabaseSpec("AdventureWorks2022", adventure)],
            domain="Sales",
        ),
        ConnectionSpec(
            "Legacy ERP",
            "sqlserver",
            "sql-erp.acme.example.com",
            [DatabaseSpec("Northwind", [SchemaSpec("dbo", parse(northwind.NORTHWIND, "sqlserver"))])],
            tags=(use("Legacy"),),
            domain="Sales/Wholesale",
            access="read_only",
        ),
        ConnectionSpec(
            "Rentals PostgreSQL",
            "postgresql",
            "pg-rentals.acme.example.com",
            [DatabaseSpec("pagila", [SchemaSpec("public", parse(sakila.PAGILA, "postgresql"))])],
            domain="Customer",
        ),
        ConnectionSpec(
            "Rentals PostgreSQL (staging)",
            "postgresql",
            "pg-rentals-staging.acme.example.com",
            [DatabaseSpec("pagila", [SchemaSpec("public", parse(sakila.STAGING, "postgresql"))])],
        ),
        ConnectionSpec(
            "Clinical BigQuery",
            "bigquery",
            "acme-clinical.bigquery.googleapis.com",
            [DatabaseSpec("acme-clinical", [SchemaSpec("synthea", clinical, tags=(use("HIPAA"),))])],
            domain="Healthcare/Clinical Data",
        ),
        ConnectionSpec(
            "Lakehouse",
            "databricks",
            "adb-4242424242424242.7.azuredatabricks.net",
            [DatabaseSpec("lakehouse", [SchemaSpec("gold", lake, catalog_name="Gold")])],
            domain="Customer/Marketing",
        ),
        ConnectionSpec(
            "Web Shop MySQL",
            "mysql",
            "shop-db.acme.example.com",
            [DatabaseSpec(None, [SchemaSpec("shop", parse(marts.SHOP, "mysql"))], catalog_name="DEFAULT")],
            tags=(use("PCI DSS"),),
            domain="Sales/Retail/Online",
        ),
    ]


def _datastores() -> list[DatastoreSpec]:
    production = "Snowflake Production"
    return [
        DatastoreSpec("Retail TPC-DS", production, "ANALYTICS", "TPCDS"),
        DatastoreSpec("Business Marts", production, "ANALYTICS", "MARTS"),
        DatastoreSpec("HR People", "Snowflake HR", "HR", "PEOPLE"),
        DatastoreSpec(
            "AdventureWorks Sales", "Wholesale SQL Server", "AdventureWorks2022", "Sales", type="sqlserver"
        ),
        DatastoreSpec("Northwind ERP", "Legacy ERP", "Northwind", "dbo", type="sqlserver"),
        DatastoreSpec("Rentals", "Rentals PostgreSQL", "pagila", "public", type="postgresql"),
        DatastoreSpec(
            "Rentals Staging", "Rentals PostgreSQL (staging)", "pagila", "public", type="postgresql"
        ),
        DatastoreSpec("Clinical Synthea", "Clinical BigQuery", "acme-clinical", "synthea", type="bigquery"),
        DatastoreSpec("Lakehouse Gold", "Lakehouse", "lakehouse", "gold", type="databricks"),
        DatastoreSpec("Web Shop", "Web Shop MySQL", None, "shop", type="mysql"),
        DatastoreSpec(
            "Landing Zone",
            "s3://acme-landing",
            None,
            None,
            store_type="dfs",
            type="s3",
            tables=landing_files(),
        ),
        DatastoreSpec(
            "Qualytics Enrichment", production, "ANALYTICS", "QUALYTICS_ENRICHMENT", enrichment=True
        ),
    ]


def make_demo(seed: int) -> Estate:
    """The demo estate for a seed."""
    estate = Estate(
        "demo",
        seed,
        connections=_connections(),
        datastores=_datastores(),
        domains=vocabulary.domains(*DOMAINS),
        tags=vocabulary.catalog_tags(),
        native_tags=vocabulary.native_tags(),
        foreign_sets=[vocabulary.SODA, vocabulary.VENDOR_SET],
    )
    for connection in estate.connections:
        rng = rng_of(estate, connection.name, "domains")
        for database in connection.databases:
            for schema in database.schemas:
                for table in rng.sample(schema.tables, min(2, len(schema.tables))):
                    table.domain = rng.choice(DOMAINS[:-1])
    return fill(estate, shape(estate, times=4, computed=2), times=4, pages=True)
