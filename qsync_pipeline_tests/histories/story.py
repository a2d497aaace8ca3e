"""A history told: what people, runs and faults did, and what must hold after every run and at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline_tests.e2e.reference import Reference
from qsync_pipeline_tests.histories.claims import Claims
from qsync_pipeline_tests.histories.clock import Clock
from qsync_pipeline_tests.histories.driver import Ran
from qsync_pipeline_tests.histories.keeping import Keeping
from qsync_pipeline_tests.histories.laws import Laws, Seen
from qsync_pipeline_tests.histories.looks import Looks
from qsync_pipeline_tests.histories.people import People
from qsync_pipeline_tests.histories.scene import plain_name
from qsync_pipeline_tests.histories.steps import BLIND, BY_ID, FAULTS, ROUTES, Step
from qsync_pipeline_tests.histories.world import SETTLED, Json, Kill, World

DEFINING = ("typedefs", "custom_field/", "global-tags")
"""Words in the paths of writes that are about no object."""


class Story:
    """Tells one history in a world. :attr:`told` is what happened, for whoever reads of a failure."""

    def __init__(
        self,
        estate: Estate,
        catalogs: Sequence[str],
        domains: Sequence[str],
        clock: Clock,
        switches: Mapping[str, Mapping[str, Any]],
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.world = World(estate, catalogs, clock, domains=domains, switches=switches, settings=settings)
        self.people = People(self.world, estate)
        self.told: list[str] = []
        self.looks = Looks()
        self.laws = Laws(self.world, self.people)
        self.claims = Claims(self.world)
        self.keeping = Keeping(self.world, self.people)
        self._stirred = clock.now
        self._look()

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
                self._stirred = self.world.clock.now
                self._look()

    def _look(self) -> None:
        for catalog in self.world.catalogs:
            self.looks.see(self.world.state(catalog))

    def end(self) -> None:
        """No faults any more: one sync sets all of it right, and a second has nothing to do."""
        self.world.faults.clear()
        self.world.clock.sleep(SETTLED)
        self._in_turn()
        self._in_turn(quiet=True)

    def _in_turn(self, *, quiet: bool = False) -> None:
        """A sync of each catalog, after which nothing is wrong."""
        self.world.log.reset()
        for catalog in self.world.catalogs:
            ran = self._watched(catalog, "both")
            assert not ran.failures, ran.failures
            planned = [(line.surface, line.action, line.name, line.key) for line in ran.planned]
            assert not (quiet and planned), planned
        writes = self.world.writes()
        assert not (quiet and writes), writes
        self.world.clock.sleep(SETTLED)
        found = self.problems() + self.left_over()
        assert not found, "\n".join(found)

    def problems(self) -> list[str]:
        """What the reference finds wrong."""
        seen = Seen.of(self.world)
        units, judged = seen.shown["qualytics"], []
        for name in self.world.catalogs:
            entries, rules = seen.shown[name], self.people.rules(name)
            pairs = [(one, unit) for _, one, unit in Reference(entries, units, rules).pairs]
            judged.append((entries, pairs, rules))
        return [
            *self.laws.problems(seen),
            *self.looks.odd(units, self.people.native),
            *self.looks.stale(judged),
        ]

    def left_over(self) -> list[str]:
        """Definitions of ours that nothing carries; names with a slash cannot be deleted (DESIGN.md §5.2),
        and what we hold on a datastore out of sight may keep its own."""
        if self.people.denied:
            return []
        return [
            f"the definition {tag.name!r} is left over"
            for tag in self.world.store.tags.by_name.values()
            if tag.maker == "api" and not self.world.store.tags.usage(tag) and "/" not in tag.name
        ]

    # Runs.

    def _run(
        self,
        catalog: int,
        direction: str,
        event: int | None,
        kill: Kill | None,
        fault: tuple[int, str, int, int | None] | None,
        hasty: bool,
        meanwhile: tuple[int, Step] | None = None,
    ) -> None:
        name = self.world.catalogs[catalog % len(self.world.catalogs)]
        if not hasty:
            self.world.settle()
        blind = ""
        if fault is not None:
            kind, share, skip, where = fault
            rule = {**FAULTS[kind], "share": float(share), "skip": skip}
            routes = [route for system in self.world.systems for route in ROUTES[system]]
            chosen: tuple[str, ...] = ("*",) if where is None else (routes[where % len(routes)],)
            if where is not None and where in BY_ID:
                system, chosen = BY_ID[where]
                blind = system if kind in BLIND and system in self.world.systems else ""
            self.world.inject(*({**rule, "route": route} for route in chosen))
            self.told.append(f"faults: {rule} on {', '.join(chosen)}")
        ran = self._watched(name, direction, event=event, kill=kill, meanwhile=meanwhile, blind=blind)
        self.world.faults.clear()
        self.told.append(
            f"{name}: {direction}, event {event}, kill {kill}: "
            f"{'killed' if ran.killed else '; '.join(ran.failures) or 'ok'}"
        )
        if kill is None and fault is None and meanwhile is None:
            assert not ran.failures, f"nothing was in the way, and it failed: {ran.failures}"

    def _watched(
        self,
        catalog: str,
        direction: Any,
        event: int | None = None,
        meanwhile: tuple[int, Step] | None = None,
        blind: str = "",
        **options: Any,
    ) -> Ran:
        before, clock = Seen.of(self.world), self.world.clock
        seen = [before]
        if meanwhile is not None:
            self.world.wire.on_write = self._meanwhile(*meanwhile, seen)
        settled = clock.now - self._stirred >= SETTLED
        table = self._table(event)
        if table is not None:
            store = self.world.store.containers[int(table["id"].partition(":")[2])]
            options["only"] = (store.datastore.id, [store.name])
        ran = self.world.sync(catalog, direction, **options)
        self.people.saw(catalog, ran)
        self.world.wire.on_write = None
        after = Seen.of(self.world)
        seen.append(after)
        self._stirred = clock.now
        for moment in seen:
            for name in self.world.catalogs:
                self.looks.see(moment.shown[name])
        within = plain_name(table) if table is not None and ran.partial else ""
        wrong = []
        for first, second in zip(seen[::2], seen[1::2], strict=True):
            # With somebody at work in the middle, each half of the run is judged by itself.
            whole = len(seen) == 2
            wrong += self.laws.broken(
                catalog, first, second, ran, settled=settled and whole, within=within, blind=blind
            )
            wrong += self.keeping.lost(catalog, first, second, ran, settled=settled and whole)
        wrong += self.claims.false(catalog, ran, after)
        assert not wrong, "\n".join(["a run did what it may not:", *wrong])
        return ran

    def _meanwhile(self, number: int, act: Step, seen: list[Seen]) -> Callable[[str], None]:
        """Somebody acts after the ``number``-th write of a run that is no definition; ``seen`` is given what
        was there before and after that."""
        written = 0

        def on_write(path: str) -> None:
            nonlocal written
            written += not any(word in path for word in DEFINING)
            if written != number or len(seen) > 1:
                return
            now = Seen.of(self.world)
            self.people.hot = self.laws.changed(seen[0], now)
            done = self.people.act(*act)
            if done:
                self.told += [f"after write {number} of the next run, {line}" for line in done]
                seen.extend([now, Seen.of(self.world)])
                self.claims.disturbed()

        return on_write

    def _table(self, event: int | None) -> Json | None:
        tables = [one for one in self.world.state("qualytics") if one["id"].startswith("container:")]
        return tables[event % len(tables)] if event is not None and tables else None
