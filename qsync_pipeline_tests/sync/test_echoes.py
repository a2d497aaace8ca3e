"""Tags that went out to a catalog do not come back in, whichever integration on it put them there."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tags_out import SURFACE
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.outgoing_tags import as_pulled
from qsync_pipeline_tests.core.build import table, tag
from qsync_pipeline_tests.sync.fakes import KEY, config_in, run_on


@pytest.mark.parametrize("same", [True, False])
def test_what_another_integration_on_the_same_catalog_put_there_does_not_come_in(
    tmp_path: Path, same: bool
) -> None:
    config = config_in(tmp_path)
    first, second = config.integrations
    if same:
        second = second.model_copy(update={"url": first.url})
    config = config.model_copy(update={"integrations": [first, second]})
    here = Table(CatalogAsset, [replace(table("T", id="asset-1"), tags=(tag("Out"), tag("Own")))])
    put = Change(SURFACE, "create", "asset-1", "T", "out", after="Out")
    with Ledger.open("sqlite://") as ledger:
        ledger.settle("run-0", second.name, KEY, [Outcome(put, "applied")], scored={})
        (seen,) = as_pulled(run_on(config, ledger), KEY, here).rows
    assert [one.name for one in seen.tags] == (["Own"] if same else ["Out", "Own"])
