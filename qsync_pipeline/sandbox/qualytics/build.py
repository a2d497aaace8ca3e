"""From an estate to the state of a deployment. The estate is read only: nothing of it is changed later."""

from __future__ import annotations

import random

from qsync_pipeline.sandbox.estate.model import (
    AnomalySpec,
    CheckSpec,
    ColumnSpec,
    ConnectionSpec,
    DatastoreSpec,
    Estate,
    SchemaSpec,
    TableSpec,
)
from qsync_pipeline.sandbox.qualytics.model import (
    CONTAINER_RULES,
    OPEN_CHECK_STATUSES,
    Anomaly,
    Check,
    Connection,
    Container,
    Datastore,
    Field,
    Taggable,
)
from qsync_pipeline.sandbox.qualytics.store import Store, iso
from qsync_pipeline.sandbox.qualytics.views import TEAM

HOUR = 3600.0
SCANNED_AGO = 6 * HOUR
"""How long before the sandbox's start the last profile and scan were."""


class Builder:
    """Fills a :class:`~.store.Store`; one per deployment."""

    def __init__(self, store: Store, estate: Estate) -> None:
        self._store = store
        self._estate = estate
        start = store.clock.now()
        self._created = iso(start - 90 * 24 * HOUR)
        self._raised = iso(start - SCANNED_AGO - 60)
        self._measured = iso(start - SCANNED_AGO)
        self._random = random.Random(f"build-{store.seed}")
        self._sources = {item.name: item for item in estate.connections}
        self._schemas: dict[tuple[str, str | None, str | None], SchemaSpec] = {
            (connection.name, database.name, schema.name): schema
            for connection in estate.connections
            for database in connection.databases
            for schema in database.schemas
        }

    def run(self) -> None:
        for tag in self._estate.native_tags:
            self._store.tags.define(
                tag.name,
                maker="person",
                type=tag.type,
                color=tag.color,
                description=tag.description,
                category=tag.category,
                weight_modifier=tag.weight_modifier,
            )
        connections: dict[str, Connection] = {}
        for spec in self._estate.datastores:
            if spec.connection not in connections:
                connections[spec.connection] = self._connection(spec)
            self._datastore(spec, connections[spec.connection])
        self._link_enrichment()

    def _connection(self, spec: DatastoreSpec) -> Connection:
        source: ConnectionSpec | None = self._sources.get(spec.connection)
        connection = Connection(
            id=self._store.ids.take("connection"),
            name=spec.connection,
            type=spec.type,
            kind=spec.store_type,
            host=source.host if source else None,
            created=self._created,
        )
        self._store.connections[connection.id] = connection
        return connection

    def _datastore(self, spec: DatastoreSpec, connection: Connection) -> None:
        files = spec.store_type == "dfs"
        datastore = Datastore(
            id=self._store.ids.take("datastore"),
            tags=None,
            name=spec.name,
            connection=connection,
            store_type=spec.store_type,
            type=spec.type,
            database=None if files else spec.database,
            schema=None if files else spec.schema,
            created=self._created,
            enrichment_only=spec.enrichment,
            scores=spec.scores,
            scored=self._measured if spec.scores is not None else None,
            teams=[str(TEAM["name"])],
        )
        self._store.add_datastore(datastore)
        self._assign(datastore, spec.native_tags)
        schema = self._schemas.get((spec.connection, spec.database, spec.schema))
        for table in [*(schema.tables if schema else ()), *spec.tables]:
            if table.in_qualytics:
                self._container(table, datastore)

    def _container(self, spec: TableSpec, datastore: Datastore) -> None:
        container_type, table_type = container_kind(spec)
        container = Container(
            id=self._store.ids.take("container"),
            tags=None,
            name=spec.name,
            datastore=datastore,
            container_type=container_type,
            table_type=table_type,
            created=self._created,
            description=spec.description,
            scores=spec.scores,
            scored=self._measured if spec.scores is not None else None,
            last_profiled=self._measured if spec.profiled else None,
            last_scanned=self._measured if spec.scanned else None,
            records=self._random.randint(10, 5_000_000),
        )
        if container_type == "table" and table_type == "table":
            # Not null, so that a PUT that forgets it shows (decision 18).
            container.settings["incremental_identifier_type"] = "last-modified"
        elif container_type == "computed_table":
            container.settings["query"] = "select 1 as one"
        self._store.add_container(container)
        self._assign(container, spec.native_tags)
        columns = {
            column.name: self._field(column, container) for column in spec.columns if column.in_qualytics
        }
        checks = [self._check(check, container, columns) for check in spec.checks]
        for anomaly in spec.anomalies:
            self._anomaly(anomaly, container, checks)

    def _field(self, spec: ColumnSpec, container: Container) -> Field:
        column = Field(
            id=self._store.ids.take("field"),
            tags=None,
            name=spec.name,
            container=container,
            type=spec.type,
            native_type=spec.native_type,
            scores=spec.scores,
        )
        self._store.add_field(column)
        if spec.native_tags:
            self._assign(column, spec.native_tags)
        return column

    def _check(self, spec: CheckSpec, container: Container, columns: dict[str, Field]) -> Check:
        archived = spec.status not in OPEN_CHECK_STATUSES
        check = Check(
            id=self._store.ids.take("check"),
            tags=None,
            container=container,
            rule_type=spec.rule_type,
            description=spec.description,
            fields=tuple(columns[name] for name in spec.fields if name in columns),
            status=spec.status,
            created=self._created,
            is_passing=spec.is_passing,
            inferred=spec.inferred,
            deleted_at=self._raised if archived else None,
            last_asserted=self._measured if spec.is_passing is not None and spec.status == "Active" else None,
            last_updated=self._created,
            coverage=None if spec.rule_type in CONTAINER_RULES else 1.0,
        )
        self._store.add_check(check)
        return check

    def _anomaly(self, spec: AnomalySpec, container: Container, checks: list[Check]) -> None:
        anomaly = Anomaly(
            id=self._store.ids.take("anomaly"),
            tags=None,
            container=container,
            type=spec.type,
            message=spec.message,
            checks=tuple(checks[number] for number in spec.checks),
            status=spec.status,
            created=self._raised,
            records=self._random.randint(1, 500) if spec.type == "record" else None,
        )
        self._store.add_anomaly(anomaly)

    def _assign(self, item: Taggable, names: tuple[str, ...]) -> None:
        for tag in self._store.tags.resolve(names):
            self._store.tags.assign(item, tag)

    def _link_enrichment(self) -> None:
        """Every source datastore writes its enrichment into the first enrichment datastore there is."""
        stores = list(self._store.datastores.values())
        target = next((item for item in stores if item.enrichment_only), None)
        for item in stores:
            if target is not None and not item.enrichment_only:
                item.enrichment = target


def container_kind(spec: TableSpec) -> tuple[str, str | None]:
    """``container_type`` and ``table_type`` of a table; every kind of view is a view (decision 15)."""
    kind = spec.container_kind
    if kind is None:
        kind = "view" if spec.kind in ("view", "materialised_view") else "table"
    if kind == "view":
        return "table", "view"
    return kind, "table" if kind == "table" else None
