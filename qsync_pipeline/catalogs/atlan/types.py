"""Type definitions, translated: tag ids to tags, a custom-metadata set's ids to canonical attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qsync_pipeline.catalogs.atlan.models import TypeDefs
from qsync_pipeline.core.rows import TagRef

COLORS: Mapping[str, str] = {
    "green": "#047960",
    "yellow": "#F7B43D",
    "red": "#BF1B1B",
    "gray": "#525C73",
    "grey": "#525C73",
}
"""The named colours of tags and badges (atlan-api.md §2.5, §2.8)."""

_HEX = frozenset("0123456789abcdefABCDEF")


def color_hex(value: object) -> str | None:
    """A tag's colour as ``#RRGGBB``: Atlan's names are mapped, hex passes, anything else is null."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.startswith("#") and len(text) in (4, 7) and set(text[1:]) <= _HEX:
        return text
    return COLORS.get(text.lower())


@dataclass(frozen=True)
class TagIndex:
    """All tags that the token may see, by hashed id."""

    tags: Mapping[str, TagRef] = field(default_factory=dict)

    @classmethod
    def of(cls, types: TypeDefs) -> TagIndex:
        """Build it from a typedefs answer. The hashed id is the :attr:`TagRef.id`: it survives renames."""
        return cls(
            {
                tag.name: TagRef(
                    name=tag.display_name,
                    id=tag.name,
                    color=color_hex((tag.options or {}).get("color")),
                    description=tag.description or None,
                )
                for tag in types.classification_defs or ()
                if tag.display_name
            }
        )


def tags_missing(types: TypeDefs) -> str | None:
    """Why an answer does not tell all tags, or null: it was asked for them, and has to name each."""
    if types.classification_defs is None:
        return "the answer has no classificationDefs"
    nameless = sum(1 for tag in types.classification_defs if not tag.display_name)
    return f"{nameless} tag(s) came without a name" if nameless else None


@dataclass(frozen=True)
class AttributeIds:
    """Our custom-metadata set as ids: ``ids`` is canonical attribute name to hashed attribute id.

    Empty until the definitions are known; then nothing is read and nothing can be written.
    """

    set_id: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, handle: Mapping[str, object]) -> AttributeIds:
        """Read the handle of :mod:`.definitions`: ``{"set": id, "attributes": {canonical: id}, ...}``."""
        set_id, attributes = handle.get("set"), handle.get("attributes")
        if not isinstance(set_id, str) or not set_id or not isinstance(attributes, Mapping):
            return cls()
        return cls(set_id, {str(name): str(id) for name, id in attributes.items()})

    def search_keys(self) -> list[str]:
        """The ``SetId.AttrId`` attribute names to ask a search for (atlan-api.md §2.2)."""
        return [f"{self.set_id}.{id}" for id in self.ids.values()]

    def values(self, attributes: Mapping[str, Any], business: Mapping[str, Any]) -> dict[str, Any]:
        """Canonical values, from a search row's flat keys or a guid read's nested ones; no nulls."""
        nested = business.get(self.set_id) or {}
        found = {
            name: nested.get(id) if id in nested else attributes.get(f"{self.set_id}.{id}")
            for name, id in self.ids.items()
        }
        return {name: value for name, value in found.items() if value is not None}

    def body(self, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """``businessAttributes`` of a bulk write for these canonical values; null clears a key."""
        return {self.set_id: {self.ids[name]: value for name, value in values.items()}}


def mapping_of(value: object) -> Mapping[str, str]:
    """A part of a handle as a mapping; anything else is empty."""
    return value if isinstance(value, Mapping) else {}
