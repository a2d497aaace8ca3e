"""What one table costs: reading it by name, and writing its values, its alert and its health rows.

That is what an event asks for, over and over, so it may not grow with the estate (DESIGN.md §7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from qsync_pipeline.catalogs.base import Catalog
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import load_config
from qsync_pipeline.core.rows import CatalogAsset, Change
from qsync_pipeline.sandbox.testing import ALATION_ONLY, ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline_tests.catalogs.alation.conftest import QUICK_JOBS

KINDS = {"atlan": ATLAN_ONLY, "alation": ALATION_ONLY}
TABLE = "SALES_DB.SALES.ORDERS"
MOST = {"atlan": 6, "alation": 14}
"""Requests in all, the log-in included. Alation has one call for each of table, columns, flag, health and for
every job that a write is (of values two), and one to see where new rows landed, so it cannot do with less."""


@dataclass
class Measured:
    sandbox: RunningSandbox
    catalog: Catalog
    schema: CatalogAsset
    name: str

    def requests(self) -> dict[str, int]:
        rows = self.sandbox.control.requests()["requests"]
        return {row["method"] + " " + row["route"]: row["count"] for row in rows}


@pytest.fixture(params=["atlan", "alation"])
def measured(request: pytest.FixtureRequest) -> Iterator[Measured]:
    name = str(request.param)
    switches = {"alation": QUICK_JOBS} if name == "alation" else {}
    with running_sandbox("small", seed=5, kinds=KINDS[name], switches=switches) as sandbox:
        for tag in ("One", "Two", "Three"):
            sandbox.control.mutate({"system": name, "do": "tag", "asset": TABLE, "tag": tag})
        (config,) = load_config(sandbox.config).integrations
        first = open_catalog(config)
        index = first.index()
        used = [c.qualified_name for c in index.connections if c.readable]
        plan, _ = first.make_definitions(first.plan_definitions(used, {}))
        (schema,) = (s for s in index.schemas if (s.database, s.schema) == ("SALES_DB", "SALES"))
        first.close()
        catalog = open_catalog(config)
        catalog.use_definitions(plan.handle)
        sandbox.control.reset_requests()
        yield Measured(sandbox, catalog, schema, name)
        catalog.close()


def changes_of(assets: list[CatalogAsset], catalog: Catalog) -> list[Change]:
    """A value on everything; on the table an alert and, where there is such a thing, two health rows."""
    values: dict[str, Any] = {
        "attributes": {"Check Count": 3, "Anomaly Count": 1},
        "alerts": {"type": "warning", "title": "1 active anomaly", "text": "See http://127.0.0.1/?qsync=x"},
        "health": {"rule": "notNull", "object": "ORDERS", "status": "Alert", "value": 1, "description": "d"},
    }
    found: list[Change] = []
    for asset in assets:
        extra = {"name": asset.name, "qualified_name": asset.qualified_name}
        for surface in catalog.surfaces:
            if surface.role == "attributes" or asset.level == "table":
                for key in ("check:1", "check:2") if surface.role == "health" else ("",):
                    found.append(
                        Change(
                            surface.name,
                            "create",
                            asset.id,
                            asset.name,
                            key,
                            after=values[surface.role],
                            kind=asset.kind,
                            connection=asset.connection,
                            extra=extra,
                        )
                    )
    return found


def test_one_table_read_by_name_and_written_costs_a_fixed_handful(measured: Measured) -> None:
    catalog = measured.catalog
    assets = list(catalog.read([measured.schema], ["orders"], quality_only=True))
    assert [asset.level for asset in assets].count("table") == 1
    assert {asset.level for asset in assets} == {"schema", "table", "column"}
    reading = sum(measured.requests().values())
    done = catalog.write(changes_of(assets, catalog))
    assert {one.outcome for one in done} == {"applied"}
    sent = measured.requests()
    assert sum(sent.values()) <= MOST[measured.name], sent
    assert reading <= {"atlan": 2, "alation": 6}[measured.name], sent
    assert not any("domain" in route or "/tag/" in route or "datasource" in route for route in sent)


def test_what_a_light_read_says_of_quality_is_what_a_whole_one_says(measured: Measured) -> None:
    catalog = measured.catalog
    whole = {asset.id: asset for asset in catalog.read([measured.schema], ["orders"])}
    catalog.write(changes_of([*whole.values()], catalog))
    measured.sandbox.control.advance(5)
    whole = {asset.id: asset for asset in catalog.read([measured.schema], ["orders"])}
    light = {asset.id: asset for asset in catalog.read([measured.schema], ["ORDERS"], quality_only=True)}
    omitted = {*catalog.light_reads_omit, "complete"} if catalog.light_reads_omit else set()
    assert light.keys() == whole.keys()
    for id_, asset in light.items():
        for name in asset.__struct_fields__:
            if name not in omitted:
                assert getattr(asset, name) == getattr(whole[id_], name), (id_, name)
    again = catalog.reread([*light])
    assert {id_: asset.alert for id_, asset in again.items()} == {
        id_: asset.alert for id_, asset in whole.items()
    }
