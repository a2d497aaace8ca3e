"""One write per connection, read back and taken back: what the token may really do (``doctor --canary``).

It writes only because a person asked. One attribute of our own definitions is changed on one asset and put
back; whatever else is found changed afterwards is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from qsync_pipeline.catalogs.base import BatchRejected
from qsync_pipeline.core.locate import refers_to
from qsync_pipeline.core.names import fold
from qsync_pipeline.core.quality import as_read, asset_change, same_value
from qsync_pipeline.core.rows import ATTRIBUTES, AttributeValue, CatalogAsset, Change, Outcome
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.sync.claiming import claimed
from qsync_pipeline.sync.permissions import ConnectionInUse, connections_with_schemas
from qsync_pipeline.sync.refusals import ask_what_is_missing, mark_granted
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.snapshot import place_datastores, read_index
from qsync_pipeline.transport.errors import OutsideError

Result = Literal["written and restored", "refused", "failed", "not tried"]

PREFERRED = ("Check Count", "Anomaly Count", *ATTRIBUTES)
"""Attributes for the trial, best first: a count that is off by one for a moment misleads nobody."""
CANDIDATES = 20
"""Tables of Qualytics that are looked for in the catalog until one of them is there."""


@dataclass(frozen=True)
class CanaryResult:
    """What came of the trial on one connection; ``asset`` is empty where there was none to try it on.

    ``todo`` is what a person has to do so that it can be tried, or so that it goes well.
    """

    connection: str
    name: str
    asset: str
    result: Result
    detail: str
    todo: str = ""

    @property
    def ok(self) -> bool:
        """Whether the write went through and nothing is left of it."""
        return self.result == "written and restored"


@dataclass(frozen=True)
class _Trial:
    datastore: str
    asset: CatalogAsset


def try_writes(run: Run, names: Sequence[str] = ()) -> list[CanaryResult]:
    """Try a write on every connection in use, or only on the assets of these names.

    ``names`` are schemas or tables as the config writes them (``DB.SCHEMA.TABLE``, perhaps after the
    connection's name and a colon); by default it is the first matched table of each connection. Connections
    where the write went through are noted: the next sync tries again what they refused before.
    """
    index = read_index(run)
    placed = place_datastores(run, index)
    used = connections_with_schemas(index, placed)
    handle = run.ledger.notes.get(run.name, "definitions", {})
    wanted = run.integration.attributes.wanted()
    attribute = next((one for one in PREFERRED if one in wanted), None)
    if not handle:
        why = "the definitions of our attributes are not in the catalog yet"
        return [CanaryResult("", "", "", "not tried", why, "Run a first sync: it makes them.")]
    if attribute is None:
        todo = "Let an attribute go out (attributes.drop in the config)."
        return [CanaryResult("", "", "", "not tried", "the config sends out no attribute", todo)]
    results = list(_named(run, used, names, attribute) if names else _each(run, used, attribute))
    mark_granted(run.ledger, run.name, [one.connection for one in results if one.ok])
    return results


def _each(run: Run, used: Sequence[ConnectionInUse], attribute: str) -> Iterator[CanaryResult]:
    for one in used:
        trial = _first_table(run, one)
        if trial is None:
            why = "no table of it is in sight that Qualytics has too"
            yield _result(one, "", "not tried", why, "Name a schema or table of it, as mappings would.")
        else:
            yield _try(run, one, trial, attribute)


def _named(
    run: Run, used: Sequence[ConnectionInUse], names: Sequence[str], attribute: str
) -> Iterator[CanaryResult]:
    for name in names:
        found = [(one, trial) for one in used for trial in _assets_named(run, one, name)]
        if len(found) == 1:
            yield _try(run, *found[0], attribute)
        else:
            why = "it fits several assets" if found else "no connection in use has such a schema or table"
            todo = "Write it as mappings would: DB.SCHEMA.TABLE, after CONNECTION: where that is not unique."
            yield CanaryResult("", name, "", "not tried", why, todo)


def _first_table(run: Run, one: ConnectionInUse) -> _Trial | None:
    """The first table, by the order of Qualytics, that stands under its name in the catalog."""
    ids = {key: number for number, key in run.ledger.datastores.keys().items()}
    for key, schemas in one.schemas.items():
        visible = [schema for schema in schemas if schema.readable]
        if not visible or key not in ids:
            continue
        names = [row.name for row in run.qualytics.containers(ids[key])][:CANDIDATES]
        there = {
            fold(a.name): a for a in run.catalog.read(visible, names) if a.level == "table" and a.readable
        }
        first = next((there[fold(name)] for name in names if fold(name) in there), None)
        if first is not None:
            return _Trial(key, first)
    return None


def _assets_named(run: Run, one: ConnectionInUse, name: str) -> Iterator[_Trial]:
    for key, schemas in one.schemas.items():
        for schema in schemas:
            if refers_to(name, schema, one.asset.name):
                yield _Trial(key, schema)
                continue
            # Names may hold dots: every end of the name may be the table's.
            ends = [name[at + 1 :] for at, char in enumerate(name) if char in "./"]
            if not ends or not schema.readable or fold(schema.name) not in fold(name):
                continue
            for asset in run.catalog.read([schema], ends):
                if asset.level == "table" and refers_to(name, asset, one.asset.name):
                    yield _Trial(key, asset)


def _try(run: Run, one: ConnectionInUse, trial: _Trial, attribute: str) -> CanaryResult:
    with claimed(run, run.name, trial.datastore) as claim:
        before = run.catalog.reread([trial.asset.id]).get(trial.asset.id)
        if before is None:
            name, why = trial.asset.qualified_name, "the asset cannot be read"
            return _result(one, name, "failed", why, "Grant the token reading there.")
        claim.fence()
        return _there_and_back(run, one, trial.datastore, before, attribute)


@finished_first()
def _there_and_back(
    run: Run, one: ConnectionInUse, datastore: str, before: CatalogAsset, attribute: str
) -> CanaryResult:
    there = as_read(before.attributes.get(attribute))  # it is written again: HTML would come back as text
    change = _change(run, before, attribute, there, _other_value(there, attribute))
    # Noted first: should this end before the value is taken back, the next run knows it for ours.
    run.ledger.intend(run.run_id, run.name, datastore, [change])
    try:
        problems = _write(run, change)
    except BatchRejected as refusal:
        result = _refused(run, one, change, refusal)
    else:
        problems += _take_back(run, before, change, attribute)
        result = (
            _result(one, change.name, "failed", "; ".join(problems), "Look at the asset in the catalog.")
            if problems
            else _result(
                one, change.name, "written and restored", f"{attribute} was written, read back and put back"
            )
        )
    if result.ok or result.result == "refused":
        done = Outcome(change, "skipped", f"a trial: {result.result}")
        run.ledger.settle(run.run_id, run.name, datastore, [done])
    return result


def _refused(run: Run, one: ConnectionInUse, change: Change, refusal: BatchRejected) -> CanaryResult:
    missing = ask_what_is_missing(run, change) if refusal.error_class == "permission" else None
    detail = f"missing: {', '.join(missing)}" if missing else refusal.reason
    return _result(one, change.name, "refused", detail, "Grant what is missing, or exclude the connection.")


def _take_back(run: Run, before: CatalogAsset, change: Change, attribute: str) -> list[str]:
    """Read the value back and put the old one back; returns everything that was not as it should be."""
    there, probe = change.before[attribute], change.after[attribute]
    problems: list[str] = []
    try:
        written = run.catalog.reread([before.id]).get(before.id)
        if written is None or not same_value(probe, written.attributes.get(attribute), 3):
            problems.append(f"read back, {attribute} does not show what was written")
        problems += _write(run, _change(run, before, attribute, probe, there))
        after = run.catalog.reread([before.id]).get(before.id)
    except (BatchRejected, OutsideError) as error:
        return [*problems, f"{attribute} was set to {probe!r} and not put back to {there!r}: {error}"]
    if after is None or not same_value(there, after.attributes.get(attribute), 3):
        problems.append(f"{attribute} was set to {probe!r} and does not show {there!r} again")
    return problems + (_foreign(before, after, attribute) if after is not None else [])


def _write(run: Run, change: Change) -> list[str]:
    return [
        f"{outcome.outcome}: {outcome.reason}"
        for outcome in run.catalog.write([change])
        if outcome.outcome != "applied"
    ]


def _foreign(before: CatalogAsset, after: CatalogAsset, attribute: str) -> list[str]:
    """What else changed meanwhile, by our write or by somebody."""
    mine, theirs = (
        {key: value for key, value in asset.attributes.items() if key != attribute}
        for asset in (before, after)
    )
    pairs: dict[str, tuple[object, object]] = {
        "attributes": (mine, theirs),
        "tags": (before.tags, after.tags),
        "alert": (before.alert, after.alert),
        "domain": (before.domain, after.domain),
    }
    return [f"its {what} changed meanwhile" for what, (old, new) in pairs.items() if old != new]


def _other_value(there: AttributeValue, attribute: str) -> AttributeValue:
    """A value that is not there now, of the attribute's type."""
    if attribute == "URL":
        return "https://qsync.invalid/canary"
    try:
        return int(float(there or 0)) + 1  # a catalog whose attributes are all text shows a count as "6"
    except (ValueError, OverflowError):
        return 1


def _change(
    run: Run, asset: CatalogAsset, attribute: str, before: AttributeValue, after: AttributeValue
) -> Change:
    surface = next(one.name for one in run.catalog.surfaces if one.role == "attributes")
    return asset_change(
        surface, "update", asset, "", {attribute: before}, {attribute: after}, "a trial for doctor --canary"
    )


def _result(one: ConnectionInUse, asset: str, result: Result, detail: str, todo: str = "") -> CanaryResult:
    return CanaryResult(one.asset.qualified_name, one.asset.name, asset, result, detail, todo)
