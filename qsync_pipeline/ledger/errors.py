"""What can go wrong with the ledger. All are :class:`SyncError`: shown to a user without a traceback."""

from __future__ import annotations

from qsync_pipeline.transport.errors import ConfigError, SyncError


class LedgerError(SyncError):
    """Base of the ledger's errors."""


class LedgerUnavailable(LedgerError):
    """The database does not answer, or refuses us: like any other system out of reach."""

    exit_status = 3


class LedgerMisplaced(LedgerUnavailable, ConfigError):
    """What the config names cannot hold a ledger: wrong URL, no driver, a file that is no database."""

    exit_status = 2


class LedgerTooNew(LedgerError):
    """The database was migrated by a newer version of this package; this one must not touch it."""


class LedgerTooOld(LedgerError):
    """A read-only ledger needs a migration that it may not make."""


class LedgerReadOnly(LedgerError):
    """Something tried to write through a ledger that was opened read-only."""
