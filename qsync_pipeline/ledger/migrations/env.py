"""Alembic's entry point: runs the revisions on the connection, and in the transaction, that it is given."""

from __future__ import annotations

from alembic import context

from qsync_pipeline.ledger import schema
from qsync_pipeline.ledger.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # SQLite has it too, as transactions are begun by ourselves
)
with context.begin_transaction():
    context.run_migrations()
