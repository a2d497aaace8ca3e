"""Tells many histories in one process: configs stay read and statements compiled, all else is new."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import nullcontext

from hypothesis import HealthCheck, Phase, currently_in_test_context, given, note, seed, settings

from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.estates import WAYS, estate_of, places, ways
from qsync_pipeline_tests.histories.pages import small_pages
from qsync_pipeline_tests.histories.settings import SETTINGS
from qsync_pipeline_tests.histories.settings import settings as drawn
from qsync_pipeline_tests.histories.steps import Step, steps
from qsync_pipeline_tests.histories.story import Story
from qsync_pipeline_tests.histories.wire import Wire, wired

Places = list[tuple[str, list[str]]]


def history(
    catalogs: Sequence[str],
    where: Places,
    happened: Sequence[Step],
    *,
    way: int = 0,
    setting: int = 0,
    domains: Sequence[str] = (),
) -> Story:
    """One history from beginning to end; raises ``AssertionError`` where a law is broken. Every other ``way``
    has lists of several pages."""
    clock = Clock()
    wires: list[Wire] = []
    with virtual_time(clock), wired(lambda: wires[-1]), small_pages() if way % 2 else nullcontext():
        story = Story(estate_of(where), catalogs, domains, clock, WAYS[way], SETTINGS[setting])
        wires.append(story.world.wire)
        try:
            story.tell(happened)
            story.end()
        except BaseException:
            for line in story.told if currently_in_test_context() else ():
                note(line)
            raise
    return story


def histories(number: int, catalogs: Sequence[str], *, which: int, domains: Sequence[str] = ()) -> None:
    """So many random histories, always the same ones for the same ``which``. A failure is shown at its
    smallest, as estate, steps, and what came of them."""

    @seed(which)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(where=places, way=ways, setting=drawn, happened=steps)
    def end_well(where: Places, way: int, setting: int, happened: list[Step]) -> None:
        history(catalogs, where, happened, way=way, setting=setting, domains=domains)

    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(100_000)  # nearly everything lives as long as its history
    try:
        end_well()
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
