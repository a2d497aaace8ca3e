"""What one sync planned, did and said: from Dagster's events, the ledger's reports and the request log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from qsync_pipeline.ledger import Ledger

Json = dict[str, Any]

READING_POSTS = (
    "indexsearch", "auditSearch", "search/audit", "entity/evaluator",
    "createAPIAccessToken", "validateRefreshToken", "view_rules",
)  # fmt: skip
"""Parts of the routes that are posted to and write nothing."""

_ROUTES = (
    # (part of the route, surfaces whose planned lines may cause a write there)
    ("custom_field_value", ("custom_fields",)),
    ("custom_field/", ("definitions",)),
    ("/flag/", ("trust_flags",)),
    ("data_quality", ("data_health",)),
    ("/integration/tag/", ("tags", "tags")),  # a tag that is new there is described with a second call
    ("typedefs", ("definitions", "tags")),
    ("/entity", ("definitions", "custom_metadata", "announcements", "tags")),
    ("global-tags", ("tag_definitions",)),
    ("(unknown)", ("tag_definitions",)),  # a name with a slash, which no route of the sandbox finds
    ("", ("external_tags",)),
)


@dataclass
class Synced:
    """What one sync planned, did and said. ``writes`` counts the control plane's requests that write."""

    ok: bool
    plan: dict[str, Counter[str]] = field(default_factory=dict)
    outcome: dict[str, Counter[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Of the plans: unchanged, frozen, drift, taken_over."""
    buckets: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why lines were not carried out, as ``"<outcome>: <reason>"``."""
    left: Counter[str] = field(default_factory=Counter)
    """Why ours was left as it is."""
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    """(stage, datastore, error)"""
    crashes: list[str] = field(default_factory=list)
    """Tracebacks of failed steps; a failure of a datastore alone is reported as ``Failure`` too."""
    parked: list[str] = field(default_factory=list)
    checks: dict[str, tuple[bool, Json]] = field(default_factory=dict)
    """``"<asset>:<check>"`` -> passed, metadata."""
    materialized: set[tuple[str, str]] = field(default_factory=set)
    """(asset, partition) of the write assets."""
    requests: list[Json] = field(default_factory=list)

    @property
    def writes(self) -> Counter[tuple[str, str, str]]:
        """(system, method, route) -> how many requests that write."""
        found: Counter[tuple[str, str, str]] = Counter()
        for row in self.requests:
            if row["method"] != "GET" and not any(word in row["route"] for word in READING_POSTS):
                found[(row["system"], row["method"], row["route"])] += row["count"]
        return found

    @property
    def planned(self) -> dict[str, dict[str, int]]:
        """Planned lines by surface, without zeros."""
        return {name: dict(row) for name, row in self.plan.items() if row}

    @property
    def outcomes(self) -> dict[str, dict[str, int]]:
        """Outcomes by surface, without zeros."""
        return {name: dict(row) for name, row in self.outcome.items() if row}

    def excess(self) -> list[str]:
        """Routes with more writes than the plan has lines for them; must be empty."""
        allowed: dict[str, int] = {}
        seen: Counter[str] = Counter()
        for (_, _, route), count in self.writes.items():
            word, surfaces = next(one for one in _ROUTES if one[0] in route)
            seen[word] += count
            allowed[word] = sum(sum(self.plan.get(name, {}).values()) for name in surfaces)
            if not word and any(reason.startswith("beside the plan") for reason in self.reasons):
                allowed[word] += 2  # the first tag ever was tried out on one object, and taken off again
            # A health row that goes may be the last of its rule, which is then deleted with a second call.
            if word == "data_quality":
                allowed[word] += self.plan.get("data_health", Counter())["remove"]
        return [f"{word}: {seen[word]} writes, {allowed[word]} planned" for word in seen
                if seen[word] > allowed[word]]  # fmt: skip


def take_events(synced: Synced, result: dg.ExecuteInProcessResult) -> None:
    """Failures, materializations and checks of a run."""
    for event in result.all_events:
        if event.is_step_failure:
            error = getattr(event.event_specific_data, "error", None)
            synced.crashes.append(f"{event.step_key}: {error.to_string() if error else ''}")
        elif event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key and event.partition:
            stage = event.asset_key.path[-1]
            if stage in ("external_tags", "quality_metadata"):
                synced.materialized.add((stage, event.partition))
    for evaluation in result.get_asset_check_evaluations():
        values = {name: value.value for name, value in evaluation.metadata.items()}
        name = f"{evaluation.asset_key.path[-1]}:{evaluation.check_name}"
        synced.checks[name] = (evaluation.passed, values)


def take_reports(synced: Synced, ledger: Ledger, run_id: str) -> None:
    """What the ledger's reports say of a run."""
    for report in ledger.reports.of_runs([run_id]):
        if not report.ok:
            synced.failures.append((report.stage, report.datastore, report.error))
        for name, into in (("plan", synced.plan), ("outcome", synced.outcome)):
            for surface, row in report.counts.get(name, {}).items():
                into.setdefault(surface, Counter()).update({key: n for key, n in row.items() if n})
        for name, into_counter in (("counts", synced.counts), ("reasons", synced.reasons),
                                   ("buckets", synced.buckets), ("left", synced.left)):  # fmt: skip
            into_counter.update(report.counts.get(name, {}))
        synced.parked += report.counts.get("parked", [])
