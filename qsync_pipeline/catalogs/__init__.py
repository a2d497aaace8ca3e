"""Catalogs: one folder each, a thin client and the adapter that :mod:`.base` asks for."""
