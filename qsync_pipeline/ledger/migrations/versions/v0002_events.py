"""Events that were noticed, and what people have been told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of events and of notices."""
    op.create_table(
        "qsync_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("datastore_id", sa.Integer(), nullable=False),
        sa.Column("container", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.Float(), nullable=False),
        sa.Column("noted_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_qsync_events_noted", "qsync_events", ["noted_at"], unique=False)
    op.create_table(
        "qsync_notices",
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("told_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cause"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("qsync_notices")
    op.drop_index("ix_qsync_events_noted", table_name="qsync_events")
    op.drop_table("qsync_events")
