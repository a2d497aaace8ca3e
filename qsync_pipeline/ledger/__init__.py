"""The ledger: the durable record of outcomes and ownership, in SQL (DESIGN.md §2, §5.5)."""

from __future__ import annotations

from qsync_pipeline.ledger.awaited import Awaited, Lag
from qsync_pipeline.ledger.claims import Claim
from qsync_pipeline.ledger.datastores import DatastoreRecord, DatastoreSeen
from qsync_pipeline.ledger.errors import (
    LedgerError,
    LedgerMisplaced,
    LedgerReadOnly,
    LedgerTooNew,
    LedgerTooOld,
    LedgerUnavailable,
)
from qsync_pipeline.ledger.events import Event
from qsync_pipeline.ledger.holding import Holding
from qsync_pipeline.ledger.jsontext import payload_hash
from qsync_pipeline.ledger.ledger import Ledger
from qsync_pipeline.ledger.links import Pairing
from qsync_pipeline.ledger.outcomes import JournalEntry, Query
from qsync_pipeline.ledger.parked import ParkedScope
from qsync_pipeline.ledger.rejections import Rejected, Rejection
from qsync_pipeline.ledger.reports import Report
from qsync_pipeline.ledger.runs import RunRecord
from qsync_pipeline.ledger.tag_definitions import TagDefinition

__all__ = [
    "Awaited",
    "Claim",
    "DatastoreRecord",
    "DatastoreSeen",
    "Event",
    "Holding",
    "JournalEntry",
    "Lag",
    "Ledger",
    "LedgerError",
    "LedgerMisplaced",
    "LedgerReadOnly",
    "LedgerTooNew",
    "LedgerTooOld",
    "LedgerUnavailable",
    "Pairing",
    "ParkedScope",
    "Query",
    "Rejected",
    "Rejection",
    "Report",
    "RunRecord",
    "TagDefinition",
    "payload_hash",
]
