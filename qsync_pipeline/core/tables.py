"""Tables of rows, and how they become parquet and back.

A table carries either rows or the reason why it has none: a stage that failed for one datastore hands on a
failed table, and reading its rows raises, so that a failure can never be taken for "there is nothing here".

Nested values (tags, scores, checks) are JSON text columns: readable from any tool, with no schema drift when
a column happens to be all null.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
import pyarrow as pa

if TYPE_CHECKING:  # it takes 0.4 s to import, and no sync needs it
    import pandas as pd

Row = TypeVar("Row", bound=msgspec.Struct)

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}
_META_KEY = b"qsync"


class FailedTable(Exception):
    """The rows of a failed table were asked for."""


class Table(Generic[Row]):
    """Rows of one type for one datastore, with what is known of the reading.

    ``meta`` is JSON-able and travels with the rows. ``failure`` is null, or why there are no rows.
    """

    def __init__(
        self,
        row_type: type[Row],
        rows: Iterable[Row] = (),
        *,
        meta: Mapping[str, Any] | None = None,
        failure: str | None = None,
    ) -> None:
        self.row_type = row_type
        self._rows = tuple(rows)
        self._meta = dict(meta or {})
        self.failure = failure

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows; raises :class:`FailedTable` if the table failed."""
        if self.failure is not None:
            raise FailedTable(self.failure)
        return self._rows

    @property
    def meta(self) -> dict[str, Any]:
        """What is known of the reading; raises :class:`FailedTable` if the table failed."""
        if self.failure is not None:
            raise FailedTable(self.failure)
        return self._meta

    def __len__(self) -> int:
        return len(self.rows)

    def to_arrow(self) -> pa.Table:
        """The table as Arrow, with its meta in the schema's metadata."""
        columns: list[Any] = []
        for name, arrow_type, nested in _layout(self.row_type):
            values: list[Any] = list(map(attrgetter(name), self._rows))
            if nested:
                empty = _empty(self.row_type, name)
                values = [None if value is None or value == empty else _encode(value) for value in values]
            columns.append(pa.array(values, type=arrow_type))
        head = {"row": self.row_type.__name__, "failure": self.failure, "meta": self._meta}
        schema = _schema(self.row_type).with_metadata({_META_KEY: _encode(head)})
        return pa.Table.from_arrays(columns, schema=schema)

    @classmethod
    def from_arrow(cls, row_type: type[Row], table: pa.Table) -> Table[Row]:
        """The inverse of :meth:`to_arrow`; columns that the row type no longer has are ignored."""
        head = msgspec.json.decode((table.schema.metadata or {})[_META_KEY])
        columns: dict[str, list[Any]] = {}
        there = set(table.schema.names)
        for name, _, nested in _layout(row_type):
            if name not in there:
                continue
            values = table.column(name).to_pylist()
            if nested:
                decode = _decoder(row_type, name).decode
                empty = _empty(row_type, name)
                values = [decode(value) if value is not None else empty for value in values]
            columns[name] = values
        rows: Iterable[Row]
        if tuple(columns) == row_type.__struct_fields__:
            rows = map(row_type, *columns.values())
        else:
            each = zip(*columns.values(), strict=True)
            rows = [row_type(**dict(zip(columns, values, strict=True))) for values in each]
        return cls(row_type, rows, meta=head["meta"], failure=head["failure"])

    def to_frame(self) -> pd.DataFrame:
        """The rows as a data frame, nested values as JSON text; for summaries and people."""
        return self.to_arrow().to_pandas()


def _empty(row_type: type[msgspec.Struct], name: str) -> Any:
    field = _fields(row_type)[name]
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else field.default


@functools.cache
def _fields(row_type: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.name: field for field in msgspec.structs.fields(row_type)}


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@functools.cache
def _hints(row_type: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(row_type)


@functools.cache
def _decoder(row_type: type[msgspec.Struct], name: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_hints(row_type)[name])


@functools.cache
def _schema(row_type: type[msgspec.Struct]) -> pa.Schema:
    return pa.schema([pa.field(name, arrow_type) for name, arrow_type, _ in _layout(row_type)])


@functools.cache
def _layout(row_type: type[msgspec.Struct]) -> list[tuple[str, pa.DataType, bool]]:
    """Column name, Arrow type and whether it is nested (JSON text), in field order."""
    layout: list[tuple[str, pa.DataType, bool]] = []
    for name, hint in _hints(row_type).items():
        arrow_type = _scalar(hint)
        layout.append((name, arrow_type or pa.string(), arrow_type is None))
    return layout


def _scalar(hint: Any) -> pa.DataType | None:
    if typing.get_origin(hint) is typing.Literal:
        return pa.string()
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [argument for argument in typing.get_args(hint) if argument is not type(None)]
        return _scalar(inner[0]) if len(inner) == 1 else None
    return _SCALARS.get(hint) if isinstance(hint, type) else None
