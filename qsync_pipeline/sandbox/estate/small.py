"""The small estate: three datastores and some fifteen tables, for fast tests.

All three datastores stand on connections that the token may read and write. The read-only connection and the
one it may not read are in the catalog only.
"""

from __future__ import annotations

from qsync_pipeline.sandbox.estate import vocabulary
from qsync_pipeline.sandbox.estate.columns import parse
from qsync_pipeline.sandbox.estate.furnish import catalog_only, fill, rng_of, shape
from qsync_pipeline.sandbox.estate.model import (
    ConnectionSpec,
    DatabaseSpec,
    DatastoreSpec,
    Estate,
    SchemaSpec,
)
from qsync_pipeline.sandbox.estate.tagging import use

_SALES = """
customer | customer_id first_name last_name email phone birthdate signup_at segment credit_limit
orders | order_id customer_id order_date status net_amount tax_amount card_number:s updated_at
order_lines | order_id line_number product_id quantity unit_price discount_pct
product | product_id:s name category list_price is_active introduced_date
view v_daily_revenue | order_date revenue orders_count
"""

_CRM = """
account | id name industry annual_revenue owner_id created_at
contact | id account_id first_name last_name email phone is_subscribed
LeadSource | Id SourceName Channel CostPerLead CreatedDate
opportunity | id account_id stage amount probability_pct close_date
view open_pipeline | stage deals_count total_amount
"""

_SHOP = """
products | id sku title price stock_quantity created_at
carts | id customer_email opened_at total_amount coupon
payments | id cart_id card_brand card_last4 amount paid_at
"""

_ELSEWHERE = "orders_2019 | order_id order_date net_amount"
_PEOPLE = "employee | employee_id first_name last_name salary iban"
_REPORTING = "monthly_revenue | month:d revenue margin"


def make_small(seed: int) -> Estate:
    """The small estate for a seed."""
    sales = SchemaSpec("SALES", parse(_SALES, "snowflake", "upper"), tags=(use("Customer Data"),))
    reporting = SchemaSpec("REPORTING", catalog_only(parse(_REPORTING, "snowflake", "upper")))
    public = SchemaSpec("public", parse(_CRM, "postgresql"), domain="Customer")
    shop = SchemaSpec("shop", parse(_SHOP, "mysql"), tags=(use("PCI DSS"),))
    history = SchemaSpec("HISTORY", catalog_only(parse(_ELSEWHERE, "snowflake", "upper")))
    people = SchemaSpec("people", catalog_only(parse(_PEOPLE, "postgresql")))
    estate = Estate(
        "small",
        seed,
        connections=[
            ConnectionSpec(
                "Snowflake Production",
                "snowflake",
                "acme-prod.snowflakecomputing.com",
                [DatabaseSpec("SALES_DB", [sales, reporting], tags=(use("Certified"),))],
                tags=(use("GDPR"),),
                domain="Sales",
            ),
            ConnectionSpec(
                "CRM PostgreSQL", "postgresql", "crm-db.acme.example.com", [DatabaseSpec("crm", [public])]
            ),
            ConnectionSpec(
                "Web Shop MySQL",
                "mysql",
                "shop-db.acme.example.com",
                [DatabaseSpec(None, [shop], catalog_name="DEFAULT")],
                domain="Sales/Retail",
            ),
            ConnectionSpec(
                "Snowflake Archive",
                "snowflake",
                "acme-archive.snowflakecomputing.com",
                [DatabaseSpec("ARCHIVE", [history])],
                access="read_only",
            ),
            ConnectionSpec(
                "HR PostgreSQL",
                "postgresql",
                "hr-db.acme.example.com",
                [DatabaseSpec("hr", [people])],
                domain="Finance",
                access="hidden",
            ),
        ],
        datastores=[
            DatastoreSpec("Sales Warehouse", "Snowflake Production", "SALES_DB", "SALES", type="snowflake"),
            DatastoreSpec("CRM", "CRM PostgreSQL", "crm", "public", type="postgresql"),
            DatastoreSpec("Web Shop", "Web Shop MySQL", None, "shop", type="mysql"),
        ],
        domains=vocabulary.domains(
            "Sales", "Sales/Retail", "Customer", "Finance", "Finance/Risk", "Innovation Lab"
        ),
        tags=vocabulary.catalog_tags(),
        native_tags=vocabulary.native_tags(),
        foreign_sets=[vocabulary.SODA],
    )
    rng_of(estate, "domains").choice(sales.tables).domain = "Finance/Risk"
    return fill(estate, shape(estate, times=1, computed=1, files=True), times=1)
