"""Measuring how fast columns are read from a local server that has its pages ready."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qsync_pipeline.catalogs.alation.adapter import AlationCatalog, open_catalog
from qsync_pipeline.ledger import Ledger
from qsync_pipeline_tests.catalogs.alation import warehouse

VALUES = 12
"""Values on every table and column."""

Read = Callable[[AlationCatalog], int]
"""Reads something, and says how many columns it held."""


@dataclass(frozen=True)
class Speed:
    """The best of several tries: columns, seconds by the clock, seconds of our processor time."""

    columns: int
    seconds: float
    used: float


def columns_alone(catalog: AlationCatalog) -> int:
    """The client by itself: typed rows."""
    return sum(len(rows) for rows in catalog.client.columns(5))


def whole_datastore(catalog: AlationCatalog) -> int:
    """What a run reads: sources, schemas, tags, domains, flags, health rows, and all assets with them."""
    assets = list(catalog.read(catalog.index().schemas))
    tables = [asset for asset in assets if asset.level == "table"]
    assert sum(asset.alert is not None for asset in tables) == -(-len(tables) // 10)
    assert sum(len(asset.health) for asset in tables) == 3 * len(tables)
    assert sum(len(asset.tags) for asset in assets) == warehouse.TAGS * warehouse.EACH_TAGGED
    assert all(len(asset.attributes) == VALUES for asset in assets)
    return sum(asset.level == "column" for asset in assets)


def ours(url: str, directory: Path, read: Read, *, tries: int = 5) -> Speed:
    """Our adapter as a run opens it: with tokens, a ledger, and its budget and turns at every call."""
    config = warehouse.config(directory, url)
    found: list[Speed] = []
    with Ledger.open(f"sqlite:///{directory / 'ledger.db'}") as ledger:
        for _ in range(tries):
            catalog = open_catalog(config, budget=ledger.budget)
            catalog.use_definitions({"fields": warehouse.FIELDS})
            catalog.identity()  # this fetches a token, which is not what is measured
            found.append(_timed(partial(read, catalog)))
            catalog.close()
    return Speed(found[0].columns, min(one.seconds for one in found), min(one.used for one in found))


def allie_sdk(url: str) -> Speed:
    """The vendor's SDK, once; set-up is not timed."""
    import allie_sdk

    logging.getLogger("allie_sdk_logger").setLevel(logging.CRITICAL)
    sdk = allie_sdk.Alation(host=url, user_id=42, refresh_token="obviously-fake")
    return _timed(lambda: len(sdk.rdbms.get_columns()))


def _timed(read: Callable[[], int]) -> Speed:
    started, cpu = time.perf_counter(), time.process_time()
    columns = read()
    return Speed(columns, time.perf_counter() - started, time.process_time() - cpu)
