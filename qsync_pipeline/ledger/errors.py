"""What can go wrong with the ledger. All are :class:`SyncError`: shown to a user without a traceback."""

from __future__ import annotations

from qsync_pipeline.transport.errors import SyncError


class LedgerError(SyncError):
    """Base of the ledger's errors."""


class LedgerUnavailable(LedgerError):
    """The database cannot be opened: wrong URL, no driver, no server, no permission."""


class LedgerTooNew(LedgerError):
    """The database was migrated by a newer version of this package; this one must not touch it."""


class LedgerTooOld(LedgerError):
    """A read-only ledger needs a migration that it may not make."""


class LedgerReadOnly(LedgerError):
    """Something tried to write through a ledger that was opened read-only."""
