"""Search endpoints: indexsearch, count, raw hits, audits (atlan-api.md §2.1, §2.2, §3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.access import Token
from qsync_pipeline.sandbox.atlan.errors import bad_request, query_rejected
from qsync_pipeline.sandbox.atlan.http import Call, Handler
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.ordering import Found, page
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.views import Json, Views

_UNTRACKED = 10_000
"""Where counting stops without track_total_hits (row 2)."""


class SearchApi:
    """Handlers over the search index."""

    def __init__(self, store: Store, views: Views) -> None:
        self._store = store
        self._views = views

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "/api/meta/search/indexsearch", self.indexsearch),
            ("POST", "/api/meta/search/count", self.count),
            ("POST", "/api/meta/search/es", self.raw),
            ("POST", "/api/meta/entity/auditSearch", self.audits),
            ("POST", "/api/meta/entity/{guid}/auditSearch", self.audits),
            ("POST", "/api/meta/task/search", lambda call: {"tasks": [], "approximateCount": 0}),
        ]

    def indexsearch(self, call: Call) -> Json:
        body = call.json()
        dsl = _dsl(body)
        found, rows = self._page(dsl, call.token, full=bool(body.get("enableFullRestriction")))
        switches = self._store.switches
        answer: Json = {
            "queryType": "INDEX",
            "searchParameters": body,
            "approximateCount": _count(dsl, len(found.docs)),
        }
        entities = self._views.headers(
            rows,
            call.token,
            attributes=body.get("attributes") or (),
            relation_attributes=body.get("relationAttributes") or (),
            classifications=not body.get("excludeClassifications"),
            names=not body.get("excludeClassifications") or bool(body.get("includeClassificationNames")),
        )
        if entities or switches.empty_entities == "list":
            answer["entities"] = entities
        if body.get("showSearchScore"):
            answer["searchScore"] = {doc.guid: 1.0 for doc in rows}
        if body.get("showSearchMetadata"):
            answer["searchMetadata"] = {doc.guid: {"sort": found.sort_values(doc)} for doc in rows}
        aggregations = dsl.get("aggregations") or dsl.get("aggs")
        if aggregations:
            answer["aggregations"] = self._store.index.aggregate(found.docs, aggregations)
        return answer

    def count(self, call: Call) -> Json:
        """Count only; the client-origin header is mandatory (§0)."""
        _origin(call)
        found, _ = self._page({**_dsl(call.json()), "size": 0, "from": 0}, call.token)
        return {"count": len(found.docs)}

    def raw(self, call: Call) -> Json:
        """Raw Elasticsearch hits; the same header rule."""
        _origin(call)
        dsl = _dsl(call.json())
        found, rows = self._page(dsl, call.token)
        hits = []
        for doc in rows:
            source = {"__guid": doc.guid, "__typeName": doc.type, "name": doc.name, "qualifiedName": doc.qn}
            hits.append({"_index": "janusgraph_vertex_index", "_id": doc.guid, "_source": source,
                         "sort": found.sort_values(doc)})  # fmt: skip
        total = {"value": _count(dsl, len(found.docs)), "relation": "eq"}
        return {"took": 1, "timed_out": False, "hits": {"total": total, "max_score": None, "hits": hits}}

    def audits(self, call: Call) -> Json:
        return self._store.audits.search(
            call.json(),
            self._store.clock.now_ms(),
            read=self._store.get,
            scrubbed=lambda doc: call.token.mode(doc) == "hidden",
            guid=call.path.get("guid"),
        )

    def _page(self, dsl: Mapping[str, Any], token: Token, *, full: bool = False) -> tuple[Found, list[Doc]]:
        start = int(dsl.get("from") or 0)
        size = int(dsl["size"]) if dsl.get("size") is not None else 10
        after = dsl.get("search_after")
        window = self._store.switches.window
        if start < 0 or size < 0:
            raise query_rejected("[from] and [size] must not be negative")
        if start + size > window:
            raise query_rejected(
                f"Result window is too large, from + size must be less than or equal to: [{window}] "
                f"but was [{start + size}]"
            )
        if after and start > 0:
            raise query_rejected("`from` parameter must be set to 0 when `search_after` is used")
        keep, variant = None, ""
        if token.rules and (full or self._store.switches.scrub == "full"):
            keep, variant = (lambda doc: token.mode(doc) != "hidden"), repr(sorted(token.rules.items()))
        query = dsl.get("query")
        if dsl.get("post_filter"):
            query = {"bool": {"filter": [query or {"match_all": {}}, dsl["post_filter"]]}}
        found = self._store.index.search(query, dsl.get("sort"), variant=variant, keep=keep)
        return found, page(found, start, size, after)


def _dsl(body: Mapping[str, Any]) -> Mapping[str, Any]:
    dsl = body.get("dsl")
    if not isinstance(dsl, Mapping):
        raise bad_request("dsl is mandatory")
    return dsl


def _count(dsl: Mapping[str, Any], exact: int) -> int:
    track = dsl.get("track_total_hits")
    if track is True:
        return exact
    return min(exact, track if isinstance(track, int) and track else _UNTRACKED)


def _origin(call: Call) -> None:
    if not call.request.headers.get("x-atlan-client-origin"):
        raise bad_request("header x-atlan-client-origin is mandatory")
