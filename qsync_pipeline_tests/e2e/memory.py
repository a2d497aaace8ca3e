"""All that both systems hold, as flat mappings: for comparing a world before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qsync_pipeline.core.names import fold
from qsync_pipeline.sandbox.testing import RunningSandbox

State = dict[tuple[str, str, str], Any]
"""(system, object, what) -> value"""


def shown(seen: Mapping[str, Sequence[dict[str, Any]]]) -> State:
    """What people see, from the control plane's entries by system."""
    found: State = {}
    for system, entries in seen.items():
        for entry in entries:
            key = f"{entry['name']} ({entry['kind']})"
            for what in ("tags", "attributes", "alert", "domains"):
                found[(system, key, what)] = entry[what]
    return found


def atlan_memory(sandbox: RunningSandbox) -> State:
    """What Atlan holds beside that: names and states of all assets, other tools' custom metadata and sets."""
    system: Any = sandbox.systems["atlan"]
    found: State = {}
    sets = system.types.by_category["BUSINESS_METADATA"].values()
    ours = {one["name"] for one in sets if one["displayName"] == "Qualytics"}
    for doc in system.store.docs():
        if doc.type == "Badge":
            continue
        key = f"{doc.full_name} ({doc.type} {doc.guid})"
        rest = {k: v for k, v in doc.attrs.items() if not k.startswith("announcement")}
        found[("atlan", key, "self")] = (doc.qn, doc.status, doc.created, rest, doc.labels, doc.data_type)
        found[("atlan", key, "other tools")] = {k: v for k, v in doc.cm.items() if k not in ours}
    for one in sets:
        if one["name"] not in ours:
            found[("atlan", one["displayName"], "set")] = one
    return found


def qualytics_memory(sandbox: RunningSandbox) -> State:
    """What Qualytics holds beside that: tag definitions, settings, checks and anomalies."""
    store: Any = sandbox.systems["qualytics"].store  # type: ignore[attr-defined]  # the real system
    found: State = {}
    for tag in store.tags.by_name.values():
        look = (tag.name, tag.type, tag.category, tag.color, tag.description, tag.weight_modifier, tag.maker)
        found[("qualytics", fold(tag.name), "definition")] = look
    for datastore in store.datastores.values():
        found[("qualytics", datastore.name, "self")] = (
            datastore.settings, datastore.description, datastore.teams, datastore.scores,
        )  # fmt: skip
        for container in datastore.containers.values():
            key = f"{datastore.name}/{container.name}/{container.id}"
            found[("qualytics", key, "self")] = (
                container.settings, container.description, container.deleted_at, container.scores,
                [(c.id, c.status, c.description, sorted(t.name for t in c.tags or ()))
                 for c in container.checks.values()],
                [(a.id, a.status, sorted(t.name for t in a.tags or ()))
                 for a in container.anomalies.values()],
            )  # fmt: skip
    return found
