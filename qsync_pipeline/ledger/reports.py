"""What each stage of each run said of each datastore, and how many requests a run took."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Row, Select, Table, bindparam, case, func, select

from qsync_pipeline.ledger.database import Database, Insert, chunks
from qsync_pipeline.ledger.jsontext import dump, load, plain_text
from qsync_pipeline.ledger.schema import reports, requests

_T = reports.c
_Q = requests.c


class Report(msgspec.Struct, frozen=True):
    """A stage's word on one datastore. ``counts`` is the stage's own (JSON); ``partial``: a scope was set."""

    run_id: str
    integration: str
    datastore: str
    stage: str
    ok: bool
    error: str = ""
    error_class: str = ""
    dry_run: bool = False
    partial: bool = False
    counts: dict[str, Any] = {}
    at: float = 0.0
    """Set by the ledger."""


_COLUMNS = tuple(_T[name] for name in Report.__struct_fields__)
_OF_RUNS = select(*_COLUMNS).where(_T.run_id.in_(bindparam("runs", expanding=True)))


class Reports:
    """Keeps and finds reports; asset checks and the command line judge by them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, report: Report) -> None:
        """Keep a report, in place of an earlier one of the same run, integration, datastore and stage."""
        row = msgspec.structs.asdict(report)
        row |= {"at": self._db.clock(), "error": plain_text(report.error), "counts": dump(report.counts)}
        with self._db.write() as connection:
            connection.execute(self._db.upsert(reports), row)

    def of_runs(self, run_ids: Collection[str]) -> list[Report]:
        """All reports of these runs, oldest first."""
        found: list[Report] = []
        with self._db.read() as connection:
            for part in chunks(set(run_ids)):
                found += map(_report, connection.execute(_OF_RUNS, {"runs": part}))
        return sorted(
            found, key=lambda report: (report.at, report.integration, report.datastore, report.stage)
        )

    def latest(self, integration: str, stage: str, *, whole: bool = False) -> dict[str, Report]:
        """The newest report of each datastore that was no dry run, by datastore key.

        With ``whole``, of those that covered the whole datastore.
        """
        newest: dict[str, Report] = {}
        wanted = {"integration": integration, "stage": stage}
        with self._db.read() as connection:
            for row in connection.execute(_latest(whole=whole), wanted):
                newest[row.datastore] = _report(row)
        return newest

    def last_full(self, integration: str, datastore: str, *, stage: str | None = None) -> float | None:
        """When this datastore was last compared whole: the end of the newest run that did.

        Such a run has only reports here that are ok, not partial and not a dry run. With ``stage``, only the
        reports of that stage are looked at.
        """
        flaw = case((_T.ok & ~_T.partial & ~_T.dry_run, 0), else_=1)
        query = select(func.max(_T.at)).where(_T.integration == integration, _T.datastore == datastore)
        if stage is not None:
            query = query.where(_T.stage == stage)
        query = (
            query.group_by(_T.run_id).having(func.max(flaw) == 0).order_by(func.max(_T.at).desc()).limit(1)
        )
        with self._db.read() as connection:
            return connection.execute(query).scalar()

    def add_requests(self, run_id: str, integration: str, system: str, kind: str, n: int) -> None:
        """Add to a run's requests (``system`` catalog or qualytics, ``kind`` read or write)."""
        with self._db.write() as connection:
            connection.execute(
                self._db.fixed(_more_requests),
                {"run_id": run_id, "integration": integration, "system": system, "kind": kind, "n": n},
            )

    def requests(self, run_ids: Collection[str]) -> dict[str, dict[str, dict[str, int]]]:
        """``{integration: {system: {kind: n}}}``, added up over these runs."""
        totals: dict[str, dict[str, dict[str, int]]] = {}
        with self._db.read() as connection:
            for part in chunks(set(run_ids)):
                query = select(_Q.integration, _Q.system, _Q.kind, _Q.n).where(_Q.run_id.in_(part))
                for integration, system, kind, n in connection.execute(query):
                    of_system = totals.setdefault(integration, {}).setdefault(system, {})
                    of_system[kind] = of_system.get(kind, 0) + n
        return totals


def _more_requests(insert: Callable[[Table], Insert]) -> Insert:
    add = insert(requests)
    return add.on_conflict_do_update(
        index_elements=["run_id", "integration", "system", "kind"], set_={"n": _Q.n + add.excluded.n}
    )


@cache
def _latest(*, whole: bool) -> Select[Any]:
    """Two steps down the index for each datastore, however many reports: its key, its newest one."""
    integration: BindParameter[str] = bindparam("integration")
    stage: BindParameter[str] = bindparam("stage")
    here = (_T.integration == integration, _T.stage == stage)
    keys = select(func.min(_T.datastore).label("key")).where(*here).cte("keys", recursive=True)
    following = select(func.min(_T.datastore)).where(*here, _T.datastore > keys.c.key).scalar_subquery()
    keys = keys.union_all(select(following).where(keys.c.key.is_not(None)))
    one = reports.alias("one").c
    meant = [one.integration == integration, one.stage == stage, one.dry_run.is_(False)]
    if whole:
        meant.append(one.partial.is_(False))
    newest = (
        select(one.run_id)
        .where(*meant, one.datastore == keys.c.key)
        .order_by(one.at.desc(), one.run_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(*_COLUMNS)
        .join(keys, _T.datastore == keys.c.key)
        .where(*here, _T.run_id == newest)
        .order_by(_T.datastore)
    )


def _report(row: Row[Any]) -> Report:
    report = Report(*row)
    return msgspec.structs.replace(report, counts=load(row.counts))
