"""The inventory: what Qualytics knows of one datastore, as units (DESIGN.md §2, §5.3).

Reading and assembling are apart, so that the rules can be tested without a server. Counts come from the
listings of Active checks and open anomalies, never from metrics; scores from the current score objects.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UnsetType

from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import CheckRow, TagRef, Unit, Withered
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.models import (
    Anomaly,
    Check,
    Container,
    Datastore,
    Field,
    GlobalTag,
    Score,
    ScoreRow,
)
from qsync_pipeline.transport.paging import each_once, parallel_map

LOGICAL_CATALOGS = frozenset({"hive_native", "glue_native"})
"""Native connectors whose ``catalog`` is an artefact of Spark: their names are schema.table (§2.1)."""


@dataclass(frozen=True)
class DatastoreRead:
    """Everything that was read of one datastore. ``fields`` holds the containers that were asked for."""

    datastore: Datastore
    containers: Sequence[Container]
    fields: Mapping[int, Sequence[Field]]
    checks: Sequence[Check]
    anomalies: Sequence[Anomaly]
    history: Sequence[ScoreRow] = field(default=())


def read_inventory(
    client: QualyticsClient,
    datastore: Datastore,
    *,
    key: str,
    containers: Collection[str] | None = None,
) -> list[Unit]:
    """All units of a datastore: itself, its containers, their fields, in this order.

    ``key`` is its partition key; for ``containers`` and errors see :func:`read_datastore`.
    """
    return assemble(read_datastore(client, datastore, containers), key=key)


def read_datastore(
    client: QualyticsClient, datastore: Datastore, containers: Collection[str] | None = None
) -> DatastoreRead:
    """Read a datastore. ``containers`` narrows to the fields of containers of these names (compared by
    case-fold); the datastore's own counts still cover all of it. Any failed call raises: what was read is
    whole or not there.
    """
    whole = client.containers(datastore.id)
    wanted = whole if containers is None else chosen(whole, containers)
    fields = parallel_map(lambda row: client.fields(row.id), wanted, parallel=client.parallel)
    every = [row for rows in fields for row in rows]
    each_once(every, lambda row: row.id, what="fields of all containers", system=client.session.system)
    return DatastoreRead(
        datastore=datastore,
        containers=whole,
        fields={row.id: found for row, found in zip(wanted, fields, strict=True)},
        checks=client.checks(datastore.id),
        anomalies=client.anomalies(datastore.id),
        history=() if _metrics_score(datastore) is not None else client.quality_scores(datastore.id),
    )


def chosen(containers: Sequence[Container], names: Collection[str]) -> list[Container]:
    """The containers of these names, compared as names are: one that differs by case only comes along."""
    wanted = {fold(name) for name in names}
    return [row for row in containers if fold(row.name) in wanted]


def assemble(read: DatastoreRead, *, key: str) -> list[Unit]:
    """The units of what was read; pure."""
    datastore = read.datastore
    tally = _Tally(read.containers, read.checks, read.anomalies)
    seen = _Tally(read.containers, read.checks, [a for a in read.anomalies if a.status == "Acknowledged"])
    out_of_play = _datastore_unsupported(datastore)
    database, schema = _names(datastore)

    def unit(**own: Any) -> Unit:
        return Unit(
            datastore=key,
            datastore_id=datastore.id,
            connector=datastore.type or "",
            database=database,
            schema=schema,
            host=datastore.host,
            **own,
        )

    scanned = any(_scanned(row) for row in read.containers)
    score = _metrics_score(datastore) or (read.history[0] if read.history else None)
    units = [
        unit(
            id=f"datastore:{datastore.id}",
            level="datastore",
            name=datastore.name,
            kind=datastore.store_type or "",
            unsupported=out_of_play,
            scanned=scanned,
            scores=_scores(score),
            check_count=len(tally.checks),
            anomaly_count=sum(tally.open_in(row) or 0 for row in read.containers) if scanned else None,
            acknowledged_count=sum(seen.open_in(row) or 0 for row in read.containers) if scanned else None,
            tags=_tags(datastore.tags),
            measured_at=max(filter(None, map(_measured_at, read.containers)), default=None),
        )
    ]
    columns: list[Unit] = []
    for row in read.containers:
        if row.id not in read.fields:
            continue
        unsupported = out_of_play or _container_unsupported(row)
        mine = tally.checks_in[row.id]
        units.append(
            unit(
                id=f"container:{row.id}",
                level="container",
                name=row.name,
                container=row.name,
                container_id=row.id,
                kind=_kind(row),
                status=row.status,
                unsupported=unsupported,
                scanned=_scanned(row),
                scores=_scores(row.metrics.quality_score if row.metrics else None),
                check_count=len(mine),
                anomaly_count=tally.open_in(row),
                acknowledged_count=seen.open_in(row),
                tags=_tags(row.tags),
                checks=tuple(tally.check_row(check, seen) for check in mine),
                withered=tuple(
                    Withered(f"field:{column.id}", _tags(column.tags))
                    for column in read.fields[row.id]
                    if column.status == "missing" and column.tags
                ),
                measured_at=_measured_at(row),
            )
        )
        counts, acknowledged = tally.field_counts(row.id), seen.field_counts(row.id).anomalies
        for column in read.fields[row.id]:
            if column.status == "missing":
                continue
            columns.append(
                unit(
                    id=f"field:{column.id}",
                    level="field",
                    name=column.name,
                    container=row.name,
                    container_id=row.id,
                    field=column.name,
                    field_id=column.id,
                    status=column.status,
                    unsupported=unsupported,
                    scanned=_scanned(row),
                    scores=_scores(column.quality_score),
                    check_count=counts.checks[column.name],
                    anomaly_count=counts.anomalies[column.name] if _scanned(row) else None,
                    acknowledged_count=acknowledged[column.name] if _scanned(row) else None,
                    tags=_tags(column.tags),
                    measured_at=_measured_at(row),
                )
            )
    return units + columns


@dataclass(frozen=True)
class _FieldCounts:
    checks: Counter[str]
    anomalies: Counter[str]


class _Tally:
    """Counts of checks and open anomalies, joined by check id."""

    def __init__(
        self, containers: Iterable[Container], checks: Iterable[Check], anomalies: Iterable[Anomaly]
    ) -> None:
        there = {row.id for row in containers}
        self.checks = [c for c in checks if c.container is not None and c.container.id in there]
        self.checks_in: defaultdict[int, list[Check]] = defaultdict(list)
        for check in self.checks:
            assert check.container is not None  # filtered above
            self.checks_in[check.container.id].append(check)
        self._by_id = {check.id: check for check in self.checks}
        self._anomalies: defaultdict[int, list[Anomaly]] = defaultdict(list)
        self._of_check: Counter[int] = Counter()
        for anomaly in anomalies:
            if anomaly.container is not None and anomaly.container.id in there:
                self._anomalies[anomaly.container.id].append(anomaly)
                self._of_check.update({check.id for check in anomaly.checks})

    def open_in(self, row: Container) -> int | None:
        """Open anomalies of a container; null where it was never scanned."""
        return len(self._anomalies[row.id]) if _scanned(row) else None

    def check_row(self, check: Check, acknowledged: _Tally) -> CheckRow:
        return CheckRow(
            id=check.id,
            rule_type=check.rule_type,
            description=check.description or "",
            fields=check.field_names,
            anomalies=self._of_check[check.id],
            acknowledged=acknowledged._of_check[check.id],
            last_asserted=check.last_asserted,
        )

    def field_counts(self, container: int) -> _FieldCounts:
        """Active checks and open anomalies by the name of the field; each counts once for a field it names.

        The copy of a check inside an anomaly may have lost its fields, so the listing's row comes first; of a
        check that is not Active any more only the copy is there.
        """
        checks: Counter[str] = Counter()
        for check in self.checks_in[container]:
            checks.update(set(check.field_names))
        anomalies: Counter[str] = Counter()
        for anomaly in self._anomalies[container]:
            named: set[str] = set()
            for copy in anomaly.checks:
                named.update(self._by_id.get(copy.id, copy).field_names)
            anomalies.update(named)
        return _FieldCounts(checks, anomalies)


def _names(datastore: Datastore) -> tuple[str | None, str | None]:
    """Database and schema as the source calls them; either may be null (MySQL shows no database)."""
    if datastore.store_type == "native":
        logical = datastore.type in LOGICAL_CATALOGS
        return None if logical else (datastore.database or datastore.catalog), datastore.schema
    return datastore.database, datastore.schema


def _metrics_score(datastore: Datastore) -> Score | None:
    return datastore.metrics.quality_score if datastore.metrics else None


def _scanned(row: Container) -> bool:
    return bool(row.metrics and row.metrics.last_scanned)


def _measured_at(row: Container) -> str | None:
    """When its scores last changed by an operation: a scan sets them, a profile the completeness."""
    metrics = row.metrics or None
    times = (metrics.last_scanned or None, metrics.last_profiled or None) if metrics else ()
    return max(filter(None, times), default=None)


def _scores(score: Score | UnsetType | None) -> dict[str, float | None]:
    return (score or Score()).as_dict()


def _tags(tags: Iterable[GlobalTag]) -> tuple[TagRef, ...]:
    return tuple(
        TagRef(
            name=tag.name,
            id=str(tag.id),
            origin=tag.type,
            color=tag.color,
            description=tag.description,
            category=tag.category,
        )
        for tag in tags
    )


def _kind(row: Container) -> str:
    """A view is mostly a table whose ``table_type`` says so (§2.2)."""
    kind = row.container_type or "table"
    return "view" if kind == "table" and row.table_type == "view" else kind


def _datastore_unsupported(datastore: Datastore) -> str | None:
    """Why a whole datastore takes no part: a catalog shows databases (DESIGN.md §5.1)."""
    if datastore.is_enrichment:
        return "an enrichment datastore: Qualytics keeps its own results there"
    if datastore.store_type == "dfs":
        return "a file store: it has no schema that a catalog could show"
    return None


def _container_unsupported(row: Container) -> str | None:
    kind = _kind(row)
    if kind in ("table", "view"):
        return None
    if kind.startswith("computed"):
        return "a computed container: it exists in Qualytics only"
    return "a file container" if kind == "file" else f"a container of type {kind}"
