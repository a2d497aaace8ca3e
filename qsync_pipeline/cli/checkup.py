"""The examination behind ``qsync doctor``: reads only, and makes nothing, not even a ledger.

The exceptions: a ledger that is there is told of connections that are open again, and trial writes are made
when they are asked for (:mod:`.rights`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from qsync_pipeline.catalogs.base import LAPSES_SOON
from qsync_pipeline.cli import EXIT_REJECTED
from qsync_pipeline.cli.findings import Findings, GaveUp
from qsync_pipeline.cli.rights import check_by_writing, check_permissions
from qsync_pipeline.config import Config, IntegrationConfig
from qsync_pipeline.core.domains import domain_scope
from qsync_pipeline.core.locate import Placement
from qsync_pipeline.core.rows import BUCKETS, CatalogAsset
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.engines import parse_url, shown
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.second_writer import second_writer
from qsync_pipeline.sync.snapshot import domains_of, idle_mappings, place_datastores, read_index
from qsync_pipeline.transport.auth import jwt_expiry

UNPLACED = 5
"""Datastores without a place that are named one by one."""


def examine(config: Config, findings: Findings, canary: Sequence[str] | None = None) -> None:
    """Look at everything that the config names; what builds on something broken is left out.

    ``canary`` asks for trial writes: on these assets, or, if it is empty, on one of each connection.
    """
    findings.ok(
        "config",
        "valid",
        f"{config.path}: {len(config.integrations)} integrations "
        f"({', '.join(one.name for one in config.integrations)})",
    )
    try:
        ledger = _ledger(config, findings)
    except GaveUp:
        # Nothing below needs what it holds; the rest is worth knowing all the same.
        ledger = Ledger.open("sqlite://", read_only=True)
    with ledger:
        deployment = _run(config, config.integrations[0], ledger)
        try:
            _qualytics(deployment, findings)
            reached = True
        except GaveUp:
            reached = False
        finally:
            deployment.close()
        for integration in config.integrations:
            run = _run(config, integration, ledger)
            try:
                _catalog(run, findings, canary, with_qualytics=reached)
            except GaveUp:
                continue
            finally:
                run.close()


def _run(config: Config, integration: IntegrationConfig, ledger: Ledger) -> Run:
    # The run is never reported: a scratch ledger takes its account of requests, and goes with it.
    return Run(
        run_id="doctor",
        config=config,
        integration=integration,
        ledger=ledger,
        reports=Ledger.open("sqlite://"),
    )


def _ledger(config: Config, findings: Findings) -> Ledger:
    with findings.trying("ledger", "reachable"):
        url = config.ledger.reveal_url()
        where = shown(parse_url(url))
        ledger = Ledger.open(url, read_only=True)
        version = ledger.schema_version()
    if version is None:
        findings.ok("ledger", "reachable", f"{where}: not there yet, the first sync makes it")
    else:
        findings.ok("ledger", "reachable", f"{where}: schema {version}")
    return ledger


def _qualytics(run: Run, findings: Findings) -> None:
    config = run.config.qualytics
    with findings.trying("qualytics", "reachable"):
        version = run.qualytics.version()
    findings.ok("qualytics", "reachable", f"{config.api_url}, build {version}")
    with findings.trying("qualytics", "credentials"):
        user = run.qualytics.me()
    who = " ".join(part for part in (user.name, user.email and f"<{user.email}>") if part) or "no name shown"
    role = f", role {user.role}" if user.role else ""
    _expiry(findings, "qualytics", f"{who}{role}", jwt_expiry(config.token.reveal()), config.token.source)
    with findings.trying("qualytics", "datastores"):
        listed = run.qualytics.datastores()
    if listed:
        findings.ok("qualytics", "datastores", f"{len(listed)} seen by this token")
    else:
        findings.fail(
            "qualytics",
            "datastores",
            "none seen by this token",
            "Add the token's user to the teams that own the datastores.",
        )
    _tag_mode(run, findings)
    findings.ok(
        "qualytics",
        "requests",
        f"{config.requests_per_minute} a minute, {config.parallel} in flight at a time",
    )


def _tag_mode(run: Run, findings: Findings) -> None:
    wanted, offered = run.config.qualytics.external_tags, run.qualytics.offers_external_tags()
    if wanted == "native" and not offered:
        findings.fail(
            "qualytics",
            "tag mode",
            "native is configured, and this deployment's API does not let external tags be created",
            "Set qualytics.external_tags to auto or managed.",
        )
        return
    mode = "native" if run.native_tags else "managed"
    why = {
        ("auto", True): "this deployment's API lets external tags be created",
        ("auto", False): "this deployment's API does not let external tags be created, so catalog tags are "
        "definitions of ours in a category named after the integration",
    }.get((wanted, offered), "the config says so")
    findings.ok("qualytics", "tag mode", f"{mode}: {why}")


def _catalog(run: Run, findings: Findings, canary: Sequence[str] | None, *, with_qualytics: bool) -> None:
    name = run.name
    with findings.trying(name, "credentials"):
        identity = run.identity
    version = f", version {identity.version}" if identity.version else ""
    findings.ok(name, "reachable", f"{run.integration.url} ({run.integration.type}{version})")
    _expiry(findings, name, identity.actor, identity.expires_at, "its secret", identity.renewal)
    for note in run.catalog.notes():
        findings.ok(name, "by hand", note)
    with findings.trying(name, "domains"):
        index = read_index(run)
    _domains(run, index, findings)
    for gap in run.index.gaps:
        findings.warn(
            name, "shared reads", gap, "Nothing that depends on it is removed; give the token read access."
        )
    if with_qualytics:
        other = second_writer(run.qualytics, run.integration)
        if other and run.integration.coexist:
            findings.warn(name, "one writer", other, "coexist is on: expect values to change back and forth.")
        elif other:
            findings.fail(name, "one writer", other, "Until then qsync writes nothing here.", EXIT_REJECTED)
        placed = _placement(run, index, findings)
        for said in idle_mappings(run):
            todo = "Correct its name, key or id in the config, or remove the mapping."
            findings.warn(name, "mappings", said.removeprefix("mappings: "), todo)
        check_permissions(run, placed, findings)
        if canary is not None:
            check_by_writing(run, canary, findings)
    surfaces = ", ".join(surface.name for surface in run.catalog.surfaces)
    share = getattr(run.integration, "requests_per_minute", None)
    pace = f"{share} a minute" if share else "one call in flight at a time"
    findings.ok(name, "requests", f"{pace}; surfaces: {surfaces}")


def _expiry(
    findings: Findings, area: str, who: str, expires_at: float | None, source: str, renewal: str = ""
) -> None:
    if expires_at is None:
        findings.ok(area, "credentials", f"{who}; the token shows no expiry")
        return
    day = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%d")
    left = (expires_at - time.time()) / 86400
    said = f"{who}; expires {day}, in {max(left, 0):.0f} days"
    if left < LAPSES_SOON:
        todo = f"{renewal[0].upper()}{renewal[1:]}." if renewal else f"Make a new token and update {source}."
        findings.warn(area, "credentials", said, todo)
    else:
        findings.ok(area, "credentials", said)


def _domains(run: Run, index: Table[CatalogAsset], findings: Findings) -> None:
    domains = domains_of(index)
    schemas = [asset for asset in index.rows if asset.level == "schema"]
    connections = [asset for asset in index.rows if asset.level == "connection"]
    if not run.integration.domains:
        findings.ok(
            run.name,
            "domains",
            f"none configured, the whole catalog takes part: {len(connections)} connections, "
            f"{len(schemas)} schemas, {len(domains)} domains",
        )
        return
    above: dict[tuple[str, str | None], CatalogAsset] = {
        (asset.connection, asset.database): asset for asset in index.rows if asset.level == "database"
    }
    by_name = {asset.qualified_name: asset for asset in connections}
    for word in run.integration.domains:
        scope = domain_scope(domains, [word])
        inside = sum(
            scope.covers((one, above.get((one.connection, one.database)), by_name.get(one.connection)))
            for one in schemas
        )
        paths = sorted((scope.name(id_) for id_ in scope.wanted), key=lambda path: (path.count("/"), path))
        below = f", with {len(paths) - 1} subdomains" if len(paths) > 1 else ""
        text = f"{paths[0]}{below}: {inside} schemas"
        if inside:
            findings.ok(run.name, "domain", text)
        else:
            todo = "Put assets into the domain in the catalog, unless single tables in it are all you want."
            findings.warn(run.name, "domain", text, todo)


def _placement(run: Run, index: Table[CatalogAsset], findings: Findings) -> Mapping[str, Placement]:
    with findings.trying(run.name, "placement"):
        placed = place_datastores(run, index)
    counts = Counter(one.bucket for one in placed.values())
    text = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in BUCKETS if counts[name])
    if placed and not counts["matched"]:
        findings.fail(
            run.name,
            "placement",
            f"no datastore has a place in the catalog: {text}",
            "See the lines below; compare connectors, databases and schemas of both sides.",
        )
    else:
        findings.ok(run.name, "placement", text or "no datastores")
    astray = {
        key: one for key, one in placed.items() if one.bucket not in ("matched", "unsupported", "excluded")
    }
    for key, one in list(astray.items())[:UNPLACED]:
        todo = (
            f"Add to the config: {one.hint}" if one.hint else "Name its schema under mappings, or exclude it."
        )
        findings.warn(run.name, "placement", f"{key}: {one.bucket.replace('_', ' ')}: {one.reason}", todo)
    if len(astray) > UNPLACED:
        findings.warn(
            run.name,
            "placement",
            f"{len(astray) - UNPLACED} more have no place",
            "qsync plan names them all.",
        )
    return placed
