"""A tiny estate made by hand, an instance over it, and a caller that sends the token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from qsync_pipeline.sandbox.alation import AlationSwitches, AlationSystem
from qsync_pipeline.sandbox.estate.model import (
    ColumnSpec,
    ConnectionSpec,
    DatabaseSpec,
    DomainSpec,
    Estate,
    SchemaSpec,
    TableSpec,
    TagSpec,
    TagUse,
)
from qsync_pipeline.sandbox.kernel import VirtualClock

HEALTH = "/integration/v1/data_quality/"
VALUES = "/integration/v2/custom_field_value/"


def make_tiny() -> Estate:
    orders = TableSpec(
        "ORDERS",
        columns=[
            ColumnSpec("ID", native_type="NUMBER"),
            ColumnSpec("EMAIL", tags=(TagUse("PII"), TagUse("Over Lineage", propagated=True))),
        ],
        tags=(TagUse("Gold"),),
        banner="Late <today>",
    )
    public = SchemaSpec(
        "PUBLIC",
        [
            orders,
            TableSpec("Orders", columns=[ColumnSpec("ID")]),
            TableSpec("V_ORDERS", "view", columns=[ColumnSpec("id")], domain="Finance"),
            TableSpec('odd.name "x"', columns=[ColumnSpec("a.b")], domain="Sales/Retail"),
            TableSpec("COMPUTED", container_kind="computed_table"),
            TableSpec("NOT_HERE", in_catalog=False),
        ],
    )
    return Estate(
        "tiny",
        7,
        connections=[
            ConnectionSpec(
                "Warehouse",
                "snowflake",
                "wh.example.com",
                [DatabaseSpec("EDW", [public], tags=(TagUse("On A Database"),))],
                tags=(TagUse("PII"),),
                domain="Sales",
            ),
            ConnectionSpec(
                "CRM",
                "postgresql",
                "crm.example.com",
                [
                    DatabaseSpec(
                        "crm", [SchemaSpec("public", [TableSpec("account", columns=[ColumnSpec("id")])])]
                    )
                ],
            ),
            ConnectionSpec(
                "Shop",
                "mysql",
                "shop.example.com",
                [DatabaseSpec(None, [SchemaSpec("shop", [TableSpec("carts", columns=[ColumnSpec("id")])])])],
            ),
            ConnectionSpec(
                "Archive",
                "sqlserver",
                "old.example.com",
                [DatabaseSpec("old", [SchemaSpec("dbo", [TableSpec("t", columns=[ColumnSpec("c")])])])],
                access="read_only",
            ),
            ConnectionSpec(
                "HR",
                "snowflake",
                "hr.example.com",
                [DatabaseSpec("HR", [SchemaSpec("P", [TableSpec("PAY", columns=[ColumnSpec("IBAN")])])])],
                tags=(TagUse("PII"),),
                access="hidden",
            ),
        ],
        datastores=[],
        domains=[DomainSpec("Sales"), DomainSpec("Sales/Retail"), DomainSpec("Finance")],
        tags=[TagSpec("PII", "Red", "Personal <script>x</script>data"), TagSpec("Gold"), TagSpec("Unused")],
    )


class Api:
    """A caller with the first account's access token."""

    def __init__(self, system: AlationSystem) -> None:
        self.system = system
        self.clock = system.world.clock
        self.http = TestClient(system.app, raise_server_exceptions=True)
        self.login()

    def login(self, **credentials: str) -> None:
        """Use a fresh access token, of other credentials where they are given."""
        body = credentials or dict(self.system.credentials())
        answer = self.http.post("/integration/v1/createAPIAccessToken/", json=body)
        self.headers = {"Token": answer.json()["api_access_token"]}

    def answer(self, method: str, path: str, /, body: Any = None, **params: Any) -> Any:
        """The whole answer."""
        return self.http.request(
            method, path, params=params or None, json=body, headers=self.headers, follow_redirects=False
        )

    def call(self, method: str, path: str, status: int = 200, /, body: Any = None, **params: Any) -> Any:
        """The body of an answer of this status."""
        answer = self.answer(method, path, body, **params)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, /, **params: Any) -> Any:
        return self.call("GET", path, **params)

    def job(self, announced: dict[str, Any]) -> dict[str, Any]:
        """The end of a job that a reply has announced."""
        self.clock.advance(60)
        for _ in range(3):
            row: dict[str, Any] = self.get("/api/v1/bulk_metadata/job/", id=announced["job_id"])
            if row["status"] != "running":
                return row
        return row

    def do(self, method: str, path: str, body: Any, **params: Any) -> dict[str, Any]:
        """Start a job and wait for its end."""
        return self.job(self.call(method, path, 202, body, **params))

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """The only visible row of this name; ``kind`` is schema, table or column."""
        [row] = self.get(f"/integration/v2/{kind}/", name=name)
        found: dict[str, Any] = row
        return found

    def source(self, title: str) -> int:
        rows = self.get("/integration/v2/datasource/") + self.get("/integration/v1/datasource/")
        return next(row["id"] for row in rows if row["title"] == title)

    def state(self, name: str) -> dict[str, Any]:
        [entry] = self.system.state(name=name)
        return entry

    def mutate(self, do: str, asset: str | None = None, **rest: Any) -> list[str]:
        change = {"do": do, "asset": asset, **rest}
        self.system.check(change)
        return list(self.system.mutate(change))

    def make_field(self, name: str, kind: str = "RICH_TEXT", **more: Any) -> int:
        body = [{"field_type": kind, "name_singular": name, **more}]
        self.do("POST", "/integration/v2/custom_field/", body)
        rows = self.get("/integration/v2/custom_field/", name_singular=name)
        return int(rows[-1]["id"])


def tag_path(name: str, *rest: object) -> str:
    """The subject path of a tag, percent-encoded."""
    tail = "".join(f"{part}/" for part in rest)
    return f"/integration/tag/{quote(name, safe='')}/subject/{tail}"


@pytest.fixture
def make() -> Callable[..., Api]:
    """Makes an instance with switches of one's own."""

    def build(**switches: Any) -> Api:
        return Api(AlationSystem(make_tiny(), VirtualClock(), switches=AlationSwitches(**switches), seed=3))

    return build


@pytest.fixture
def api(make: Callable[..., Api]) -> Api:
    return make()
