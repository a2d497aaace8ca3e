"""An Atlan of a few lines, in place of the HTTP session: what the sandbox cannot be made to answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.transport.errors import NotFound
from qsync_pipeline.transport.session import HttpSession

Handler = Callable[[dict[str, Any]], Any]

CONN = "default/snowflake/1712345678"


def row(number: int, type_name: str = "Table", **more: Any) -> dict[str, Any]:
    """A search row; ``attributes`` are merged over a name and qualified name made of the number."""
    attributes = {
        "name": f"T{number}",
        "qualifiedName": f"{CONN}/DB/S/T{number}",
        "connectionQualifiedName": CONN,
        "connectorName": "snowflake",
        "databaseName": "DB",
        "schemaName": "S",
        "schemaQualifiedName": f"{CONN}/DB/S",
    } | more.pop("attributes", {})
    return {
        "typeName": type_name,
        "guid": f"guid-{number:04}",
        "status": "ACTIVE",
        "createTime": 1000 + number,
        "updateTime": 2000 + number,
        "attributes": attributes,
        **more,
    }


class FakeSession:
    """Answers by (method, path); records every call. Stands in for :class:`HttpSession`."""

    system = "atlan"
    last_latency = 0.0

    def __init__(self, **handlers: Handler) -> None:
        self.handlers: dict[tuple[str, str], Handler] = {}
        self.calls: list[dict[str, Any]] = []

    def on(self, method: str, path: str, handler: Handler | Any) -> FakeSession:
        """Answer calls of this path by the handler, or always the same."""
        self.handlers[(method, path)] = handler if callable(handler) else lambda call: handler
        return self

    def request(self, method: str, path: str, *, decode: Any = None, **call: Any) -> Any:
        call = {"method": method, "path": path, **call}
        self.calls.append(call)
        handler = self.handlers.get((method, path))
        if handler is None:
            raise NotFound(f"no {method} {path}", status=404, code="ATLAS-404-00-005", worded=True)
        body = msgspec.json.encode(handler(call))
        return msgspec.json.decode(body, type=decode) if decode else msgspec.json.decode(body)

    def close(self) -> None:
        """Nothing to close."""

    def client(self, page_size: int = 3) -> AtlanClient:
        """A client over this session."""
        return AtlanClient(cast(HttpSession, self), page_size=page_size)

    def count(self, method: str, path: str = "") -> int:
        return sum(c["method"] == method and (not path or c["path"] == path) for c in self.calls)


def pages(rows: Sequence[dict[str, Any]], count: int | None = None, *, keys: bool = False) -> Handler:
    """An index search over these rows, in their order; ``search_after`` goes behind the row of that key.

    With ``keys`` it gives the sort values when they are asked for, also of rows that hide their guid.
    """
    order = [[1000 + n, r["guid"] if r["guid"] != "-1" else f"real-{n}"] for n, r in enumerate(rows)]

    def answer(call: dict[str, Any]) -> dict[str, Any]:
        dsl = call["json"]["dsl"]
        start = 0
        if "search_after" in dsl:
            guids = [key[1] for key in order] if keys else [r["guid"] for r in rows]
            start = guids.index(dsl["search_after"][1]) + 1
        found = list(rows[start : start + dsl["size"]])
        envelope: dict[str, Any] = {
            "searchParameters": {},
            "approximateCount": len(rows) if count is None else count,
        }
        if keys and call["json"]["showSearchMetadata"]:
            envelope["searchMetadata"] = {k[1]: {"sort": k} for k in order[start : start + dsl["size"]]}
        return {**envelope, "entities": found} if found else envelope

    return answer


SEARCH = "/api/meta/search/indexsearch"
TYPEDEFS = "/api/meta/types/typedefs"
BULK = "/api/meta/entity/bulk"
