"""What Atlan answers, as far as we read it: typed, tolerant, and never more than is in use.

Tolerant means (atlan-api.md §6.3 rule 1): unknown keys are ignored, null, a missing key and an empty list are
the same, and booleans may come as strings. What is *not* tolerated is an answer without its envelope; the
client checks that (:mod:`.client`).
"""

from __future__ import annotations

from typing import Any

import msgspec

HIDDEN_GUID = "-1"
"""The guid of a scrubbed row on older builds (atlan-api.md §2.11)."""


def truthy(value: object) -> bool:
    """A boolean as Atlan may send it: true, ``"true"``, or nothing."""
    return value.strip().lower() == "true" if isinstance(value, str) else bool(value)


class Classification(msgspec.Struct, rename="camel"):
    """A tag on an asset: ``type_name`` is its hashed id, ``entity_guid`` where it was attached."""

    type_name: str
    entity_guid: str | None = None


class Entity(msgspec.Struct, rename="camel"):
    """An asset, as a search row or as read by guid.

    Search rows carry custom metadata as ``SetId.AttrId`` keys inside ``attributes``; reads by guid carry it
    in ``business_attributes`` (atlan-api.md §2.2, §2.7).
    """

    type_name: str = ""
    guid: str = ""
    status: str | None = None
    attributes: dict[str, Any] | None = None
    business_attributes: dict[str, dict[str, Any] | None] | None = None
    classifications: list[Classification] | None = None
    classification_names: list[str] | None = None
    create_time: int | None = None
    update_time: int | None = None
    scrubbed: bool | str | None = None
    is_scrubbed: bool | str | None = None

    @property
    def hidden(self) -> bool:
        """Whether the token may not see what is on this asset (either spelling, or the older form)."""
        return truthy(self.scrubbed) or truthy(self.is_scrubbed) or self.guid == HIDDEN_GUID

    def text(self, name: str) -> str | None:
        """A text attribute; blank and null are null."""
        value = (self.attributes or {}).get(name)
        return value if isinstance(value, str) and value.strip() else None


class SortValues(msgspec.Struct):
    """The sort values of one hit: (creation time, guid) as our searches sort."""

    sort: list[Any] | None = None


class SearchPage(msgspec.Struct, rename="camel"):
    """One page of an index search. ``entities`` is absent when there is no hit (atlan-api.md §2.2)."""

    approximate_count: int | None = None
    search_parameters: dict[str, Any] | None = None
    entities: list[Entity] | None = None
    search_metadata: dict[str, SortValues] | None = None

    def last_key(self) -> tuple[int, str] | None:
        """The key of the last hit, where the page carries the sort values of each hit."""
        keys = [entry.sort for entry in (self.search_metadata or {}).values() if entry.sort]
        if not keys or len(keys) != len(self.entities or ()):
            return None
        last = max(keys)
        return int(last[0]), str(last[1])


class EntityAnswer(msgspec.Struct, rename="camel"):
    """One asset read by its guid."""

    entity: Entity | None = None


class EntitiesAnswer(msgspec.Struct, rename="camel"):
    """Several assets read by guid from the graph."""

    entities: list[Entity] | None = None


class TagDef(msgspec.Struct, rename="camel"):
    """A tag's definition. ``name`` is the hashed id, ``display_name`` what people see (atlan-api.md §2.5)."""

    name: str
    display_name: str | None = None
    description: str | None = None
    options: dict[str, Any] | None = None


class TypeDefs(msgspec.Struct, rename="camel"):
    """Type definitions. Custom-metadata sets stay raw, because an update has to send back all there was."""

    classification_defs: list[TagDef] | None = None
    business_metadata_defs: list[dict[str, Any]] | None = None


class Mutated(msgspec.Struct):
    """Who changed in a bulk write; each list is absent when empty, and unchanged entities are in none."""

    create: list[Entity] | None = msgspec.field(name="CREATE", default=None)
    update: list[Entity] | None = msgspec.field(name="UPDATE", default=None)
    partial_update: list[Entity] | None = msgspec.field(name="PARTIAL_UPDATE", default=None)


class MutationAnswer(msgspec.Struct, rename="camel"):
    """The answer to a bulk write (atlan-api.md §2.7)."""

    mutated_entities: Mutated | None = None
    partial_updated_entities: list[Entity] | None = None
    guid_assignments: dict[str, str] | None = None

    def created(self) -> set[str]:
        """Guids of assets that this write made."""
        mutated = self.mutated_entities or Mutated()
        return {entity.guid for entity in mutated.create or ()}

    def updated(self) -> dict[str, str]:
        """Guids of assets that this write changed, each with its status."""
        mutated = self.mutated_entities or Mutated()
        rows = [
            *(mutated.update or ()),
            *(mutated.partial_update or ()),
            *(self.partial_updated_entities or ()),
        ]
        return {entity.guid: entity.status or "ACTIVE" for entity in rows}


class CurrentUser(msgspec.Struct, rename="camel"):
    """Who the token is. ``username`` is the actor's name in updatedBy and announcementUpdatedBy."""

    username: str | None = None
    id: str | None = None


class AuditRow(msgspec.Struct, rename="camel"):
    """One entry of the activity log (atlan-api.md §3.3). ``created``, in milliseconds, orders the log."""

    entity_id: str
    action: str
    created: int
    entity_qualified_name: str | None = None
    type_name: str | None = None
    user: str | None = None
    event_key: str | None = None
    detail: msgspec.Raw = msgspec.Raw(b"null")


class AuditPage(msgspec.Struct, rename="camel"):
    """One page of an audit search; ``entityAudits`` may be absent or null where there is none."""

    entity_audits: list[AuditRow] | None = None
    total_count: int | None = None


class PolicyAnswer(msgspec.Struct, rename="camel"):
    """Whether one action on one asset would be allowed, as the evaluator tells (docs/learned.md).

    ``entity_guid`` or ``entity_id`` (the qualified name) is what was asked for. ``error_code`` is why not:
    ``ATLAS-403-00-001`` by the policies, ``ATLAS-404-00-005`` because there is no such asset.
    """

    action: str = ""
    allowed: bool | None = None
    entity_guid: str | None = None
    entity_id: str | None = None
    error_code: str | None = None
