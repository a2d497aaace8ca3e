"""All that the systems hold, as flat mappings: for comparing a world before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
            for what in ("tags", "attributes", "alert", "health", "domains"):
                found[(system, key, what)] = entry[what]
    return found


def _atlan(sandbox: RunningSandbox) -> State:
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


def _qualytics(sandbox: RunningSandbox) -> State:
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


def _alation(sandbox: RunningSandbox) -> State:
    """What Alation holds beside that: every object, all flags with their owners, tags, domain rules, fields.

    Values of our custom fields and our health rows are what people see, and told there.
    """
    world: Any = sandbox.systems["alation"].world  # type: ignore[attr-defined]  # the real system
    found: State = {}
    ours = {number for number, name in world.fields.names.items() if name.startswith("Qualytics ")}
    for source in world.store.sources():
        for node in (source, *source.below()):
            key = f"{node.full_names[0]} ({node.ref})"
            rest = {number: stored for number, stored in node.values.items() if number not in ours}
            found[("alation", key, "self")] = (node.key, node.deleted, node.extra, node.column_type)
            found[("alation", key, "other fields")] = rest
            found[("alation", key, "flags of others")] = sorted(
                (flag.id, flag.type, flag.reason, flag.owner.username)
                for flag in world.flags.on(node)
                if not flag.owner.service
            )
    for tag in world.tags.by_id.values():
        found[("alation", tag.name, "tag")] = (tag.description, sorted(node.ref for node in tag.subjects))
    for domain in world.domains.by_id.values():
        rules = {node.ref: rule for node, rule in domain.rules.items()}
        found[("alation", domain.path, "domain")] = rules
    for field in world.fields.by_id.values():
        if field.id not in ours:
            found[("alation", str(field.id), "field")] = field.row()
    return found


MEMORIES: Mapping[str, Callable[[RunningSandbox], State]] = {
    "qualytics": _qualytics,
    "atlan": _atlan,
    "alation": _alation,
}
"""By system, what it holds beside what people see."""


OPEN = ("Active", "Acknowledged")


def counts_of(sandbox: RunningSandbox, statuses: Sequence[str]) -> dict[str, int]:
    """Anomalies of these statuses by the id of what they are about, of all that there is."""
    store: Any = sandbox.systems["qualytics"].store  # type: ignore[attr-defined]  # the real system
    found: dict[str, int] = {f"datastore:{number}": 0 for number in store.datastores}
    for container in store.containers.values():
        counted = [one for one in container.anomalies.values() if one.status in statuses]
        found[f"container:{container.id}"] = len(counted)
        found[f"datastore:{container.datastore.id}"] += 0 if container.deleted_at else len(counted)
        for column in container.fields.values():
            named = [one for one in counted if any(column in check.fields for check in one.checks)]
            found[f"field:{column.id}"] = len(named)
    return found


def checks_of(
    sandbox: RunningSandbox, statuses: Sequence[str] = OPEN
) -> dict[str, list[tuple[str, int, str]]]:
    """Active checks by the id of their container: rule, anomalies of these statuses, description."""
    store: Any = sandbox.systems["qualytics"].store  # type: ignore[attr-defined]  # the real system
    found: dict[str, list[tuple[str, int, str]]] = {}
    for datastore in store.datastores.values():
        for container in datastore.containers.values():
            counts = Counter(
                check.id
                for anomaly in container.anomalies.values()
                if anomaly.status in statuses
                for check in anomaly.checks
            )
            found[f"container:{container.id}"] = [
                (check.rule_type, counts[check.id], check.description)
                for check in container.checks.values()
                if check.status == "Active"
            ]
    return found
