"""What the sandbox Qualytics could be in more than one way, each with the default that the dossier
recommends.

Sections are those of ``qualytics-api.md``; "decision N" is a row of its §5 table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QualyticsSwitches:
    """Settings of one sandbox deployment. Where the dossier only infers, the other way is here too."""

    api_root: str = "/api"
    """Where the API is served, per deployment; ``""`` serves it at the root (§1.1, decision 1)."""

    external_tags: bool = False
    """INVENTED: a deployment whose OpenAPI offers creation of tags of type external. As documented there is
    no such creation and ``POST /global-tags`` with type external is 422 (§2.8, decision 20)."""

    cascade_removal: bool = True
    """Removing a native tag from a parent takes its cascade copies away as well (§2.8 says only that they
    come into being) [inferred]."""

    active_includes_acknowledged: bool = True
    """``active_*`` in metrics counts Active and Acknowledged anomalies, else Active only (decision 9)."""

    null_lists: bool = False
    """Chaos: null instead of an empty list for fields, global_tags, failed_checks and histogram_buckets on
    every second object (decision 44). A list that holds something is always sent."""

    strict_query: bool = False
    """Unknown query keys are 422 instead of ignored (decision 6)."""

    tag_usage_count: bool = True
    """Rows of the tag listing carry ``count`` (§2.8)."""

    slashes_in_tag_paths: bool = False
    """``/global-tags/A%2FB`` reaches the tag "A/B". As usual with ASGI routing, the decoded slash does not
    match the route and the answer is 404 "Not Found" [inferred]."""

    default_page_size: int = 50
    """Rows per page when ``size`` is not given (§1.5) [inferred]."""

    datastore_score_in_metrics: bool = True
    """Datastores carry ``metrics.quality_score`` beside their history (§2.1, decision 10) [inferred]."""

    score_object_when_unscored: bool = False
    """An object without any score shows a score object full of nulls instead of null (§2.5) [inferred]."""

    container_score_routes: bool = True
    """Serve ``/containers/{id}/score-settings`` and ``/quality-scores`` (decision 11) [inferred]."""

    view_container_type: bool = False
    """Views come as ``container_type=view`` (the CLI's list) instead of ``table`` with ``table_type=view``
    (§2.2, decision 15)."""

    invisible_is_404: bool = False
    """A direct GET of what the token's teams may not see is 404 instead of 403 (decision 41)."""

    unset_settings_404: bool = False
    """Score settings that were never configured are 404 instead of nulls (decision 12)."""

    text_fingerprints: bool = False
    """Anomaly fingerprints are strings instead of integers (decision 34)."""

    sync_type: str = "sync"
    """What a sync operation is called in answers; older builds say ``catalog`` (§2.11, decision 32)."""

    queue_seconds: float = 0.2
    """How long an operation is queued (§1.8, decision 33)."""

    run_seconds: float = 1.0
    """How long an operation runs after that, in sandbox time (decision 33)."""

    flow_changes: bool = True
    """INVENTED: flows also tell of anomalies whose status changed, and of checks and anomalies that were
    archived or deleted. As documented they tell of finished operations and new anomalies only (§2.13)."""

    max_uri: int = 4096
    """Longest URI in characters; beyond it 414 (§1.6)."""

    max_body: int = 2_600_000
    """Largest request body in bytes; beyond it 413 (§1.7)."""

    build: str = "20260910-sandbox"
    """``info.version`` of the OpenAPI document (decision 1)."""
