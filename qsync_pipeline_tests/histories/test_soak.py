"""The same laws over many more histories, and over a real sandbox and ``qsync sync``; see ``make soak``.

50,000 histories at about 0.18 CPU seconds each: an hour and a quarter on two cores (reckoned from a share).
"""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.histories.served import served_history
from qsync_pipeline_tests.histories.telling import histories

CATALOGS = [("atlan",), ("alation",), ("atlan", "alation")]


@pytest.mark.soak
@pytest.mark.parametrize("which", range(1000, 1100))
def test_fifty_thousand_histories_end_well(which: int) -> None:
    domains = ("Finance",) if which % 4 == 3 else ()
    histories(500, CATALOGS[which % 3], which=which, domains=domains)


@pytest.mark.soak
@pytest.mark.parametrize("which", range(3, 53))
def test_histories_over_http_and_the_command_line_end_well(which: int) -> None:
    served_history(which, CATALOGS[which % 3])
