"""What has to be remembered of what people did, to judge the end of a history by."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline_tests.e2e.memory import OPEN, checks_of, counts_of
from qsync_pipeline_tests.e2e.rules import Rules
from qsync_pipeline_tests.e2e.trees import folded
from qsync_pipeline_tests.histories.estates import DOMAINS
from qsync_pipeline_tests.histories.scene import Scene, plain_name
from qsync_pipeline_tests.histories.settings import left_out, said
from qsync_pipeline_tests.histories.world import Json


class Memory:
    """All of it, over one history."""

    def __init__(self, world: Scene, estate: Estate) -> None:
        self._world = world
        self.native = {tag.name for tag in estate.native_tags}
        self.theirs: set[tuple[str, str]] = set()
        self.open: set[tuple[str, str]] = set()
        """Tags that a person put where a copy of ours is, or may be: nobody can tell."""
        self.cut_short: set[tuple[str, str, str]] = set()
        """Tags (key) that runs of a catalog (first) which were cut short wanted to put on objects of
        Qualytics (id) or take off: whether they did was not seen since."""
        self.unseen: set[tuple[str, str, str]] = set()
        """Tags of ours (key) that a person took off objects (id), which no run of a catalog (first) has seen
        since: nothing tells who puts one on again meanwhile."""
        self.doubted: set[str] = set()
        self.missing: set[str] = set()
        """Columns that the last profile did not find any more: they are still listed."""
        self.hidden: dict[str, set[str]] = {name: set() for name in world.systems}
        self.denied: set[str] = set()
        """Datastores (ids) that Qualytics does not show us."""
        self.typed: dict[tuple[str, str], Any] = {}
        """Attributes (asset's id, name) whose value a person changed, with the last one."""
        self.cleared: set[str] = set()
        """Assets (ids) whose alert a person cleared."""
        self.taken: set[tuple[str, str]] = set()
        """Tags (key) that a person took off objects of Qualytics (id), or off what they lie in."""
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

    def rules(self, catalog: str) -> Rules:
        """What the reference has to know to judge the end."""
        setting = self._world.settings[catalog]
        counting = setting.get("count_acknowledged", True)
        statuses = OPEN if counting else ("Active",)
        keeps = setting.get("on_drift") == "keep"
        return Rules(
            **said(setting),
            connections=self.connections[catalog],
            native=self.native,
            hidden=self.hidden[catalog] | self._nowhere(catalog),
            read_only=self.read_only[catalog],
            domains=self.counted if self._world.domains else None,
            left_out=left_out(setting, self.missing),
            checks=checks_of(self._world.sandbox, statuses) if catalog == "alation" else None,
            counts=None if counting else counts_of(self._world.sandbox, statuses),
            kept_values=frozenset(self.typed if keeps else ()),
            kept_alerts=frozenset(self.cleared if keeps else ()),
            kept_tags=frozenset(self.taken if keeps else ()),
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

    def has_moved(self, name: str) -> bool:
        """Whether an object, or what it lies in, came to its name or left it."""
        parts = name.split(".")
        return any(".".join(parts[:cut]) in self.moved for cut in range(1, len(parts) + 1))

    # Taking note.

    def _doubt(self, entry: Json) -> None:
        """The past of this object, and of its namesakes everywhere, counts for more than names now."""
        name = plain_name(entry)
        for system in self._world.systems:
            self.doubted |= {one["id"] for one in self._world.state(system) if plain_name(one) == name}

    def _move(self, entry: Json, to: str = "") -> None:
        """An object comes to a name or leaves one."""
        name = plain_name(entry)
        self.moved |= {name, f"{name.rpartition('.')[0]}.{folded(to)}"}
