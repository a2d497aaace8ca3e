"""Atlan's REST API, the few calls in use, typed (atlan-api.md §2).

Errors are those of :mod:`qsync_pipeline.transport.errors`. Retries, the request budget, redaction and the
token are the session's business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from qsync_pipeline.catalogs.atlan.chain import Chain
from qsync_pipeline.catalogs.atlan.models import (
    HIDDEN_GUID,
    AuditPage,
    CurrentUser,
    EntitiesAnswer,
    Entity,
    EntityAnswer,
    MutationAnswer,
    PolicyAnswer,
    SearchPage,
    TypeDefs,
)
from qsync_pipeline.transport.errors import Forbidden, Malformed, NotFound
from qsync_pipeline.transport.retry import RetryPolicy
from qsync_pipeline.transport.session import HttpSession

log = logging.getLogger("qsync.atlan")

T = TypeVar("T")

HEADERS: Mapping[str, str] = {"x-atlan-agent": "sdk", "x-atlan-agent-id": "qsync"}
"""Atlan copies these into audits and events: our own echoes can be told by them (atlan-api.md §1.2)."""
REQUEST_ID_HEADER = "x-atlan-request-id"
RETRY = RetryPolicy(
    throttle_wait=60.0,
    busy_codes=frozenset({"ATLAS-400-00-105", "ATLAS-406-00-001"}),
    slow_codes=frozenset({"ATLAS-400-00-502"}),
)
"""A 429 blocks the whole tenant for a minute; the codes are those of atlan-api.md §1.5 and §1.6."""

GUIDS_PER_CALL = 50
"""Guids of one graph read: 50 make a query of about 2,100 characters, within a proxy's usual 4,096."""
TYPE_CATEGORIES = ("CLASSIFICATION", "BUSINESS_METADATA", "STRUCT", "ENUM")
EMPTY_TYPEDEFS: Mapping[str, Sequence[Any]] = {
    "enumDefs": (),
    "structDefs": (),
    "classificationDefs": (),
    "entityDefs": (),
    "relationshipDefs": (),
    "businessMetadataDefs": (),
}


class AtlanClient:
    """The calls. ``page_size`` is rows per search page (20-1,000; 300 is pyatlan's default)."""

    def __init__(self, session: HttpSession, *, page_size: int = 300) -> None:
        self.session = session
        self.page_size = page_size

    def current_user(self) -> CurrentUser:
        """Who the token is; the cheapest call that needs a valid token (atlan-api.md §0)."""
        return self.session.request("GET", "/api/service/users/current", kind="read", decode=CurrentUser)

    # Search

    def search_page(self, body: Mapping[str, Any]) -> SearchPage:
        """One page of an index search; its envelope is checked.

        A page without ``approximateCount`` or without the echo of the search is :class:`Malformed`; one
        without ``entities`` is empty.
        """
        page = self.session.request(
            "POST", "/api/meta/search/indexsearch", kind="read", json=body, decode=SearchPage
        )
        if page.approximate_count is None or page.search_parameters is None:
            raise Malformed(
                "Atlan: a search was answered without its envelope (approximateCount, searchParameters);"
                " nothing of it was used (is the URL in the config that of the tenant?)",
                system=self.session.system,
                status=200,
            )
        return page

    def search(
        self,
        query: Mapping[str, Any],
        attributes: Sequence[str],
        convert: Callable[[list[Entity]], list[T]],
        *,
        classifications: bool = True,
    ) -> list[T]:
        """All hits of a query, by keyset paging, each once; ``convert`` makes of a page what is kept of it.

        The number of rows must agree with the count that Atlan gives. Where it does not, the search is read
        once more; when that fails as well :class:`Malformed` is raised: a partial read is never returned.
        """
        for attempt in (1, 2):
            chain = Chain(self.search_page, self.page_size, query, attributes, classifications)
            kept = [item for page in chain for item in convert(page)]
            if chain.complete():
                return kept
            log.warning("Atlan: %s (reading %d of 2)", chain.verdict(), attempt)
        raise Malformed(
            f"Atlan: {chain.verdict()}, twice; nothing of it was used", system=self.session.system
        )

    # By guid, from the graph: strongly consistent (atlan-api.md §1.8)

    def entities(self, guids: Sequence[str]) -> list[Entity]:
        """These assets, at most :data:`GUIDS_PER_CALL`; one that is missing or forbidden fails the call."""
        answer = self.session.request(
            "GET",
            "/api/meta/entity/bulk",
            kind="read",
            params={"guid": list(guids), "minExtInfo": False, "ignoreRelationships": True},
            decode=EntitiesAnswer,
        )
        return answer.entities or []

    def entity(self, guid: str) -> Entity:
        """One asset. ``NotFound`` and ``Forbidden`` say what they mean (atlan-api.md §2.11)."""
        answer = self.session.request(
            "GET",
            f"/api/meta/entity/guid/{quote(guid, safe='')}",
            kind="read",
            route="/api/meta/entity/guid/{guid}",
            params={"minExtInfo": False, "ignoreRelationships": True},
            decode=EntityAnswer,
        )
        entity = answer.entity
        if entity is None or entity.guid not in ("", guid, HIDDEN_GUID):
            what = "without its entity" if entity is None else "with another one"
            raise Malformed(f"Atlan: an asset was answered {what}", system=self.session.system)
        return entity

    def stands(self, type_name: str, qualified_name: str) -> bool:
        """Whether an asset of this qualified name is there, by the graph: the index may not show it yet."""
        try:
            answer = self.session.request(
                "GET",
                f"/api/meta/entity/uniqueAttribute/type/{type_name}",
                kind="read",
                route="/api/meta/entity/uniqueAttribute/type/{type_name}",
                params={
                    "attr:qualifiedName": qualified_name,
                    "minExtInfo": True,
                    "ignoreRelationships": True,
                },
                decode=EntityAnswer,
            )
        except (NotFound, Forbidden):
            return False
        return answer.entity is not None and answer.entity.status != "DELETED"

    # The activity log

    def audit_page(self, body: Mapping[str, Any]) -> AuditPage:
        """One page of an audit search; one without ``totalCount`` is :class:`Malformed`."""
        page = self.session.request(
            "POST", "/api/meta/entity/auditSearch", kind="read", json=body, decode=AuditPage
        )
        if page.total_count is None:
            raise Malformed(
                "Atlan: an audit search was answered without its totalCount; nothing of it was used",
                system=self.session.system,
                status=200,
            )
        return page

    # Permissions

    def evaluate(self, requests: Sequence[Mapping[str, str]]) -> list[PolicyAnswer] | None:
        """What the token may do, asked of Atlan's own authoriser; carries nothing out (docs/learned.md).

        Each request is ``{"typeName", "entityGuid" or "entityId", "action", "businessMetadata"?}``, where
        ``entityId`` is a qualified name and ``businessMetadata`` the id of a custom-metadata set. The answers
        come in the same order, without those whose action this build does not know. Null: an older build,
        which has no such call.
        """
        answers: list[PolicyAnswer] | None = self.session.request(
            "POST",
            "/api/meta/entity/evaluator",
            kind="read",
            json=list(requests),
            decode=list[PolicyAnswer],
            none_on=frozenset({404, 405}),
        )
        return answers

    # Writing

    def upsert(self, entities: Sequence[Mapping[str, Any]], *, custom_metadata: bool) -> MutationAnswer:
        """One bulk write, all or nothing, safe to repeat (atlan-api.md §2.7).

        The flags make custom metadata merge key by key. Without custom metadata in the body they are left
        off, and the flags that would touch tags are never sent.
        """
        flags = {"replaceBusinessAttributes": True, "overwriteBusinessAttributes": False}
        return self.session.request(
            "POST",
            "/api/meta/entity/bulk",
            kind="write",
            params=flags if custom_metadata else None,
            json={"entities": list(entities)},
            decode=MutationAnswer,
            idempotent=True,
        )

    def upsert_tags(self, entities: Sequence[Mapping[str, Any]]) -> MutationAnswer:
        """One bulk write of tags only: ``addOrUpdateClassifications`` and ``removeClassifications`` of known
        assets. Absent ones are removed without complaint, so it is safe to repeat (atlan-api.md §2.5)."""
        return self.session.request(
            "POST",
            "/api/meta/entity/bulk",
            kind="write",
            params={"replaceTags": False, "appendTags": True},
            json={"entities": list(entities)},
            decode=MutationAnswer,
            idempotent=True,
        )

    # Type definitions

    def typedefs(self) -> TypeDefs:
        """Tags and custom-metadata sets, in one call, afresh."""
        types = self.session.request(
            "GET",
            "/api/meta/types/typedefs",
            kind="read",
            params={"type": list(TYPE_CATEGORIES)},
            decode=TypeDefs,
        )
        if types.classification_defs is None and types.business_metadata_defs is None:
            raise Malformed(
                "Atlan: the type definitions came without classificationDefs and businessMetadataDefs",
                system=self.session.system,
            )
        return types

    def create_tag(self, definition: Mapping[str, Any]) -> TypeDefs:
        """Make a tag definition. Never repeated by itself: ``TimedOutAfterSend`` means read first."""
        return self._put_types("POST", definition, "classificationDefs")

    def create_set(self, definition: Mapping[str, Any]) -> TypeDefs:
        """Make a custom-metadata set. Never repeated by itself: ``TimedOutAfterSend`` means read first."""
        return self._put_types("POST", definition)

    def update_set(self, definition: Mapping[str, Any]) -> TypeDefs:
        """Replace a set's definition; it must hold all its attributes with their ids (atlan-api.md §2.8)."""
        return self._put_types("PUT", definition)

    def _put_types(
        self, method: Any, definition: Mapping[str, Any], kind: str = "businessMetadataDefs"
    ) -> TypeDefs:
        # A PUT adds an attribute for every nameless one in its body, so neither is safe to repeat.
        return self.session.request(
            method,
            "/api/meta/types/typedefs",
            kind="write",
            json={**EMPTY_TYPEDEFS, kind: [definition]},
            decode=TypeDefs,
            idempotent=False,
        )
