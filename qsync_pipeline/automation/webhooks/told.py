"""What a message says, before the ledger is asked where that is."""

from __future__ import annotations

from dataclasses import dataclass

MOST_ID = 2**31 - 1
"""Ids beyond it fit no column of the ledger, and no deployment."""


class NotUnderstood(Exception):
    """A message that is none of those the receiver knows. The text says why and quotes nothing of it."""


@dataclass(frozen=True)
class Look:
    """Something happened in Qualytics, here.

    ``container`` is a name; where only its id is known, that is in ``container_id``. Neither: the whole
    datastore. ``happened_at`` is in seconds since the epoch, 0 unknown.
    """

    key: str
    kind: str
    datastore_id: int
    container: str = ""
    container_id: int | None = None
    happened_at: float = 0.0


@dataclass(frozen=True)
class TagChange:
    """People changed the tags of a catalog's asset. ``at_ms`` is the catalog's time, in milliseconds."""

    integration: str
    asset: str
    type_name: str
    qualified_name: str
    action: str
    at_ms: int


@dataclass(frozen=True)
class Told:
    """One message, understood. ``ignored`` says why it is of no interest; it then holds nothing else."""

    looks: tuple[Look, ...] = ()
    changes: tuple[TagChange, ...] = ()
    ignored: str = ""
