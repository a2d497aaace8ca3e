"""Custom fields: their definitions, and what a value of each type may be (alation-api.md §2.3, §2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from qsync_pipeline.sandbox.alation.model import Node, Stored
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.times import read

FieldType = Literal["DATE", "MULTI_PICKER", "OBJECT_SET", "PICKER", "RICH_TEXT"]
FIELD_TYPES: tuple[FieldType, ...] = ("DATE", "MULTI_PICKER", "OBJECT_SET", "PICKER", "RICH_TEXT")
BUILT_IN = ("title", "description", "steward")
STEWARD = 8
"""Id of the built-in field in every sample (§2.3)."""


@dataclass(frozen=True, slots=True)
class Field:
    """The definition of a custom field. There is no call that changes or deletes one."""

    id: int
    type: FieldType
    name: str
    plural: str = ""
    builtin: str | None = None
    tooltip: str | None = None
    multiple: bool = False
    otypes: tuple[str, ...] | None = None
    options: tuple[str, ...] | None = None
    backref: str | None = None
    backref_tooltip: str | None = None

    def row(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "field_type": self.type,
            "name_singular": self.name,
            "name_plural": self.plural,
            "builtin_name": self.builtin,
            "tooltip_text": self.tooltip,
            "allow_multiple": self.multiple,
            "allowed_otypes": self.otypes,
            "options": self.options,
            "backref_name": self.backref,
            "backref_tooltip_text": self.backref_tooltip,
        }


class Fields:
    """All definitions by id; names need not be unique (§6 row 29). ``revision`` counts writes of values."""

    def __init__(self, switches: AlationSwitches, first: int) -> None:
        self._switches = switches
        self._next = first
        self.revision = 0
        self.by_id: dict[int, Field] = {}
        self.names: dict[int, str] = {}
        self._shared: dict[tuple[str, float], Stored] = {}
        for field in (
            Field(3, "RICH_TEXT", "Title", builtin="title"),
            Field(4, "RICH_TEXT", "Description", builtin="description"),
            Field(
                STEWARD, "OBJECT_SET", "Steward", "Stewards", "steward",
                multiple=True, otypes=("user", "groupprofile"), backref="Steward",
            ),
        ):  # fmt: skip
            self._keep(field)

    def _keep(self, field: Field) -> Field:
        self.by_id[field.id] = field
        self.names[field.id] = field.name
        return field

    def make(self, kind: FieldType, name: str, **more: Any) -> Field:
        self._next += 1
        return self._keep(Field(self._next - 1, kind, name, **more))

    def builtin(self, name: str) -> Field | None:
        return next((field for field in self.by_id.values() if field.builtin == name), None)

    def named(self, name: str) -> list[Field]:
        """All fields of exactly this name, the oldest first."""
        return [field for field in self.by_id.values() if field.name == name]

    def put(self, node: Node, field: Field, value: Any, now: float) -> bool:
        """Store a value; an empty one clears. True if there was none before."""
        self.revision += 1
        created = field.id not in node.values
        if value in ("", [], None):
            node.set_value(field.id, None)
        else:
            stored = self._stored(value, now)
            node.set_value(field.id, stored)
        return created

    def _stored(self, value: Any, now: float) -> Stored:
        """One object for all equal values of one moment: a batch of scores has few different ones."""
        if not isinstance(value, str) or len(value) > 40:
            return Stored(value, now)
        if len(self._shared) > 5000:
            self._shared.clear()
        return self._shared.setdefault((value, now), Stored(value, now))

    def problem(self, field: Field, value: Any) -> str | None:
        """Why a value does not fit its field, or null."""
        name = field.name
        if value is None or value == "":
            return None
        if field.type in ("MULTI_PICKER", "OBJECT_SET"):
            if not isinstance(value, list):
                return f'Expected a list of items but got type "{type(value).__name__}".'
            if len(value) > self._switches.value_members:
                return f"{name}: at most {self._switches.value_members} members are allowed."
            if field.type == "MULTI_PICKER":
                wrong = [each for each in value if each not in (field.options or ())]
                return f"{name}: {wrong[0]!r} is not one of the options." if wrong else None
            bad = [each for each in value if not isinstance(each, dict) or {"otype", "oid"} - set(each)]
            return f"{name}: members need otype and oid." if bad else None
        if not isinstance(value, str):
            return f"{name}: a string is expected, not {type(value).__name__}."
        if len(value) * 4 > self._switches.value_bytes and len(value.encode()) > self._switches.value_bytes:
            return f"{name}: the value is too large."
        if field.type == "PICKER" and value not in (field.options or ()):
            return f"{name}: {value!r} is not one of the options."
        if field.type == "DATE" and read(value) is None:
            return f"{name}: {value!r} is not a date."
        return None

    def stored_form(self, field: Field, value: Any) -> Any:
        """What is kept of a value: rich text is sanitised."""
        if field.type == "RICH_TEXT" and isinstance(value, str):
            return clean(value, wrap=self._switches.wrap_rich_text)
        return value
