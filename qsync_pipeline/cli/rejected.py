"""``qsync rejected``: items that a system refused, kept until they go through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from qsync_pipeline.cli.display import console
from qsync_pipeline.cli.echo import say_json
from qsync_pipeline.cli.history import objects
from qsync_pipeline.cli.options import config_option
from qsync_pipeline.cli.plain import brief, harmless, iso, when
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.ledger import Ledger, Rejected
from qsync_pipeline.sync.planning import TRANSIENT

CLASSES = ("permission", "validation", "missing", "throttle", "server", "conflict")


@click.group(name="rejected")
def command() -> None:
    """Items that a system refused: look at them, have them tried again, forget them.

    Each is kept with what was to be written, the answer and its class. It is tried again by itself when the
    value or our permissions changed, in the next run when the reason was passing (throttle, server,
    conflict), and after a day (retry_rejected_after_hours).
    """


def _filters(function: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        config_option,
        click.option("--integration", metavar="NAME", default="", help="Only of this integration."),
        click.option("--datastore", metavar="KEY", default="", help="Only of this datastore, by its key."),
        click.option("--surface", metavar="NAME", default="", help="Only of this surface."),
        click.option(
            "--class", "error_class", type=click.Choice(CLASSES), default=None, help="Only of this class."
        ),
        click.option("--asset", metavar="NAME|ID", default="", help="Only on this object."),
        click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command(name="list")
@_filters
def list_(as_json_: bool, **wanted: Any) -> None:
    """Show what stands rejected, oldest first."""
    config, found = _find(wanted)
    if as_json_:
        say_json({"rejected": [_object(one, config) for one in found]})
        return
    target = console(err=False)
    if not found:
        target.print("nothing stands rejected")
        return
    columns = (
        "class",
        "integration",
        "datastore",
        "surface",
        "object",
        "to be",
        "answer",
        "tries",
        "last",
        "next try",
    )
    rows = [
        (
            one.rejection.error_class,
            harmless(one.integration),
            one.datastore,
            one.surface,
            harmless(one.rejection.name or one.target),
            brief(one.rejection.payload),
            harmless(one.rejection.reason),
            str(one.rejection.attempts),
            when(one.rejection.at),
            _next(one, config),
        )
        for one in found
    ]
    show_table(target, columns, rows, numbers=False)


@command.command(name="retry")
@_filters
def retry(as_json_: bool, **wanted: Any) -> None:
    """Have the next sync try these again, whatever their class; without a filter, all."""
    _change(wanted, "retry", as_json_=as_json_)


@command.command(name="drop")
@_filters
@click.option("--all", "everything", is_flag=True, help="Yes, all of them: for a drop without any filter.")
def drop(as_json_: bool, everything: bool, **wanted: Any) -> None:
    """Forget these. What is still to be written is tried by the next sync as if it were new."""
    named = any(value for name, value in wanted.items() if name != "config_path")
    if not named and not everything:
        raise click.UsageError("Name what to forget (--asset, --class, ...), or say --all.")
    _change(wanted, "drop", as_json_=as_json_)


def _change(wanted: dict[str, Any], what: str, *, as_json_: bool) -> None:
    config, found = _find(wanted)
    with Ledger.open(config.ledger.reveal_url()) as ledger:
        done = ledger.rejections.retry(found) if what == "retry" else ledger.rejections.drop(found)
    if as_json_:
        word = {"retry": "marked", "drop": "dropped"}[what]
        say_json({word: done, "rejected": [_object(one, config) for one in found]})
        return
    items = "1 item" if done == 1 else f"{done} items"
    said = f"{items} will be tried by the next sync" if what == "retry" else f"{items} forgotten"
    console(err=False).print(said)


def _find(wanted: dict[str, Any]) -> tuple[Config, list[Rejected]]:
    config = load_config(wanted["config_path"], check_secrets=False)
    if wanted["integration"]:
        config.integration(wanted["integration"])
    with Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger:
        targets, names = objects(ledger, wanted["asset"]) if wanted["asset"] else ((), ())
        found = ledger.rejections.find(
            integration=wanted["integration"],
            datastore=wanted["datastore"],
            surface=wanted["surface"],
            error_class=wanted["error_class"] or "",
        )
    if wanted["asset"]:
        found = [one for one in found if one.target in targets or one.rejection.name in names]
    return config, found


def _next(one: Rejected, config: Config) -> str:
    """When the item is tried again by itself."""
    if one.rejection.retry:
        return "next sync, as asked"
    if one.rejection.error_class in TRANSIENT:
        return "next sync"
    named = [each for each in config.integrations if each.name == one.integration]
    if not named:
        return "never: the integration is not in the config"
    again = when(one.rejection.at + 3600.0 * named[0].retry_rejected_after_hours)
    changed = "value or permissions change" if one.rejection.error_class == "permission" else "value changes"
    return f"when its {changed}, or {again}"


def _object(one: Rejected, config: Config) -> dict[str, object]:
    kept = one.rejection
    return {
        "integration": one.integration,
        "datastore": one.datastore,
        "surface": one.surface,
        "object": kept.name,
        "id": one.target,
        "key": one.key,
        "action": kept.action,
        "payload": kept.payload,
        "class": kept.error_class,
        "answer": kept.reason,
        "attempts": kept.attempts,
        "first": iso(kept.first_at),
        "last": iso(kept.at),
        "retry": kept.retry,
        "next": _next(one, config),
    }
