"""An in-process tenant: the sandbox's app without sockets."""

from __future__ import annotations

from typing import Any

import httpx
from starlette.testclient import TestClient

from qsync_pipeline.sandbox.atlan import AtlanSwitches, AtlanSystem
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline_tests.sandbox.atlan.estate import tiny_estate

MERGE = "replaceBusinessAttributes=true&overwriteBusinessAttributes=false"


class Tenant:
    """A sandbox with short-hands for what tests do all the time. ``settings`` are fields of the switches."""

    def __init__(self, estate: Estate | None = None, *, scale: float = 1000.0, **settings: Any) -> None:
        settings = {"index_lag": 0, "audit_lag": 0, "propagation_lag": 0, **settings}
        self.clock = VirtualClock()
        self.system = AtlanSystem(
            estate or tiny_estate(),
            self.clock,
            switches=AtlanSwitches(**settings),
            seed=7,
            rate_limit_scale=scale,
        )
        self.http = TestClient(self.system.app)
        self.use(self.system.credentials()["token"])

    def use(self, token: str) -> None:
        self.http.headers["authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.http.request(method, path, json=body, **more)

    def meta(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.call(method, f"/api/meta/{path}", body)

    def search(self, query: Any, *attributes: str, **dsl: Any) -> dict[str, Any]:
        dsl = {"from": 0, "size": 100, "track_total_hits": True, "query": query, **dsl}
        answer = self.meta("POST", "search/indexsearch", {"dsl": dsl, "attributes": list(attributes)})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def hits(self, query: Any, *attributes: str, **dsl: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.search(query, *attributes, **dsl).get("entities", [])
        return found

    def id(self, name: str) -> str:
        found = self.system.state(name=name)
        assert len(found) == 1, found
        guid: str = found[0]["id"]
        return guid

    def read(self, guid: str) -> dict[str, Any]:
        answer = self.meta("GET", f"entity/guid/{guid}")
        assert answer.status_code == 200, answer.text
        entity: dict[str, Any] = answer.json()["entity"]
        return entity

    def bulk(self, *entities: dict[str, Any], flags: str = "") -> httpx.Response:
        return self.meta("POST", f"entity/bulk?{flags}", {"entities": entities})

    def tag_id(self, name: str) -> str:
        definition = self.system.types.tag_named(name)
        assert definition is not None
        return str(definition["name"])


def error(answer: httpx.Response) -> tuple[int, str]:
    """Status and errorCode."""
    return answer.status_code, str(answer.json().get("errorCode"))


def quality_set(tenant: Tenant, name: str = "Qualytics", **options: str) -> tuple[str, dict[str, str]]:
    """Make a set with three attributes over the API: its id, and the attributes' ids by display name."""
    options = {"applicableEntityTypes": '["Asset"]', "maxStrLength": "50", **options}
    attributes = [
        {"name": "", "displayName": display, "typeName": kind, "options": options}
        for display, kind in (("URL", "string"), ("Quality Score Total", "float"), ("Check Count", "int"))
    ]
    body = {"businessMetadataDefs": [{"name": name, "displayName": name, "attributeDefs": attributes}]}
    answer = tenant.meta("POST", "types/typedefs", body)
    assert answer.status_code == 200, answer.text
    made = answer.json()["businessMetadataDefs"][0]
    return made["name"], {one["displayName"]: one["name"] for one in made["attributeDefs"]}
