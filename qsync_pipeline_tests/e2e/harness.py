"""A whole world in a test: sandbox, config, Dagster instance and ledger, and how to look at all of it.

``World.sync`` does what ``qsync sync`` does: it registers the datastores, adds their partitions and runs the
integration's job in process. Everything that a test states is read from the control plane, from the ledger's
reports, or from the sandbox's own memory (:meth:`World.whole_state`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from qsync_pipeline.automation.ranges import job_name, ranges, run_config, run_tags
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sandbox.alation.build import MULTI_PART
from qsync_pipeline.sandbox.configfile import MARK
from qsync_pipeline.sandbox.estate.generate import EstateName, make_estate
from qsync_pipeline.sandbox.estate.model import Access, Estate
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline.sync.inventory import register_datastores
from qsync_pipeline.sync.run import Direction
from qsync_pipeline_tests.e2e.judging import problems_of_all
from qsync_pipeline_tests.e2e.memory import MEMORIES, checks_of, shown
from qsync_pipeline_tests.e2e.rules import Rules
from qsync_pipeline_tests.e2e.synced import Json, Synced, take_events, take_reports
from qsync_pipeline_tests.instances import quick_instance
from qsync_pipeline_tests.new_ledgers import quick_ledgers

__all__ = ["SETTLED", "Synced", "World", "sources_in", "world"]

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

SETTLED = 5
"""Seconds after which the search index of the sandbox shows every change (its lag is 1 s by default)."""


class World:
    """A sandbox with everything around it. Paths and names are those of the control plane."""

    def __init__(self, sandbox: RunningSandbox, instance: dg.DagsterInstance, estate: Estate) -> None:
        self.sandbox = sandbox
        self.estate = estate
        self.control = sandbox.control
        self.instance = instance
        self._built: tuple[bytes, dg.Definitions] = b"", dg.Definitions()

    # Doing things.

    def sync(
        self,
        direction: Direction = "both",
        integration: str | None = None,
        *,
        dry_run: bool = False,
        adopt: bool = False,
        datastores: Sequence[str] | None = None,
        scope: Mapping[str, Sequence[str]] | None = None,
    ) -> Synced:
        """One sync of these datastores (keys; default all), as ``qsync sync`` would do it.

        Without a name it is the first integration's.

        ``scope`` names the only tables of some of them.
        """
        config = self.config()
        integration = integration or self.catalogs[0]
        definitions = self._definitions(config)
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
                    run_config=run_config(dry_run=dry_run, adopt=adopt, scope=scope),
                    raise_on_error=False,
                )
                synced.ok &= result.success
                take_events(synced, result)
                take_reports(synced, ledger, result.run_id)
            synced.requests = self.control.requests()["requests"]
        return synced

    def sync_all(self, **options: Any) -> dict[str, Synced]:
        """One sync of each integration, in the config's order; each must go well and keep to its plan."""
        done = {one.name: self.sync(integration=one.name, **options) for one in self.config().integrations}
        for one in done.values():
            assert one.ok, one.failures or one.crashes
            assert one.excess() == []
        return done

    def all_quiet(self) -> None:
        """A sync of each integration that must plan nothing and write nothing."""
        for one in self.config().integrations:
            self.quiet(integration=one.name)

    def settled(self, **options: Any) -> Synced:
        """A sync that must go well and keep to its plan, then one that must write nothing."""
        first = self.sync(**options)
        assert first.ok, first.failures or first.crashes
        assert first.excess() == []
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

    def alation(self, do: str, asset: str = "", **words: Any) -> list[str]:
        """One change in Alation."""
        return self.mutate({"system": "alation", "do": do, **({"asset": asset} if asset else {}), **words})

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

    def _definitions(self, config: Config) -> dg.Definitions:
        """The code location; loaded anew where the config has changed, as in Dagster's own processes."""
        text = self.sandbox.config.read_bytes()
        if self._built[0] != text:
            self._built = text, build_definitions(config)
        return self._built[1]

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

    def rotate(self, system: str, user: str = "qsync-next") -> None:
        """Give qsync other credentials for a system; the old ones end. ``user`` is Alation's service user."""
        served: Any = self.sandbox.systems[system]
        old = dict(served.credentials())
        if system == "qualytics":
            mine = next(token for token in served.tokens.all() if token.text == old["token"])
            now = served.clock.now()
            fresh = {"token": served.tokens.mint("qsync-next", created=now, expires=None).text}
            mine.active = False
        elif system == "atlan":
            fresh = {"token": served.issue_token("qsync-next")}
            served.expire_token(old["token"])
        else:
            fresh = served.issue_token(user)
            served.expire_refresh_token(old["refresh_token"])
            served.expire_access_tokens()
            self.configure(system, user_id=int(fresh["user_id"]))
        for name in ("token", "refresh_token"):
            if name in fresh:
                (self.sandbox.config.parent / f"{system}.{name}").write_text(fresh[name], encoding="utf-8")

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

    @property
    def catalogs(self) -> list[str]:
        """The catalogs of this world, which are also the names of its integrations, in the config's order."""
        return [name for name in self.sandbox.systems if name != "qualytics"]

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
        """All that the systems hold, by (system, object, what): for comparing before with after.

        Beside what people see: tag definitions of Qualytics, checks and anomalies, other tools' custom
        metadata, domains, names and states of assets, type definitions. Read from the sandbox's own memory.
        """
        found = shown({system: self.all(system) for system in self.sandbox.systems})
        for system in self.sandbox.systems:
            found |= MEMORIES[system](self.sandbox)
        return found

    def changed(self, before: Mapping[tuple[str, str, str], Any]) -> set[tuple[str, str, str]]:
        """What differs now from an earlier :meth:`whole_state`."""
        now = self.whole_state()
        return {key for key in {*before, *now} if before.get(key) != now.get(key)}

    def check(self, **rules: Any) -> None:
        """All systems show what they should, by the reference."""
        catalogs = [(self.all(name), self.rules(name, **rules)) for name in self.catalogs]
        found = problems_of_all(catalogs, self.all("qualytics"))
        assert not found, "\n".join([f"{len(found)} problems:", *found[:20]])

    def rules(self, catalog: str = "atlan", **changes: Any) -> Rules:
        """The reference's rules for this world and one of its catalogs."""
        estate, sources = self.estate, sources_in(self.estate, catalog)
        given = {
            "connections": {name: title for name, (title, _) in sources.items()},
            "native": {tag.name for tag in estate.native_tags},
            "hidden": {name for name, (_, access) in sources.items() if access == "hidden"},
            "read_only": {name for name, (_, access) in sources.items() if access == "read_only"},
            "checks": checks_of(self.sandbox) if catalog == "alation" else None,
            "domains_inherited": catalog == "atlan",
        }
        return Rules(**{**given, **changes})

    def tables(self, *, alert: str | None = None, scanned: bool = True, catalog: str = "atlan") -> list[str]:
        """Names, equal on both sides, of tables that are matched; ``alert``: integration, person or none."""
        ours = {entry["name"]: entry for entry in self.all("qualytics")}
        found = []
        for entry in self.all(catalog):
            other = ours.get(entry["name"])
            if entry["kind"].lower() != "table" or other is None or other["kind"] != "table":
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
            for entry in self.all(self.catalogs[0])
            if entry["kind"] in ("Column", "attribute")
            and entry["name"].startswith(f"{table}.")
            and entry["name"] in ours
            and not entry["tags"]
        )


@contextmanager
def world(estate: EstateName | Estate = "small", seed: int = 1, **options: Any) -> Iterator[World]:
    """A world for a test or a module of tests, with Atlan as its catalog unless ``kinds`` says otherwise."""
    made = estate if isinstance(estate, Estate) else make_estate(estate, seed)
    options = {"rate_limit_scale": 100, "kinds": ATLAN_ONLY, **options}
    with (
        running_sandbox(made, seed, **options) as sandbox,
        quick_instance() as instance,
        quick_ledgers(),
    ):
        yield World(sandbox, instance, made)


def sources_in(estate: Estate, catalog: str) -> dict[str, tuple[str, Access]]:
    """Schemas, by the names they have in a catalog -> what that catalog calls their source, our access.

    Alation shows one data source for each database where a schema does not name its database.
    """
    found: dict[str, tuple[str, Access]] = {}
    for connection in estate.connections:
        for database in connection.databases:
            title, shown_as = connection.name, database.catalog_name or database.name
            if (
                catalog == "alation"
                and connection.connector not in MULTI_PART
                and len(connection.databases) > 1
            ):
                title = f"{connection.name} ({database.name})"
            for schema in database.schemas:
                name = schema.catalog_name or schema.name
                if shown_as is not None or catalog == "atlan":
                    name = f"{shown_as}.{name}"
                found[name] = title, connection.access
    return found
