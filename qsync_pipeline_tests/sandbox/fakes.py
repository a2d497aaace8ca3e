"""A system small enough to test the server around it: assets by name, with tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline.sandbox.systems import Plot, SystemKind


def empty_estate() -> Estate:
    return Estate(name="tiny", seed=1, connections=[], datastores=[], domains_of_interest=("Sales & Co: EU",))


@dataclass(frozen=True)
class FakeSwitches:
    lag: float = 1.5
    strict: bool = True
    flavour: Literal["plain", "odd"] = "plain"
    limit: int | None = None
    greeting: str = "hello"


@dataclass
class FakeSystem:
    name: str
    clock: VirtualClock
    switches: FakeSwitches = field(default_factory=FakeSwitches)
    url: str = ""
    tags: dict[str, list[str]] = field(default_factory=lambda: {"DB.S.A": [], "DB.S.B": []})
    posted: int = 0

    def __post_init__(self) -> None:
        api = [
            Route("/items/{item_id:int}", self._item),
            Route("/items", self._items),
            Route("/items", self._post, methods=["POST"]),
            Route("/crash", self._crash),
            Route("/list", self._list, methods=["GET", "POST"]),
        ]
        self.app = Starlette(routes=[Mount("/api", routes=api), Route("/health", self._items)])

    async def _item(self, request: Request) -> JSONResponse:
        return JSONResponse({"id": request.path_params["item_id"]})

    async def _items(self, _: Request) -> JSONResponse:
        return JSONResponse({"items": [1, 2, 3], "total": 3})

    async def _post(self, request: Request) -> JSONResponse:
        await request.json()
        self.posted += 1
        return JSONResponse({"posted": self.posted})

    async def _list(self, request: Request) -> JSONResponse:
        """The numbers 1 to 5, by page, by offset, or behind one of them."""
        query = request.query_params
        dsl = (await request.json())["dsl"] if request.method == "POST" else {}
        size = int(dsl.get("size") or query.get("size") or query["limit"])
        page = int(query.get("page", 1))
        behind = int((dsl.get("search_after") or [query.get("id__gt", 0)])[0])
        start = int(dsl.get("from") or query.get("skip") or query.get("offset") or (page - 1) * size)
        rows = [{"id": number} for number in range(1, 6) if number > behind][start : start + size]
        return JSONResponse({"items": rows, "total": 5, "page": page})

    async def _crash(self, _: Request) -> JSONResponse:
        raise RuntimeError("a bug in the sandbox")

    def credentials(self) -> Mapping[str, str]:
        if self.name == "alation":
            return {"user_id": "7", "refresh_token": "fake-refresh"}
        return {"token": f"fake-token-of-{self.name}"}

    def set_base_url(self, url: str) -> None:
        self.url = url

    def state(self, *, name: str | None = None, like: str | None = None) -> list[dict[str, Any]]:
        return [
            {"id": asset, "name": asset, "tags": tags}
            for asset, tags in self.tags.items()
            if asset == name or (like is not None and like.strip("%") in asset)
        ]

    def check(self, change: Mapping[str, Any]) -> None:
        do, asset = change.get("do"), change.get("asset")
        if do not in ("tag", "create", "drop", "rename"):
            raise ControlError(f"do: {do!r} is not allowed; allowed: tag, create, drop, rename")
        if (do == "create") == (asset in self.tags):
            raise ControlError(f"asset: {asset!r} {'exists' if do == 'create' else 'does not exist'}")
        if do == "rename" and change.get("to") in self.tags:
            raise ControlError(f"to: {change['to']!r} exists")

    def mutate(self, change: Mapping[str, Any]) -> Sequence[str]:
        asset = change["asset"]
        if change["do"] == "tag":
            self.tags[asset].append(change["tag"])
        elif change["do"] == "create":
            self.tags[asset] = []
        elif change["do"] == "drop":
            del self.tags[asset]
        else:
            self.tags[change["to"]] = self.tags.pop(asset)
        return [asset]


def fake_kind(name: str, **settings: object) -> SystemKind:
    def build(plot: Plot) -> FakeSystem:
        return FakeSystem(name, plot.clock, plot.switches)

    return SystemKind(name, lambda: FakeSwitches, build, lambda plot: settings)


FAKES = (fake_kind("qualytics"), fake_kind("atlan", requests_per_minute=300))
