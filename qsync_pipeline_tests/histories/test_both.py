"""Random histories with both catalogs beside each other; see :mod:`.story` for what has to hold."""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.histories.telling import histories

CATALOGS = ("atlan", "alation")


@pytest.mark.parametrize("which", range(2))
def test_after_any_history_one_sync_sets_it_right_and_a_second_is_quiet(which: int) -> None:
    histories(25, CATALOGS, which=which)


@pytest.mark.parametrize("which", range(1))
def test_so_it_is_where_domains_decide(which: int) -> None:
    histories(25, CATALOGS, which=100 + which, domains=("Finance",))
