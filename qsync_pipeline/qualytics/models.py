"""What we read of Qualytics' objects (qualytics-api.md §2). A tolerant reader.

Unknown keys are ignored, enums are open strings, and lists may be null where they are empty (the vendor lost
data to exactly that): the properties beside them read null as empty. Where an absent key must not pass for
null (tags, scores, checks) it is ``UNSET``, and ``is_whole`` or its like tells. Timestamps stay text.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline.transport.answers import Id

Presence = Literal["present", "missing", "gone", "forbidden"]
"""What asking for an object by its id proves (DESIGN.md §5.1)."""


class Status(msgspec.Struct, frozen=True):
    """``GET /status``: ``OK``, or what is wrong (§1.2)."""

    database_connection: str | None = None
    rabbitmq_connection: str | None = None


class User(msgspec.Struct, frozen=True):
    """``GET /users/me``: whose token this is (§1.2, §2.14)."""

    id: Id | str | None = None
    name: str | None = None
    email: str | None = None
    role: str | None = None
    user_id: str | None = None
    teams: list[Team] | None = None


class Team(msgspec.Struct, frozen=True):
    """A team, and what it permits on its datastores: Editor, Author, Drafter, Viewer or Reporter (§2.14)."""

    id: Id
    name: str | None = None
    permission: str | None = None


class Integration(msgspec.Struct, frozen=True):
    """One of the platform's own integrations (§2.9). ``connected``: it may write by itself at any time."""

    id: Id
    type: str | None = None
    category: str | None = None
    api_url: str | None = None
    connected: bool | None = None


class Stub(msgspec.Struct, frozen=True):
    """A mention of a datastore or container inside another object."""

    id: Id
    name: str | None = None


class TagSource(msgspec.Struct, frozen=True):
    """The platform's own integration that an external tag came from (§2.8)."""

    id: Id | None = None
    type: str | None = None


class GlobalTag(msgspec.Struct, frozen=True):
    """A tag definition, and the same object as it hangs on datastores, containers and fields (§2.8).

    ``type`` is global, external, entity, lineage, or what else a deployment has. ``count`` is the number of
    objects that carry it, where the listing says so.
    """

    id: Id
    name: str
    type: str = "global"
    color: str | None = None
    description: str | None = None
    category: str | None = None
    weight_modifier: int | None = None
    integration: TagSource | None = None
    count: int | None = None


class DefinedTag(GlobalTag, frozen=True, kw_only=True):
    """A row of the list of definitions, whatever its type: what they all have is told, null or not (§2.8).

    An update sends back all of it, so that a key which an answer leaves out must never pass for null.
    """

    type: str
    color: str | None
    description: str | None
    category: str | None
    weight_modifier: int | None


Points = Annotated[float, msgspec.Meta(ge=-0.5, le=100.5)]
"""0 to 100, give or take what rounding may: anything else is no score."""


class Score(msgspec.Struct, frozen=True):
    """The total and the eight dimensions, 0-100; null is not measured, never 0 (§2.5).

    All nine keys are always there: one that is missing was not told, which is not null.
    """

    total: Points | UnsetType | None = UNSET
    completeness: Points | UnsetType | None = UNSET
    coverage: Points | UnsetType | None = UNSET
    conformity: Points | UnsetType | None = UNSET
    consistency: Points | UnsetType | None = UNSET
    precision: Points | UnsetType | None = UNSET
    timeliness: Points | UnsetType | None = UNSET
    volumetrics: Points | UnsetType | None = UNSET
    accuracy: Points | UnsetType | None = UNSET

    @property
    def is_whole(self) -> bool:
        """Whether every dimension is told."""
        return not any(getattr(self, name) is UNSET for name in ("total", *DIMENSIONS))

    def as_dict(self) -> dict[str, float | None]:
        """By the names of :data:`~qsync_pipeline.core.rows.DIMENSIONS`, and ``total``; no key is left out."""
        told = {name: getattr(self, name) for name in ("total", *DIMENSIONS)}
        return {name: None if value is UNSET else value for name, value in told.items()}


def _tells(score: Score | UnsetType | None) -> bool:
    """Whether a score is told: null is none, and an answer that lacks it, or a part of it, tells nothing."""
    return score is None or (isinstance(score, Score) and score.is_whole)


class ScoreRow(Score, frozen=True):
    """A row of a datastore's history, one a day; ``date`` is ``YYYY-MM-DD`` (§2.5)."""

    date: str | None = None
    created: str | None = None

    @property
    def when(self) -> str:
        """ISO text that sorts by time."""
        return self.date or self.created or ""


class DatastoreMetrics(msgspec.Struct, frozen=True):
    """Of a datastore's ``metrics`` the score alone is read; counts come from listings (DESIGN.md §5.3).

    Builds may leave the score out (decision 10): then the history has it.
    """

    quality_score: Score | None = None


class Connection(msgspec.Struct, frozen=True):
    """The connection that a datastore uses."""

    id: Id | None = None
    name: str | None = None
    type: str | None = None


class Tagged(msgspec.Struct, frozen=True):
    """What tags hang on: a datastore, container or field."""

    measured: ClassVar[str]
    """The key under which an answer tells what was measured."""

    id: Id
    name: str
    global_tags: list[GlobalTag] | UnsetType | None = UNSET

    @property
    def tags(self) -> list[GlobalTag]:
        return self.global_tags or []

    @property
    def shows_tags(self) -> bool:
        """Whether its tags are told: null is none, and an answer without the key tells nothing."""
        return self.global_tags is not UNSET

    @property
    def lacks(self) -> str:
        """What an answer that is not whole does not tell."""
        return self.measured if self.shows_tags else "global_tags"


class Datastore(Tagged, frozen=True):
    """A datastore: one schema of a source, or a file store (§2.1)."""

    measured: ClassVar = "scores"

    store_type: str | None = None
    """jdbc, dfs, native."""
    type: str | None = None
    """The connector: snowflake, postgresql, ..."""
    told_database: str | UnsetType | None = msgspec.field(name="database", default=UNSET)
    told_schema: str | UnsetType | None = msgspec.field(name="schema", default=UNSET)
    catalog: str | None = None
    """Instead of ``database`` on native datastores."""
    host: str | None = None
    enrichment_only: bool | None = None
    enrich_only: bool | None = None
    """The older name of ``enrichment_only``."""
    connection: Connection | None = None
    metrics: DatastoreMetrics | None = None

    @property
    def database(self) -> str | None:
        return self.told_database or None

    @property
    def schema(self) -> str | None:
        return self.told_schema or None

    @property
    def shows_place(self) -> bool:
        """Whether it says what kind of source it is, and which schema of it: null is none, and a key that is
        not there tells nothing (§2.1: jdbc has both, native the schema)."""
        told: dict[str, tuple[object, ...]] = {
            "jdbc": (self.told_database, self.told_schema),
            "native": (self.told_schema,),
        }
        return bool(self.type and self.store_type) and UNSET not in told.get(self.store_type or "", ())

    @property
    def lacks(self) -> str:
        unplaced = self.shows_tags and not self.shows_place
        return "type, database or schema" if unplaced else super().lacks

    @property
    def is_enrichment(self) -> bool:
        return bool(self.enrichment_only or self.enrich_only)

    @property
    def is_whole(self) -> bool:
        """Whether it shows its place, its tags, and no part of a score; a light listing row does not."""
        score = self.metrics is None or _tells(self.metrics.quality_score)
        return self.shows_place and self.shows_tags and score


class ContainerMetrics(msgspec.Struct, frozen=True):
    """Of a container's ``metrics`` the score and the two times; its counts are not used (DESIGN.md §5.3)."""

    quality_score: Score | UnsetType | None = UNSET
    last_scanned: str | UnsetType | None = UNSET
    last_profiled: str | UnsetType | None = UNSET

    @property
    def is_whole(self) -> bool:
        """Whether all three are told, as they always are (§2.2): a missing key tells nothing."""
        times = (self.last_scanned, self.last_profiled)
        return _tells(self.quality_score) and UNSET not in times


class Container(Tagged, frozen=True):
    """A table, view, file or computed container (§2.2). A view is mostly a table with ``table_type`` view."""

    measured: ClassVar = "metrics"

    container_type: str | None = None
    table_type: str | None = None
    status: str | None = None
    deleted_at: str | None = None
    datastore: Stub | None = None
    metrics: ContainerMetrics | UnsetType | None = UNSET

    @property
    def is_whole(self) -> bool:
        """Whether it shows tags and metrics; base rows do not (§2.2)."""
        metrics = self.metrics
        return self.shows_tags and (metrics is None or (metrics is not UNSET and metrics.is_whole))


class Field(Tagged, frozen=True):
    """A column (§2.3). ``status`` is active, missing, excluded, masked, or absent on older builds."""

    measured: ClassVar = "quality_score"

    type: str | None = None
    status: str | None = None
    quality_score: Score | UnsetType | None = UNSET

    @property
    def is_whole(self) -> bool:
        """Whether it shows tags and its score; every field does (§2.3)."""
        return self.shows_tags and _tells(self.quality_score)


class FieldName(msgspec.Struct, frozen=True):
    """A field as checks mention it; copies inside anomalies may carry the name only (§2.6)."""

    name: str
    id: Id | None = None


class Check(msgspec.Struct, frozen=True):
    """A quality check (§2.6); inside anomalies a thinner copy, whose ``fields`` may be null.

    Checks have no name: the description is the label.
    """

    id: Id
    rule_type: str = ""
    description: str | None = None
    fields: list[FieldName] | UnsetType | None = UNSET
    status: str | None = None
    container: Stub | None = None
    is_template: bool | None = None
    last_asserted: str | None = None

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields or ())


class FailedCheck(msgspec.Struct, frozen=True):
    """One reason of an anomaly."""

    quality_check: Check | UnsetType | None = UNSET
    message: str | None = None


class Anomaly(msgspec.Struct, frozen=True):
    """An anomaly of one container, with the checks that failed (§2.7)."""

    id: Id
    status: str | None = None
    type: str | None = None
    container: Stub | None = None
    failed_checks: list[FailedCheck] | UnsetType | None = UNSET

    @property
    def tells_checks(self) -> bool:
        """Whether it says which checks failed: null is none, a missing key tells nothing."""
        failed = self.failed_checks
        return failed is not UNSET and all(one.quality_check is not UNSET for one in failed or ())

    @property
    def checks(self) -> tuple[Check, ...]:
        """The failed checks, as far as the row shows them."""
        return tuple(f.quality_check for f in self.failed_checks or () if isinstance(f.quality_check, Check))
