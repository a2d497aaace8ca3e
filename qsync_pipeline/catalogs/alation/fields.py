"""Custom fields: which of them are ours, and values on their way in and out (alation-api.md §2.3, §2.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qsync_pipeline.catalogs.alation.models import FieldValue
from qsync_pipeline.catalogs.alation.richtext import with_links
from qsync_pipeline.core.rows import AttributeValue
from qsync_pipeline.transport.errors import Malformed

MOST_VALUES = 10_000
"""Values of one write request (alation-api.md §2.4)."""
_TEXT = re.compile(r"\s*(?:<[^>]*>\s*)*[^<\s]")
"""Begins like what has text outside of tags: a cleared value may leave an empty paragraph behind, which shows
nothing."""


@dataclass(frozen=True)
class FieldIds:
    """Our fields: canonical attribute to custom field id. Empty until the definitions are known."""

    ids: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, handle: Mapping[str, object]) -> FieldIds:
        """Read the handle of :mod:`.definitions`: ``{"fields": {canonical: id}, ...}``."""
        fields = handle.get("fields")
        ids = {str(name): int(id) for name, id in fields.items()} if isinstance(fields, Mapping) else {}
        return cls(ids, {id: name for name, id in ids.items()})

    def values(self, row: Iterable[FieldValue] | None) -> dict[str, AttributeValue]:
        """Our values on an object as they were read: rich text, which the core compares as readers would.

        Raises ``Malformed`` where one is neither a text nor a number nor null: our fields hold nothing else
        (:mod:`.definitions`), so what is there was not told.
        """
        found: dict[str, AttributeValue] = {}
        names, has_text = self.names, _TEXT.match
        # Twelve values on each of many columns: this loop is half of the time that reading takes.
        for one in row or ():
            name = names.get(one.field_id)
            if name is not None:
                value = one.value
                if value.__class__ is str:
                    if has_text(value):
                        found[name] = value
                elif isinstance(value, (int, float)):
                    found[name] = value
                elif value is not None:
                    told = f"the field {name!r} was answered with something that is no text"
                    raise Malformed(f"alation: {told}", system="alation")
        return found

    def bodies(self, otype: str, number: int, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What to send for an object; null clears."""
        return [
            {"field_id": self.ids[name], "otype": otype, "oid": number, "value": rich_text(value)}
            for name, value in values.items()
        ]


def rich_text(value: AttributeValue) -> str:
    """A value as rich text, the one type that takes text and numbers; empty clears it."""
    return "" if value is None else with_links(str(value))
