"""``qsync explain``: why one object looks as it does, and what happens to it next."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from qsync_pipeline.cli.display import console
from qsync_pipeline.cli.echo import say, say_json
from qsync_pipeline.cli.options import config_option
from qsync_pipeline.cli.plain import brief, harmless, when
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.config import load_config
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.explaining import Explanation, Line, explain, to_json
from qsync_pipeline.sync.finding import Place, Stored, find, nearest

NOT_FOUND = 2
MOST = 20
"""Candidates that are listed for an ambiguous name."""
_COLUMNS = ("surface", "name", "stands now", "ours", "before us", "from", "why", "run", "when", "next")


@click.command(name="explain")
@config_option
@click.option(
    "--integration", "integrations", metavar="NAME", multiple=True, help="Only this one; may be repeated."
)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output.")
@click.argument("asset")
def command(config_path: Path | None, integrations: tuple[str, ...], as_json_: bool, asset: str) -> int:
    """Say why an object is as it is: with what it is paired and by which rule, or in which bucket it stands
    and which line of the config would settle it; where each tag and value came from; what comes next.

    ASSET is a name in the catalog (DB.SCHEMA.TABLE or DB.SCHEMA.TABLE.COLUMN), a name in Qualytics
    (DATASTORE, DATASTORE.TABLE or DATASTORE.TABLE.FIELD), an id or a URL of either. It is told from the
    ledger and from what the last runs read; no system is asked.
    """
    config = load_config(config_path, check_secrets=False)
    chosen = [config.integration(name).name for name in integrations] or [
        one.name for one in config.integrations
    ]
    with Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger:
        stored = Stored(config.storage, chosen, ledger.datastores.keys().values())
        found = find(stored, asset)
        if not found:
            return _not_found(stored, asset, as_json_=as_json_)
        units = {place.id for place in found if place.link}
        # What both catalogs alone have goes by another id in each.
        alone = max((sum(not p.link for p in found if p.integration == name) for name in chosen), default=0)
        if len(units) + alone > 1:
            return _ambiguous(found, asset, as_json_=as_json_)
        told = [explain(stored, ledger, place) for place in found]
    if as_json_:
        say_json(to_json(told))
        return 0
    for one in told:
        _show(console(err=False), one)
    return 0


def _not_found(stored: Stored, asset: str, *, as_json_: bool) -> int:
    near = nearest(stored, asset)
    if as_json_:
        say_json({"explanations": [], "nearest": near})
    said = f"qsync: found no {harmless(asset)} in what the last runs read"
    known = any(True for _ in stored.places())
    advice = (
        f"; near: {', '.join(map(harmless, near))}" if near else "" if known else "; run qsync sync first"
    )
    say(said + advice, err=True)
    return NOT_FOUND


def _ambiguous(found: list[Place], asset: str, *, as_json_: bool) -> int:
    if as_json_:
        rows = [{"integration": p.integration, "id": p.id, "name": p.name} for p in found]
        say_json({"explanations": [], "candidates": rows})
    say(f"qsync: {harmless(asset)} may mean several; name one of them, or its id:", err=True)
    lines = list(dict.fromkeys(map(_candidate, found)))  # what no catalog has, each integration tells alike
    for line in lines[:MOST]:
        say(line, err=True)
    if len(lines) > MOST:
        say(f"  ... and {len(lines) - MOST} more", err=True)
    return NOT_FOUND


def _candidate(place: Place) -> str:
    shown = place.link.asset_name if place.link else ""
    also = f" ({harmless(shown)} in {place.integration})" if shown else ""
    return f"  {harmless(place.id)}  {harmless(place.name)}{also}"


def _show(target: Console, one: Explanation) -> None:
    target.print()
    target.print(f"{harmless(one.object)} ({harmless(one.id)}), {one.integration}", style="bold")
    partners = ", ".join(f"{harmless(p.name)} ({harmless(p.id)})" for p in one.partners)
    if one.bucket == "matched":
        target.print(f"  paired with {partners}: {harmless(one.how)}")
    else:
        target.print(f"  {one.bucket.replace('_', ' ')}: {harmless(one.how)}")
        if partners and one.bucket != "catalog only":
            target.print(f"  seen: {partners}")
    if one.hint:
        target.print(f"  to settle it: {harmless(one.hint)}")
    target.print(
        f"  read: Qualytics {when(one.qualytics_read_at)}, {one.integration} {when(one.catalog_read_at)}"
    )
    if one.lines:
        show_table(target, _COLUMNS, [_row(line) for line in one.lines], numbers=False)


def _row(line: Line) -> tuple[str, ...]:
    return (
        line.surface,
        harmless(line.name),
        brief(line.now),
        brief(line.ours),
        brief(line.before),
        harmless(line.origin),
        harmless(line.rule) or "-",
        line.run[:8] or "-",
        when(line.at),
        harmless(line.next),
    )
