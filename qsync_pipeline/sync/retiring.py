"""What a retirement leaves behind in the ledger: nothing that waits, and nothing that stands rejected.

What nobody holds any more, nobody wants written either. The writing stages see to it, so that it is the same
wherever a retirement was started, and is done before the checks judge.
"""

from __future__ import annotations

from collections.abc import Iterable

from qsync_pipeline.core import definitions, tags
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync import pull, push
from qsync_pipeline.sync.judging import RETIRED_AT
from qsync_pipeline.sync.run import FIRST_WRITE_DONE, Run


def settle_retirement(run: Run, stage: str, keys: Iterable[str]) -> None:
    """After a stage wrote the lines of these datastores, if they were those of a retirement."""
    if run.dry_run or not run.lines or run.plan_file.header.kind != "retire":
        return
    for key in keys:
        _forget(run.ledger, run.name, key)
    if not {_stage_of(surface) for surface in run.ledger.holdings.counts().get(run.name, ())} & {stage}:
        over = run.ledger.notes.get(run.name, RETIRED_AT, {})
        run.ledger.notes.put(run.name, RETIRED_AT, {**over, stage: run.ledger.clock()})
    settle_retired(run.ledger, run.name)


def settle_retired(ledger: Ledger, integration: str) -> None:
    """If nothing at all is held any more: as if it had never run, so the next write is the first again."""
    if ledger.holdings.counts().get(integration):
        return
    for key in ledger.datastores.keys().values():
        _forget(ledger, integration, key)
    ledger.notes.put(integration, FIRST_WRITE_DONE, False)


def _stage_of(surface: str) -> str:
    return pull.STAGE if surface in (definitions.SURFACE, tags.SURFACE) else push.STAGE


def _forget(ledger: Ledger, integration: str, key: str) -> None:
    """Take off the lists what waits or stands rejected where nothing is held."""
    held = {row.surface for row in ledger.holdings.of(key, integration=integration)}
    for scope in ledger.parked.of(integration):
        if scope.datastore == key and scope.surface not in held:
            ledger.parked.clear(integration, key, scope.surface)
    rejected = ledger.rejections.find(integration=integration, datastore=key)
    ledger.rejections.drop([one for one in rejected if one.surface not in held])
