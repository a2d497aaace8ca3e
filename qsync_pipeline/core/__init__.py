"""The pure core: rows in, rows out. Imports no Dagster, no network, no clock."""
