"""The activity log and its search (atlan-api.md §3.3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.atlan.attributes import plain_getter
from qsync_pipeline.sandbox.atlan.errors import bad_request, query_rejected
from qsync_pipeline.sandbox.atlan.fields import Field
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.ordering import order, page
from qsync_pipeline.sandbox.atlan.query import Compiler, NoPlanner

_KEPT = 300_000
"""Newest records kept; a tenant keeps more, but no test looks further back."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that happened to one asset. ``created`` is the watermark, in milliseconds."""

    action: str
    guid: str
    type_name: str
    qn: str
    timestamp: int
    created: int
    user: str
    detail: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def event_key(self) -> str:
        """Two records of one write may share it (§3.3)."""
        return f"{self.guid}:{self.timestamp}"


_READERS: dict[str, Callable[[AuditRecord], Any]] = {
    "action": lambda record: record.action,
    "created": lambda record: record.created,
    "timestamp": lambda record: record.timestamp,
    "user": lambda record: record.user,
    "typeName": lambda record: record.type_name,
    "entityId": lambda record: record.guid,
    "entityQualifiedName": lambda record: record.qn,
    "eventKey": lambda record: record.event_key,
}


def _field(name: str) -> Field:
    read = _READERS.get(name.removesuffix(".keyword"))
    return Field(name, read or (lambda record: None), total=read is not None)


class AuditLog:
    """Records in the order in which they happened; found only after the audit lag."""

    def __init__(self, lag: float) -> None:
        self._lag_ms = int(lag * 1000)
        self._records: deque[AuditRecord] = deque(maxlen=_KEPT)

    def extend(self, records: Sequence[AuditRecord]) -> None:
        self._records.extend(records)

    def search(
        self,
        body: Mapping[str, Any],
        now_ms: int,
        *,
        read: Callable[[str], Doc | None],
        scrubbed: Callable[[Doc], bool],
        guid: str | None = None,
    ) -> dict[str, Any]:
        """The answer to auditSearch; ``detail`` is null for assets that the actor may not read (§2.11)."""
        dsl = body.get("dsl")
        if not isinstance(dsl, Mapping):
            raise bad_request("dsl is mandatory")
        start = int(dsl.get("from") or 0)
        size = int(dsl["size"]) if dsl.get("size") is not None else 10
        if start + size > 10_000:
            raise query_rejected(f"Result window is too large: {start + size}")
        test = Compiler(_field, NoPlanner()).compile(dsl.get("query")).test
        until = now_ms - self._lag_ms
        hits = [
            record
            for record in self._records
            if record.created <= until and (guid is None or record.guid == guid) and test(record)
        ]
        found = order(hits, dsl.get("sort") or [{"created": {"order": "desc"}}], _field)
        rows = page(found, start, size, dsl.get("search_after"))
        wanted = [(name, plain_getter(name)) for name in body.get("attributes") or ()]
        answer: dict[str, Any] = {
            "entityAudits": [self._row(record, read(record.guid), scrubbed, wanted) for record in rows],
            "count": len(rows),
            "totalCount": len(hits),
            "linkedEntities": {},
        }
        return answer

    @staticmethod
    def _row(
        record: AuditRecord,
        doc: Doc | None,
        scrubbed: Callable[[Doc], bool],
        wanted: Sequence[tuple[str, Callable[[Doc], Any]]],
    ) -> dict[str, Any]:
        row: dict[str, Any] = {
            "entityQualifiedName": record.qn,
            "typeName": record.type_name,
            "entityId": record.guid,
            "timestamp": record.timestamp,
            "created": record.created,
            "user": record.user,
            "action": record.action,
            "eventKey": record.event_key,
            "detail": record.detail,
            "headers": dict(record.headers),
        }
        if doc is not None:
            if scrubbed(doc):
                row["detail"] = None
            attributes = {name: value for name, get in wanted if (value := get(doc)) is not None}
            row["entityDetail"] = {"typeName": doc.type, "guid": doc.guid, "attributes": attributes}
        return row
