"""Endpoints of type definitions (atlan-api.md §2.5, §2.8)."""

from __future__ import annotations

from qsync_pipeline.sandbox.atlan import typedef_write
from qsync_pipeline.sandbox.atlan.errors import AtlasError, unknown_type
from qsync_pipeline.sandbox.atlan.http import Call, Handler
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.tagging import Tagging
from qsync_pipeline.sandbox.atlan.typedefs import Json, TypeDefs


class TypesApi:
    """Handlers over the definitions of one sandbox."""

    def __init__(self, store: Store, types: TypeDefs, tagging: Tagging) -> None:
        self._store = store
        self._types = types
        self._tagging = tagging

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/meta/types/typedefs", self.read),
            ("POST", "/api/meta/types/typedefs", self.create),
            ("PUT", "/api/meta/types/typedefs", self.update),
            ("GET", "/api/meta/types/typedef/name/{name:path}", self.by_name),
            ("DELETE", "/api/meta/types/typedef/name/{name:path}", self.delete),
        ]

    def read(self, call: Call) -> Json:
        kinds = call.request.query_params.getlist("type")
        return self._types.envelope(kinds, empty_structs=self._store.switches.empty_struct_defs)

    def create(self, call: Call) -> Json:
        allow = call.flag("allowDuplicateDisplayName")
        return typedef_write.create(self._types, call.json(), call.token.actor, allow_duplicates=allow)

    def update(self, call: Call) -> Json:
        return typedef_write.update(self._types, call.json(), call.token.actor, self._store.clock.now_ms())

    def by_name(self, call: Call) -> Json:
        found = self._types.find(call.path["name"])
        if found is None:
            raise unknown_type(call.path["name"])
        return found

    def delete(self, call: Call) -> None:
        name = call.path["name"]
        if self._tagging.queued(name):
            raise AtlasError(406, "ATLAS-406-00-001", f"propagation of {name} is queued; try again later")
        typedef_write.delete(self._types, name, referenced=self._referenced)

    def _referenced(self, name: str) -> bool:
        """Whether an active asset carries the tag, or a value of the set."""
        return any(
            doc.status == "ACTIVE" and (name in doc.cm or any(tag.type_name == name for tag in doc.tags))
            for doc in self._store.docs()
        )
