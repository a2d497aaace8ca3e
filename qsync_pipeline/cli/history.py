"""``qsync history``: what was changed, when, by which run, and whether it was seen since."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from qsync_pipeline.cli.display import console
from qsync_pipeline.cli.echo import say, say_csv, say_json
from qsync_pipeline.cli.options import config_option
from qsync_pipeline.cli.plain import as_csv, brief_change, harmless, iso, when
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.config import load_config
from qsync_pipeline.config.show import show
from qsync_pipeline.core.plan import OUTCOMES
from qsync_pipeline.ledger import JournalEntry, Ledger, Query
from qsync_pipeline.sync.finding import ids_in
from qsync_pipeline.transport.errors import ConfigError

COLUMNS = (
    "at", "integration", "datastore", "surface", "object", "key", "action", "before", "after", "outcome",
    "confirmed", "run", "actor", "reason", "id", "error_class",
)  # fmt: skip
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_AGE = re.compile(r"(\d+)([mhdw])")


@click.command(name="history")
@config_option
@click.option("--integration", metavar="NAME", default="", help="Only this integration.")
@click.option("--asset", metavar="NAME|ID", default="", help="Only this object: its name, id or URL.")
@click.option("--surface", metavar="NAME", default="", help="Only this surface (external_tags, ...).")
@click.option("--run", "run_id", metavar="ID", default="", help="Only this run; the start of its id will do.")
@click.option(
    "--since", metavar="TIME", default="", help="From then on: 2026-05-01, 2026-05-01T08:00, 36h, 7d."
)
@click.option("--outcome", type=click.Choice([one for one in OUTCOMES if one != "unchanged"]), default=None)
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="Lines; 0: all.")
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output.")
@click.option("--csv", "as_csv_", is_flag=True, help="CSV on standard output.")
def command(
    config_path: Path | None,
    integration: str,
    asset: str,
    surface: str,
    run_id: str,
    since: str,
    outcome: str | None,
    limit: int,
    as_json_: bool,
    as_csv_: bool,
) -> None:
    """Show what was changed, the newest first: from the ledger, without asking any system.

    Every change that was tried is there, with the value before and after, its run, who we were to the system
    that was written, what became of it, and whether it was seen there again since. How long it is kept:
    ledger.keep_days.
    """
    if as_json_ and as_csv_:
        raise click.UsageError("--json and --csv: choose one.")
    config = load_config(config_path, check_secrets=False)
    if integration:
        config.integration(integration)
    with Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger:
        targets, names = objects(ledger, asset) if asset else ((), ())
        wanted = Query(
            integration=integration,
            surface=surface,
            run_id=_run(ledger, run_id) if run_id else "",
            outcome=outcome or "",
            since=since_when(since) if since else None,
            targets=targets,
            names=names,
        )
        found = ledger.outcomes.find(wanted, limit=limit + 1 if limit else None)
    more = bool(limit) and len(found) > limit
    found = found[:limit] if limit else found
    if as_json_:
        say_json({"history": [_object(one) for one in found], "more": more})
    elif as_csv_:
        rows = [_object(one) for one in found]
        say_csv(as_csv(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]))
        if more:
            say("qsync: there is more (--limit 0 shows all)", err=True)
    else:
        _show(found, more=more)


def objects(ledger: Ledger, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids and names under which the journal may know an object: both sides of its pairings."""
    ids = {text, *ids_in(text)}
    names = {text}
    for pairing in ledger.links.named(ids, text):
        ids |= {pairing.unit, *pairing.assets}
        names |= {pairing.unit_name, pairing.asset_name}
    return tuple(sorted(ids)), tuple(sorted(names))


def since_when(text: str, now: float | None = None) -> float:
    """A time, or an age such as 36h; :class:`ConfigError` for anything else. Times without a zone are UTC."""
    if age := _AGE.fullmatch(text.strip()):
        return (time.time() if now is None else now) - int(age[1]) * _UNITS[age[2]]
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            f"--since: found {show(text)}; allowed: a time such as 2026-05-01T08:00, or an age "
            "such as 36h or 7d"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _run(ledger: Ledger, start: str) -> str:
    found = ledger.outcomes.run_ids(start)
    if start in found or not found:
        return start  # a run without changes has no line, which is the answer
    if len(found) > 1:
        raise ConfigError(f"--run: {harmless(start)} is the start of several: {', '.join(found)}")
    return found[0]


def _object(one: JournalEntry) -> dict[str, object]:
    return {
        "at": iso(one.at),
        "integration": one.integration,
        "datastore": one.datastore,
        "surface": one.surface,
        "object": one.name,
        "key": one.key,
        "action": one.action,
        "before": one.before,
        "after": one.after,
        "outcome": one.outcome,
        "confirmed": iso(one.confirmed_at) if one.confirmed == "seen" else one.confirmed or None,
        "run": one.run_id,
        "actor": one.actor or None,
        "reason": one.reason,
        "id": one.target,
        "error_class": one.error_class or None,
    }


def _show(found: list[JournalEntry], *, more: bool) -> None:
    target = console(err=False)
    if not found:
        target.print("nothing of the kind is in the journal")
        return
    columns = ("at", "integration", "surface", "object", "change", "outcome", "confirmed", "run")
    show_table(target, columns, [_row(one) for one in found], numbers=False)
    if more:
        target.print("  ... and more (--limit 0 shows all)")


def _row(one: JournalEntry) -> tuple[str, ...]:
    change = f"{one.action}: {brief_change(one.before, one.after)}"
    why = f": {harmless(one.reason)}" if one.outcome in ("rejected", "skipped", "parked") else ""
    return (
        when(one.at),
        harmless(one.integration),
        one.surface,
        harmless(one.name),
        change,
        f"{one.outcome}{why}",
        one.confirmed or "-",
        one.run_id[:8],
    )
