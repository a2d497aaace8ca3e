"""Reading one change of the control plane, with messages that name the word and what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.qualytics.assets import Asset, asset_name, below, find, kind_of, unit_id
from qsync_pipeline.sandbox.qualytics.model import Anomaly, Check, Container, Datastore, Field
from qsync_pipeline.sandbox.qualytics.store import Store, live_containers

Action = Callable[[], Sequence[str]]
"""Carries a change out and returns the ids touched. Whoever holds one has had the change judged."""

LEVELS: dict[type, str] = {Datastore: "datastore", Container: "table", Field: "column"}


def anomaly_id(anomaly: Anomaly) -> str:
    return f"anomaly:{anomaly.id}"


def check_id(check: Check) -> str:
    return f"check:{check.id}"


class Words:
    """A change, with readers that raise :class:`ControlError`. Unknown keys are refused by :meth:`only`."""

    def __init__(self, store: Store, change: Mapping[str, Any]) -> None:
        self.store = store
        self._change = change
        self.do = str(change.get("do"))

    def wrong(self, key: str, message: str) -> ControlError:
        return ControlError(f"{self.do}: {key}: {message}")

    def only(self, *keys: str) -> None:
        for key in self._change:
            if key not in ("system", "do", *keys):
                raise self.wrong(key, f"unknown; {self.do} takes {', '.join(keys)}")

    def get(self, key: str) -> Any:
        return self._change.get(key)

    def has(self, key: str) -> bool:
        return key in self._change

    def text(self, key: str) -> str:
        value = self.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, f"must be a text, not {value!r}")
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self.get(key) is None else self.text(key)

    def choice(self, key: str, allowed: Collection[str]) -> str:
        value = self.get(key)
        if value not in allowed:
            raise self.wrong(key, f"{value!r} is not one of {', '.join(allowed)}")
        return str(value)

    def count(self, key: str, default: int, most: int) -> int:
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.wrong(key, f"{value!r} is not a whole number from 1 to {most}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, f"{value!r} is neither true nor false")
        return value

    # -- objects --------------------------------------------------------------------------------------

    def asset(self, *levels: type[Datastore] | type[Container] | type[Field]) -> Asset:
        """The one asset that ``asset`` names, of these levels (all if none are given).

        An id of the state (``container:42``) does as well, for names that several objects share.
        """
        name = self.text("asset")
        found = find(self.store, name) or self._by_unit_id(name)
        if not found:
            raise self.wrong("asset", f"there is no {name!r}; {self._nearest(name)}")
        fitting = [item for item in found if not levels or isinstance(item, levels)]
        if not fitting:
            allowed = " or ".join(LEVELS[level] for level in levels)
            raise self.wrong("asset", f"{name!r} is a {kind_of(found[0])}; {self.do} takes a {allowed}")
        if len(fitting) > 1:
            ids = ", ".join(unit_id(item) for item in fitting)
            raise self.wrong("asset", f"{name!r} is the name of several objects; give one of the ids {ids}")
        return fitting[0]

    def anomaly(self) -> Anomaly:
        number = self._number("id", "anomaly")
        anomaly = self.store.anomalies.get(number)
        if anomaly is None:
            raise self.wrong("id", f"there is no anomaly {number}")
        return anomaly

    def check(self) -> Check:
        number = self._number("id", "check")
        check = self.store.checks.get(number)
        if check is None:
            raise self.wrong("id", f"there is no check {number}")
        return check

    def _number(self, key: str, kind: str) -> int:
        """An id as a number, as its text, or as ``anomaly:900``."""
        value = self.get(key)
        digits = str(value).removeprefix(f"{kind}:")
        if isinstance(value, bool) or not digits.isdecimal():
            raise self.wrong(key, f"{value!r} is not the id of a {kind}")
        return int(digits)

    def _by_unit_id(self, name: str) -> list[Asset]:
        level, _, digits = name.partition(":")
        if not digits.isdecimal():
            return []
        tables: dict[str, Mapping[int, Asset]] = {
            "datastore": self.store.datastores,
            "container": self.store.containers,
            "field": self.store.fields,
        }
        item = tables.get(level, {}).get(int(digits))
        return [] if item is None else [item]

    def _nearest(self, name: str) -> str:
        """What of the name is known, for a message."""
        parents = parents_of(self.store, name)
        if parents:
            return f"known of it is the {kind_of(parents[-1][0])} before {parents[-1][1]!r}"
        return "no datastore is the beginning of that name"


def parents_of(store: Store, name: str) -> list[tuple[Datastore | Container, str]]:
    """Known parents that a name begins with, each with the rest of the name; containers after datastores."""
    datastores: list[tuple[Datastore | Container, str]] = []
    containers: list[tuple[Datastore | Container, str]] = []
    for datastore in store.datastores.values():
        rest = below(name, asset_name(datastore))
        if not rest:
            continue
        datastores.append((datastore, rest))
        for container in live_containers(datastore):
            column = below(rest, container.name)
            if column:
                containers.append((container, column))
    return datastores + containers
