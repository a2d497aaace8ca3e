"""A whole world in a test: sandbox, config, Dagster instance and ledger, and how to look at all of it.

``World.sync`` does what ``qsync sync`` does: it registers the datastores, adds their partitions and runs the
integration's job in process. Everything that a test states is read from the control plane, from the ledger's
reports, or from the sandbox's own memory (:meth:`World.whole_state`).
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from qsync_pipeline.automation.ranges import Direction, job_name, ranges, run_config, run_tags
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sandbox.configfile import MARK
from qsync_pipeline.sandbox.estate.generate import EstateName, make_estate
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline.sync.inventory import register_datastores
from qsync_pipeline.sync.refusals import PREFIX, SETTLING
from qsync_pipeline_tests.e2e.memory import atlan_memory, qualytics_memory, shown
from qsync_pipeline_tests.e2e.reference import Rules, problems

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

Json = dict[str, Any]

SETTLED = 5
"""Seconds after which the search index of the sandbox shows every change (its lag is 1 s by default)."""

_READING_POSTS = ("indexsearch", "auditSearch", "search/audit", "entity/evaluator")

_ROUTES = (
    # (part of the route, surfaces whose planned lines may cause a write there)
    ("typedefs", ("definitions",)),
    ("/entity", ("definitions", "custom_metadata", "announcements")),
    ("global-tags", ("tag_definitions",)),
    ("(unknown)", ("tag_definitions",)),  # a name with a slash, which no route of the sandbox finds
    ("", ("external_tags",)),
)


@dataclass
class Synced:
    """What one sync planned, did and said. ``writes`` counts the control plane's requests that write."""

    ok: bool
    plan: dict[str, Counter[str]] = field(default_factory=dict)
    outcome: dict[str, Counter[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Of the plans: unchanged, frozen, drift, taken_over."""
    buckets: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why lines were not carried out, as ``"<outcome>: <reason>"``."""
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    """(stage, datastore, error)"""
    crashes: list[str] = field(default_factory=list)
    """Tracebacks of failed steps; a failure of a datastore alone is reported as ``Failure`` too."""
    parked: list[str] = field(default_factory=list)
    checks: dict[str, tuple[bool, Json]] = field(default_factory=dict)
    """``"<asset>:<check>"`` -> passed, metadata."""
    materialized: set[tuple[str, str]] = field(default_factory=set)
    """(asset, partition) of the write assets."""
    requests: list[Json] = field(default_factory=list)

    @property
    def writes(self) -> Counter[tuple[str, str, str]]:
        """(system, method, route) -> how many requests that write."""
        found: Counter[tuple[str, str, str]] = Counter()
        for row in self.requests:
            if row["method"] != "GET" and not any(word in row["route"] for word in _READING_POSTS):
                found[(row["system"], row["method"], row["route"])] += row["count"]
        return found

    @property
    def planned(self) -> dict[str, dict[str, int]]:
        """Planned lines by surface, without zeros."""
        return {name: dict(row) for name, row in self.plan.items() if row}

    @property
    def outcomes(self) -> dict[str, dict[str, int]]:
        """Outcomes by surface, without zeros."""
        return {name: dict(row) for name, row in self.outcome.items() if row}

    def excess(self) -> list[str]:
        """Routes with more writes than the plan has lines for them; must be empty."""
        allowed: dict[str, int] = {}
        seen: Counter[str] = Counter()
        for (_, _, route), count in self.writes.items():
            word, surfaces = next(one for one in _ROUTES if one[0] in route)
            seen[word] += count
            allowed[word] = sum(sum(self.plan.get(name, {}).values()) for name in surfaces)
        return [f"{word}: {seen[word]} writes, {allowed[word]} planned" for word in seen
                if seen[word] > allowed[word]]  # fmt: skip


class World:
    """A sandbox with everything around it. Paths and names are those of the control plane."""

    def __init__(self, sandbox: RunningSandbox, instance: dg.DagsterInstance, estate: Estate) -> None:
        self.sandbox = sandbox
        self.estate = estate
        self.control = sandbox.control
        self.instance = instance

    # Doing things.

    def sync(
        self,
        direction: Direction = "both",
        integration: str = "atlan",
        *,
        dry_run: bool = False,
        adopt: bool = False,
        datastores: Sequence[str] | None = None,
    ) -> Synced:
        """One sync of these datastores (keys; default all), as ``qsync sync`` would do it."""
        config = self.config()
        definitions = build_definitions(config)
        with Ledger.open(config.ledger.reveal_url()) as ledger:
            self._add_partitions(config, ledger)
            ordered = list(self.instance.get_dynamic_partitions("datastores"))
            job = definitions.get_job_def(job_name(integration, direction))
            self.control.reset_requests()
            synced = Synced(ok=True)
            for keys in ranges(ordered, ordered if datastores is None else datastores):
                result = job.execute_in_process(
                    instance=self.instance,
                    tags=run_tags(integration, direction, keys, "cli"),
                    run_config=run_config(dry_run=dry_run, adopt=adopt),
                    raise_on_error=False,
                )
                synced.ok &= result.success
                _take_events(synced, result)
                _take_reports(synced, ledger, result.run_id)
            synced.requests = self.control.requests()["requests"]
        return synced

    def settled(self, **options: Any) -> Synced:
        """A sync that must go well and keep to its plan, then one that must write nothing."""
        first = self.sync(**options)
        assert first.ok, first.failures or first.crashes
        assert not first.excess()
        self.quiet(**options)
        return first

    def quiet(self, **options: Any) -> Synced:
        """A sync that must go well, plan nothing and write nothing."""
        self.control.advance(SETTLED)
        again = self.sync(**options)
        assert again.ok, again.failures or again.crashes
        assert again.planned == {}
        assert again.writes == {}
        return again

    def mutate(self, *changes: Mapping[str, Any]) -> list[str]:
        """Carry out changes as people would, and let the search index catch up."""
        ids = self.control.mutate(*changes)
        self.control.advance(SETTLED)
        return ids

    def atlan(self, do: str, asset: str = "", **words: Any) -> list[str]:
        """One change in Atlan."""
        return self.mutate({"system": "atlan", "do": do, **({"asset": asset} if asset else {}), **words})

    def qualytics(self, do: str, asset: str = "", **words: Any) -> list[str]:
        """One change in Qualytics."""
        return self.mutate({"system": "qualytics", "do": do, **({"asset": asset} if asset else {}), **words})

    # The config.

    def config(self) -> Config:
        """The config as it stands on disk now."""
        return load_config(self.sandbox.config)

    def edit(self, change: Callable[[Json], None]) -> None:
        """Change the config file; ``change`` gets the whole document."""
        document = yaml.safe_load(self.sandbox.config.read_text(encoding="utf-8"))
        change(document)
        text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
        self.sandbox.config.write_text(f"{MARK}, edited by a test\n{text}", encoding="utf-8")

    def configure(self, integration: str = "atlan", **settings: Any) -> None:
        """Set fields of an integration; null takes a field out again."""

        def change(document: Json) -> None:
            one = next(each for each in document["integrations"] if each["name"] == integration)
            for name, value in settings.items():
                if value is None:
                    one.pop(name, None)
                else:
                    one[name] = value

        self.edit(change)

    def add_integration(self, name: str, **settings: Any) -> None:
        """A second integration on the same tenant, after the others."""

        def change(document: Json) -> None:
            document["integrations"].append({**document["integrations"][0], "name": name, **settings})

        self.edit(change)

    # The ledger.

    @property
    def ledger_directory(self) -> Path:
        return self.sandbox.config.parent / ".qsync"

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, opened for a look."""
        with Ledger.open(self.config().ledger.reveal_url()) as ledger:
            yield ledger

    def lose_ledger(self) -> None:
        """Delete the ledger with its tables, as if the machine had been set up anew."""
        shutil.rmtree(self.ledger_directory)

    def age_refusals(self, seconds: float = SETTLING) -> None:
        """Make it appear that connections refused us so long ago."""
        with self.ledger() as ledger:
            for name, value in ledger.notes.of("atlan").items():
                if name.startswith(PREFIX):
                    ledger.notes.put("atlan", name, {**value, "at": value["at"] - seconds})

    def keys(self) -> dict[str, str]:
        """Partition keys by the datastore's name."""
        with self.ledger() as ledger:
            return self._add_partitions(self.config(), ledger)

    def _add_partitions(self, config: Config, ledger: Ledger) -> dict[str, str]:
        client = open_qualytics(config.qualytics)
        try:
            datastores = client.datastores()
        finally:
            client.close()
        keys = register_datastores(ledger, datastores)
        known = set(self.instance.get_dynamic_partitions("datastores"))
        fresh = [key for key in keys.values() if key not in known]
        if fresh:
            self.instance.add_dynamic_partitions("datastores", fresh)
        return {one.name: keys[one.id] for one in datastores}

    # Looking.

    def state(self, system: str, name: str) -> Json:
        """What a person sees on the one object of this name."""
        found = self.control.state(system, name=name)
        assert len(found) == 1, f"{len(found)} objects {name!r} in {system}"
        return found[0]

    def all(self, system: str) -> list[Json]:
        """What a person sees on every object."""
        return self.control.state(system, like="%")

    def tags(self, system: str, name: str) -> dict[str, str]:
        """Tags of one object: name -> origin."""
        return {tag["name"]: tag["origin"] for tag in self.state(system, name)["tags"]}

    def alert(self, name: str) -> Json | None:
        """The alert on one asset in Atlan."""
        found: Json | None = self.state("atlan", name)["alert"]
        return found

    def attributes(self, name: str, system: str = "atlan") -> Json:
        """The twelve attributes on one object."""
        found: Json = self.state(system, name)["attributes"]
        return found

    def whole_state(self) -> dict[tuple[str, str, str], Any]:
        """All that both systems hold, by (system, object, what): for comparing before with after.

        Beside what people see: tag definitions of Qualytics, checks and anomalies, other tools' custom
        metadata, domains, names and states of assets, type definitions. Read from the sandbox's own memory.
        """
        seen = {system: self.all(system) for system in ("atlan", "qualytics")}
        return {**shown(seen), **atlan_memory(self.sandbox), **qualytics_memory(self.sandbox)}

    def changed(self, before: Mapping[tuple[str, str, str], Any]) -> set[tuple[str, str, str]]:
        """What differs now from an earlier :meth:`whole_state`."""
        now = self.whole_state()
        return {key for key in {*before, *now} if before.get(key) != now.get(key)}

    def check(self, **rules: Any) -> None:
        """Both sides show what they should, by the reference."""
        found = problems(self.all("atlan"), self.all("qualytics"), self.rules(**rules))
        assert not found, "\n".join([f"{len(found)} problems:", *found[:20]])

    def rules(self, **changes: Any) -> Rules:
        """The reference's rules for this world."""
        estate = self.estate
        above = {
            f"{schema_of}.{schema.catalog_name or schema.name}": connection.name
            for connection in estate.connections
            for database in connection.databases
            for schema in database.schemas
            for schema_of in [database.catalog_name or database.name]
        }
        access = {connection.name: connection.access for connection in estate.connections}
        given = {
            "connections": above,
            "native": {tag.name for tag in estate.native_tags},
            "hidden": {name for name, connection in above.items() if access[connection] == "hidden"},
            "read_only": {name for name, connection in above.items() if access[connection] == "read_only"},
        }
        return Rules(**{**given, **changes})

    def tables(self, *, alert: str | None = None, scanned: bool = True) -> list[str]:
        """Names, equal on both sides, of tables that are matched; ``alert``: integration, person or none."""
        ours = {entry["name"]: entry for entry in self.all("qualytics")}
        found = []
        for entry in self.all("atlan"):
            other = ours.get(entry["name"])
            if entry["kind"] != "Table" or other is None or other["kind"] != "table":
                continue
            by = (entry["alert"] or {}).get("by", "none")
            is_scanned = other["attributes"]["Anomaly Count"] is not None
            if (alert is None or by == alert) and (is_scanned or not scanned):
                found.append(entry["name"])
        return found

    def column_of(self, table: str) -> str:
        """Name of a column of this table that is the same on both sides and carries no tag."""
        ours = {entry["name"] for entry in self.all("qualytics") if entry["kind"] == "field"}
        return next(
            str(entry["name"])
            for entry in self.all("atlan")
            if entry["kind"] == "Column"
            and entry["name"].startswith(f"{table}.")
            and entry["name"] in ours
            and not entry["tags"]
        )


@contextmanager
def world(estate: EstateName | Estate = "small", seed: int = 1, **options: Any) -> Iterator[World]:
    """A world for a test or a module of tests, with Atlan as its catalog unless ``kinds`` says otherwise."""
    made = estate if isinstance(estate, Estate) else make_estate(estate, seed)
    options = {"rate_limit_scale": 100, "kinds": ATLAN_ONLY, **options}
    with running_sandbox(made, seed, **options) as sandbox, dg.DagsterInstance.ephemeral() as instance:
        yield World(sandbox, instance, made)


def _take_events(synced: Synced, result: dg.ExecuteInProcessResult) -> None:
    for event in result.all_events:
        if event.is_step_failure:
            error = getattr(event.event_specific_data, "error", None)
            synced.crashes.append(f"{event.step_key}: {error.to_string() if error else ''}")
        elif event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key and event.partition:
            stage = event.asset_key.path[-1]
            if stage in ("external_tags", "quality_metadata"):
                synced.materialized.add((stage, event.partition))
    for evaluation in result.get_asset_check_evaluations():
        values = {name: value.value for name, value in evaluation.metadata.items()}
        name = f"{evaluation.asset_key.path[-1]}:{evaluation.check_name}"
        synced.checks[name] = (evaluation.passed, values)


def _take_reports(synced: Synced, ledger: Ledger, run_id: str) -> None:
    for report in ledger.reports.of_runs([run_id]):
        if not report.ok:
            synced.failures.append((report.stage, report.datastore, report.error))
        for name, into in (("plan", synced.plan), ("outcome", synced.outcome)):
            for surface, row in report.counts.get(name, {}).items():
                into.setdefault(surface, Counter()).update({key: n for key, n in row.items() if n})
        for name, into_counter in (("counts", synced.counts), ("reasons", synced.reasons),
                                   ("buckets", synced.buckets)):  # fmt: skip
            into_counter.update(report.counts.get(name, {}))
        synced.parked += report.counts.get("parked", [])
