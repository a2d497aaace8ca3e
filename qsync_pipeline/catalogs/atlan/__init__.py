"""Atlan: a thin typed client over its REST API, and the adapter over that."""
