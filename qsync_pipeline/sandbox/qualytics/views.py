"""Datastores, containers, fields and tags as the API shows them (qualytics-api.md §2.1-§2.4, §2.8)."""

from __future__ import annotations

import datetime
from typing import Any

from qsync_pipeline.sandbox.qualytics.metrics import Metrics, fraction
from qsync_pipeline.sandbox.qualytics.model import (
    Connection,
    Container,
    Datastore,
    Field,
    Tag,
    Taggable,
)
from qsync_pipeline.sandbox.qualytics.store import Store, live_checks, open_anomalies

TEAM = {"id": 1, "name": "Public"}

CONTAINER_SETTINGS: dict[str, tuple[str, ...]] = {
    "table": ("partition_field", "incremental_field_name", "incremental_identifier_type", "infer_datatypes"),
    "file": ("escape_character", "infer_datatypes", "has_header", "treat_empty_as_null"),
    "computed_table": ("incremental_field_name", "incremental_identifier_type"),
    "computed_file": ("where_clause", "group_by_clause", "lateral_views"),
    "computed_join": ("where_clause", "group_by_clause"),
}
"""Nullable settings by container type; a PUT resets those that it does not name (§2.2, decision 18)."""


class Views:
    """Turns objects into rows. Keys that only some builds know are left out (§2.1)."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._chaos = store.switches.null_lists

    def listed(self, values: list[Any], number: int) -> list[Any] | None:
        """A list, or in chaos mode null for an empty one on every second object (decision 44)."""
        if not values and self._chaos and number % 2 == 0:
            return None
        return values

    # -- tags -----------------------------------------------------------------------------------------

    def tag(self, tag: Tag) -> dict[str, Any]:
        """A tag definition (§2.8); an external one carries its integration, unknown to this sandbox."""
        row: dict[str, Any] = {
            "id": tag.id,
            "created": tag.created,
            "type": tag.type,
            "name": tag.name,
            "color": tag.color,
            "description": tag.description,
            "category": tag.category,
            "weight_modifier": tag.weight_modifier,
        }
        if tag.type == "lineage":
            row["parent_lineage_tag_id"] = tag.parent_lineage_tag_id
        if tag.type == "external":
            row["integration"] = None
        return row

    def tag_row(self, tag: Tag) -> dict[str, Any]:
        """A row of the tag listing, with the number of uses."""
        row = self.tag(tag)
        if self._store.switches.tag_usage_count:
            row["count"] = self._store.tags.usage(tag)
        return row

    def tags(self, item: Taggable) -> list[dict[str, Any]] | None:
        """``global_tags``: reads return objects where writes take names (§2.1)."""
        return self.listed([self.tag(tag) for tag in item.tags or ()], item.id)

    def weight(self, item: Taggable) -> int:
        """The sum of the tags' weight modifiers (§2.5)."""
        return sum(tag.weight_modifier for tag in item.tags or ())

    # -- datastores -----------------------------------------------------------------------------------

    def datastore_stub(self, datastore: Datastore) -> dict[str, Any]:
        return {
            "id": datastore.id,
            "name": datastore.name,
            "store_type": datastore.store_type,
            "type": datastore.type,
        }

    def datastore(self, datastore: Datastore) -> dict[str, Any]:
        """A datastore, in lists and alone (§2.1): which identity keys it has depends on its store type."""
        connection = datastore.connection
        row: dict[str, Any] = {
            **self.datastore_stub(datastore),
            "created": datastore.created,
            "description": datastore.description,
            "connected": True,
            "favorite": datastore.favorite,
            "enrichment_only": datastore.enrichment_only,
            "enrichment_prefix": None,
            "enrichment_datastore": self.datastore_stub(datastore.enrichment)
            if datastore.enrichment
            else None,
            "enrichment_source_record_limit": 10,
            "enrichment_remediation_strategy": "none",
            "high_count_rollup_threshold": 10,
            "connection_id": connection.id,
            "connection": {"id": connection.id, "name": connection.name, "type": connection.type},
            "teams": [{"id": number, "name": name} for number, name in enumerate(datastore.teams, start=1)],
            "global_tags": self.tags(datastore),
            "group": {"id": datastore.group_id} if datastore.group_id is not None else None,
            "linked_datastores": [],
            "has_scheduled_operations": False,
            "metrics": self._metrics.datastore(datastore),
        }
        if datastore.store_type == "jdbc":
            row |= {"database": datastore.database, "schema": datastore.schema}
            row |= {"host": connection.host, "port": None, "username": "qualytics", "parameters": None}
        elif datastore.store_type == "native":
            row |= {"catalog": datastore.database, "schema": datastore.schema, "host": connection.host}
        else:
            row |= {
                "uri": f"{datastore.type}://{connection.name}",
                "root_path": "/",
                "folder_globbing_enabled": True,
            }
        return row | datastore.settings

    def connection(self, connection: Connection) -> dict[str, Any]:
        """A connection; secrets never come back (§2.1)."""
        row: dict[str, Any] = {
            "id": connection.id,
            "created": connection.created,
            "name": connection.name,
            "type": connection.type,
            "connection_type": connection.kind,
            "datastores": [self.datastore_stub(item) for item in connection.datastores.values()],
            "parameters": {},
            "jdbc_fetch_size": 1000,
            "max_parallelization": None,
            "secrets_manager": None,
        }
        if connection.kind == "dfs":
            row |= {"uri": f"{connection.type}://{connection.name}", "access_key": None}
        else:
            row |= {"host": connection.host, "port": None, "username": "qualytics"}
        return row | connection.settings

    # -- containers -----------------------------------------------------------------------------------

    def container_type(self, container: Container) -> str:
        if container.is_view and self._store.switches.view_container_type:
            return "view"
        return container.container_type

    def container_stub(self, container: Container) -> dict[str, Any]:
        """The base row of a container, as listings and other objects carry it (§2.2)."""
        return {
            "id": container.id,
            "name": container.name,
            "container_type": self.container_type(container),
            "table_type": container.table_type,
        }

    def container_base(self, container: Container) -> dict[str, Any]:
        return {
            **self.container_stub(container),
            "deleted_at": container.deleted_at,
            "volumetric_tracking_enabled": False,
            "freshness_tracking_enabled": False,
            "datastore": self.datastore_stub(container.datastore),
            "favorite": container.favorite,
            "was_profiled": container.last_profiled is not None,
            "status": container.status,
        }

    def container(self, container: Container) -> dict[str, Any]:
        """A container in full, in lists and alone (§2.2)."""
        row: dict[str, Any] = {
            **self.container_base(container),
            "created": container.created,
            "description": container.description,
            "exclude_fields": [],
            "group_by_fields": [],
            "computed_fields": [
                self.computed_field(item) for item in container.fields.values() if item.computed is not None
            ],
            "latest_observability_measurement": None,
            "incremental_checkpoint": None,
            "additional_metadata": None,
            "metrics": self._metrics.container(container),
            "global_tags": self.tags(container),
        }
        for key in CONTAINER_SETTINGS.get(container.container_type, ()):
            row[key] = None
        return row | container.settings

    def container_profile(self, container: Container) -> dict[str, Any]:
        """The latest profile (§2.4)."""
        return {
            "id": container.id,
            "created": container.last_profiled,
            "operation_id": None,
            "parent_profile_id": None,
            "records_count": container.records,
            "records_processed": container.records,
            "checks_synchronized": 0,
            "checks_added": 0,
            "checks_updated": 0,
            "field_profiles_count": len(container.fields),
            "result": "success",
            "message": None,
        }

    # -- fields ---------------------------------------------------------------------------------------

    def field(self, column: Field) -> dict[str, Any]:
        """A field (§2.3); ``completeness`` is a fraction (§2.4)."""
        container = column.container
        profiled = container.last_profiled is not None
        return {
            "id": column.id,
            "created": container.created,
            "name": column.name,
            "type": column.type,
            "completeness": fraction(column.scores) if profiled else None,
            "weight": self.weight(column),
            "global_tags": self.tags(column),
            "latest_profile_id": column.id if profiled else None,
            "quality_score": self._metrics.score(column.scores, container.scored),
            "computed_field": None if column.computed is None else self.computed_field(column),
            "native_type": column.native_type,
            "nullable": True,
            "column_size": None,
            "decimal_digits": None,
            "remarks": None,
            "additional_metadata": None,
            "status": column.status,
            "parent_field_id": None,
        }

    def computed_field(self, column: Field) -> dict[str, Any]:
        return {
            "id": column.id,
            "name": column.name,
            "container_id": column.container.id,
            **(column.computed or {}),
        }

    def field_profile(self, column: Field) -> dict[str, Any]:
        """A field profile with its counts (§2.4); figures that nobody seeded are null."""
        container = column.container
        statistics: dict[str, Any] = dict.fromkeys(
            ("min", "max", "mean", "median", "std_dev", "sum", "q1", "q3", "kurtosis", "skewness", "entropy")
        )
        return {
            "id": column.id,
            "name": column.name,
            "created": container.last_profiled,
            "field_type": column.type,
            "type_declared": True,
            "completeness": fraction(column.scores),
            "approximate_distinct_values": container.records // 2,
            **statistics,
            "unique_distinct_ratio": None,
            "is_not_normal": None,
            "histogram_buckets": self.listed([], column.id),
            "quality_check_count": sum(1 for check in live_checks(container) if column in check.fields),
            "anomaly_count": sum(1 for anomaly in open_anomalies(container) if anomaly.names(column)),
            "quality_score": self._metrics.score(column.scores, container.scored),
            "global_tags": self.tags(column),
            "container": self.container_stub(container),
            "datastore": self.datastore_stub(container.datastore),
        }


def date_of(stamp: str) -> datetime.date:
    """The day of an API timestamp."""
    return datetime.date.fromisoformat(stamp[:10])
