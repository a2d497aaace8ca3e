"""A tiny estate of one connection of each kind of access, for tests that name what they look at."""

from __future__ import annotations

from qsync_pipeline.sandbox.estate.model import (
    ColumnSpec,
    ConnectionSpec,
    DatabaseSpec,
    DomainSpec,
    Estate,
    ForeignAttributeSpec,
    ForeignSetSpec,
    SchemaSpec,
    TableSpec,
    TagSpec,
    TagUse,
)


def tiny_estate(*, columns: int = 2) -> Estate:
    """SALES.PUBLIC with four tables, a MySQL source, a hidden and a read-only connection."""
    many = [ColumnSpec(f"C{number:04d}") for number in range(columns)]
    orders = TableSpec(
        "ORDERS",
        columns=[
            ColumnSpec("ID", tags=(TagUse("PII"),), native_type="NUMBER"),
            ColumnSpec("E.MAIL", tags=(TagUse("PII", propagated=True),)),
            *many,
        ],
        tags=(TagUse("PII"), TagUse("SENSITIVITY", value="HIGH")),
        domain="Sales/Retail",
        foreign_values={"Soda": {"Health": 65.5, "Monitored": True}},
        description="What was ordered",
    )
    public = SchemaSpec(
        "PUBLIC",
        tables=[
            orders,
            TableSpec("orders", columns=[ColumnSpec("id")]),
            TableSpec("A/B", kind="view", columns=[ColumnSpec("X")], banner="Frozen until May"),
            TableSpec("DYN", kind="dynamic_table", columns=[ColumnSpec("Y")]),
            TableSpec("UNSEEN", in_catalog=False),
        ],
    )
    shop = SchemaSpec("shop", tables=[TableSpec("cart", columns=[ColumnSpec("id")])])

    def other(name: str) -> list[DatabaseSpec]:
        return [
            DatabaseSpec(
                name, [SchemaSpec("S", [TableSpec("T", columns=[ColumnSpec("C")], tags=(TagUse("PII"),))])]
            )
        ]

    return Estate(
        "tiny",
        1,
        connections=[
            ConnectionSpec(
                "Snow",
                "snowflake",
                "acme.snowflakecomputing.com",
                [DatabaseSpec("SALES", [public])],
                domain="Sales",
            ),
            ConnectionSpec(
                "Shop", "mysql", "db.acme.example", [DatabaseSpec(None, [shop], catalog_name="DEFAULT")]
            ),
            ConnectionSpec("Secret", "postgresql", "hr.acme.example", other("HR"), access="hidden"),
            ConnectionSpec("Archive", "sqlserver", "old.acme.example", other("OLD"), access="read_only"),
        ],
        datastores=[],
        domains=[DomainSpec("Sales"), DomainSpec("Sales/Retail"), DomainSpec("Empty")],
        tags=[
            TagSpec("PII", "Red", "Personal data"),
            TagSpec("SENSITIVITY", "Gray", source=True),
            TagSpec("Custom colour", "#7B1FA2"),
        ],
        foreign_sets=[
            ForeignSetSpec(
                "Soda", (ForeignAttributeSpec("Health"), ForeignAttributeSpec("Monitored", "boolean"))
            )
        ],
    )
