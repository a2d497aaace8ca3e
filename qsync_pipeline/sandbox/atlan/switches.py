"""What is not known of Atlan for certain, as switches.

Each field is a row of the decisions table in atlan-api.md §6.2 (its number stands in the docstring), or
learnt since (docs/learned.md); the default is the answer recommended there. Tests run the client against both
settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class AtlanSwitches:
    """Settings of one sandbox Atlan. Durations are virtual seconds."""

    window: int = 10_000
    """Row 1: from + size above this is refused with ATLAS-400-00-503; some evidence says 100,000."""
    scrub: Literal["scrub", "legacy", "full"] = "scrub"
    """Row 3: assets out of sight keep their names (scrub), become guid "-1" (legacy), or are absent."""
    scrub_keys: Literal["scrubbed", "both"] = "scrubbed"
    """Row 4: whether ``isScrubbed`` is sent beside ``scrubbed``."""
    index_lag: float = 1.0
    """Row 5: how long the search index is behind the graph, 0 to 60."""
    audit_lag: float = 30.0
    """Row 6: how long an audit record takes to be found, 0 to 60."""
    retry_after: int | None = None
    """Row 7: seconds to send as Retry-After on a 429, or null for none."""
    lockout: float = 60.0
    """Row 7: how long everybody is refused after a breach of the rate limit."""
    rate_limit_body: Literal["gateway", "atlas"] = "gateway"
    """Row 8: a body with a message only, or one with an errorCode."""
    unauthorized_body: Literal["html", "empty", "json"] = "html"
    """Row 9: what a 401 carries."""
    propagation_lag: float = 2.0
    """Row 11: how long a propagated tag takes to reach the children; 0 is instant."""
    business_matrix: Literal["code", "notes"] = "code"
    """Row 12: custom metadata in a bulk write by the server's code, or by the notes that contradict it."""
    reject_unknown_attributes: bool = False
    """Row 15: unknown attribute names are skipped, or refused with ATLAS-400-00-023."""
    struct_echo: Literal["typed", "as_stored"] = "typed"
    """Row 18: external data-quality structs come back as {typeName, attributes}, or as they were sent."""
    external_dq_merge: bool = False
    """Row 19: a write of assetExternalDQMetadataDetails replaces the whole map, or merges per key."""
    domain_inherits: bool = False
    """Row 20: domainGUIDs shows the domain of the nearest asset above."""
    propagated_tag_bumps: bool = False
    """Row 21: whether a propagated tag changes the child's modification time."""
    empty_entities: Literal["absent", "list"] = "absent"
    """Row 22: the ``entities`` key of a search without hits."""
    empty_struct_defs: bool = False
    """Row 24: answer no struct definitions, which the SDK takes for an expired token."""
    webhooks: Literal["on", "off", "duplicates"] = "on"
    """Row 27: deliveries with retries after 1, 5 and 25 s; none at all; or each one twice."""
    maintenance_body: bool = False
    """Row 28: in maintenance a 503 comes with an empty body, or with ATLAS-503-00-001."""
    lowercase_keywords: bool = True
    """Row 29: the keyword fields that have a lower-casing normaliser."""
    conflict_share: float = 0.0
    """Row 30: share of bulk writes on an asset written less than 1 s ago that get ATLAS-500-00-001."""
    enforce_applicability: bool = False
    """§6.5: whether assetTypesList and applicableConnections of a custom-metadata attribute bind writes."""
    evaluator: bool = True
    """Learnt from public source (docs/learned.md): the call that tells what a token may do; else 404."""
