"""Random histories with both catalogs beside each other; see :mod:`.story` for what has to hold.

CI tells 2,000 histories in this folder's four files, which the processes of the suite share.
"""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.histories.telling import histories

CATALOGS = ("atlan", "alation")


@pytest.mark.parametrize("which", range(21, 23))
def test_after_any_history_one_sync_sets_it_right_and_a_second_is_quiet(which: int) -> None:
    histories(75, CATALOGS, which=which)
