"""``qsync plan``: what a sync would change, worked out for real and written nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from qsync_pipeline.cli.display import Display, console
from qsync_pipeline.cli.frame import carry_out
from qsync_pipeline.cli.options import Request, run_options
from qsync_pipeline.cli.plan_lines import ROWS, show_sections
from qsync_pipeline.cli.rehearsing import Rehearsed, header, rehearse
from qsync_pipeline.cli.running import Flags
from qsync_pipeline.cli.signals import Watch
from qsync_pipeline.cli.summary import Summary
from qsync_pipeline.sync.forecast import ASSUMES, Load
from qsync_pipeline.sync.planfile import write_plan


@click.command(name="plan")
@click.option("--all", "show_all", is_flag=True, help=f"Show every line. [default: {ROWS} per datastore]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the plan, for qsync apply: JSON lines, from which lines may be taken out.",
)
@run_options
def command(request: Request, show_all: bool, out: Path | None) -> int:
    """Show what a sync would change, and change nothing: in no system, no ledger, no Dagster instance.

    Every line has the value before and after, and the reason. A plan with changes is no error. Beside the
    lines stands how many requests a sync will send, and how long the request budgets make that.
    """
    done = Rehearsed()
    saved: dict[str, object] = {}

    def work(display: Display, watch: Watch, summaries: list[Summary]) -> None:
        nonlocal done
        done = rehearse(request, Flags(dry_run=True), display, watch)
        summaries += done.summaries
        if out is not None:
            saved.update(file=str(out), lines=write_plan(out, header("plan", request), done.lines))
            display.say(f"plan saved: {saved['lines']} lines in {out}")

    def show() -> None:
        target = console(err=request.as_json)
        show_sections(target, done.sections, show_all=show_all)
        for name, loads in done.loads.items():
            target.print(f"\n{name}: a sync would send {_said(loads)}")
            target.print(f"  assumes: {ASSUMES}")

    def more() -> Mapping[str, object]:
        loads = {
            name: {system: _numbers(load) for system, load in by.items()} for name, by in done.loads.items()
        }
        return {
            "forecast": {"integrations": loads, "assumes": ASSUMES},
            **({"saved": saved} if saved else {}),
        }

    return carry_out(request, work, dry_run=True, stopped="nothing was written", show=show, more=more)


def _said(loads: Mapping[str, Load]) -> str:
    return "; ".join(
        f"{load.calls} requests to {system} ({load.writes} write), {_minutes(load.minutes)} at "
        f"{load.per_minute} a minute"
        for system, load in loads.items()
    )


def _minutes(minutes: float) -> str:
    return "under a minute" if minutes < 1 else f"at least {minutes:.0f} min"


def _numbers(load: Load) -> dict[str, object]:
    return {
        "calls": load.calls,
        "reads": load.reads,
        "writes": load.writes,
        "per_minute": load.per_minute,
        "minutes": round(load.minutes, 2),
    }
