"""Bodies of index searches, as plain dictionaries; nothing is sent from here.

``dsl`` goes to Elasticsearch 7 verbatim (atlan-api.md §2.1). We keep to term, terms, exists and bool.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

TABLE_TYPES: tuple[str, ...] = (
    "Table",
    "View",
    "MaterialisedView",
    "SnowflakeDynamicTable",
    "IcebergTable",
    "CalculationView",
    "StarburstDataset",
)
"""Table-like types: what lies under a schema, holds columns, and Qualytics can see as a table or view.

The subtypes of Table and SQL in pyatlan 11.6, without those of stores that Qualytics has no connector for.
The wire name is the British ``MaterialisedView`` (atlan-api.md §2.4).
"""

COLUMN_TYPES: tuple[str, ...] = ("Column", "IcebergColumn", "StarburstDatasetColumn")

STRUCTURE_TYPES: tuple[str, ...] = ("Connection", "Database", "Schema")

NAMING: tuple[str, ...] = (
    "name",
    "qualifiedName",
    "connectorName",
    "connectionQualifiedName",
    "databaseName",
    "databaseQualifiedName",
    "schemaName",
    "schemaQualifiedName",
    "domainGUIDs",
)
STRUCTURE_ATTRIBUTES: tuple[str, ...] = (*NAMING, "host")
CONTENT_ATTRIBUTES: tuple[str, ...] = (
    *NAMING,
    "tableName",
    "tableQualifiedName",
    "viewName",
    "viewQualifiedName",
    "parentColumnQualifiedName",
    "announcementType",
    "announcementTitle",
    "announcementMessage",
    "announcementUpdatedBy",
)
"""What :mod:`.translate` reads of tables and columns; custom metadata comes on top."""
DOMAIN_ATTRIBUTES: tuple[str, ...] = ("name", "qualifiedName", "parentDomainQualifiedName")

SORT: list[dict[str, Any]] = [{"__timestamp": {"order": "asc"}}, {"__guid": {"order": "asc"}}]
"""Creation time never changes, so edits cannot move a row to another page (atlan-api.md §2.3)."""

SCHEMAS_PER_QUERY = 20
"""Bounds what one chain of pages holds in memory; small schemas share a query and so a page."""
TABLE_NAMES_PER_QUERY = 500
"""Above this many names whole schemas are read, and the names compared here."""


def active(*filters: dict[str, Any]) -> dict[str, Any]:
    """A query for assets that are not archived and pass all filters."""
    return {"bool": {"filter": [{"term": {"__state": "ACTIVE"}}, *filters]}}


def terms(field: str, values: Iterable[str]) -> dict[str, Any]:
    """Any of these values, in a stable order."""
    return {"terms": {field: sorted(set(values))}}


def any_of(*clauses: dict[str, Any]) -> dict[str, Any]:
    """At least one of the clauses."""
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def of_types(*types: str) -> dict[str, Any]:
    """Assets of these types."""
    return terms("__typeName.keyword", types)


def structure() -> dict[str, Any]:
    """Connections, databases and schemas."""
    return active(of_types(*STRUCTURE_TYPES))


def domains() -> dict[str, Any]:
    """The whole tree of data domains (atlan-api.md §2.6)."""
    return active(of_types("DataDomain"))


def spellings(names: Iterable[str]) -> set[str]:
    """Each name as given, in lower and in upper case.

    The ``.keyword`` fields of names compare without case (atlan-api.md §2.1); the spellings make us
    independent of that. Rows are compared by case-fold afterwards.
    """
    return {spelling for name in names for spelling in (name, name.lower(), name.upper())}


def contents(schemas: Collection[str], tables: Collection[str] | None = None) -> dict[str, Any]:
    """The schemas themselves, by qualified name, with the tables and top-level columns in them.

    ``tables`` narrows to tables of these names and their columns. Columns inside struct columns are left out:
    Qualytics' fields are matched by the names of top-level columns (see :mod:`.translate`).
    """
    inside: list[dict[str, Any]] = [terms("schemaQualifiedName", schemas)]
    table_filter: list[dict[str, Any]] = [of_types(*TABLE_TYPES)]
    column_filter: list[dict[str, Any]] = [of_types(*COLUMN_TYPES)]
    if tables is not None and len(tables) <= TABLE_NAMES_PER_QUERY:
        names = spellings(tables)
        table_filter.append(terms("name.keyword", names))
        column_filter.append(any_of(terms("tableName.keyword", names), terms("viewName.keyword", names)))
    return active(
        any_of(
            {"bool": {"filter": [of_types("Schema"), terms("qualifiedName", schemas)]}},
            {"bool": {"filter": [*inside, *table_filter]}},
            {
                "bool": {
                    "filter": [*inside, *column_filter],
                    "must_not": [{"exists": {"field": "parentColumnQualifiedName"}}],
                }
            },
        )
    )


def by_guid(guids: Collection[str]) -> dict[str, Any]:
    """Assets by guid, in whatever state; at most 100 at a time (atlan-api.md §1.7)."""
    return {"bool": {"filter": [terms("__guid", guids)]}}


def badges(qualified_names: Collection[str]) -> dict[str, Any]:
    """Badges by qualified name (atlan-api.md §2.8)."""
    return active(of_types("Badge"), terms("qualifiedName", qualified_names))


def groups(items: Sequence[str], *, lanes: int = 4, most: int = SCHEMAS_PER_QUERY) -> list[list[str]]:
    """Items dealt out into queries: enough to keep the lanes busy, none with more than ``most``."""
    if not items:
        return []
    size = min(most, -(-len(items) // lanes))
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def search_body(
    query: dict[str, Any],
    attributes: Sequence[str],
    *,
    size: int,
    after: tuple[int, str] | None = None,
    classifications: bool = True,
    keys: bool = False,
) -> dict[str, Any]:
    """The body of one index search; ``after`` is (createTime, guid) of the last row of the page before.

    ``keys`` asks for the sort values of each hit beside the hits.

    ``track_total_hits`` makes the count exact (it stops at 10,000 otherwise). Searches are not logged:
    logging every one has exhausted Atlan's memory before (atlan-api.md §2.1).
    """
    dsl: dict[str, Any] = {"from": 0, "size": size, "track_total_hits": True, "query": query, "sort": SORT}
    if after is not None:
        dsl["search_after"] = list(after)
    return {
        "dsl": dsl,
        "attributes": list(attributes),
        "relationAttributes": [],
        "excludeMeanings": True,
        "excludeClassifications": not classifications,
        "includeClassificationNames": classifications,
        "suppressLogs": True,
        "showSearchMetadata": keys,
        "requestMetadata": {"saveSearchLog": False, "utmTags": ["qsync"]},
    }
