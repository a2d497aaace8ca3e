"""The ledger's Alembic migrations; run by :mod:`qsync_pipeline.ledger.migrate`, never by hand."""
