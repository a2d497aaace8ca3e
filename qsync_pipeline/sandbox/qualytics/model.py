"""The objects a Qualytics deployment is made of: plain slotted classes that point at each other.

Children hang in dicts by id, so that any part of the estate is reached without a walk over the rest. Times
are text as the API sends it (qualytics-api.md §1.6); null means it never happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from qsync_pipeline.sandbox.estate.model import Scores

OWN = 1
"""Bit of a tag use: somebody put the tag on this very object."""

FROM_CONTAINER = 2
"""Bit of a tag use: a copy of the tag on the container above."""

FROM_DATASTORE = 4
"""Bit of a tag use: a copy of the tag on the datastore above."""

OPEN_STATUSES = ("Active", "Acknowledged")
ARCHIVED_ANOMALY_STATUSES = ("Resolved", "Duplicate", "Invalid", "Discarded")
"""Statuses of anomalies, open and archived (§2.7)."""

OPEN_CHECK_STATUSES = ("Active", "Draft")
ARCHIVED_CHECK_STATUSES = ("Invalid", "Discarded")
"""Statuses of checks, open and archived (§2.6)."""

CONTAINER_RULES = frozenset({"volumetric", "freshness", "fieldCount", "expectedSchema"})
"""Rules of a whole container, without fields (§2.6)."""

TagType = Literal["global", "external", "entity", "lineage"]


@dataclass(slots=True, eq=False)
class Tag:
    """A tag definition (§2.8). ``uses`` is the index of the objects that carry it.

    ``maker`` tells who made it: a person, a caller of ``POST /global-tags``, or the platform itself for a
    name that it did not know in a ``tags`` list.
    """

    id: int
    name: str
    type: TagType
    color: str
    created: str
    description: str | None = None
    category: str | None = None
    weight_modifier: int = 1
    parent_lineage_tag_id: int | None = None
    maker: Literal["person", "api", "platform"] = "person"
    uses: dict[Taggable, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Taggable:
    """Anything with tags: each with the bits of where it came from. Null stands for none (600,000 fields)."""

    id: int
    tags: dict[Tag, int] | None


@dataclass(slots=True, eq=False)
class Connection:
    """A connection to a source (§2.1). ``kind`` is jdbc, dfs or native."""

    id: int
    name: str
    type: str
    kind: str
    host: str | None
    created: str
    settings: dict[str, Any] = field(default_factory=dict)
    datastores: dict[int, Datastore] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Datastore(Taggable):
    """One schema of a source, or a file store (§2.1). ``revision`` rises with every change inside it."""

    name: str
    connection: Connection
    store_type: str
    type: str
    database: str | None
    schema: str | None
    created: str
    enrichment_only: bool = False
    description: str | None = None
    scores: Scores | None = None
    scored: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    score_settings: dict[str, Any] | None = None
    enrichment: Datastore | None = None
    favorite: bool = False
    group_id: int | None = None
    teams: list[str] = field(default_factory=list)
    containers: dict[int, Container] = field(default_factory=dict)
    revision: int = 0


@dataclass(slots=True, eq=False)
class Container(Taggable):
    """A table, view, file or computed container (§2.2). A view's ``container_type`` is table."""

    name: str
    datastore: Datastore
    container_type: str
    table_type: str | None
    created: str
    description: str | None = None
    scores: Scores | None = None
    scored: str | None = None
    last_profiled: str | None = None
    last_scanned: str | None = None
    deleted_at: str | None = None
    status: str = "Available"
    records: int = 0
    favorite: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    score_settings: dict[str, Any] | None = None
    fields: dict[int, Field] = field(default_factory=dict)
    checks: dict[int, Check] = field(default_factory=dict)
    anomalies: dict[int, Anomaly] = field(default_factory=dict)

    @property
    def is_view(self) -> bool:
        return self.table_type == "view"


@dataclass(slots=True, eq=False)
class Field(Taggable):
    """A column (§2.3). ``computed`` holds the definition of a computed field."""

    name: str
    container: Container
    type: str
    native_type: str
    scores: Scores | None
    status: str = "active"
    computed: dict[str, Any] | None = None


@dataclass(slots=True, eq=False)
class Check(Taggable):
    """A quality check (§2.6). Templates have no container."""

    container: Container | None
    rule_type: str
    description: str
    fields: tuple[Field, ...]
    status: str
    created: str
    is_passing: bool | None = None
    inferred: bool = False
    deleted_at: str | None = None
    last_asserted: str | None = None
    last_updated: str | None = None
    coverage: float | None = None
    filter: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    additional_metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    favorite: bool = False
    template_locked: bool = False
    anomalies: dict[int, Anomaly] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Anomaly(Taggable):
    """Failed checks of one container (§2.7)."""

    container: Container
    type: str
    message: str
    checks: tuple[Check, ...]
    status: str
    created: str
    description: str | None = None
    records: int | None = None
    assignee_ids: list[int] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    def names(self, column: Field) -> bool:
        """Whether one of the failed checks names this field (§2.7, counts per field)."""
        return any(column in check.fields for check in self.checks)


@dataclass(slots=True, eq=False)
class Operation:
    """A run of sync, profile, scan, ... (§2.11). ``begins`` and ``ends`` are planned, in seconds."""

    id: int
    type: str
    datastore: Datastore | None
    created: float
    begins: float
    ends: float
    containers: list[Container]
    request: dict[str, Any]
    triggered_by: str = "sandbox@qualytics.invalid"
    failure: str | None = None
    aborted_at: float | None = None
    settled: bool = False
