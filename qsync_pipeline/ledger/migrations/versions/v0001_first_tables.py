"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table of the first release."""
    op.create_table(
        "qsync_budget_grants",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host", "at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "qsync_budget_lockouts",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("host"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "qsync_claims",
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("acquired_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("token"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_qsync_claims_place", "qsync_claims", ["integration", "datastore"], unique=False)
    op.create_table(
        "qsync_datastores",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("database", sa.Text(), nullable=True),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.Float(), nullable=False),
        sa.Column("last_seen", sa.Float(), nullable=False),
        sa.Column("vanished_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "qsync_holdings",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("pending", sa.Text(), nullable=True),
        sa.Column("has_pending", sa.Boolean(), nullable=False),
        sa.Column("pending_run", sa.Text(), nullable=True),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.Column("confirmed_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("integration", "surface", "target", "key"),
    )
    op.create_index(
        "ix_qsync_holdings_datastore", "qsync_holdings", ["datastore", "integration", "surface"], unique=False
    )
    op.create_table(
        "qsync_leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "qsync_links",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("assets", sa.Text(), nullable=False),
        sa.Column("unit_name", sa.Text(), nullable=False),
        sa.Column("asset_name", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.Float(), nullable=False),
        sa.Column("last_seen", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("integration", "unit"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_qsync_links_datastore", "qsync_links", ["datastore", "integration"], unique=False)
    op.create_table(
        "qsync_notes",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("integration", "name"),
    )
    op.create_table(
        "qsync_outcomes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_qsync_outcomes_at", "qsync_outcomes", ["at"], unique=False)
    op.create_index("ix_qsync_outcomes_run", "qsync_outcomes", ["run_id"], unique=False)
    op.create_table(
        "qsync_parked",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("integration", "datastore", "surface"),
    )
    op.create_table(
        "qsync_rejections",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("integration", "datastore", "surface", "target", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "qsync_reports",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "integration", "datastore", "stage"),
    )
    op.create_index("ix_qsync_reports_datastore", "qsync_reports", ["integration", "datastore"], unique=False)
    op.create_index(
        "ix_qsync_reports_newest", "qsync_reports", ["integration", "stage", "datastore", "at"], unique=False
    )
    op.create_table(
        "qsync_requests",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "integration", "system", "kind"),
    )
    op.create_table(
        "qsync_runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "qsync_tag_definitions",
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made", sa.Boolean(), nullable=False),
        sa.Column("taken_over", sa.Boolean(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("folded"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("qsync_tag_definitions")
    op.drop_table("qsync_runs")
    op.drop_table("qsync_requests")
    op.drop_index("ix_qsync_reports_newest", table_name="qsync_reports")
    op.drop_index("ix_qsync_reports_datastore", table_name="qsync_reports")
    op.drop_table("qsync_reports")
    op.drop_table("qsync_rejections")
    op.drop_table("qsync_parked")
    op.drop_index("ix_qsync_outcomes_run", table_name="qsync_outcomes")
    op.drop_index("ix_qsync_outcomes_at", table_name="qsync_outcomes")
    op.drop_table("qsync_outcomes")
    op.drop_table("qsync_notes")
    op.drop_index("ix_qsync_links_datastore", table_name="qsync_links")
    op.drop_table("qsync_links")
    op.drop_table("qsync_leases")
    op.drop_index("ix_qsync_holdings_datastore", table_name="qsync_holdings")
    op.drop_table("qsync_holdings")
    op.drop_table("qsync_datastores")
    op.drop_index("ix_qsync_claims_place", table_name="qsync_claims")
    op.drop_table("qsync_claims")
    op.drop_table("qsync_budget_lockouts")
    op.drop_table("qsync_budget_grants")
