"""Of a tag definition that is ours, the id is kept: one that somebody made anew by that name is not ours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "qsync_tag_definitions"


def upgrade() -> None:
    """Add the column; the ids come with the next run, for definitions that look as they were left."""
    op.add_column(TABLE, sa.Column("definition_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column(TABLE, "definition_id")
