"""What a happening is called: the keys of the ledger's events (:class:`~qsync_pipeline.ledger.events.Event`).

The same happening is noticed by a poll and told by a webhook. Both name it with these functions, so that it
is noted once. A key identifies; nobody reads anything back out of it.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Final

_SAME_RESULT: Final = {"warning": "success", "failed": "failure", "abort": "aborted"}
"""Words of flow actions -> words of ``GET /operations``: a flow calls a scan that found anomalies a
``warning`` (qualytics-api.md §2.13)."""


def operation_key(operation_id: int, result: str, container: str = "") -> str:
    """An operation that ended. ``container``, by name, where the event is about one of those it covered."""
    folded = result.strip().casefold()
    return _join("operation", operation_id, _SAME_RESULT.get(folded, folded), container)


def anomaly_key(anomaly_id: int, status: str, time: str | float | None) -> str:
    """An anomaly that came up or took on a status; ``time`` as Qualytics gives it (updated, else created)."""
    return _join("anomaly", anomaly_id, status.strip().casefold(), moment(time))


def check_key(check_id: int, what: str, time: str | float | None) -> str:
    """Something done to a check (``archived``, ``changed``, ``deleted``), at the time Qualytics gives."""
    return _join("check", check_id, what.strip().casefold(), moment(time))


def flow_key(flow_id: int, triggered: str | None, datastore_id: int, container: str = "") -> str:
    """A flow that ran for a datastore and tells of nothing else that could be named (decision 38)."""
    return _join("flow", flow_id, moment(triggered), datastore_id, container)


def tag_change_key(integration: str, asset: str, action: str, at_ms: int, datastore_id: int) -> str:
    """A change of an asset's tags in a catalog, by the catalog's clock in milliseconds, for one datastore: a
    connection stands above several.

    Atlan: ``asset`` is the guid, ``action`` ``CLASSIFICATION_ADD``, ``_DELETE`` or ``_UPDATE``, and ``at_ms``
    an audit entry's ``created``, which a webhook calls ``eventTime``. Audit entries of propagated copies
    (``PROPAGATED_CLASSIFICATION_ADD``) are told by webhooks without that prefix (atlan-api.md §3.1), so it
    does not count.
    """
    return _join(
        "tags", integration, asset, action.removeprefix("PROPAGATED_").casefold(), at_ms, datastore_id
    )


def delivery_key(system: str, body: bytes, window: int) -> str:
    """A delivery that says of itself neither what happened nor when: by its content and when it came.

    ``window`` is the number of a stretch of time: the same text within one is a repetition, in another it is
    news.
    """
    return _join("delivery", system, hashlib.sha256(body).hexdigest()[:32], window)


def moment(time: str | float | None) -> str:
    """A time as UTC text to the second, whichever way it is written; what is no ISO time stays as it is."""
    if time is None or time == "":
        return ""
    if isinstance(time, str):
        try:
            at = datetime.datetime.fromisoformat(time.strip())
        except ValueError:
            return time.strip()
        at = at.replace(tzinfo=datetime.UTC) if at.tzinfo is None else at
    else:
        at = datetime.datetime.fromtimestamp(time, datetime.UTC)
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _join(*parts: str | int) -> str:
    return ":".join(str(part) for part in parts if part != "")
