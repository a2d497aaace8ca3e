"""From Atlan's entities to :class:`~qsync_pipeline.core.rows.CatalogAsset`, purely.

People's names are never cut out of a qualified name, because they may hold slashes: they come from the
denormalised ``databaseName``, ``schemaName``, ``tableName`` and ``viewName`` (atlan-api.md §2.4), and where
one of them is missing from the asset above it. The connection and its connector may be: the server made them.

Columns inside struct columns (``parentColumnQualifiedName``) are skipped: they share a table with top-level
columns of the same name, and Qualytics' fields are matched by top-level names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from qsync_pipeline.catalogs.atlan.models import HIDDEN_GUID, Entity
from qsync_pipeline.catalogs.atlan.queries import COLUMN_TYPES, TABLE_TYPES
from qsync_pipeline.catalogs.atlan.types import AttributeIds, TagIndex
from qsync_pipeline.core.rows import Alert, AssetLevel, CatalogAsset, Domain, TagRef

LEVELS: Mapping[str, AssetLevel] = {
    "Connection": "connection",
    "Database": "database",
    "Schema": "schema",
    **dict.fromkeys(TABLE_TYPES, "table"),
    **dict.fromkeys(COLUMN_TYPES, "column"),
}
"""By type, all that our searches ask for."""


@dataclass(frozen=True)
class Above:
    """What the assets above supply: hosts by connection, databases and schemas by qualified name."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    connectors: Mapping[str, str] = field(default_factory=dict)
    databases: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, CatalogAsset] = field(default_factory=dict)


@dataclass(frozen=True)
class Translator:
    """Everything that a translation depends on: tags, our attribute ids, and the assets above."""

    tags: TagIndex = field(default_factory=TagIndex)
    ids: AttributeIds = field(default_factory=AttributeIds)
    above: Above = field(default_factory=Above)
    include_propagated: bool = True

    def unknown_tags(self, entity: Entity) -> set[str]:
        """Tag ids on this entity that the type definitions do not name."""
        ids = {tag.type_name for tag in entity.classifications or ()} | set(entity.classification_names or ())
        return {id for id in ids if id not in self.tags.tags}

    def asset(self, entity: Entity) -> CatalogAsset | None:
        """The asset, or null where the entity is of no type in use, has no name, or is a nested column.

        A hidden (scrubbed) entity becomes an asset that is neither readable nor complete and shows nothing;
        one with a tag that cannot be named is readable but not complete (DESIGN.md §5.1).
        """
        level = LEVELS.get(entity.type_name)
        qualified = entity.text("qualifiedName")
        name = entity.text("name")
        if level is None or name is None or qualified is None or entity.text("parentColumnQualifiedName"):
            return None
        asset = self._place(entity, level, name, qualified)
        if entity.hidden:
            return replace(asset, readable=False, complete=False)
        return replace(
            asset,
            domain=_first(entity, "domainGUIDs"),
            tags=self._tags(entity),
            attributes=self.ids.values(entity.attributes or {}, entity.business_attributes or {}),
            alert=_alert(entity),
            complete=not self.unknown_tags(entity) and not unplaced_tags(entity),
        )

    def _place(self, entity: Entity, level: AssetLevel, name: str, qualified: str) -> CatalogAsset:
        """Identity and path, which a scrubbed row keeps as well."""
        above = self.above
        # A scrubbed row keeps little but its names: then the one above is what is left of the qualified name
        # without its own name, if that is one we know.
        over = qualified.removesuffix(f"/{name}")
        connection = qualified if level == "connection" else entity.text("connectionQualifiedName")
        connection = connection or _connection_in(qualified)
        schema = above.schemas.get(entity.text("schemaQualifiedName") or over)
        database_qn = entity.text("databaseQualifiedName") or over
        database = entity.text("databaseName") or above.databases.get(database_qn)
        database = database or (schema.database if schema else None)
        schema_name = entity.text("schemaName") or (schema.schema if schema else None)
        table = entity.text("tableName") or entity.text("viewName")
        parent = {
            "connection": None,
            "database": connection,
            "schema": database_qn,
            "table": entity.text("schemaQualifiedName") or over,
            "column": entity.text("tableQualifiedName") or entity.text("viewQualifiedName") or over,
        }[level]
        return CatalogAsset(
            id=entity.guid if entity.guid != HIDDEN_GUID else f"{HIDDEN_GUID}:{qualified}",
            level=level,
            kind=entity.type_name,
            name=name,
            qualified_name=qualified,
            connection=connection,
            connector=entity.text("connectorName")
            or above.connectors.get(connection)
            or _connector_in(connection),
            parent_id=parent or None,
            host=entity.text("host") or above.hosts.get(connection),
            updated=entity.update_time,
            database=name if level == "database" else None if level == "connection" else database,
            schema=name if level == "schema" else schema_name if level in ("table", "column") else None,
            table=name if level == "table" else table if level == "column" else None,
            column=name if level == "column" else None,
        )

    def _tags(self, entity: Entity) -> tuple[TagRef, ...]:
        """Named tags, direct before propagated, each once; one that is both counts as direct.

        Direct is what was attached to this very asset (atlan-api.md §2.2). Values of source tags are ignored.
        """
        origins: dict[str, str] = {}
        for tag in entity.classifications or ():
            if tag.entity_guid == entity.guid:
                origins[tag.type_name] = "direct"
            else:
                origins.setdefault(tag.type_name, "propagated")
        found = [
            replace(self.tags.tags[id], origin=origin)
            for id, origin in origins.items()
            if id in self.tags.tags and (origin == "direct" or self.include_propagated)
        ]
        return tuple(sorted(found, key=lambda tag: (tag.origin, tag.name, tag.id)))


def _connection_in(qualified: str) -> str:
    """The connection of an asset whose row does not tell it: the first three parts of its qualified name,
    ``default/{connector}/{seconds}``, which the server makes (atlan-api.md §2.4). Empty where there is no
    more of it."""
    parts = qualified.split("/")
    return "/".join(parts[:3]) if len(parts) > 3 else ""


def _connector_in(connection: str) -> str:
    """The connector in a connection's qualified name; empty where it is not made as Atlan does."""
    parts = connection.split("/")
    return parts[1] if len(parts) == 3 else ""


def unplaced_tags(entity: Entity) -> set[str]:
    """Tag ids that the entity only names, without saying where they were attached."""
    return set(entity.classification_names or ()) - {tag.type_name for tag in entity.classifications or ()}


def _first(entity: Entity, name: str) -> str | None:
    """The one value of a list attribute that holds at most one (``domainGUIDs``, atlan-api.md §2.6)."""
    value = (entity.attributes or {}).get(name)
    return str(value[0]) if isinstance(value, list) and value else None


def _alert(entity: Entity) -> Alert | None:
    """The asset's announcement; one slot per asset (atlan-api.md §2.9)."""
    kind, title, text = (entity.text(f"announcement{part}") for part in ("Type", "Title", "Message"))
    if kind is None and title is None and text is None:
        return None
    return Alert(
        type=kind or "information",
        title=title or "",
        text=text or "",
        by=entity.text("announcementUpdatedBy"),
    )


def domain_tree(entities: list[Entity]) -> tuple[tuple[Domain, ...], str | None]:
    """The domains, and what is missing from the tree (a hidden domain, one without its id or name, an unknown
    parent), or null.

    Atlan links a domain to the one above it by qualified name (atlan-api.md §2.6); ours are linked by id.
    """
    visible = [e for e in entities if not e.hidden and e.guid and e.text("name") and e.text("qualifiedName")]
    by_name = {e.text("qualifiedName"): e.guid for e in visible}
    missing = len(entities) - len(visible)
    tree = []
    for entity in visible:
        above = entity.text("parentDomainQualifiedName") or _domain_above(entity)
        parent = by_name.get(above) if above else None
        if above and parent is None:
            missing += 1
        tree.append(Domain(id=entity.guid, name=entity.text("name") or "", parent=parent))
    gap = f"domain tree: {missing} domain(s) are hidden from this token" if missing else None
    return tuple(tree), gap


def _domain_above(domain: Entity) -> str | None:
    """The domain above, as the name of this one has it: ``{above}/domain/{id}``; ``default`` is above a root.
    So that a domain whose parent is not answered is not taken for a root, out of the reach of what is set
    for those above it (atlan-api.md §2.6)."""
    above = (domain.text("qualifiedName") or "").rpartition("/domain/")[0]
    return above if "/domain/" in above else None
