"""What was read back and when, who wrote, and rejected items with all that is known of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and make the tables of awaited writes and of lags."""
    op.add_column("qsync_outcomes", sa.Column("actor", sa.Text(), nullable=False, server_default=""))
    op.add_column("qsync_outcomes", sa.Column("confirmed", sa.Text(), nullable=False, server_default=""))
    op.add_column("qsync_outcomes", sa.Column("confirmed_at", sa.Float(), nullable=True))
    op.add_column("qsync_rejections", sa.Column("name", sa.Text(), nullable=False, server_default=""))
    op.add_column("qsync_rejections", sa.Column("action", sa.Text(), nullable=False, server_default=""))
    op.add_column("qsync_rejections", sa.Column("after", sa.Text(), nullable=True))
    op.add_column("qsync_rejections", sa.Column("attempts", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("qsync_rejections", sa.Column("first_at", sa.Float(), nullable=True))
    op.add_column(
        "qsync_rejections",
        sa.Column("retry", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.create_table(
        "qsync_awaited",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("outcome_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("written_at", sa.Float(), nullable=False),
        sa.Column("scored_at", sa.Float(), nullable=True),
        sa.Column("asked_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("integration", "surface", "target", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_qsync_awaited_datastore", "qsync_awaited", ["integration", "datastore"])
    op.create_table(
        "qsync_lags",
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("datastore", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("measured", sa.Integer(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("worst", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("integration", "datastore", "run_id"),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("qsync_lags")
    op.drop_index("ix_qsync_awaited_datastore", table_name="qsync_awaited")
    op.drop_table("qsync_awaited")
    for name in ("retry", "first_at", "attempts", "after", "action", "name"):
        op.drop_column("qsync_rejections", name)
    for name in ("confirmed_at", "confirmed", "actor"):
        op.drop_column("qsync_outcomes", name)
