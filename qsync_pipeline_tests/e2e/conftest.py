"""Whole worlds under test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def quiet_dagster() -> Iterator[None]:
    """Dagster logs a page for every step; what a failing test needs is in its reports and events."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)
