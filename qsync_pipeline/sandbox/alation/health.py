"""Data health: fields (rules) and the latest value of each on an object (alation-api.md §2.9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.switches import AlationSwitches

TYPES = ("NUMERIC", "STRING", "BOOLEAN")
STATUSES = ("GOOD", "WARNING", "ALERT")
OTYPE_OF = {"ATTRIBUTE": "attribute", "TABLE": "table", "SCHEMA": "schema"}
LABELS = {"GOOD": "No Issues", "WARNING": "Warning", "ALERT": "Alert"}
"""What the health tab shows (§3)."""


@dataclass(slots=True)
class HealthField:
    """A rule, by the key that its client chose."""

    key: str
    name: str
    type: str
    description: str
    created: float


@dataclass(slots=True)
class HealthValue:
    """The value of a rule on an object; there is one, without history. ``updated`` is as it was sent."""

    id: int
    field: HealthField
    node: Node
    status: str
    value: Any
    url: str | None
    updated: float


class Health:
    """All rules and values."""

    def __init__(self, switches: AlationSwitches, first: int) -> None:
        self._switches = switches
        self._next = first
        self.revision = 0
        self.fields: dict[str, HealthField] = {}
        self._values: dict[str, dict[Node, HealthValue]] = {}
        self._on: dict[Node, dict[str, HealthValue]] = {}

    def put_field(self, key: str, name: str, kind: str, description: str, now: float) -> bool:
        """Make or change a rule; true if it is new."""
        self.revision += 1
        field = self.fields.get(key)
        if field is None:
            self.fields[key] = HealthField(key, name, kind, description, now)
            return True
        field.name, field.type, field.description = name, kind, description
        return False

    def put_value(
        self, key: str, node: Node, status: str, value: Any, url: str | None, updated: float
    ) -> bool:
        """Make or change the value of a rule on an object; true if it is new."""
        self.revision += 1
        on = self._values.setdefault(key, {})
        before = on.get(node)
        number = before.id if before is not None else self._next
        if before is None:
            self._next += 1
        made = HealthValue(number, self.fields[key], node, status, value, url, updated)
        on[node] = made
        self._on.setdefault(node, {})[key] = made
        return before is None

    def delete_field(self, key: str) -> bool:
        """Delete a rule, with its values unless a switch keeps them; false if there is none."""
        self.revision += 1
        if self.fields.pop(key, None) is None:
            return False
        if self._switches.cascade_fields:
            for node in self._values.pop(key, {}):
                del self._on[node][key]
        return True

    def delete_value(self, key: str, node: Node) -> bool:
        self.revision += 1
        if self._values.get(key, {}).pop(node, None) is None:
            return False
        del self._on[node][key]
        return True

    def values(self) -> Iterator[HealthValue]:
        """All values of objects that are not deleted."""
        for on in self._values.values():
            for value in on.values():
                if not value.node.deleted:
                    yield value

    def shown_on(self, value: HealthValue) -> list[Node]:
        """Where a value appears: on its object, and a column's on its table as well (§6 row 19)."""
        node = value.node
        if node.otype == "attribute" and node.parent is not None and self._switches.propagate_health:
            return [node, node.parent]
        return [node]

    def on(self, node: Node) -> list[HealthValue]:
        """The values that appear on an object, those of its columns after its own."""
        found = list(self._on.get(node, {}).values())
        if node.otype == "table" and self._switches.propagate_health:
            for child in node.children:
                if not child.deleted:
                    found += self._on.get(child, {}).values()
        return found
