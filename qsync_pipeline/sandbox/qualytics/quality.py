"""What happens to checks and anomalies over their lives (qualytics-api.md §2.6, §2.7).

The API and the control plane both come here, so that an archive is the same thing either way.
"""

from __future__ import annotations

from qsync_pipeline.sandbox.qualytics.model import OPEN_CHECK_STATUSES, Anomaly, Check
from qsync_pipeline.sandbox.qualytics.store import Store


def set_anomaly_status(store: Store, anomaly: Anomaly, status: str) -> None:
    """Any status, open or archived; whether it is archived follows from the status (§2.7)."""
    changed = anomaly.status != status
    anomaly.status = status
    store.touch_item(anomaly)
    if changed:
        store.tell("status", anomaly)


def delete_anomaly(store: Store, anomaly: Anomaly) -> None:
    """Delete an anomaly for good (§2.7)."""
    store.tell("deleted", anomaly)
    store.remove_anomaly(anomaly)


def archive_check(store: Store, check: Check, status: str, *, anomalies: bool) -> None:
    """Archive a check; ``anomalies`` has those archived whose failed checks are all archived now.

    That an anomaly of several checks stays while one of them is alive is inferred (§2.6).
    """
    check.status = status
    check.deleted_at = check.last_updated = store.now()
    store.touch_item(check)
    if anomalies:
        for anomaly in check.anomalies.values():
            if anomaly.is_open and all(item.deleted_at is not None for item in anomaly.checks):
                set_anomaly_status(store, anomaly, "Discarded")
    store.tell("archived", check)


def delete_check(store: Store, check: Check, *, anomalies: bool) -> None:
    """Delete a check for good; ``anomalies`` has its anomalies deleted that fail no other check."""
    store.tell("deleted", check)
    held = list(check.anomalies.values())
    store.remove_check(check)
    for anomaly in held:
        if anomalies and not anomaly.checks:
            delete_anomaly(store, anomaly)


def set_check_status(store: Store, check: Check, status: str) -> None:
    """An open status restores an archived check (§2.6)."""
    check.status = status
    check.last_updated = store.now()
    if status in OPEN_CHECK_STATUSES:
        check.deleted_at = None
    store.touch_item(check)
