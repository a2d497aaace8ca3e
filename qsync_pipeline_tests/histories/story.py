"""A history told: what people, runs and faults did, and what must hold after every run and at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline_tests.e2e.memory import MEMORIES
from qsync_pipeline_tests.e2e.reference import problems_of_all, tag_key
from qsync_pipeline_tests.histories.clock import Clock
from qsync_pipeline_tests.histories.driver import Ran
from qsync_pipeline_tests.histories.looks import Looks
from qsync_pipeline_tests.histories.steps import FAULTS, People, Step
from qsync_pipeline_tests.histories.world import SETTLED, Json, World

OURS = {"attributes", "alert", "health"}
"""What a run may change on an asset of a catalog, as people see it."""


class Story:
    """Tells one history in a world. :attr:`told` is what happened, for whoever reads of a failure."""

    def __init__(self, estate: Estate, catalogs: Sequence[str], domains: Sequence[str], clock: Clock) -> None:
        self.world = World(estate, catalogs, clock, domains=domains)
        self.people = People(self.world, estate)
        self.told: list[str] = []
        self.looks = Looks()
        self._late: set[str] = set()
        """What runs wanted to write that did not end well: it may still arrive, out of a queue over there."""

    def tell(self, steps: Sequence[Step]) -> None:
        """Let all of it happen, each run under the laws that hold for every run."""
        for step in steps:
            if step[0] == "run":
                self._run(*step[1:])
            elif step[0] == "wait":
                self.world.clock.sleep(float(step[1]))
                self.told.append(f"wait {step[1]} s")
            else:
                self.told += self.people.act(*step)
                for catalog in self.world.catalogs:
                    self.looks.see(self.world.state(catalog))

    def end(self) -> None:
        """No faults any more: one sync sets all of it right, and a second has nothing to do."""
        self.world.faults.clear()
        self.world.clock.sleep(SETTLED)
        for again in (False, True):
            self.world.log.reset()
            for catalog in self.world.catalogs:
                ran = self._watched(catalog, "both")
                assert not ran.failures, ran.failures
                planned = [(line.surface, line.action, line.name, line.key) for line in ran.planned]
                assert not (again and planned), planned
            writes = self.world.writes()
            assert not (again and writes), writes
            self.world.clock.sleep(SETTLED)
            found = self.problems() + self.left_over()
            assert not found, "\n".join(found)

    def problems(self) -> list[str]:
        """What the reference finds wrong."""
        judged = [(self.world.state(name), self.people.rules(name)) for name in self.world.catalogs]
        qualytics = self.world.state("qualytics")
        found = problems_of_all(judged, qualytics)
        found = [line for line in found if not line.startswith("nothing matches")]  # so it may well come
        return found + list(self.looks.odd(qualytics, self.people.native))

    def left_over(self) -> list[str]:
        """Definitions of ours that nothing carries; names with a slash cannot be deleted (DESIGN.md §5.2)."""
        return [
            f"the definition {tag.name!r} is left over"
            for tag in self.world.store.tags.by_name.values()
            if tag.maker == "api" and not tag.uses and "/" not in tag.name
        ]

    # Runs.

    def _run(
        self,
        catalog: int,
        direction: str,
        event: int | None,
        kill: tuple[int, bool] | None,
        fault: tuple[int, str, int] | None,
    ) -> None:
        name = self.world.catalogs[catalog % len(self.world.catalogs)]
        if fault is not None:
            kind, share, skip = fault
            rule = {**FAULTS[kind], "share": float(share), "skip": skip}
            self.world.inject(rule)
            self.told.append(f"faults: {rule}")
        ran = self._watched(name, direction, event=event, kill=kill)
        self.world.faults.clear()
        self.told.append(
            f"{name}: {direction}, event {event}, kill {kill}: "
            f"{'killed' if ran.killed else '; '.join(ran.failures) or 'ok'}"
        )

    def _watched(self, catalog: str, direction: Any, **options: Any) -> Ran:
        before = self._all()
        ran = self.world.sync(catalog, direction, **self._event(**options))
        wrong = list(self._touched(before, self._all(), ran))
        assert not wrong, "\n".join(["a run touched what is not its own:", *wrong])
        return ran

    def _event(self, event: int | None = None, kill: tuple[int, bool] | None = None) -> dict[str, Any]:
        tables = [one for one in self.world.state("qualytics") if one["id"].startswith("container:")]
        if event is None or not tables:
            return {"kill": kill}
        store = self.world.store
        table = store.containers[int(tables[event % len(tables)]["id"].partition(":")[2])]
        return {"kill": kill, "only": (table.datastore.id, [table.name])}

    # What no run may touch.

    def _all(self) -> dict[tuple[str, str, str], Any]:
        found: dict[tuple[str, str, str], Any] = {}
        for system in self.world.systems:
            entries = self.world.state(system)
            if system != "qualytics":
                self.looks.see(entries)
            for entry in entries:
                for what in ("tags", "attributes", "alert", "health", "domains"):
                    found[system, entry["id"], what] = entry[what]
            if system != "qualytics":
                beside = MEMORIES[system](self.world.sandbox).items()
                found |= {(*key[:2], f"memory: {key[2]}"): repr(value) for key, value in beside}
        for key, value in MEMORIES["qualytics"](self.world.sandbox).items():
            if key[2] == "definition":
                found[key] = value
        return found

    def _touched(self, before: Mapping[Any, Any], after: Mapping[Any, Any], ran: Ran) -> Any:
        named = {line.target for line in ran.lines} | {tag_key(line.key) for line in ran.lines} | self._late
        if ran.killed or ran.failures:
            self._late |= named
        for key in {*before, *after}:
            old, new = before.get(key), after.get(key)
            if old == new:
                continue
            system, id_, what = key
            if system == "qualytics":
                if what == "definition":
                    if tag_key(id_) not in named or (old and old[-1] == "person"):
                        yield f"{key}: {old} -> {new}"
                elif what != "tags":
                    yield f"{key}: {old} -> {new}"
                elif (lost := _natives(old) ^ _natives(new)) or not (
                    named & {id_, *self._above(id_)} or _restyled(old, new) <= named
                ):
                    yield f"{key}: {old} -> {new}, native {lost}"
            elif what not in OURS or id_ not in named or (what == "alert" and old and old["by"] == "person"):
                yield f"{key}: {old} -> {new}"
        here = {
            (entry["id"], tag_key(tag["name"]))
            for entry in self.world.state("qualytics") for tag in entry["tags"]
            if tag["origin"] != "propagated"
        }  # fmt: skip
        for id_, tag in self.people.theirs - here:
            yield f"{id_}: the tag {tag}, which a person put there, is gone"

    def _above(self, id_: str) -> list[str]:
        level, _, number = id_.partition(":")
        store = self.world.store
        if level == "field":
            container = store.fields[int(number)].container
            return [f"container:{container.id}", f"datastore:{container.datastore.id}"]
        if level == "container":
            return [f"datastore:{store.containers[int(number)].datastore.id}"]
        return []


def _natives(tags: Sequence[Json] | None) -> set[str]:
    return {tag["name"] for tag in tags or () if tag["origin"] == "native"}


def _restyled(old: Sequence[Json] | None, new: Sequence[Json] | None) -> set[str]:
    """Keys of the tags that only look different, as their definitions do; no key at all where tags came or
    went."""
    names = [sorted((tag["name"], tag["origin"]) for tag in tags or ()) for tags in (old, new)]
    if names[0] != names[1]:
        return {"tags came or went"}
    return {tag_key(tag["name"]) for tag in new or () if tag not in (old or ())}
