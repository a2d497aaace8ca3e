"""qsync: keeps Qualytics and data catalogs in step, both ways, as a Dagster code location."""

__version__ = "0.1.0"
