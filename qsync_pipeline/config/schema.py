"""Reading the settings' own types: what a field takes in words, which values a file gives for which field.

One source for messages, for the checks that need the raw file, and for the config reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from qsync_pipeline.config.fields import Allowed, Settings, Template
from qsync_pipeline.config.model import Config
from qsync_pipeline.config.problems import Path
from qsync_pipeline.config.secrets import FORM_OF_SECRETS, Secret, SuggestedEnv


@dataclass(frozen=True)
class Kind:
    """A type taken apart: the bare type and the marks on it."""

    bare: Any
    marks: tuple[Any, ...] = ()
    field: FieldInfo | None = None

    def mark(self, kind: type[Any]) -> Any:
        """The mark of that class, or null."""
        return next((m for m in self.marks if isinstance(m, kind)), None)

    @property
    def models(self) -> tuple[type[Settings], ...]:
        """The settings classes that a value of this kind may be of."""
        options = get_args(self.bare) if get_origin(self.bare) in (Union, UnionType) else (self.bare,)
        return tuple(o for o in options if isinstance(o, type) and issubclass(o, Settings))

    def model_for(self, value: Any) -> type[Settings] | None:
        """The settings class for this mapping: by ``type`` where there are several."""
        models = self.models
        if len(models) > 1 and isinstance(value, dict):
            return next((m for m in models if type_name(m) == value.get("type")), None)
        return models[0] if len(models) == 1 else None

    @property
    def item(self) -> Kind | None:
        """The kind of a list's items."""
        args = get_args(self.bare)
        return kind_of(args[0]) if get_origin(self.bare) is tuple else None

    @property
    def options(self) -> tuple[str, ...]:
        """The words to choose from, if that is what is allowed."""
        return tuple(map(str, get_args(self.bare))) if get_origin(self.bare) is Literal else ()

    @property
    def words(self) -> str:
        """What is allowed, in words."""
        if said := self.mark(Allowed) or self.mark(Template):
            return str(said.text)
        if self.bare is Secret:
            return FORM_OF_SECRETS
        if self.options:
            return ", ".join(self.options)
        if self.bare in (int, float):
            low, high = self.mark(Ge), self.mark(Le)
            number = "a whole number" if self.bare is int else "a number"
            return number + (f" from {low.ge}" if low else "") + (f" to {high.le}" if high else "")
        if self.bare is bool:
            return "true or false"
        if self.item:
            few = (
                "a list, not empty, of: "
                if any(getattr(m, "min_length", 0) for m in self.marks)
                else "a list of: "
            )
            return few + self.item.words
        if get_origin(self.bare) is dict:
            key, value = (kind_of(a).words for a in get_args(self.bare))
            return f"a mapping of {value} by: {key}"
        if len(self.models) > 1:
            return f"a mapping with type: {', '.join(type_name(m) for m in self.models)}"
        if self.models:
            return f"a mapping of: {', '.join(self.models[0].written())}"
        return "text"


def kind_of(annotation: Any, marks: tuple[Any, ...] = (), field: FieldInfo | None = None) -> Kind:
    """Take an annotation apart, through ``Annotated`` and ``X | None``."""
    while True:
        args = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation, extra = args[0], args[1:]
            for mark in extra:
                marks += tuple(mark.metadata) if isinstance(mark, FieldInfo) else (mark,)
        elif get_origin(annotation) in (Union, UnionType) and NoneType in args and len(args) == 2:
            annotation = next(a for a in args if a is not NoneType)
        else:
            return Kind(annotation, marks, field)


def field_kind(model: type[Settings], name: str) -> Kind:
    """The kind of a settings class's field."""
    field = model.written()[name]
    return kind_of(field.annotation, tuple(field.metadata), field)


def type_name(model: type[Settings]) -> str:
    """The ``type`` that selects this class among several."""
    return str(get_args(model.model_fields["type"].annotation)[0])


ROOT = Kind(Config)


def locate(location: tuple[str | int, ...], data: Any) -> tuple[Path, Kind]:
    """From an error's location to the path in the file and the kind of value expected there."""
    path: Path = ()
    kind = parent = ROOT
    for part in location:
        if part == "[key]":
            return path, kind_of(get_args(parent.bare)[0])
        parent = kind
        if len(kind.models) > 1 and any(type_name(m) == part for m in kind.models):
            kind = Kind(next(m for m in kind.models if type_name(m) == part))
            continue
        model = kind.model_for(at(data, path))
        if model and part in model.written():
            kind = field_kind(model, str(part))
        elif kind.item:
            kind = kind.item
            if not isinstance(at(data, path), tuple):
                continue  # a single value where a list may stand: it is the one that is meant
        elif get_origin(kind.bare) is dict:
            kind = kind_of(get_args(kind.bare)[1])
        path = (*path, part)
    return path, kind


def at(data: Any, path: Path) -> Any:
    """The raw value at ``path``, or null."""
    for part in path:
        inside = isinstance(data, tuple) and isinstance(part, int) and part < len(data)
        if not inside and not (isinstance(data, dict) and part in data):
            return None
        data = data[part]
    return data


def visit(data: Any, kind: Kind = ROOT, path: Path = ()) -> Iterator[tuple[Path, Kind, Any]]:
    """Every value of the raw file that a field takes, with that field's kind, from the top down."""
    if data is None:
        return
    yield path, kind, data
    model = kind.model_for(data)
    if model and isinstance(data, dict):
        for name in model.written().keys() & data.keys():
            yield from visit(data[name], field_kind(model, name), (*path, name))
    elif kind.item and isinstance(data, tuple):
        for index, item in enumerate(data):
            yield from visit(item, kind.item, (*path, index))


Row = tuple[str, str, str, str]


def reference_rows() -> list[Row]:
    """The config reference: ``(path, type, default, description)`` of every field, in the models' order.

    What all catalogs share stands once as ``integrations[].name``; what differs, once per catalog as
    ``integrations[type=atlan].token``.
    """
    return list(_rows(Config, ""))


def _rows(model: type[Settings], prefix: str) -> Iterator[Row]:
    for name in model.written():
        kind = field_kind(model, name)
        inner = kind.item or kind
        path = f"{prefix}{name}{'[]' if kind.item and inner.models else ''}"
        if len(inner.models) > 1:
            yield from _catalog_rows(inner.models, path.removesuffix("[]"))
        elif inner.models:
            yield from _rows(inner.models[0], f"{path}.")
        else:
            yield (
                path,
                kind.words,
                default_text(kind) or "required",
                str(kind.field and kind.field.description),
            )


def _catalog_rows(models: tuple[type[Settings], ...], path: str) -> Iterator[Row]:
    tables: Mapping[str, list[Row]] = {type_name(m): list(_rows(m, "")) for m in models}
    first, *others = tables.values()
    shared = [row for row in first if all(row in other for other in others)]
    kinds = ", ".join(tables)
    described = next(row[3] for row in first if row[0] == "type")
    yield f"{path}[].type", kinds, "required", described
    for row in shared:
        yield (f"{path}[].{row[0]}", *row[1:])
    for name, rows in tables.items():
        for row in rows:
            if row not in shared and row[0] != "type":
                yield (f"{path}[type={name}].{row[0]}", *row[1:])


def default_text(kind: Kind) -> str:
    """A field's default as it would be written in the file; empty for a required one."""
    field = kind.field
    if field is None or field.is_required():
        return ""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or isinstance(value, Settings):
        return "none"
    if isinstance(value, FilePath):
        return value.as_posix()
    if isinstance(value, str) and value and not kind.mark(SuggestedEnv):
        return value
    return value if isinstance(value, str) and value else json.dumps(value)
