"""What is read of the systems, as operations that can be played again, and what must not be lost of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from qsync_pipeline.catalogs.base import Catalog, CatalogIndex
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import Config
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline_tests.fuzz.recording import Key, Tape, recording

Facts = Any

ROWS = ("indexsearch", "entity/bulk", "entity/guid", "v2/schema/", "v2/table/", "v2/column/")
"""Parts of the URLs that answer with the rows of assets."""


@dataclass
class Operation:
    """One reading. ``run`` opens a client of its own and returns the facts; ``gaps`` says whether the facts
    name what is missing of them, which is as good as an error."""

    name: str
    run: Callable[[], Facts]
    counted: bool = False
    excuse: Callable[[Facts, Facts, str], bool] = lambda before, after, url: False
    """Whether other facts are no loss, given the URL whose answer was altered."""
    tape: Tape = field(default_factory=Tape)
    facts: Facts = None

    def record(self) -> None:
        """Run it on the real systems, and keep what they answered."""
        with recording(self.tape):
            self.facts = self.run()

    def targets(self) -> list[Key]:
        """The requests whose answers may be altered: all but those for a token. Requests that run side by
        side were recorded as they came, and the sandbox listens on a port of its own each time: so they are
        ordered by what they ask."""
        asked = sorted(self.tape.answers, key=lambda key: (key[0], urlsplit(key[1])[2:], key[2]))
        return [key for key in asked if "createAPIAccessToken" not in key[1]]


def record_all(operations: Sequence[Operation]) -> list[Operation]:
    """All of them, recorded."""
    for one in operations:
        one.record()
        assert one.targets(), one.name
    return list(operations)


# Qualytics


def of_qualytics(config: Config) -> list[Operation]:
    """Readings of the Qualytics client; the facts are the objects, by id."""
    with _qualytics(config) as client:
        stores = [one for one in client.datastores() if not one.is_enrichment]
        store = max(stores, key=lambda one: len(client.anomalies(one.id)))
        container = next(one for one in client.containers(store.id) if client.fields(one.id))
        field_ = client.fields(container.id)[0]

    def rows(read: Callable[[QualyticsClient], Any]) -> Callable[[], Facts]:
        def run() -> Facts:
            with _qualytics(config) as client:
                return [_row(one) for one in read(client)]

        return run

    def presence(level: str, number: int) -> Operation:
        def run() -> Facts:
            with _qualytics(config) as client:
                return client.presence(level, number)

        # Out of sight is always safe: it freezes. Gone would remove.
        return Operation(f"presence of a {level}", run, excuse=_out_of_sight)

    return [
        Operation("datastores", rows(lambda c: c.datastores()), counted=True, excuse=_null_is_none),
        Operation("containers", rows(lambda c: c.containers(store.id)), counted=True, excuse=_null_is_none),
        Operation("fields", rows(lambda c: c.fields(container.id)), excuse=_null_is_none),
        Operation("checks", rows(lambda c: c.checks(store.id)), counted=True),
        Operation("anomalies", rows(lambda c: c.anomalies(store.id)), counted=True),
        Operation("global tags", rows(lambda c: c.global_tags()), counted=True),
        Operation(
            "containers by id",
            rows(lambda c: c.containers_by_id([container.id]).values()),
            excuse=_null_is_none,
        ),
        Operation("fields by id", rows(lambda c: c.fields_by_id([field_.id]).values()), excuse=_null_is_none),
        presence("datastore", store.id),
        presence("container", container.id),
        presence("field", field_.id),
    ]


@contextmanager
def _qualytics(config: Config) -> Iterator[QualyticsClient]:
    client = open_qualytics(config.qualytics)
    client.parallel = 1
    try:
        yield client
    finally:
        client.close()


def _row(one: Any) -> Facts:
    """What tells an object from others, and what hangs on it by name."""
    container = getattr(getattr(one, "container", None), "id", None)
    tags = getattr(one, "global_tags", ())
    names = None if tags is None else sorted({tag.name for tag in tags})
    return type(one).__name__, one.id, getattr(one, "name", None), container, names


# Catalogs


def of_catalog(config: Config, name: str) -> list[Operation]:
    """Readings of a catalog's adapter."""
    integration = config.integration(name)

    def opened(handle: dict[str, object] | None = None) -> Catalog:
        catalog = open_catalog(integration)
        catalog.use_definitions(handle or {})
        return catalog

    first = opened()
    try:
        index = first.index()
        schemas = sorted(index.schemas, key=lambda one: one.id)[:40]
        sizes = {one.id: len(list(first.read([one]))) for one in schemas}
        schema = next(one for one in sorted(schemas, key=lambda one: sizes[one.id]) if sizes[one.id] > 12)
        assets = list(first.read([schema]))
        ids = [one.id for one in assets if one.readable][:6]
    finally:
        first.close()

    def with_catalog(read: Callable[[Catalog], Facts]) -> Callable[[], Facts]:
        def run() -> Facts:
            catalog = opened()
            try:
                return read(catalog)
            finally:
                catalog.close()

        return run

    def again(catalog: Catalog) -> Facts:
        return _assets(catalog.reread(ids).values())

    def contents(catalog: Catalog) -> Facts:
        return _assets(catalog.read([schema]))

    return [
        Operation("identity", with_catalog(lambda c: bool(c.identity().actor))),
        Operation("index", with_catalog(lambda c: _index(c.index())), name == "atlan", excuse=_gap_named),
        Operation("contents of a schema", with_catalog(contents), name == "atlan", excuse=_same_or_frozen),
        Operation("assets by id", with_catalog(again), excuse=_fewer_by_name),
        Operation("presence", with_catalog(lambda c: c.presence(ids)), excuse=_never_gone),
        Operation("definitions", with_catalog(lambda c: _plan(c, index)), excuse=_problem_named),
    ]


def _assets(assets: Any) -> Facts:
    return {one.qualified_name: _asset(one) for one in assets}


def _asset(one: CatalogAsset) -> Facts:
    return {"level": one.level, "tags": sorted(tag.name for tag in one.tags), "alert": one.alert is not None,
            "frozen": not (one.complete and one.readable)}  # fmt: skip


def _index(index: CatalogIndex) -> Facts:
    every = (*index.connections, *index.databases, *index.schemas)
    return {"assets": {one.qualified_name: one.level for one in every},
            "domains": sorted((one.id, one.parent or "") for one in index.domains),
            "tags": None if index.tags is None else sorted(one.name for one in index.tags),
            "gaps": list(index.gaps)}  # fmt: skip


def _plan(catalog: Catalog, index: CatalogIndex) -> Facts:
    plan = catalog.plan_definitions([one.qualified_name for one in index.connections], {})
    return {"ready": plan.handle, "problems": list(plan.problems), "changes": len(plan.changes)}


def _null_is_none(before: Facts, after: Facts, url: str) -> bool:
    """Null is an answer like any other, and means no tags; without the key nothing is known."""
    told = [
        row if other[-1] is not None else (*row[:-1], None) for row, other in zip(before, after, strict=False)
    ]
    return len(before) == len(after) and told == after


def _out_of_sight(before: Facts, after: Facts, url: str) -> bool:
    return bool(after == "forbidden")


def _gap_named(before: Facts, after: Facts, url: str) -> bool:
    """A part that cannot be read is named; schemas that are lost without a word are not excused. Alation's
    null for the domain above is an answer like any other: a root."""
    if set(after["gaps"]) - set(before["gaps"]):
        return True
    above = dict(before["domains"])
    told = "v2/domain/" in url and all(parent in ("", above.get(id)) for id, parent in after["domains"])
    return told and {**after, "domains": [(id, above[id]) for id, _ in after["domains"]]} == before


def _same_or_frozen(before: Facts, after: Facts, url: str) -> bool:
    """The same objects. One that shows less is frozen; only its own row may show it without a tag, which is
    an answer like any other."""
    own = any(word in url for word in ROWS)
    return before.keys() == after.keys() and all(own or _as_before(before[one], after[one]) for one in before)


def _as_before(before: Facts, after: Facts) -> bool:
    return before == after or bool(after["frozen"])


def _fewer_by_name(before: Facts, after: Facts, url: str) -> bool:
    """Ids that are not answered were not readable, says the contract of ``reread``: they are left alone."""
    kept = {name: before[name] for name in after if name in before}
    return len(kept) == len(after) and _same_or_frozen(kept, after, url)


def _never_gone(before: Facts, after: Facts, url: str) -> bool:
    return before.keys() == after.keys() and all(after[id] in (before[id], "forbidden") for id in before)


def _problem_named(before: Facts, after: Facts, url: str) -> bool:
    return bool(after["problems"])
