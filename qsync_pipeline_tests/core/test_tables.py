"""Tables of rows become Arrow and come back; a failed table is never taken for an empty one (§3, §5.5)."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsync_pipeline.core.rows import AttributeValue, Change, Unit
from qsync_pipeline.core.tables import FailedTable, Table
from qsync_pipeline.stored_tables import ROW_TYPES

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
attribute_values = (
    st.none() | texts | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)


scalars: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
}


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, with everything that JSON can hold where the type says ``Any``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return json_values
    if hint == AttributeValue:
        return attribute_values
    if hint in scalars:
        return scalars[hint]
    if origin is dict:
        return st.dictionaries(texts, of_type(arguments[1]), max_size=3)
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=2).map(tuple)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return rows_of(hint)
    if origin is not None and type(None) in arguments:
        return st.none() | st.one_of([of_type(one) for one in arguments if one is not type(None)])
    return st.from_type(hint)


def rows_of(row_type: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(row_type)
    return st.builds(row_type, **{name: of_type(hint) for name, hint in hints.items()})


@pytest.mark.parametrize("row_type", ROW_TYPES.values(), ids=list(ROW_TYPES))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_row_type_comes_back_as_it_went(row_type: type[msgspec.Struct], data: st.DataObject) -> None:
    rows = data.draw(st.lists(rows_of(row_type), max_size=4))
    meta = data.draw(st.dictionaries(texts, json_values, max_size=2))
    back = Table.from_arrow(row_type, Table(row_type, rows, meta=meta).to_arrow())
    assert back.rows == tuple(rows)
    assert back.meta == meta
    assert back.failure is None


@pytest.mark.parametrize("value", [None, "", 0, 0.0, False, [], {}, {"a": None}, "null", "\x00é🙂"])
def test_nothing_empty_and_null_are_told_apart_in_plans(value: Any) -> None:
    change = Change("s", "update", "t", "n", before=value, after=value)
    (back,) = Table.from_arrow(Change, Table(Change, [change]).to_arrow()).rows
    assert (back.before, back.after) == (value, value)
    assert type(back.before) is type(value)


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_the_rows_of_a_failed_table_cannot_be_asked_for() -> None:
    failed = Table(Unit, failure="the page broke off")
    for table in (failed, Table.from_arrow(Unit, failed.to_arrow())):
        assert table.failure == "the page broke off"
        with pytest.raises(FailedTable, match="the page broke off"):
            _ = table.rows
        with pytest.raises(FailedTable):
            len(table)


def test_an_empty_table_is_no_failed_one() -> None:
    back = Table.from_arrow(Unit, Table(Unit).to_arrow())
    assert back.rows == ()
    assert len(back) == 0


class Old(msgspec.Struct, frozen=True):
    name: str
    dropped: int = 0


class New(msgspec.Struct, frozen=True):
    name: str
    added: tuple[str, ...] = ("default",)
    number: int | None = None


def test_a_table_of_an_older_release_is_read_with_defaults_for_what_it_lacks() -> None:
    back = Table.from_arrow(New, Table(Old, [Old("a", 1)]).to_arrow())
    assert back.rows == (New("a"),)


def test_a_default_that_is_not_empty_survives_an_empty_value() -> None:
    rows = (New("a", ()), New("b"), New("c", ("x",), 0))
    assert Table.from_arrow(New, Table(New, rows).to_arrow()).rows == rows


def test_people_see_nested_values_as_text() -> None:
    frame = Table(Change, [Change("s", "update", "t", "n", after={"a": 1})]).to_frame()
    assert frame["after"][0] == '{"a":1}'
    assert list(frame["action"]) == ["update"]
