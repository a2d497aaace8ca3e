"""Tag definitions and assignments in Qualytics (qualytics-api.md §2.8).

Definitions are keyed by *name* in URLs. Assignments replace the whole list of an object, with no version
check, and a name that the platform does not know becomes a new Global tag: so callers re-read, merge and send
only names that are there (DESIGN.md §5.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from qsync_pipeline.qualytics.calls import Calls
from qsync_pipeline.qualytics.models import Container, Datastore, DefinedTag, Field, GlobalTag
from qsync_pipeline.transport.errors import NotFound, TimedOutAfterSend

BULK = 200
"""Objects of one bulk PATCH. Bodies may hold 2.6 MB (§1.7); this keeps a lost call cheap to repeat."""

T = TypeVar("T")


def tag_path(name: str) -> str | None:
    """The path of a definition, or null where no URL can carry the name at all.

    Dots alone are steps in a path and an empty name is the collection: such a call would hit something else.
    """
    return None if name in ("", ".", "..") else f"/global-tags/{quote(name, safe='')}"


class TagCalls(Calls):
    """The calls about tags; part of :class:`~qsync_pipeline.qualytics.client.QualyticsClient`."""

    # Definitions

    def global_tags(self) -> list[GlobalTag]:
        """All definitions of all types, by id. ``count`` is the number of uses, null where it is not told.

        The paged list is the complete one; where its rows lack counts they come from the bare listing.
        """
        rows: list[GlobalTag] = [*self.pages("/global-tags", DefinedTag)]
        if any(tag.count is None for tag in rows):
            listing = self.session.request(
                "GET", "/global-tags/listing", kind="read", decode=list[GlobalTag], none_on=frozenset({404})
            )
            counts = {tag.id: tag.count for tag in listing or ()}
            rows = [
                msgspec.structs.replace(tag, count=counts.get(tag.id)) if tag.count is None else tag
                for tag in rows
            ]
        return sorted(rows, key=lambda tag: tag.id)

    def create_tag(
        self,
        name: str,
        *,
        color: str | None = None,
        description: str | None = None,
        category: str | None = None,
        weight_modifier: int = 0,
        type: str = "global",
    ) -> GlobalTag:
        """Create a definition; ``color`` is hex, ``weight_modifier`` -10 to 10.

        Raises ``Conflict`` where the name is taken, ``Rejected`` for type external on a deployment that does
        not offer it. After a time-out the list is read instead of repeating the call.
        """
        body: dict[str, Any] = {"type": type, "name": name, "weight_modifier": weight_modifier}
        optional = {"color": color, "description": description, "category": category}
        body |= {key: value for key, value in optional.items() if value is not None}
        try:
            return self.session.request("POST", "/global-tags", kind="write", json=body, decode=GlobalTag)
        except TimedOutAfterSend:
            made = next((tag for tag in self.global_tags() if tag.name == name), None)
            if made is None:
                raise
            return made

    def update_tag(
        self,
        tag: GlobalTag,
        *,
        color: str | UnsetType | None = UNSET,
        description: str | UnsetType | None = UNSET,
        category: str | UnsetType | None = UNSET,
        weight_modifier: int | UnsetType = UNSET,
    ) -> bool:
        """Change a definition, given as it was read; what is not named stays as it is.

        Whether PUT is partial is not documented, so it carries the whole definition; an external one takes
        category and weight only. False: no URL reaches the name, nothing was changed. Raises ``NotFound``
        where the definition is gone.
        """
        body: dict[str, Any] = {
            "type": tag.type,
            "category": tag.category if category is UNSET else category,
            "weight_modifier": tag.weight_modifier if weight_modifier is UNSET else weight_modifier,
        }
        if tag.type != "external":
            body["name"] = tag.name
            body["color"] = tag.color if color is UNSET else color
            body["description"] = tag.description if description is UNSET else description
        return self._by_name("PUT", tag.name, body)

    def delete_tag(self, name: str) -> bool:
        """Delete a definition with all its assignments. False: no URL reaches the name.

        Raises ``NotFound`` where it was gone already, ``Conflict`` for an external one.
        """
        return self._by_name("DELETE", name, None)

    def _by_name(self, method: str, name: str, body: dict[str, Any] | None) -> bool:
        path = tag_path(name)
        if path is None:
            return False
        try:
            self.session.request(
                "PUT" if method == "PUT" else "DELETE",
                path,
                kind="write",
                json=body,
                route="/global-tags/{name}",
            )
        except NotFound:
            # Servers mostly decode %2F before they route, so that such a path matches nothing.
            if "/" in name:
                return False
            raise
        return True

    # Assignments

    def set_datastore_tags(self, datastore: Datastore, names: Sequence[str]) -> Datastore:
        """Replace the tags of a datastore; the datastore as it stands afterwards.

        A PUT with ``tags`` alone leaves the rest (§2.1); native datastores want their connection's type
        beside it, which is why the datastore is given as it was read.
        """
        body: dict[str, Any] = {"tags": list(names)}
        if datastore.store_type == "native":
            connection = datastore.connection
            body["connection"] = {"type": (connection and connection.type) or datastore.type}
        return self.session.request(
            "PUT",
            f"/datastores/{datastore.id}",
            kind="write",
            json=body,
            route="/datastores/{id}",
            decode=Datastore,
        )

    def set_container_tags(self, tags: Sequence[tuple[int, Sequence[str]]]) -> list[Container]:
        """Replace the tags of containers, in bulk; those that the answer says were updated (§2.2).

        PATCH leaves everything else alone, which PUT does not. Repeating it is safe.
        """
        return self._patch("/containers", tags, Container)

    def set_field_tags(self, tags: Sequence[tuple[int, Sequence[str]]]) -> list[Field]:
        """Replace the tags of fields, in bulk; those that the answer says were updated (§2.3)."""
        return self._patch("/fields", tags, Field)

    def _patch(self, path: str, tags: Sequence[tuple[int, Sequence[str]]], row: type[T]) -> list[T]:
        updated: list[T] = []
        for chunk in _chunks(tags, BULK):
            body = [{"id": number, "tags": list(names)} for number, names in chunk]
            answer = self.session.request("PATCH", path, kind="write", json=body, idempotent=True)
            # What a bulk update answers is attested for containers only; an empty answer is no failure, and a
            # row of another shape tells nothing.
            for one in answer if isinstance(answer, list) else ():
                with suppress(msgspec.ValidationError):
                    updated.append(msgspec.convert(one, row))
        return updated


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
