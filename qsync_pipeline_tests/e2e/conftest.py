"""Whole worlds under test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import dagster as dg
import pytest

from qsync_pipeline.assets import reading


@pytest.fixture(scope="module", autouse=True)
def quiet_dagster() -> Iterator[None]:
    """Dagster logs a page for every step; what a failing test needs is in its reports and events."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module", autouse=True)
def no_plots() -> Iterator[None]:
    """Drawing takes a fifth of a small sync; no test here looks at a picture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "coverage_plot", lambda buckets: dg.MetadataValue.md(""))
        yield
