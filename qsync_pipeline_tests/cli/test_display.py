"""What a run shows while it goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from qsync_pipeline.cli.display import BarDisplay, LineDisplay, QuietDisplay, make_display
from qsync_pipeline.cli.tables import show_table
from qsync_pipeline.transport.redact import register_secret


def terminal() -> tuple[Console, io.StringIO]:
    screen = io.StringIO()
    return Console(file=screen, force_terminal=True, width=100, highlight=False, markup=False), screen


def test_a_terminal_has_a_bar_for_each_stage() -> None:
    target, screen = terminal()
    display = BarDisplay(target)
    display.begin("atlan: sync, both, 3 datastores", 3)
    display.stage_begins("catalog_assets")
    display.stage_at("catalog_assets", 2, 3)
    display.stage_ends("catalog_assets")
    display.stage_begins("external_tags")
    display.stage_ends("external_tags", "the token was refused")
    display.end()
    shown = screen.getvalue()
    assert "atlan: sync, both, 3 datastores" in shown
    assert "catalog_assets" in shown
    assert "3/3" in shown
    assert "external_tags failed: the token was refused" in shown


def test_a_stage_may_be_told_of_before_a_run_begins_or_after_it_ended() -> None:
    display = BarDisplay(terminal()[0])
    display.stage_begins("catalog_assets")
    display.stage_at("catalog_assets", 1, 3)
    display.stage_ends("catalog_assets")
    display.end()


def test_elsewhere_there_is_a_line_for_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    display = make_display(err=True, quiet=False)
    assert isinstance(display, LineDisplay)
    display.begin("atlan: sync, both, 3 datastores", 3)
    display.stage_begins("catalog_assets")
    display.stage_at("catalog_assets", 1, 3)
    display.stage_ends("catalog_assets")
    display.stage_begins("external_tags")
    display.stage_ends("external_tags", "the token was refused")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "atlan: sync, both, 3 datastores",
        "  catalog_assets: done (0.0 s)",
        "  external_tags: failed: the token was refused (0.0 s)",
    ]


def test_quiet_shows_failures_only(capsys: pytest.CaptureFixture[str]) -> None:
    display = make_display(err=False, quiet=True)
    assert isinstance(display, QuietDisplay)
    display.begin("atlan: sync, both, 3 datastores", 3)
    display.say("waiting for another run")
    display.stage_ends("catalog_assets")
    display.stage_ends("external_tags", "the token was refused")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "external_tags failed: the token was refused\n")


@pytest.mark.rule("5.6", "Secrets never reach")
def test_no_display_shows_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    register_secret("obviously-fake-secret")
    target, screen = terminal()
    for display in (LineDisplay(err=False), QuietDisplay(), BarDisplay(target)):
        display.say("it said obviously-fake-secret")
        display.stage_ends("external_tags", "it said obviously-fake-secret")
    said = capsys.readouterr()
    assert "obviously-fake-secret" not in said.out + said.err + screen.getvalue()
    assert "***" in said.out + screen.getvalue()


def test_columns_stand_below_each_other_whatever_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    target = Console(force_terminal=False, color_system=None, width=100_000)
    show_table(target, ("object", "n"), [("顧客", "1"), ("plain", "20")], numbers=True)
    assert capsys.readouterr().out.splitlines() == ["  object   n", "  顧客     1", "  plain   20"]
