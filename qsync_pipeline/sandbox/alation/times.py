"""Points in time as Alation writes them (alation-api.md §6 row 57)."""

from __future__ import annotations

import datetime


def iso(seconds: float) -> str:
    """UTC with microseconds and ``Z``."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def finished(seconds: float, took: float) -> str:
    """The message of a finished job, which writes the zone as ``+00:00`` after a blank."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"Job finished in {took:.6f} seconds at {moment.strftime('%Y-%m-%d %H:%M:%S.%f')}+00:00"


def read(text: str) -> float | None:
    """Seconds of an ISO text; one without a zone is UTC; null if it is none."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()
