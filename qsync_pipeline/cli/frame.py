"""The frame around ``qsync sync`` and ``qsync plan``: signals, errors, the report, the exit status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qsync_pipeline.cli.display import Display, console, make_display
from qsync_pipeline.cli.echo import say, say_json
from qsync_pipeline.cli.options import Request
from qsync_pipeline.cli.signals import Watch, watching
from qsync_pipeline.cli.summary import Summary, status_of_all
from qsync_pipeline.cli.tables import show_summary
from qsync_pipeline.transport.errors import SyncError

Work = Callable[[Display, Watch, list[Summary]], None]
"""Runs what was asked for, and adds the summary of each integration as soon as it is through."""

NO_DATASTORES = (
    "Qualytics lists no datastore that this token may see: give its user's teams access to the datastores, "
    "or use another token"
)


def carry_out(
    request: Request,
    work: Work,
    *,
    dry_run: bool,
    stopped: str,
    show: Callable[[], None] = lambda: None,
    more: Callable[[], Mapping[str, object]] = dict,
) -> int:
    """Do the work and report; returns the exit status.

    ``show`` prints what comes before the summaries, ``stopped`` says what a signal left behind, ``more`` is
    what the JSON object has beside the integrations. Errors that end the command go up after the JSON line
    was printed.
    """
    display = make_display(err=request.as_json, quiet=request.quiet)
    summaries: list[Summary] = []
    with watching() as watch:
        try:
            work(display, watch, summaries)
        except KeyboardInterrupt:
            display.end()
        except SyncError as problem:
            display.end()
            if request.as_json:
                _print_json(summaries, {**more(), "error": str(problem)})
            raise
        if not request.quiet:
            show()
            target = console(err=request.as_json)
            for summary in summaries:
                show_summary(target, summary, dry_run=dry_run)
        if request.as_json:
            _print_json(summaries, more())
        if watch.signal:
            say(f"qsync: stopped; {stopped}", err=True)
            return watch.status
    return status_of_all(summaries)


def _print_json(summaries: Sequence[Summary], more: Mapping[str, object]) -> None:
    """One line on standard output."""
    integrations = {one.ran.integration: one.to_json() for one in summaries}
    say_json({"integrations": integrations, **more})
