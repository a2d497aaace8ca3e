"""Checks, anomalies and operations as the API shows them (qualytics-api.md §2.6, §2.7, §2.11)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.qualytics.model import Anomaly, Check, Field, Operation
from qsync_pipeline.sandbox.qualytics.operations import result_of
from qsync_pipeline.sandbox.qualytics.store import Store, iso
from qsync_pipeline.sandbox.qualytics.views import Views

_PREFIX = "5b0e6b1e-6f1c-4d7e-9d0a-"


def uuid_of(anomaly_id: int) -> str:
    """An anomaly's uuid, by which it can be asked for as well as by its id (§2.7)."""
    return f"{_PREFIX}{anomaly_id:012x}"


def id_of_uuid(text: str) -> int | None:
    """The id behind such a uuid, or null."""
    digits = text.lower().removeprefix(_PREFIX)
    if len(digits) != 12 or any(digit not in "0123456789abcdef" for digit in digits):
        return None
    return int(digits, 16)


class QualityViews:
    """Rows of checks, anomalies and operations."""

    def __init__(self, store: Store, views: Views) -> None:
        self._store = store
        self._views = views

    def check(self, check: Check) -> dict[str, Any]:
        """A check. Its rule is ``rule_type`` on reads and ``rule`` on writes; it has no name (§2.6)."""
        container = check.container
        open_count = sum(1 for anomaly in check.anomalies.values() if anomaly.is_open)
        return {
            "id": check.id,
            "created": check.created,
            "rule_type": check.rule_type,
            "inferred": check.inferred,
            "fields": self._views.listed([self._field_stub(item) for item in check.fields], check.id),
            "description": check.description,
            "coverage": check.coverage,
            "filter": check.filter,
            "properties": check.properties,
            "template_locked": check.template_locked,
            "is_template": container is None,
            "is_new": False,
            "num_container_scans": 0 if check.last_asserted is None else 1,
            "template_checks_count": 0,
            "anomaly_count": len(check.anomalies),
            "active_anomaly_count": open_count,
            "status": check.status,
            "deleted_at": check.deleted_at,
            "last_editor": None,
            "last_updated": check.last_updated,
            "last_asserted": check.last_asserted,
            "is_passing": check.is_passing,
            "weight": self._views.weight(check),
            "additional_metadata": check.additional_metadata,
            "global_tags": self._views.tags(check),
            "datastore": self._views.datastore_stub(container.datastore) if container else None,
            "container": self._views.container_stub(container) if container else None,
            "favorite": check.favorite,
            "template": None,
            "owner": None,
            "default_anomaly_assignee": None,
            "anomaly_message_field": None,
            **check.extra,
        }

    def anomaly(self, anomaly: Anomaly) -> dict[str, Any]:
        """An anomaly; the checks inside it are thin copies (§2.6, §2.7)."""
        container = anomaly.container
        fingerprint = 10_000_000 + anomaly.id * 7919
        failed = [self._failed_check(check, anomaly) for check in anomaly.checks]
        return {
            "id": anomaly.id,
            "uuid": uuid_of(anomaly.id),
            "created": anomaly.created,
            "type": anomaly.type,
            "message": anomaly.message,
            "description": anomaly.description,
            "is_new": anomaly.status == "Active",
            "archived": not anomaly.is_open,
            "status": anomaly.status,
            "source_enriched": False,
            "datastore": self._views.datastore_stub(container.datastore),
            "container": self._views.container_stub(container),
            "partition": {"name": container.name, "location": None},
            "failed_checks": self._views.listed(failed, anomaly.id),
            "weight": self._views.weight(anomaly),
            "global_tags": self._views.tags(anomaly),
            "anomalous_records_count": anomaly.records,
            "fingerprint": str(fingerprint) if self._store.switches.text_fingerprints else fingerprint,
            "assignees": [{"id": number} for number in anomaly.assignee_ids],
        }

    def operation(self, operation: Operation) -> dict[str, Any]:
        """An operation; ``success`` with a message means finished with warnings (§1.8, §2.11)."""
        now = self._store.clock.now()
        result = result_of(operation, now)
        ended = operation.aborted_at if operation.aborted_at is not None else operation.ends
        finished = result not in ("queued", "running")
        total = len(operation.containers)
        return {
            "id": operation.id,
            "created": iso(operation.created),
            "type": operation.type,
            "start_time": None if result == "queued" else iso(operation.begins),
            "end_time": iso(ended) if finished else None,
            "result": result,
            "message": operation.failure if result == "failure" else None,
            "triggered_by": operation.triggered_by,
            "datastore": self._views.datastore_stub(operation.datastore) if operation.datastore else None,
            "schedule": None,
            "action_execution": None,
            "status": {
                "total_containers": total,
                "containers_analyzed": total if result == "success" else 0,
                "partitions_analyzed": total if result == "success" else 0,
                "records_processed": sum(item.records for item in operation.containers) if finished else 0,
            },
        }

    def _field_stub(self, column: Field) -> dict[str, Any]:
        return {"id": column.id, "name": column.name}

    def _failed_check(self, check: Check, anomaly: Anomaly) -> dict[str, Any]:
        return {
            "quality_check": {
                "id": check.id,
                "rule_type": check.rule_type,
                "fields": self._views.listed([self._field_stub(item) for item in check.fields], check.id),
                "coverage": check.coverage,
                "inferred": check.inferred,
                "weight": self._views.weight(check),
            },
            "message": anomaly.message,
            "suggested_field": None,
            "suggested_value": None,
            "suggested_score": None,
        }
