"""Parked scopes get a code to approve them by, their lines, and those that were approved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "qsync_parked"


def upgrade() -> None:
    """Add the columns; what is parked already gets its code with the next plan."""
    op.add_column(TABLE, sa.Column("code", sa.Text(), nullable=False, server_default=""))
    op.add_column(TABLE, sa.Column("lines", sa.Text(), nullable=False, server_default="[]"))
    op.add_column(TABLE, sa.Column("approved", sa.Text(), nullable=False, server_default="[]"))
    op.add_column(TABLE, sa.Column("approved_at", sa.Float(), nullable=True))


def downgrade() -> None:
    """Take them away again."""
    for name in ("approved_at", "approved", "lines", "code"):
        op.drop_column(TABLE, name)
