"""Random histories where only one domain of the catalog counts; see :mod:`.story` for what has to hold.

CI tells 2,000 histories in this folder's four files, which the processes of the suite share.
"""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.histories.telling import histories


@pytest.mark.parametrize(
    ("number", "which", "catalogs"),
    [
        (75, 31, ("atlan",)),
        (75, 32, ("atlan",)),
        (100, 33, ("alation",)),
        (50, 34, ("atlan", "alation")),
        (50, 35, ("atlan", "alation")),
    ],
)
def test_after_any_history_in_a_domain_one_sync_sets_it_right_and_a_second_is_quiet(
    number: int, which: int, catalogs: tuple[str, ...]
) -> None:
    histories(number, catalogs, which=which, domains=("Finance",))
