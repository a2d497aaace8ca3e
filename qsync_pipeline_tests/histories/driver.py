"""What the Dagster assets do in one run of a job, without Dagster: stage after stage, tables handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.tables import Table
from qsync_pipeline.sync import definitions, inventory, mapping, overtaken, planning, pull, push, snapshot
from qsync_pipeline.sync.definition_records import read_definitions
from qsync_pipeline.sync.run import Run, error_class, note_failure
from qsync_pipeline.sync.scope import META
from qsync_pipeline.sync.write_permissions import Permissions
from qsync_pipeline.transport.errors import SyncError, Unauthorized, Unreachable

Tables = dict[str, Table[Any]]


@dataclass
class Ran:
    """What one run of a job did."""

    direction: str
    run_id: str = ""
    failures: list[str] = field(default_factory=list)
    killed: bool = False
    partial: bool = False
    """Whether it kept to the tables that it was asked for."""
    lines: list[Change] = field(default_factory=list)
    """All lines of its plans, those of plans made anew too."""

    @property
    def planned(self) -> list[Change]:
        """The lines that it was to carry out, notes left out."""
        return [line for line in self.lines if line.status == "planned" and line.action != "note"]


class Stored:
    """The tables that stages left behind, by stage and key, over the runs of a history."""

    def __init__(self) -> None:
        self._stages: dict[str, Tables] = {}

    def of(self, integration: str, stage: str) -> Tables:
        """The tables of a stage; the inventory is shared by all integrations."""
        name = stage if stage == inventory.STAGE else f"{integration}/{stage}"
        return self._stages.setdefault(name, {})


class Job:
    """One run of one integration over these datastores."""

    def __init__(self, run: Run, keys: list[str], stored: Stored) -> None:
        self.run = run
        self.keys = keys
        self.stored = stored
        self.ran = Ran(run.direction, run.run_id)
        self._failed: set[str] = set()

    def carry_out(self) -> Ran:
        """All stages; one whose input failed is left out, as Dagster does."""
        both = self.run.direction == "both"
        if self.run.direction != "pull":
            self._stage(definitions.STAGE, (), self._definitions)
        self._stage(inventory.STAGE, (), self._inventory)
        self._stage(snapshot.STAGE, (definitions.STAGE,), self._snapshot)
        self._stage(mapping.STAGE, (inventory.STAGE, snapshot.STAGE), self._mapping)
        if both or self.run.direction == "pull":
            self._stage(planning.TAG_STAGE, (mapping.STAGE,), self._tag_plan)
            self._stage(pull.STAGE, (planning.TAG_STAGE,), self._tags)
        if both or self.run.direction == "push":
            self._stage(planning.QUALITY_STAGE, (mapping.STAGE,), self._quality_plan)
            self._stage(push.STAGE, (planning.QUALITY_STAGE,), self._quality)
        return self.ran

    def _stage(self, name: str, needs: tuple[str, ...], work: Callable[[], None]) -> None:
        if self._failed.intersection(needs):
            self._failed.add(name)
            return
        try:
            work()
        except SyncError as error:
            self.run.report(name, "", error=str(error), error_class=error_class(error))
            self._fail(name, "", error)

    def _fail(self, stage: str, key: str, error: object) -> None:
        self.ran.failures.append(f"{stage} {key}: {error}")
        if not key:
            self._failed.add(stage)

    def _of(self, stage: str) -> Tables:
        return self.stored.of(self.run.name, stage)

    def _keep(self, stage: str, tables: Iterable[tuple[str, Table[Any]]]) -> None:
        """Stored when the whole stage is done, as an IO manager does."""
        made = dict(tables)
        for key, table in made.items():
            if table.failure is not None:
                self._fail(stage, key, table.failure)
        self._of(stage).update(made)

    def _definitions(self) -> None:
        result = definitions.make_definitions(self.run)
        if result.problems:
            self._fail(definitions.STAGE, "", "; ".join(result.problems))

    def _inventory(self) -> None:
        stored, snapshots = self._of(inventory.STAGE), self._of(snapshot.STAGE)

        def earlier(key: str) -> Table[Any] | None:
            whole = snapshots.get(key)
            return stored.get(key) if whole is not None and whole.failure is None else None

        made: Tables = dict(inventory.read_inventories(self.run, self.keys, earlier))
        made[inventory.DEPLOYMENT] = read_definitions(self.run)
        self._keep(inventory.STAGE, made.items())

    def _snapshot(self) -> None:
        earlier = self._of(snapshot.STAGE).get
        index = snapshot.with_grants(self.run, snapshot.index_for(self.run, self.keys, earlier), self.keys)
        made = dict(snapshot.read_snapshots(self.run, self.keys, index, earlier))
        self._keep(snapshot.STAGE, {**made, snapshot.INDEX: index}.items())

    def _mapping(self) -> None:
        assets = self._of(snapshot.STAGE)
        self._keep(
            mapping.STAGE,
            mapping.map_range(self.run, self.keys, self._of(inventory.STAGE), assets, assets[snapshot.INDEX]),
        )

    def _inputs(self) -> tuple[Tables, Tables, Tables, Table[Any]]:
        assets = self._of(snapshot.STAGE)
        return self._of(inventory.STAGE), assets, self._of(mapping.STAGE), assets[snapshot.INDEX]

    def _tag_plan(self) -> None:
        inputs = self._inputs()
        deployment = inputs[0][inventory.DEPLOYMENT]
        self._keep(
            planning.TAG_STAGE,
            self._noted(planning.plan_tags_of_range(self.run, self.keys, *inputs, deployment)),
        )

    def _quality_plan(self) -> None:
        inputs = self._inputs()
        self._keep(
            planning.QUALITY_STAGE,
            self._noted(planning.plan_quality_of_range(self.run, self.keys, *inputs)),
        )

    def _noted(self, plans: Iterable[tuple[str, Table[Change]]]) -> Iterator[tuple[str, Table[Change]]]:
        for key, plan in plans:
            if plan.failure is None:
                self.ran.partial |= META in plan.meta
                self.ran.lines += plan.rows
            yield key, plan

    def _tags(self) -> None:
        def replan(key: str) -> Table[Change]:
            plan = overtaken.plan_again(self.run, *self._inputs(), self.keys[-1], key)
            self.ran.lines += plan.rows
            return plan

        self._write(pull.STAGE, planning.TAG_STAGE, partial(pull.apply_tags, replan=replan))

    def _quality(self) -> None:
        apply = partial(push.apply_quality, permissions=Permissions())
        self._write(push.STAGE, planning.QUALITY_STAGE, apply)

    def _write(self, stage: str, plan_stage: str, apply: Callable[[Run, str, Table[Change]], Any]) -> None:
        plans: Mapping[str, Table[Change]] = self._of(plan_stage)
        for key in self.keys:
            if plans[key].failure is not None:
                continue  # told already
            try:
                tally = apply(self.run, key, plans[key])
            except (Unauthorized, Unreachable):
                raise
            except Exception as error:
                note_failure(self.run, stage, key, error)
                self._fail(stage, key, repr(error))
            else:
                self.run.report(stage, key, {"outcome": tally.counts, "reasons": dict(tally.reasons)})
