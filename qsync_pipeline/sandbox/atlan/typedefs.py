"""Type definitions: tags, custom-metadata sets, enums, and the built-in ones (atlan-api.md §2.5, §2.8)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.attributes import ARRAYS, KNOWN
from qsync_pipeline.sandbox.atlan.errors import AtlasError
from qsync_pipeline.sandbox.atlan.ids import IdSource
from qsync_pipeline.sandbox.atlan.model import SUPER_TYPES

Json = dict[str, Any]

LISTS: dict[str, str] = {
    "ENUM": "enumDefs",
    "STRUCT": "structDefs",
    "CLASSIFICATION": "classificationDefs",
    "ENTITY": "entityDefs",
    "RELATIONSHIP": "relationshipDefs",
    "BUSINESS_METADATA": "businessMetadataDefs",
}
"""Category of a definition -> its list in the envelope."""


class TypeDefs:
    """All definitions by category and internal name. Writing them is :mod:`.typedef_write`."""

    def __init__(self, ids: IdSource, now_ms: Callable[[], int]) -> None:
        self._ids = ids
        self._now_ms = now_ms
        self.by_category: dict[str, dict[str, Json]] = {category: {} for category in LISTS}
        self.set_of: dict[str, str] = {}
        """Custom-metadata attribute id -> id of its set."""
        self._built_in()

    def _built_in(self) -> None:
        struct = {"attributeDefs": [], "description": ""}
        for name in (
            "SourceTagAttachment",
            "SourceTagAttachmentValue",
            "BadgeCondition",
            "AssetExternalDQMetadata",
        ):
            self.put("STRUCT", name, {**struct, "name": name}, "atlan")
        own = [
            {
                "name": name,
                "typeName": "array<string>" if name in ARRAYS else "string",
                "isOptional": name not in ("name", "qualifiedName"),
                "cardinality": "SET" if name in ARRAYS else "SINGLE",
            }
            for name in sorted({*KNOWN, "assetExternalDQMetadataDetails", "assetExternalDQScoreValue"})
        ]
        for name in ("Referenceable", "Asset", "Catalog", "SQL", *SUPER_TYPES):
            supers = list(SUPER_TYPES.get(name, ()))
            defs = own if name == "Asset" else []
            self.put("ENTITY", name, {"name": name, "superTypes": supers, "attributeDefs": defs}, "atlan")

    def stamp(self, category: str, body: Mapping[str, Any], actor: str) -> Json:
        """A definition with what the server adds to it."""
        now = self._now_ms()
        return {
            "category": category,
            "guid": self._ids.guid(),
            "createdBy": actor,
            "updatedBy": actor,
            "createTime": now,
            "updateTime": now,
            "version": 1,
            "typeVersion": "1.0",
            **body,
        }

    def put(self, category: str, name: str, body: Mapping[str, Any], actor: str) -> Json:
        """Add a definition as it stands, with the server's stamps."""
        definition = self.by_category[category][name] = self.stamp(category, body, actor)
        return definition

    def new_id(self) -> str:
        """A fresh hashed name."""
        return self._ids.type_id()

    # Reading.

    def find(self, name: str) -> Json | None:
        """By internal name, in any category."""
        return next((defs[name] for defs in self.by_category.values() if name in defs), None)

    def tag(self, type_name: object) -> Json | None:
        return self.by_category["CLASSIFICATION"].get(str(type_name))

    def tag_named(self, display_name: str) -> Json | None:
        return self._named("CLASSIFICATION", display_name)

    def tags(self) -> Iterable[Json]:
        return self.by_category["CLASSIFICATION"].values()

    def set(self, set_id: object) -> Json | None:
        return self.by_category["BUSINESS_METADATA"].get(str(set_id))

    def set_named(self, display_name: str) -> Json | None:
        return self._named("BUSINESS_METADATA", display_name)

    def _named(self, category: str, display_name: str) -> Json | None:
        defs = self.by_category[category].values()
        return next((one for one in defs if one.get("displayName") == display_name), None)

    @staticmethod
    def attributes(definition: Mapping[str, Any]) -> dict[str, Json]:
        """The attributes of a set by their ids."""
        return {attribute["name"]: attribute for attribute in definition["attributeDefs"]}

    def attribute_ids(self, definition: Mapping[str, Any]) -> dict[str, str]:
        """Display name -> id of a set's attributes."""
        return {attribute["displayName"]: attribute["name"] for attribute in definition["attributeDefs"]}

    def enum_values(self, name: str) -> list[str] | None:
        found = self.by_category["ENUM"].get(name)
        return None if found is None else [str(element["value"]) for element in found.get("elementDefs", ())]

    def envelope(self, types: Collection[str], *, empty_structs: bool = False) -> Json:
        """Answer of GET typedefs. ``types`` are categories in any case; none means all (§2.5)."""
        wanted = {kind.upper() for kind in types} or set(LISTS)
        unknown = wanted - set(LISTS)
        if unknown:
            raise AtlasError(400, "ATLAS-400-00-029", f"Bad request: unknown type {sorted(unknown)}")
        answer: Json = {
            key: list(self.by_category[category].values()) if category in wanted else []
            for category, key in LISTS.items()
        }
        if empty_structs:
            answer["structDefs"] = []
        return answer

    # Making, for the estate and for people.

    def make_tag(
        self,
        name: str,
        actor: str,
        *,
        color: str | None = None,
        description: str | None = None,
        source: bool = False,
    ) -> Json:
        """A tag definition as the UI makes one; ``source`` gives it the attribute for source-tag values."""
        attributes = []
        if source:
            attributes.append(
                {
                    "name": self.new_id(),
                    "displayName": "sourceTagAttachment",
                    "typeName": "array<SourceTagAttachment>",
                    "isOptional": True,
                    "cardinality": "SET",
                    "description": "",
                    "options": {},
                }
            )
        type_id = self.new_id()
        body = {
            "name": type_id,
            "displayName": name,
            "description": description or "",
            "options": {"color": color or "Gray", "iconType": "icon", "icon": "atlanTags"},
            "attributeDefs": attributes,
            "superTypes": [],
            "entityTypes": [],
            "subTypes": [],
        }
        return self.put("CLASSIFICATION", type_id, body, actor)

    def make_set(
        self, name: str, attributes: Iterable[tuple[str, str]], actor: str, description: str = ""
    ) -> Json:
        """A custom-metadata set of other tools: (attribute name, wire type) pairs, for every asset."""
        set_id = self.new_id()
        defs = []
        for attribute, type_name in attributes:
            attribute_id = self.new_id()
            self.set_of[attribute_id] = set_id
            defs.append(
                {
                    "name": attribute_id,
                    "displayName": attribute,
                    "typeName": type_name,
                    "cardinality": "SINGLE",
                    "isOptional": True,
                    "isUnique": False,
                    "isIndexable": True,
                    "description": "",
                    "options": {
                        "customMetadataVersion": "v2",
                        "primitiveType": type_name,
                        "applicableEntityTypes": '["Asset"]',
                        "maxStrLength": "100000000",
                    },
                }
            )
        body = {
            "name": set_id,
            "displayName": name,
            "description": description,
            "options": {"logoType": "emoji", "emoji": "📊", "isLocked": "false"},
            "attributeDefs": defs,
        }
        return self.put("BUSINESS_METADATA", set_id, body, actor)
