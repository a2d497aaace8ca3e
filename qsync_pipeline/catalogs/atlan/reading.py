"""Reading assets: the index, the contents of schemas, and single assets by id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from msgspec import structs

from qsync_pipeline.catalogs.atlan import queries
from qsync_pipeline.catalogs.atlan.client import GUIDS_PER_CALL, AtlanClient
from qsync_pipeline.catalogs.atlan.lanes import side_by_side
from qsync_pipeline.catalogs.atlan.models import HIDDEN_GUID, Entity, TypeDefs
from qsync_pipeline.catalogs.atlan.settings import AtlanSettings
from qsync_pipeline.catalogs.atlan.translate import (
    LEVELS,
    Above,
    Translator,
    domain_tree,
    unplaced_tags,
)
from qsync_pipeline.catalogs.atlan.types import AttributeIds, TagIndex, tags_missing
from qsync_pipeline.catalogs.base import CatalogIndex, Presence
from qsync_pipeline.catalogs.common import chunks
from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.transport.errors import (
    Forbidden,
    Malformed,
    NotFound,
    Rejected,
    ServerError,
)

SHARED_READ_ERRORS = (Forbidden, NotFound, Rejected, ServerError, Malformed)
"""A shared read that ends like this is a gap; lost credentials or connections stop the run instead."""

ACTIVE = "ACTIVE"
GONE = ("DELETED", "PURGED")
"""What proves that an asset is gone (atlan-api.md §2.11)."""


class TagCache:
    """The tags of the tenant, read once, and once more when an id turns up that they do not name.

    Ids that stay unknown are remembered, so that a token which may not see some tags costs one extra call
    and not one per page (atlan-api.md §2.11: typedef listings are filtered by right). Thread-safe.
    """

    def __init__(self, client: AtlanClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._tags: TagIndex | None = None
        self._unknown: set[str] = set()
        self.gap: str | None = None
        """Why the tags could not be read, or null."""

    def current(self) -> TagIndex:
        """The tags, read at the first call."""
        with self._lock:
            return self._tags if self._tags is not None else self._read()

    def resolve(self, ids: Collection[str]) -> TagIndex:
        """The tags, read again if one of these ids is unknown for the first time."""
        with self._lock:
            if self._tags is None:
                self._read()
            missing = {id for id in ids if id not in self._index.tags}
            if missing - self._unknown and self.gap is None:
                self._read()
                self._unknown |= {id for id in missing if id not in self._index.tags}
            return self._index

    def take(self, types: TypeDefs) -> None:
        """Use an answer that was read for another reason."""
        with self._lock:
            self._keep(types)

    @property
    def _index(self) -> TagIndex:
        return self._tags if self._tags is not None else TagIndex()

    def _read(self) -> TagIndex:
        try:
            return self._keep(self._client.typedefs())
        except SHARED_READ_ERRORS as error:
            self._tags, self.gap = self._index, f"type definitions: {error}"
        return self._tags

    def _keep(self, types: TypeDefs) -> TagIndex:
        missing = tags_missing(types)
        self._tags, self.gap = TagIndex.of(types), f"type definitions: {missing}" if missing else None
        return self._tags


class Reader:
    """All reads of one integration. ``ids`` is our custom-metadata set, once it is known."""

    def __init__(self, client: AtlanClient, settings: AtlanSettings) -> None:
        self._client = client
        self._settings = settings
        self.tags = TagCache(client)
        self.ids = AttributeIds()
        self._above = Above()

    def index(self) -> CatalogIndex:
        """Connections, databases, schemas and the domain tree: three chains side by side."""
        structure: list[Entity] = []
        domains: list[Entity] = []
        gaps: list[str] = []

        def read_structure() -> None:
            structure.extend(self._search(queries.structure(), queries.STRUCTURE_ATTRIBUTES))

        def read_domains() -> None:
            try:
                domains.extend(
                    self._client.search(
                        queries.domains(), queries.DOMAIN_ATTRIBUTES, list, classifications=False
                    )
                )
            except SHARED_READ_ERRORS as error:
                gaps.append(f"domain tree: {error}")

        def read_tags() -> None:
            self.tags.current()

        parts: list[Callable[[], None]] = [read_structure, read_domains, read_tags]
        for _ in side_by_side(lambda part: part(), parts):
            pass
        structure = self._with_places(structure)
        _refuse_untold(structure)
        tree, gap = domain_tree(domains)
        gaps += [gap] if gap else []
        self._above = _above_of(structure)
        translator = self._translator()
        unknown = {id for entity in structure for id in translator.unknown_tags(entity)}
        if unknown:
            translator = replace(translator, tags=self.tags.resolve(unknown))
        assets = [asset for entity in structure if (asset := translator.asset(entity)) is not None]
        unnamed = len(structure) - len(assets)
        if unnamed:
            gaps.append(
                f"structure: {unnamed} connection(s), database(s) or schema(s) are hidden from this token"
            )
        if self.tags.gap:
            gaps.append(self.tags.gap)
        known = {domain.id for domain in tree}
        stray = {asset.domain for asset in assets if asset.domain and asset.domain not in known}
        if stray:
            gaps.append(f"domain tree: {len(stray)} domain(s) in use are not visible to this token")
        return CatalogIndex(
            connections=tuple(a for a in assets if a.level == "connection"),
            databases=tuple(a for a in assets if a.level == "database"),
            schemas=tuple(a for a in assets if a.level == "schema"),
            domains=tree,
            gaps=tuple(gaps),
            tags=None if self.tags.gap else tuple(self.tags.current().tags.values()),
        )

    def read(
        self, schemas: Sequence[CatalogAsset], tables: Collection[str] | None = None
    ) -> Iterator[CatalogAsset]:
        """Schemas with all that is in them. A group of schemas is handed on once it was read whole."""
        by_name = {schema.qualified_name: schema for schema in schemas}
        above = replace(
            self._above,
            hosts={**self._above.hosts, **{s.connection: s.host for s in schemas if s.host}},
            connectors={**self._above.connectors, **{s.connection: s.connector for s in schemas}},
            schemas=by_name,
        )
        wanted = None if tables is None else {fold(name) for name in tables}

        def read_group(group: list[str]) -> list[CatalogAsset]:
            assets = self._search_assets(
                queries.contents(group, tables), (*queries.CONTENT_ATTRIBUTES, *self.ids.search_keys()), above
            )
            return [asset for asset in assets if _wanted(asset, wanted)]

        for group in side_by_side(read_group, queries.groups(list(by_name))):
            yield from group

    def reread(self, ids: Sequence[str]) -> dict[str, CatalogAsset]:
        """Assets by id from the graph; those that are missing, deleted or forbidden are left out."""
        translator = self._translator()
        found: dict[str, CatalogAsset] = {}
        for batch in chunks(_real(ids), GUIDS_PER_CALL):
            answers = self._by_guid(batch).values()
            answered = [entity for entity in answers if isinstance(entity, Entity)]
            _refuse_untold(answered)
            entities = [entity for entity in answered if _presence_of(entity) == "present"]
            translator = self._with_tags(translator, entities)
            for entity in entities:
                asset = translator.asset(entity)
                if asset is not None:
                    # Without the key it tells nothing of its tags: none of ours is taken off for that.
                    told = asset.complete and entity.classifications is not None
                    found[asset.id] = structs.replace(asset, complete=told)
        return found

    def presence(self, ids: Sequence[str]) -> dict[str, Presence]:
        """Present, gone (404 or deleted, proved by the graph), or forbidden (403, or scrubbed)."""
        answer: dict[str, Presence] = dict.fromkeys(ids, "forbidden")
        for batch in chunks(_real(ids), GUIDS_PER_CALL):
            for id, found in self._by_guid(batch).items():
                answer[id] = _presence_of(found) if isinstance(found, Entity) else found
        return answer

    def _by_guid(self, guids: list[str]) -> dict[str, Entity | Presence]:
        """For each guid its entity, or why there is none.

        One bad guid fails the whole batch. Then the search index says which rows are hidden, which is taken
        at its word (forbidden freezes, it removes nothing), and which are visible, which are read again
        together. What is left is asked for one by one: only the graph's 404 proves that an asset is gone.
        """
        found: dict[str, Entity | Presence] = {}
        if len(guids) > 1:
            batch = self._batch(guids)
            if batch is None:
                rows = self._client.search(queries.by_guid(guids), (), list, classifications=False)
                found.update({row.guid: "forbidden" for row in rows if row.guid in guids and row.hidden})
                asked = [row.guid for row in rows if row.guid in guids and not row.hidden]
                batch = self._batch(asked) if asked else []
            found.update({entity.guid: entity for entity in batch or ()})
        for guid in guids:
            if guid not in found:
                found[guid] = self._prove(guid)
        return {guid: found[guid] for guid in guids}

    def _batch(self, guids: list[str]) -> list[Entity] | None:
        """These entities together, or null where one of them spoils it."""
        try:
            return self._client.entities(guids)
        except (NotFound, Forbidden):
            return None

    def _prove(self, guid: str) -> Entity | Presence:
        try:
            return self._client.entity(guid)
        except NotFound as error:
            # A 404 that Atlan itself did not word (a proxy's page) proves nothing.
            return "gone" if error.worded else "forbidden"
        except Forbidden:
            return "forbidden"

    def _translator(self, above: Above | None = None) -> Translator:
        return Translator(
            tags=self.tags.current(),
            ids=self.ids,
            above=above or self._above,
            include_propagated=self._settings.include_propagated,
        )

    def _with_tags(self, translator: Translator, entities: Sequence[Entity]) -> Translator:
        """The translator, with the tags read again where these entities carry unknown ones."""
        unknown = {id for entity in entities for id in translator.unknown_tags(entity)}
        return replace(translator, tags=self.tags.resolve(unknown)) if unknown else translator

    def _with_places(self, rows: list[Entity]) -> list[Entity]:
        """The rows of a search; one that names tags without saying where they were put takes them from the
        graph, which tells their places alone. What the graph calls deleted or forbidden is so."""
        doubtful = _real([row.guid for row in rows if row.guid and not row.hidden and unplaced_tags(row)])
        if not doubtful:
            return rows
        graph: dict[str, Entity | Presence] = {}
        for batch in chunks(doubtful, GUIDS_PER_CALL):
            graph.update(self._by_guid(batch))
        placed = [_placed_anew(row, graph[row.guid]) if row.guid in graph else row for row in rows]
        return [row for row in placed if row is not None]

    def _search(self, query: dict[str, object], attributes: Sequence[str]) -> list[Entity]:
        return self._client.search(query, attributes, list)

    def _search_assets(
        self, query: dict[str, object], attributes: Sequence[str], above: Above
    ) -> list[CatalogAsset]:
        translator = self._translator(above)

        def convert(page: list[Entity]) -> list[CatalogAsset]:
            nonlocal translator
            rows = self._with_places(page)
            translator = self._with_tags(translator, rows)
            _refuse_untold(rows)
            return [asset for entity in rows if (asset := translator.asset(entity)) is not None]

        return self._client.search(query, attributes, convert)


def _real(ids: Sequence[str]) -> list[str]:
    """Ids that can be asked for, each once: not the stand-ins of rows without a guid."""
    return [id for id in dict.fromkeys(ids) if not id.startswith(HIDDEN_GUID)]


def _placed_anew(row: Entity, found: Entity | Presence) -> Entity | None:
    """A row of a search with the tags that the graph shows; null where the graph calls it deleted."""
    state = _presence_of(found) if isinstance(found, Entity) else found
    if state == "gone":
        return None
    if not isinstance(found, Entity) or state == "forbidden":
        return structs.replace(row, scrubbed=True)
    if found.classifications is None:
        return row  # nothing more is told than the search did
    return structs.replace(
        row, classifications=found.classifications, classification_names=found.classification_names
    )


def _refuse_untold(entities: Sequence[Entity]) -> None:
    """Raise where one that we may see does not say what it is, or on what a tag of it was put: a copy is
    told from a tag of its own by that alone. A hidden or deleted one may keep silent."""
    unplaced = [one for one in entities if unplaced_tags(one) and not one.hidden and one.status not in GONE]
    if unplaced:
        name = unplaced[0].text("qualifiedName") or unplaced[0].guid
        more = f" and {len(unplaced) - 1} more" if len(unplaced) > 1 else ""
        raise Malformed(
            f"Atlan: {name}{more}: tags were named without the asset that they were put on, by id as well;"
            " nothing of it was used",
            system="atlan",
        )
    if any(_nameless(entity) for entity in entities):
        what = "without its id or name, or as something that was not asked for"
        raise Malformed(f"Atlan: an asset was answered {what}", system="atlan")
    if any(not isinstance((one.attributes or {}).get("domainGUIDs", []), list | None) for one in entities):
        raise Malformed("Atlan: an asset was answered with something else than its domains", system="atlan")
    if any(not tag.entity_guid for entity in entities for tag in entity.classifications or ()):
        raise Malformed("Atlan: a tag was answered without the asset that it was put on", system="atlan")


def _nameless(entity: Entity) -> bool:
    asked = entity.type_name in LEVELS
    named = entity.guid and asked and entity.text("name") and entity.text("qualifiedName")
    return not named and not entity.hidden and entity.status not in GONE


def _presence_of(entity: Entity) -> Presence:
    if entity.hidden:
        return "forbidden"
    if not entity.guid or entity.status not in (ACTIVE, *GONE):
        raise Malformed(
            "Atlan: an asset was answered without its id or a status that there is", system="atlan"
        )
    return "present" if entity.status == ACTIVE else "gone"


def _wanted(asset: CatalogAsset, tables: set[str] | None) -> bool:
    """Whether a narrowed read asked for it; schemas always come along."""
    return (
        tables is None or asset.level == "schema" or (asset.table is not None and fold(asset.table) in tables)
    )


def _above_of(structure: Sequence[Entity]) -> Above:
    """Hosts, connectors and database names, for the assets below."""
    connections = [e for e in structure if e.type_name == "Connection"]
    return Above(
        hosts={e.text("qualifiedName") or "": host for e in connections if (host := e.text("host"))},
        connectors={e.text("qualifiedName") or "": c for e in connections if (c := e.text("connectorName"))},
        databases={
            e.text("qualifiedName") or "": e.text("name") or ""
            for e in structure
            if e.type_name == "Database"
        },
    )
