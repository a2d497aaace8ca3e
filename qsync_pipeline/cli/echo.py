"""The one way in which commands write to a terminal: without secrets, and without orders from outside."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from qsync_pipeline.outside_text import for_terminal, json_line
from qsync_pipeline.transport.redact import redact, redact_within


def harmless(text: str) -> str:
    """Masks secrets, and shows control and direction characters instead of obeying them."""
    return for_terminal(redact(text))


def say(text: str = "", *, err: bool = False) -> None:
    """A line of text on standard output or standard error."""
    click.echo(harmless(text), err=err)


def say_json(content: object) -> None:
    """One line of JSON on standard output."""
    click.echo(json_line(redact_within(content)))


def say_csv(text: str) -> None:
    """CSV on standard output, its cells made harmless by whoever filled them."""
    click.echo(for_terminal(text), nl=False)


class SafeConsole(Console):
    """A console that adds rich's own colours, and lets nothing else through that a terminal would obey.

    Cells of tables are made harmless by whoever fills them (:func:`qsync_pipeline.cli.tables.show_table`).
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich does it; texts are made :func:`harmless` first."""
        super().print(*(_cleaned(one) for one in objects), **options)


def _cleaned(thing: Any) -> Any:
    if isinstance(thing, str):
        return harmless(thing)
    if isinstance(thing, Text) and not thing.spans:
        return Text(harmless(thing.plain), style=thing.style)
    return thing
