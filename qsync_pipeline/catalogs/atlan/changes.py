"""What people did to tags, from the activity log (atlan-api.md §3.3).

The log is read in the order of ``created``, from a stretch before the newest entry that was seen: its index
lags behind by up to a minute, and entries may come out of order. Entries of one write share an event key, so
they are told apart by action and content as well. It is a trigger and not a ledger: an outage of Atlan's can
lose entries without failing the write.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.catalogs.atlan.models import AuditRow
from qsync_pipeline.catalogs.base import Changes, TagNews

DIRECT = ("CLASSIFICATION_ADD", "CLASSIFICATION_DELETE", "CLASSIFICATION_UPDATE")
PROPAGATED = tuple(f"PROPAGATED_{action}" for action in DIRECT)
OVERLAP_MS = 120_000
"""Before the newest entry: twice the longest lag of the index."""
PAGE = 300
MOST_PAGES = 12
"""Pages of one call; the next call goes on where this one stopped."""
MOST_SEEN = 2 * PAGE * MOST_PAGES
ATTRIBUTES = ("qualifiedName",)


class Position(msgspec.Struct, frozen=True):
    """How far the log was read: the newest time, the entries near it, and whether more is waiting."""

    at: int = 0
    seen: list[str] = []
    more: bool = False


def read_changes(client: AtlanClient, cursor: str | None, *, propagated: bool) -> Changes:
    """See :meth:`.base.TellsChanges.changes`."""
    actions = (*DIRECT, *PROPAGATED) if propagated else DIRECT
    position = _load(cursor)
    if position is None:
        newest = client.audit_page(audit_body(actions, since=0, start=0, size=1, order="desc")).entity_audits
        at = newest[0].created if newest else 0
        rows, more = _rows(client, actions, at - OVERLAP_MS)
        return Changes((), _dump(_after(Position(at), rows, more=more)), "audit")
    # While more is waiting the overlap is left out: it might fill all pages again.
    since = position.at if position.more else position.at - OVERLAP_MS
    rows, more = _rows(client, actions, since)
    seen = set(position.seen)
    found = tuple(_news(row) for row in rows if entry(row) not in seen)
    return Changes(found, _dump(_after(position, rows, more=more)), "audit")


def audit_body(
    actions: tuple[str, ...], *, since: int, start: int, size: int, order: str = "asc"
) -> dict[str, Any]:
    """The body of one audit search, from ``since`` (milliseconds) on."""
    return {
        "dsl": {
            "from": start,
            "size": size,
            "track_total_hits": True,
            "query": {
                "bool": {
                    "filter": [
                        {"range": {"created": {"gte": max(since, 0)}}},
                        {"terms": {"action": list(actions)}},
                    ]
                }
            },
            "sort": [{"created": {"order": order}}, {"entityId": {"order": order}}],
        },
        "attributes": list(ATTRIBUTES),
        "suppressLogs": True,
    }


def entry(row: AuditRow) -> str:
    """What tells an entry from the others: event key, time, action and content."""
    whole = msgspec.json.encode([row.event_key or row.entity_id, row.created, row.action]) + bytes(row.detail)
    return hashlib.blake2s(whole, digest_size=6).hexdigest()


def _rows(client: AtlanClient, actions: tuple[str, ...], since: int) -> tuple[list[AuditRow], bool]:
    """Entries in order, each once, and whether there are more. Nothing is ever deleted from the log, so what
    comes in between two pages can only repeat rows."""
    found: dict[str, AuditRow] = {}
    for number in range(MOST_PAGES):
        page = client.audit_page(audit_body(actions, since=since, start=number * PAGE, size=PAGE))
        rows = page.entity_audits or []
        found.update((entry(row), row) for row in rows)
        if len(rows) < PAGE:
            return list(found.values()), False
    return list(found.values()), True


def _after(position: Position, rows: list[AuditRow], *, more: bool) -> Position:
    at = max([position.at, *(row.created for row in rows)])
    if more and at == position.at:
        at += 1  # a single millisecond that fills all pages: on with the next
    near = at if more else at - OVERLAP_MS
    seen = [entry(row) for row in rows if row.created >= near]
    return Position(at, seen[-MOST_SEEN:], more)


def _news(row: AuditRow) -> TagNews:
    return TagNews(
        asset=row.entity_id,
        type_name=row.type_name or "",
        qualified_name=row.entity_qualified_name or "",
        action=row.action,
        at_ms=row.created,
        actor=row.user or "",
    )


def _load(cursor: str | None) -> Position | None:
    if not cursor:
        return None
    try:
        return msgspec.json.decode(cursor, type=Position)
    except msgspec.MsgspecError:
        return None


def _dump(position: Position) -> str:
    return msgspec.json.encode(position).decode()
