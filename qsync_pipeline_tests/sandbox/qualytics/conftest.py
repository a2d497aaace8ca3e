"""A tiny estate made by hand, a deployment over it, and a client that sends the token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from qsync_pipeline.sandbox.estate.model import (
    AnomalySpec,
    CheckSpec,
    ColumnSpec,
    ConnectionSpec,
    DatabaseSpec,
    DatastoreSpec,
    Estate,
    NativeTagSpec,
    SchemaSpec,
    TableSpec,
)
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline.sandbox.qualytics import QualyticsSwitches, QualyticsSystem

SCORES: dict[str, float | None] = {
    "total": 81.7,
    "completeness": 74.9,
    "coverage": 66.7,
    "conformity": None,
    "consistency": 100.0,
    "precision": 100.0,
    "timeliness": None,
    "volumetrics": None,
    "accuracy": 98.25,
}


def orders() -> TableSpec:
    return TableSpec(
        "ORDERS",
        columns=[
            ColumnSpec("ID", "Integral", "NUMBER", scores=SCORES),
            ColumnSpec("AMOUNT", "Fractional", "NUMBER", scores=SCORES),
            ColumnSpec("NOTE", in_qualytics=False),
        ],
        scores=SCORES,
        native_tags=("Gold",),
        checks=[
            CheckSpec("notNull", "AMOUNT is there", ("AMOUNT",), is_passing=False),
            CheckSpec("unique", "ID is unique", ("ID",)),
            CheckSpec("volumetric", "As many rows as ever", is_passing=None),
            CheckSpec("minValue", "AMOUNT is not negative", ("AMOUNT",), status="Draft", is_passing=None),
            CheckSpec("positive", "AMOUNT is positive", ("AMOUNT",), status="Discarded", is_passing=None),
        ],
        anomalies=[
            AnomalySpec("record", "17 rows had no amount", (0,)),
            AnomalySpec("record", "2 rows had no amount", (0,), status="Acknowledged"),
            AnomalySpec("record", "3 rows had no amount", (0,), status="Resolved"),
            AnomalySpec("record", "seen before", (0,), status="Duplicate"),
            AnomalySpec("shape", "no matter", (0, 1), status="Invalid"),
            AnomalySpec("shape", "never mind", (1,), status="Discarded"),
        ],
    )


def make_tiny() -> Estate:
    sales = SchemaSpec(
        "PUBLIC",
        [
            orders(),
            TableSpec("ORDERS_V", "view", columns=[ColumnSpec("ID", scores=SCORES)], scores=SCORES),
            TableSpec("NEVER.PROFILED", profiled=False, scanned=False, columns=[ColumnSpec("a.b")]),
            TableSpec("CATALOG_ONLY", in_qualytics=False),
        ],
    )
    shop = SchemaSpec("shop", [TableSpec("carts", scanned=False, columns=[ColumnSpec("id")])])
    return Estate(
        name="tiny",
        seed=7,
        connections=[
            ConnectionSpec("sf", "snowflake", "acme.sf.invalid", [DatabaseSpec("SALES", [sales])]),
            ConnectionSpec("my", "mysql", "mysql.invalid", [DatabaseSpec(None, [shop])]),
        ],
        datastores=[
            DatastoreSpec("sales", "sf", "SALES", "PUBLIC", native_tags=("Company",), scores=SCORES),
            DatastoreSpec("shop", "my", None, "shop", type="mysql"),
            DatastoreSpec(
                "landing",
                "bucket",
                None,
                None,
                store_type="dfs",
                type="s3",
                tables=[TableSpec("daily.csv", container_kind="file", columns=[ColumnSpec("x")])],
            ),
            DatastoreSpec("enrich", "sf", "SALES", "ENRICH", enrichment=True),
        ],
        native_tags=[
            NativeTagSpec("Company", color="#111111", description="All of us"),
            NativeTagSpec("Gold", "entity", category="tier", weight_modifier=3),
        ],
    )


class Api:
    """A caller with the deployment's token; paths are below ``/api``."""

    def __init__(self, system: QualyticsSystem) -> None:
        self.system = system
        self.http = TestClient(system.app, raise_server_exceptions=True)
        self.headers = {"Authorization": f"Bearer {system.credentials()['token']}"}
        self.root = system.switches.api_root

    def call(self, method: str, path: str, status: int = 200, /, body: Any = None, **params: Any) -> Any:
        answer = self.http.request(
            method, self.root + path, params=params, json=body, headers=self.headers, follow_redirects=False
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, status: int = 200, /, **params: Any) -> Any:
        return self.call("GET", path, status, **params)

    def items(self, path: str, /, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get(path, **params)["items"]
        return rows

    def by_name(self, path: str, name: str, /, **params: Any) -> dict[str, Any]:
        return next(item for item in self.items(path, **params) if item["name"] == name)

    def container(self, name: str) -> dict[str, Any]:
        return self.by_name("/containers", name)

    def field(self, container: str, name: str) -> dict[str, Any]:
        number = self.container(container)["id"]
        return next(item for item in self.get(f"/containers/{number}/fields") if item["name"] == name)

    def datastore(self, name: str) -> dict[str, Any]:
        return self.by_name("/datastores", name)


Make = Callable[..., Api]


@pytest.fixture
def estate() -> Estate:
    return make_tiny()


@pytest.fixture
def make(estate: Estate) -> Make:
    """A deployment over the tiny estate, with these switches."""

    def build(**switches: Any) -> Api:
        chosen = replace(QualyticsSwitches(), **switches)
        return Api(QualyticsSystem(estate, VirtualClock(), switches=chosen, seed=7))

    return build


@pytest.fixture
def api(make: Make) -> Api:
    return make()


def tag_names(item: dict[str, Any]) -> set[str]:
    return {tag["name"] for tag in item["global_tags"] or []}
