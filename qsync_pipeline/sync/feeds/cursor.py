"""What the poller of Qualytics keeps between two ticks: one line of JSON in the sensor's cursor."""

from __future__ import annotations

import msgspec

from qsync_pipeline.sync.feeds.newest import Mark

VERSION = 1


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far each feed was read; ``version`` has no default, so that it is always written.

    ``running``: operations that had not ended. ``prints``: counts by datastore. ``due``: datastores that want
    a look; ``moved``: those of them that changed, the others are looked at for the first time. ``page``: the
    next page of the list of datastores. ``turn``: the datastore whose turn came last. ``credit``: requests
    that may go into taking turns. What the looks found is in the ledger, not here.
    """

    version: int
    operations: Mark = Mark()
    anomalies: Mark = Mark()
    checks: Mark = Mark()
    running: tuple[int, ...] = ()
    prints: dict[int, str] = {}
    due: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    page: int = 1
    turn: int = 0
    credit: float = 0.0


def dump(cursor: Cursor) -> str:
    """The cursor as text."""
    return msgspec.json.encode(cursor).decode()


def load(text: str | None) -> Cursor | None:
    """The cursor of a text; null at a first start, and for a text that this version did not write."""
    if not text:
        return None
    try:
        cursor = msgspec.json.decode(text, type=Cursor)
    except msgspec.MsgspecError:
        return None
    return cursor if cursor.version == VERSION else None
