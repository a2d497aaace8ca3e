"""People who do their part of a history, and what has to be remembered of it to judge the end by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import System
from qsync_pipeline_tests.e2e.memory import checks_of
from qsync_pipeline_tests.e2e.reference import Rules, folded, tag_key
from qsync_pipeline_tests.histories.estates import DOMAINS, TAGS
from qsync_pipeline_tests.histories.world import Json

_LEVELS = {"datastore": 0, "schema": 0, "container": 1, "field": 2, "column": 2, "attribute": 2}


def _level(entry: Json) -> int:
    """0 for schemas, 1 for tables, 2 for columns, -1 for what lies above."""
    if entry["kind"] in ("data", "Connection", "Database"):
        return -1
    if entry["id"].startswith("container:"):
        return 1
    return _LEVELS.get(str(entry["kind"]).lower(), 1)


def plain_name(entry: Json) -> str:
    """The name under which an object of one system has its counterparts in the others."""
    return folded(str(entry["name"]).removeprefix("DEFAULT."))


class Scene(Protocol):
    """What people act in: a :class:`.world.World`, or a sandbox that serves."""

    @property
    def catalogs(self) -> Sequence[str]: ...
    @property
    def domains(self) -> Sequence[str]: ...
    @property
    def systems(self) -> Mapping[str, System]: ...
    @property
    def store(self) -> Any: ...
    @property
    def sandbox(self) -> Any: ...
    def mutate(self, system: str, do: str, **words: Any) -> bool: ...
    def state(self, system: str) -> list[Json]: ...
    def settle(self) -> None: ...


class People:
    """People on all sides, and what has to be remembered of what they did to judge the end by."""

    def __init__(self, world: Scene, estate: Estate) -> None:
        self._world = world
        self.native = {tag.name for tag in estate.native_tags}
        self.theirs: set[tuple[str, str]] = set()
        self.open: set[tuple[str, str]] = set()
        """Tags that a person put where a copy of ours is: nobody can tell."""
        self.doubted: set[str] = set()
        self.missing: set[str] = set()
        """Columns that the last profile did not find any more: they are still listed."""
        self.hidden: dict[str, set[str]] = {name: set() for name in world.systems}
        self.denied: set[str] = set()
        """Datastores (ids) that Qualytics does not show us."""
        self.typed: set[tuple[str, str]] = set()
        """Attributes (asset's id, name) whose value a person changed."""
        self.renamed = False
        """Whether anything came to another's name, or might have."""
        self.moved: set[str] = set()
        """Names (by :func:`plain_name`) that objects came to or left: they do not tell who is whose."""
        self.hot: set[str] = set()
        """Names of what the last run changed: people look there first."""
        self.closed: set[tuple[str, str]] = set()
        """Schemas (catalog, name) whose whole source is hidden."""
        self.read_only: dict[str, set[str]] = {name: set() for name in world.catalogs}
        self.connections: dict[str, dict[str, str]] = {name: {} for name in world.catalogs}
        self.counted = {
            path.rpartition("/")[2] for path in DOMAINS
            if any(path == one or path.startswith(f"{one}/") for one in world.domains)
        }  # fmt: skip
        for source in estate.connections:
            for database in source.databases:
                for schema in database.schemas:
                    for catalog in world.catalogs:
                        shown = database.catalog_name or database.name
                        plain = catalog == "alation" and database.name is None
                        name = schema.name if plain else f"{shown}.{schema.name}"
                        self.connections[catalog][name] = source.name
                        if source.access == "hidden":
                            self.hidden[catalog] |= {name, source.name}
                            self.closed.add((catalog, name))
                        elif source.access == "read_only":
                            self.read_only[catalog].add(name)

    def act(self, side: str, do: str, which: int, what: int) -> list[str]:
        """One act, as far as it is possible; what was done, in the control plane's words."""
        names = self._world.catalogs if side == "catalog" else ("qualytics",)
        system = names[what % len(names)]
        remembered: tuple[set[Any], ...] = (
            self.native, self.theirs, self.open, self.doubted, self.missing, self.hidden[system], self.moved
        )  # fmt: skip
        before = [set(one) for one in remembered]
        plan = getattr(self, f"_{do}")(system, which, what)
        words = {"do": do, **(plan or {})}
        if plan is None or not (plan.get("done") or self._world.mutate(system, **words)):
            for one, former in zip(remembered, before, strict=True):
                one.clear()
                one.update(former)
            return []
        self.renamed |= do in ("rename", "create")
        if (side, do) == ("catalog", "rename"):
            self._world.settle()
        for entry in self._world.state("qualytics"):
            self.native.update(tag["name"] for tag in entry["tags"] if tag["origin"] == "native")
        return [f"{system}: {words}"]

    def rules(self, catalog: str) -> Rules:
        """What the reference has to know to judge the end."""
        return Rules(
            connections=self.connections[catalog],
            native=self.native,
            hidden=self.hidden[catalog] | self._nowhere(catalog),
            read_only=self.read_only[catalog],
            domains=self.counted if self._world.domains else None,
            left_out=lambda level, name: name in self.missing,
            checks=checks_of(self._world.sandbox) if catalog == "alation" else None,
            theirs=frozenset(self.theirs | self.open),
            typed=frozenset(self.typed),
            denied=frozenset(self.denied),
            doubted=frozenset(self.doubted),
            emptied_waits=True,
            domains_inherited=catalog == "atlan",
        )

    def _nowhere(self, catalog: str) -> set[str]:
        """Schemas opened in a source out of sight: Alation's say nothing of their source, so that none can be
        told to be a datastore's."""
        return {name for where, name in self.closed if where == catalog == "alation"}

    # Choosing.

    def _some(self, system: str, which: int, *levels: int) -> Json | None:
        return self._one([one for one in self._world.state(system) if _level(one) in levels], which)

    def _one(self, entries: Sequence[Json], which: int) -> Json | None:
        """One of these; with an odd number one that the last run changed, if there is any."""
        hot = [one for one in entries if plain_name(one) in self.hot] if which % 2 else ()
        chosen = hot or entries
        return chosen[which // 2 % len(chosen)] if chosen else None

    def _doubt(self, entry: Json) -> None:
        """The past of this object, and of its namesakes everywhere, counts for more than names now."""
        name = plain_name(entry)
        for system in self._world.systems:
            self.doubted |= {one["id"] for one in self._world.state(system) if plain_name(one) == name}

    # On all sides.

    def _tag(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1, 2)
        if entry is None:
            return None
        tag = TAGS[what % len(TAGS)]
        if system == "qualytics":
            self._put_by_hand(entry, tag)
        return {"asset": entry["name"], "tag": tag}

    def _put_by_hand(self, entry: Json, name: str) -> None:
        """A tag of ours on an object where we had not put it is its person's."""
        for one in self._world.state("qualytics"):
            if one["name"] != entry["name"]:
                continue
            origin = next((tag["origin"] for tag in one["tags"] if tag["name"] == name), None)
            defined = self._world.store.tags.by_name.get(name)
            if origin not in (None, "propagated"):
                continue
            if defined is None or defined.maker == "person":
                self.native.add(name)
            else:
                # The API cannot tell it from a copy of ours, which goes with its origin: it may go or stay.
                (self.theirs if origin is None else self.open).add((one["id"], tag_key(name)))

    def _untag(self, system: str, which: int, what: int) -> Json | None:
        tagged = [one for one in self._world.state(system) if _level(one) >= 0 and one["tags"]]
        entry = self._one(tagged, which)
        if entry is None:
            return None
        tag = entry["tags"][what % len(entry["tags"])]["name"]
        if system == "qualytics":
            same = {one["id"] for one in self._world.state("qualytics") if one["name"] == entry["name"]}
            self.theirs -= {(id_, tag_key(tag)) for id_ in same}
        return {"asset": entry["name"], "tag": tag}

    def _rename(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1, 2)
        if entry is None:
            return None
        self._doubt(entry)
        to = ("T1", "t2", "T3", "A", "New name")[what % 5]
        self._move(entry, to)
        return {"asset": entry["name"], "to": to}

    def _move(self, entry: Json, to: str = "") -> None:
        """An object comes to a name or leaves one."""
        name = plain_name(entry)
        self.moved |= {name, f"{name.rpartition('.')[0]}.{folded(to)}"}

    def _drop(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1, 2)
        if entry is None:
            return None
        self._move(entry)
        if system == "qualytics":
            below = self._below(entry["name"])
            self.theirs -= {one for one in self.theirs if one[0] in below}
            how = ("delete", "archive" if _level(entry) == 1 else "missing")[what % 2]
            if how == "missing":
                self.missing.add(entry["name"])
            return {"asset": entry["name"], "how": how}
        return {"asset": entry["name"]}

    def _below(self, name: str) -> set[str]:
        entries = self._world.state("qualytics")
        return {one["id"] for one in entries if one["name"] == name or one["name"].startswith(f"{name}.")}

    def _create(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        if entry is None:
            return None
        name = ("T1", "t2", "T3", "A", "C")[what % 5]
        self.moved.add(f"{plain_name(entry)}.{folded(name)}")
        return {"asset": f"{entry['name']}.{name}"}

    # In catalogs.

    def _undo(self, system: str, which: int, what: int) -> Json | None:
        """A tag is taken off again where the last run brought it to."""
        plan = self._untag(system, 2 * which + 1, what)
        return None if plan is None else {"do": "untag", **plan}

    def _rename_tag(self, system: str, which: int, what: int) -> Json | None:
        there = sorted({tag["name"] for one in self._world.state(system) for tag in one["tags"]})
        if not there:
            return None
        return {"from": there[which % len(there)], "to": (*TAGS, "Renamed")[what % (len(TAGS) + 1)]}

    def _set_alert(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1)
        return None if entry is None else {"asset": entry["name"], "text": f"Note {what}"}

    def _clear_alert(self, system: str, which: int, what: int) -> Json | None:
        there = [one for one in self._world.state(system) if one["alert"]]
        entry = self._one(there, which)
        return None if entry is None else {"asset": entry["name"]}

    def _set_attribute(self, system: str, which: int, what: int) -> Json | None:
        entry = self._one([one for one in self._world.state(system) if one["attributes"]], which)
        if entry is None:
            return None
        name = "Quality Score Total" if what % 2 else "Anomaly Count"
        value = None if what % 3 == 0 else what
        same = [one["id"] for one in self._world.state(system) if one["name"] == entry["name"]]
        self.typed |= {(id_, name) for id_ in same}
        return {"asset": entry["name"], "name": name, "value": value}

    def _forbid(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        if entry is None:
            return None
        self._doubt(entry)
        self.hidden[system].add(entry["name"])
        return {"asset": entry["name"]}

    def _allow(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        if entry is None or entry["name"] not in self.hidden[system]:
            return None
        self.hidden[system].discard(entry["name"])
        return {"asset": entry["name"]}

    def _set_domain(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        if entry is None or not self._world.domains:
            return None
        self._doubt(entry)
        return {"asset": entry["name"], "domain": (*DOMAINS, None)[what % (len(DOMAINS) + 1)]}

    # In Qualytics.

    def _deny(self, system: str, which: int, what: int) -> Json | None:
        """An administrator takes our token's team out of a datastore."""
        return self._team(which, denied=True)

    def _admit(self, system: str, which: int, what: int) -> Json | None:
        return self._team(which, denied=False)

    def _team(self, which: int, *, denied: bool) -> Json | None:
        stores = [one for one in self._world.state("qualytics") if one["id"].startswith("datastore:")]
        entry = self._one([one for one in stores if (one["id"] in self.denied) != denied], which)
        if entry is None:
            return None
        self._world.systems["qualytics"].deny_datastore(  # type: ignore[attr-defined]  # the sandbox's own
            int(entry["id"].partition(":")[2]), denied
        )
        (self.denied.add if denied else self.denied.discard)(entry["id"])
        return {"asset": entry["name"], "done": True}

    def _create_tag(self, system: str, which: int, what: int) -> Json | None:
        name = TAGS[what % len(TAGS)]
        if name not in self._world.store.tags.by_name:
            self.native.add(name)
        return {"name": name}

    def _delete_tag(self, system: str, which: int, what: int) -> Json | None:
        """A definition is cleared away, whoever made it, and goes from all that carries it."""
        name = TAGS[what % len(TAGS)]
        if name not in self._world.store.tags.by_name:
            return None
        self.native.discard(name)
        self.theirs -= {one for one in self.theirs if one[1] == tag_key(name)}
        return {"name": name}

    def _raise_anomaly(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1, 2)
        if entry is None:
            return None
        rule = "volumetric" if _level(entry) == 1 else "notNull"
        return {"asset": entry["name"], "rule": rule, "count": 1 + what % 2}

    def _set_anomaly_status(self, system: str, which: int, what: int) -> Json | None:
        status = ("Acknowledged", "Resolved", "Resolved", "Active")[what % 4]
        there = [one for one in self._world.state(system) if _level(one) < 2]
        open_ones = [one for one in there if one["attributes"]["Anomaly Count"]]
        entry = self._one(there if status == "Active" else open_ones, which)
        return None if entry is None else {"asset": entry["name"], "id": "all", "status": status}

    def _resolve(self, system: str, which: int, what: int) -> Json | None:
        """The anomalies of a table are dealt with, there first where an alert of ours tells of them."""
        shown = {
            plain_name(one) for catalog in self._world.catalogs for one in self._world.state(catalog)
            if one["alert"] and one["alert"]["by"] == "integration"
        }  # fmt: skip
        tables = [one for one in self._world.state("qualytics") if _level(one) == 1]
        open_ones = [one for one in tables if one["attributes"]["Anomaly Count"]]
        entry = self._one([one for one in open_ones if plain_name(one) in shown] or open_ones, which)
        words = {"do": "set_anomaly_status", "id": "all", "status": "Resolved"}
        return None if entry is None else {"asset": entry["name"], **words}

    def _archive_check(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 1)
        return None if entry is None else {"asset": entry["name"], "delete_anomalies": what % 2 == 0}

    def _edit_check(self, system: str, which: int, what: int) -> Json | None:
        ids = sorted(self._world.store.checks)
        return {"id": ids[which % len(ids)], "description": f"Text {what}"} if ids else None

    def _set_score(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1, 2)
        if entry is None:
            return None
        dimension = ("total", "coverage", "accuracy")[what % 3]
        return {"asset": entry["name"], "dimension": dimension, "value": (None, 12.35, 0.0, 99.999)[what % 4]}

    def _lose_column(self, system: str, which: int, what: int) -> Json | None:
        """The last profile does not find a column any more."""
        entry = self._some(system, which, 2)
        if entry is None:
            return None
        self._move(entry)
        self.theirs -= {one for one in self.theirs if one[0] == entry["id"]}
        self.missing.add(entry["name"])
        return {"do": "drop", "asset": entry["name"], "how": "missing"}

    def _finish_scan(self, system: str, which: int, what: int) -> Json | None:
        entry = self._some(system, which, 0, 1)
        return None if entry is None else {"asset": entry["name"]}
