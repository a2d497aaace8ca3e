"""The options that ``qsync sync`` and ``qsync plan`` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qsync_pipeline.config import Config, IntegrationConfig

if TYPE_CHECKING:  # commands that run no sync need none of what a sync does
    from qsync_pipeline.sync.run import Direction

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The qsync.yaml. [default: what QSYNC_CONFIG names; qsync.yaml here; the local sandbox's]",
)
quiet_option = click.option("--quiet", is_flag=True, help="Say only what went wrong.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Last line on stdout: one JSON object. The rest goes to stderr."
)


def datastores_option(what: str) -> Callable[..., Any]:
    """``--datastore``, for several; ``what`` begins its help."""
    return click.option(
        "--datastore",
        "datastores",
        multiple=True,
        metavar="KEY",
        help=f"{what}, by key (12-sales), id or name; may be repeated.",
    )


@dataclass(frozen=True)
class Request:
    """What a command line asks for; empty tuples mean all."""

    config_path: Path | None
    integrations: tuple[str, ...]
    direction: Direction
    datastores: tuple[str, ...]
    as_json: bool
    quiet: bool

    def chosen(self, config: Config) -> list[IntegrationConfig]:
        """The integrations, in the config's order; ``ConfigError`` for a name that it does not have."""
        wanted = [config.integration(name) for name in self.integrations] or list(config.integrations)
        return [one for one in config.integrations if one in wanted]


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options; it is called with ``request`` and its own."""

    def called(
        config_path: Path | None,
        integrations: tuple[str, ...],
        direction: Direction,
        datastores: tuple[str, ...],
        as_json: bool,
        quiet: bool,
        **own: Any,
    ) -> Any:
        request = Request(config_path, integrations, direction, datastores, as_json, quiet)
        return command(request=request, **own)

    called.__doc__ = command.__doc__
    options = (
        config_option,
        click.option(
            "--integration",
            "integrations",
            multiple=True,
            metavar="NAME",
            help="Only this one; may be repeated. [default: all, in the config's order]",
        ),
        click.option(
            "--direction",
            type=click.Choice(["pull", "push", "both"]),
            default="both",
            show_default=True,
            help="pull: tags into Qualytics; push: quality out to the catalog.",
        ),
        datastores_option("Only this one"),
        json_option,
        quiet_option,
    )
    for option in reversed(options):
        called = option(called)
    return called
