"""Tiny estates, each with something awkward: what takes the generator thousands of tables, in a handful."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from qsync_pipeline.sandbox.estate.model import (
    AnomalySpec,
    CheckSpec,
    ColumnSpec,
    ConnectionSpec,
    DatabaseSpec,
    DatastoreSpec,
    DomainSpec,
    Estate,
    NativeTagSpec,
    SchemaSpec,
    TableSpec,
    TagSpec,
    TagUse,
)

NATIVE = "Native"
"""A tag of Qualytics' own, which some assets of the catalogs carry as well."""
TAGS = ("PII", "pii", NATIVE, "Ünï/côde #1", " Gold  Tier ")
DOMAINS = ("Finance", "Finance/Risk", "Sales")

_SCORES = {"total": 81.25, "completeness": 99.95, "coverage": 50.0, "conformity": None}
_CHECK = CheckSpec("notNull", "A is never null", ("A",), is_passing=False)
_OTHER = CheckSpec("volumetric", "rows <b>arrive</b> & stay")


def _uses(*names: str, **more: Any) -> tuple[TagUse, ...]:
    return tuple(TagUse(name, **more) for name in names)


def _columns(*names: str, **more: Any) -> list[ColumnSpec]:
    return [ColumnSpec(name, scores=dict(_SCORES), **more) for name in names]


def _table(name: str, columns: tuple[str, ...] = ("A", "B"), **more: Any) -> TableSpec:
    given: dict[str, Any] = {"columns": _columns(*columns), "scores": dict(_SCORES)}
    return TableSpec(name, **{**given, "checks": [_CHECK, _OTHER], **more})


def _anomalous(name: str, **more: Any) -> TableSpec:
    found = [
        AnomalySpec("record", "A is null", (0,), "Acknowledged"),
        AnomalySpec("shape", "too few rows", (1,)),
    ]
    return _table(name, anomalies=found, **more)


def _tagged_column(name: str) -> list[TableSpec]:
    columns = _columns("A", "B")
    columns[0].tags = _uses("PII", "pii")
    columns[1].native_tags = (NATIVE,)
    columns[1].tags = _uses("PII")
    return [TableSpec(name, columns=columns, scores=dict(_SCORES), tags=_uses(" Gold  Tier "))]


def _one_sided_columns(name: str) -> list[TableSpec]:
    table = _table(name, ("A", "B", "C", "a.b"))
    table.columns[1].in_catalog = False
    table.columns[2].in_qualytics = False
    table.columns[2].tags = _uses("PII")
    return [table]


SHAPES: dict[str, Callable[[str], list[TableSpec]]] = {
    "plain": lambda name: [_table(name)],
    "anomalous": lambda name: [_anomalous(name)],
    "tagged": lambda name: [_table(name, tags=_uses("PII"))],
    "tagged columns": _tagged_column,
    "native name": lambda name: [_table(name, tags=_uses(NATIVE))],
    "native tag": lambda name: [_table(name, tags=_uses(NATIVE), native_tags=(NATIVE,))],
    "banner": lambda name: [_anomalous(name, banner="Under repair until Monday")],
    "view": lambda name: [_anomalous(name, kind="view", tags=_uses("Ünï/côde #1"))],
    "twins": lambda name: [_anomalous(name, tags=_uses("PII")), _table(name.lower())],
    "other case": lambda name: [_anomalous(name, catalog_name=name.lower(), tags=_uses("pii"))],
    "one-sided columns": _one_sided_columns,
    "catalog only": lambda name: [_table(name, tags=_uses("PII"), in_qualytics=False)],
    "qualytics only": lambda name: [_anomalous(name, in_catalog=False, native_tags=(NATIVE,))],
    "odd name": lambda name: [_anomalous(f"{name} Größe/№ 1.x", tags=_uses("Ünï/côde #1"))],
    "unmeasured": lambda name: [_table(name, scores=None, profiled=False, scanned=False, checks=[])],
    "propagated": lambda name: [_table(name, tags=_uses("PII", propagated=True))],
    "other tools": lambda name: [_table(name, description="Typed by Ada")],
    "in a domain": lambda name: [_anomalous(name, domain="Sales", tags=_uses("PII"))],
}  # fmt: skip

RICH = ["anomalous", "anomalous", "in a domain", "tagged", "tagged", "tagged columns", "view"]
"""Those of which most can come."""

PLACES = (
    "plain", "plain", "plain", "tagged", "tagged", "tagged", "mysql", "domain", "computed", "read_only",
    "hidden", "twice",
)  # fmt: skip
"""What may be special about a schema and the connection that it lies in."""


def _place(number: int, kind: str, tables: list[TableSpec]) -> tuple[ConnectionSpec, list[DatastoreSpec]]:
    schema = SchemaSpec(f"S{number}", tables)
    mysql = kind == "mysql"
    name, shown = (None, "DEFAULT") if mysql else (f"DB{number}", None)
    database = DatabaseSpec(name, [schema], catalog_name=shown)
    source = ConnectionSpec(
        f"source {number}", "mysql" if mysql else "snowflake", f"host{number}.example", [database]
    )
    if kind == "tagged":
        source.tags, schema.tags = _uses("Of the source"), _uses("PII")
    if kind in ("read_only", "hidden"):
        source.access = kind  # type: ignore[assignment]  # one of the two
    if kind == "domain":
        schema.domain = "Finance/Risk"
    connector = source.connector
    stores = [DatastoreSpec(f"store {number}", source.name, name, schema.name, type=connector)]
    if kind == "twice":
        stores.append(DatastoreSpec(f"again {number}", source.name, database.name, schema.name))
    if kind == "computed":
        stores[0].tables.append(_anomalous("calc", container_kind="computed_table", in_catalog=False))
        stores[0].native_tags = (NATIVE,)
    stores[0].scores = {"total": 77.7}
    return source, stores


def estate_of(places: list[tuple[str, list[str]]]) -> Estate:
    """An estate of these places, each with tables of these shapes."""
    connections, datastores = [], []
    for number, (kind, shapes) in enumerate(places, 1):
        tables = [one for at, shape in enumerate(shapes, 1) for one in SHAPES[shape](f"T{at}")]
        source, stores = _place(number, kind, tables)
        connections.append(source)
        datastores += stores
    return Estate(
        "tiny", 1, connections, datastores,
        domains=[DomainSpec(path) for path in DOMAINS],
        tags=[TagSpec("PII", "Red", "<b>Personal</b> data"), TagSpec(NATIVE, "Green", "The catalog's")],
        native_tags=[NativeTagSpec(NATIVE)],
    )  # fmt: skip


places = st.lists(
    st.tuples(
        st.sampled_from(PLACES), st.lists(st.sampled_from(sorted(SHAPES) + RICH), min_size=1, max_size=2)
    ),
    min_size=1,
    max_size=2,
)
"""What :func:`estate_of` takes."""

WAYS: tuple[Mapping[str, Mapping[str, Any]], ...] = (
    {},
    {"atlan": {"scrub": "full", "index_lag": 20}, "alation": {"deployment": "onprem"}},
    {
        "atlan": {"scrub": "legacy", "business_matrix": "notes"}, "alation": {"total_count": True},
        "qualytics": {"cascade_removal": False},
    },
    {
        "qualytics": {
            "null_lists": True, "datastore_score_in_metrics": False,
            "score_object_when_unscored": True, "active_includes_acknowledged": False,
        },
    },
)  # fmt: skip
"""What is not known of the vendors for certain, answered this way and that: switches of the sandbox."""
ways = st.integers(0, len(WAYS) - 1)
