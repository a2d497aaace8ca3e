"""Tag definitions in Qualytics that an integration of ours made or took over (DESIGN.md §5.2)."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import delete, select, update

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.jsontext import dump, load
from qsync_pipeline.ledger.schema import tag_definitions

_T = tag_definitions.c


class TagDefinition(msgspec.Struct, frozen=True):
    """One definition, by its folded name.

    ``made``: we created it, and may delete it once nothing of ours hangs on it. ``taken_over``: it was a
    native tag and ``overwrite_tags`` gave it to us; ``before`` is what it looked like. ``definition_id`` is
    Qualytics' id of it: null while it was asked for and nothing has told yet that it was made.
    """

    name: str
    folded: str
    made_by: str
    made: bool = False
    taken_over: bool = False
    before: Any = None
    definition_id: int | None = None
    at: float = 0.0
    """Set by the ledger."""


_ALL = select(*(_T[name] for name in TagDefinition.__struct_fields__)).order_by(_T.folded)


class TagDefinitions:
    """One definition per folded name, over all integrations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> dict[str, TagDefinition]:
        """Every definition of ours, by folded name."""
        with self._db.read() as connection:
            found = [TagDefinition(*row) for row in connection.execute(_ALL)]
        return {one.folded: msgspec.structs.replace(one, before=load(one.before)) for one in found}

    def put(self, definition: TagDefinition) -> None:
        """Keep a definition, in place of what was known of that name."""
        row = msgspec.structs.asdict(definition)
        row |= {"before": dump(definition.before), "at": self._db.clock()}
        with self._db.write() as connection:
            connection.execute(self._db.upsert(tag_definitions), row)

    def confirm(self, folded: str, definition_id: int) -> None:
        """Note that a definition asked for is there, unless somebody has noted more of it meanwhile."""
        waiting = update(tag_definitions).where(_T.folded == folded, _T.definition_id.is_(None))
        with self._db.write() as connection:
            connection.execute(waiting.values(definition_id=definition_id))

    def disown(self, definition: TagDefinition) -> None:
        """Forget a definition, unless what is known of it is newer than this."""
        known = delete(tag_definitions).where(
            _T.folded == definition.folded,
            _T.definition_id.is_not_distinct_from(definition.definition_id),
        )
        with self._db.write() as connection:
            connection.execute(known)

    def drop(self, folded: str) -> None:
        """Forget a definition."""
        with self._db.write() as connection:
            connection.execute(delete(tag_definitions).where(_T.folded == folded))
