"""Named leases: something only one process may do at a time, such as making definitions (DESIGN.md §5.3)."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.schema import leases

_T = leases.c
_GET = select(leases).where(_T.name == bindparam("name"))
_RELEASE = delete(leases).where(_T.name == bindparam("name"), _T.owner == bindparam("owner"))


class Leases:
    """A lease belongs to an owner (any text that names the process) until it is released or expires."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def acquire(self, name: str, owner: str, *, ttl: float) -> bool:
        """Take, or as its owner renew, a lease for ``ttl`` seconds. False while somebody else has it."""
        now = self._db.clock()
        with self._db.write(f"lease:{name}") as connection:
            row = connection.execute(_GET, {"name": name}).first()
            if row is not None and row.owner != owner and row.expires_at > now:
                return False
            connection.execute(
                self._db.upsert(leases), {"name": name, "owner": owner, "expires_at": now + ttl}
            )
        return True

    def holder(self, name: str) -> str | None:
        """Who has the lease now, or null."""
        query = select(_T.owner).where(_T.name == name, _T.expires_at > self._db.clock())
        with self._db.read() as connection:
            return connection.execute(query).scalar()

    def release(self, name: str, owner: str) -> bool:
        """Give the lease back; false when it was not this owner's any more."""
        with self._db.write(f"lease:{name}") as connection:
            return bool(connection.execute(_RELEASE, {"name": name, "owner": owner}).rowcount)
