"""The row types that every stage speaks.

A row is frozen and typed. Stages hand tables of rows to each other (see
:mod:`qsync_pipeline.core.tables`); nothing else crosses a stage.

Identity of a Qualytics object is its *unit id*, ``"<level>:<number>"`` (``container:42``): Qualytics ids
are per-deployment sequences that collide between levels. Identity of a catalog asset is the id that the
catalog itself uses (Atlan: the guid), always as text.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

Level = Literal["datastore", "container", "field"]
"""Levels of Qualytics objects, from the top down."""

AssetLevel = Literal["connection", "database", "schema", "table", "column"]
"""Levels of catalog assets. A view is of level ``table``; its ``kind`` says which table-like type it is."""

DIMENSIONS: tuple[str, ...] = (
    "completeness",
    "coverage",
    "conformity",
    "consistency",
    "precision",
    "timeliness",
    "volumetrics",
    "accuracy",
)
"""The eight dimensions, by the names of the Qualytics API (qualytics-api.md §2.5)."""

ATTRIBUTES: tuple[str, ...] = (
    "URL",
    "Quality Score Total",
    "Quality Score Completeness",
    "Quality Score Coverage",
    "Quality Score Conformity",
    "Quality Score Consistency",
    "Quality Score Precision",
    "Quality Score Timeliness",
    "Quality Score Volumetrics",
    "Quality Score Accuracy",
    "Anomaly Count",
    "Check Count",
)
"""The twelve attributes that go out to a catalog, by their canonical names (DESIGN.md §5.3)."""

AttributeValue = str | float | int | None


class TagRef(msgspec.Struct, frozen=True):
    """A tag as seen on an object of either side.

    ``origin`` is ``direct`` or ``propagated`` on a catalog asset; on a Qualytics object it is the tag's type
    there (``global``, ``external``, ``entity``, ``lineage``, ...).
    """

    name: str
    id: str = ""
    origin: str = "direct"
    color: str | None = None
    description: str | None = None
    category: str | None = None


class CheckRow(msgspec.Struct, frozen=True):
    """An Active check of a container, with the number of its open anomalies."""

    id: int
    rule_type: str
    description: str
    fields: tuple[str, ...] = ()
    anomalies: int = 0
    acknowledged: int = 0
    """How many of the anomalies are Acknowledged."""
    last_asserted: str | None = None


class Withered(msgspec.Struct, frozen=True):
    """A column that the last profile did not find any more: no unit, but still listed, with its tags."""

    id: str
    tags: tuple[TagRef, ...] = ()


class Unit(msgspec.Struct, frozen=True):
    """One Qualytics object: a datastore, container or field.

    ``scores`` holds ``total`` and the eight dimensions, 0-100 or null (not measured, never 0).
    ``anomaly_count`` counts Active and Acknowledged anomalies, ``acknowledged_count`` those of the second
    kind; both are null when the object was never scanned. ``check_count`` counts Active checks.
    """

    id: str
    level: Level
    name: str
    datastore: str
    """Partition key of the datastore, ``<id>-<slug>``."""
    datastore_id: int
    connector: str
    database: str | None = None
    schema: str | None = None
    container: str | None = None
    container_id: int | None = None
    field: str | None = None
    field_id: int | None = None
    host: str | None = None
    kind: str = ""
    """Containers: table, view, computed_table, computed_file, computed_join, file. Datastores: store type."""
    status: str | None = None
    unsupported: str | None = None
    """Why this object takes no part (enrichment datastore, computed or file container), or null."""
    scanned: bool = False
    scores: dict[str, float | None] = {}
    check_count: int | None = None
    anomaly_count: int | None = None
    acknowledged_count: int | None = None
    tags: tuple[TagRef, ...] = ()
    checks: tuple[CheckRow, ...] = ()
    withered: tuple[Withered, ...] = ()
    """Of a container: its columns that are gone but listed, as far as tags stand on them."""
    measured_at: str | None = None
    """When its container was last scanned or profiled (a datastore: the last of its containers), ISO 8601."""


class Alert(msgspec.Struct, frozen=True):
    """A banner or flag on a catalog asset. ``by`` is the actor who wrote it last, as the catalog names it."""

    type: str
    title: str
    text: str
    by: str | None = None
    id: str | None = None


class HealthRow(msgspec.Struct, frozen=True):
    """A data-health row of ours on a table. ``key`` tells rows of one table apart (``check:42``)."""

    key: str
    rule: str
    object: str
    status: str
    value: int
    description: str
    last_updated: str | None = None


class CatalogAsset(msgspec.Struct, frozen=True, gc=False):
    """One asset of a catalog, of any level, with what is on it now.

    ``attributes`` holds the canonical attributes (:data:`ATTRIBUTES`) that have a value now.
    ``path`` is (database, schema, table, column) down to the asset's own level; a missing database is null.
    ``complete`` is false when the catalog hid part of the asset (a scrubbed row, a tag id that could not be
    resolved): nothing may be removed on its account. Assets come by the hundred thousand, and nothing in one
    leads back to it, so the garbage collector leaves them out.
    """

    id: str
    level: AssetLevel
    kind: str
    """The catalog's own type name: Table, View, MaterialisedView, Column, ..."""
    name: str
    qualified_name: str
    connection: str
    """Qualified name or id of the connection (data source) it lives in."""
    connector: str
    database: str | None = None
    schema: str | None = None
    table: str | None = None
    column: str | None = None
    parent_id: str | None = None
    """Qualified name of the schema (for a table) or of the table (for a column)."""
    host: str | None = None
    domain: str | None = None
    """Id of the domain set on this very asset, or null."""
    tags: tuple[TagRef, ...] = ()
    attributes: dict[str, AttributeValue] = {}
    alert: Alert | None = None
    health: tuple[HealthRow, ...] = ()
    """Data-health rows of ours (those with our key prefix), where the catalog has such a surface."""
    readable: bool = True
    complete: bool = True
    updated: int | None = None
    """Milliseconds since the epoch of the last change that the catalog shows."""


class Domain(msgspec.Struct, frozen=True):
    """A domain of the catalog. ``parent`` is the id of the domain above it."""

    id: str
    name: str
    parent: str | None = None


Bucket = Literal[
    "matched",
    "ambiguous",
    "kind_mismatch",
    "outside_domain",
    "forbidden",
    "absent",
    "unsupported",
    "excluded",
]
BUCKETS: tuple[Bucket, ...] = (
    "matched",
    "ambiguous",
    "kind_mismatch",
    "outside_domain",
    "forbidden",
    "absent",
    "unsupported",
    "excluded",
)


class Link(msgspec.Struct, frozen=True):
    """Where one unit stands: exactly one bucket, and the assets it is paired with when matched.

    ``how`` is explicit, exact, case or identity for a match. ``hint`` is the config line that would settle
    a near miss. ``gone`` is true only when absence was proved by id (DESIGN.md §5.1). ``partial`` is true
    when more assets belong to it than these, out of sight or out of scope: nothing is removed on the ground
    that these lack it.
    """

    unit: str
    level: Level
    name: str
    bucket: Bucket
    how: str = ""
    assets: tuple[str, ...] = ()
    asset_name: str = ""
    reason: str = ""
    hint: str = ""
    gone: bool = False
    partial: bool = False


Action = Literal["create", "update", "remove", "note"]
"""``note`` changes the ledger only (an ownership that is taken up or let go): no write to any system."""

Status = Literal["planned", "skipped", "parked", "waiting", "refused"]
"""``refused``: a line that was given and no longer fits what stands there; it counts as rejected."""


class Change(msgspec.Struct, frozen=True):
    """One line of a plan: what, from which value to which, and why.

    ``target`` is the id of the object that is written (unit id for pulls, asset id for pushes), ``source``
    the object on the other side that the change comes from. ``key`` tells several changes of one surface on
    one object apart (the tag's folded name; empty for attributes and alerts). ``before`` and ``after`` are
    JSON-able values; null means nothing there.
    """

    surface: str
    action: Action
    target: str
    name: str
    key: str = ""
    before: Any = None
    after: Any = None
    reason: str = ""
    status: Status = "planned"
    source: str = ""
    connection: str = ""
    kind: str = ""
    extra: dict[str, Any] = {}


class Held(Protocol):
    """What the ledger holds as ours on one object: one key of one surface (``ledger.Holding`` is one).

    ``value`` is what was last confirmed there, ``pending`` what was about to be written when a run may have
    died (``has_pending`` tells a pending removal from none), ``base`` what stood there before we first wrote.
    """

    @property
    def integration(self) -> str: ...
    @property
    def surface(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def pending(self) -> Any: ...
    @property
    def has_pending(self) -> bool: ...
    @property
    def base(self) -> Any: ...
    @property
    def extra(self) -> dict[str, Any]: ...


LEFT_OFF = "left_off"
"""Word of the ``extra`` of notes and holdings: a person took it off, and ``on_drift: keep`` leaves it so."""


def is_left_off(row: Held) -> bool:
    """A holding that only remembers what stays off: nothing of ours is there, whoever puts it on again."""
    return bool(row.extra.get(LEFT_OFF))


def release(surface: str, row: Held, name: str, reason: str) -> Change:
    """The note that lets go of a holding without writing; ``name`` is the object's."""
    extra = {"release": True}
    return Change(surface, "note", row.target, name, row.key, before=row.value, reason=reason, extra=extra)


def left_off(surface: str, row: Held, name: str, reason: str) -> Change:
    """The note that lets go of a holding and remembers that it is left off."""
    extra = {LEFT_OFF: True}
    return Change(surface, "note", row.target, name, row.key, before=row.value, reason=reason, extra=extra)


def within(unit: Unit) -> dict[str, str]:
    """What a holding on a column remembers beside its field: the container, which may go first (an archived
    one still answers for its fields, qualytics-api.md §2.2)."""
    return {"within": f"container:{unit.container_id}"} if unit.level == "field" else {}


OutcomeName = Literal["applied", "unchanged", "skipped", "rejected", "parked"]
RejectionClass = Literal["", "permission", "validation", "missing", "throttle", "server", "conflict"]
"""Why a write was refused, which decides when it is tried again; empty where it was not."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one change. ``note`` outcomes are ``unchanged``: they wrote to no system."""

    change: Change
    outcome: OutcomeName
    reason: str = ""
    error_class: RejectionClass = ""
