"""The command line ``qsync``: a group that imports a command only when it is called.

A command is the object ``command`` in ``qsync_pipeline/cli/<name>.py``; it may return its exit status.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import traceback

import click

from qsync_pipeline import __version__
from qsync_pipeline.transport.errors import SyncError

COMMANDS = {
    "doctor": "Check the config, the systems behind it and what the tokens may do.",
    "plan": "Show what a sync would change, and change nothing.",
    "sync": "Bring Qualytics and the catalogs in step.",
    "apply": "Carry out a saved plan, line by line, where nothing has changed since.",
    "approve": "Let through what the guards have parked, once.",
    "revert": "Undo what one run changed.",
    "retire": "Take back all that an integration has put anywhere.",
    "explain": "Say why an object is, or is not, in step.",
    "history": "Show what was changed, when, by which run, and whether it was seen since.",
    "rejected": "Look at what a system refused; have it tried again, or forget it.",
    "ledger": "Copy the ledger, and put a copy back.",
    "webhooks": "Take webhooks, so that what happened elsewhere starts a sync at once.",
    "sandbox": "Serve local Qualytics and catalogs to try things on.",
    "demo": "Start a sandbox and the Dagster UI, and sync once.",
}
"""Every command there may be, with its line in ``qsync --help``, so that the help imports none of them."""

EXIT_REJECTED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """Commands by module; those whose module is not there do not exist."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _exists(cmd_name):
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        _collect_again()
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


def _collect_again() -> None:
    """What is loaded stays: it is looked through neither while it is loaded nor later. That is a fifth of the
    time of loading, and a seventh of that of a sync with nothing to do (measured on the demo estate)."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _exists(name: str) -> bool:
    return importlib.util.find_spec(f"{__name__}.{name}") is not None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qsync")
def group() -> None:
    """Keep Qualytics and data catalogs (Atlan, Alation) in step, both ways.

    Exit status: 0 in step; 1 something was rejected, parked or failed; 2 wrong config or usage;
    3 a system could not be reached or refused the credentials.
    """


def main() -> None:
    """Entry point of ``qsync``: errors a user can act on are one message and a status, never a traceback.

    What nobody foresaw has one, without secrets and without what a terminal would obey.
    """
    gc.disable()  # while modules are loaded, which no collection would find garbage in
    try:
        status = run(sys.argv[1:])
    except Exception:
        from qsync_pipeline.cli.echo import say  # imported late: it brings rich

        say(f"{traceback.format_exc()}qsync: this should not have happened; please report it", err=True)
        status = EXIT_REJECTED
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status (DESIGN.md §6)."""
    try:
        status = group.main(args=arguments, prog_name="qsync", standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except SyncError as problem:
        from qsync_pipeline.cli.echo import say  # imported late: it brings rich

        say(f"qsync: {problem}", err=True)
        return status_of(problem)
    return status if isinstance(status, int) else 0


def status_of(problem: SyncError) -> int:
    """The exit status for an error that ended a command."""
    return problem.exit_status
