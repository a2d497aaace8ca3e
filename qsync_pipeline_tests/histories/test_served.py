"""Random histories over HTTP and ``qsync sync``: few here, fifty by ``make soak``."""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.histories.served import served_history

CATALOGS = [("atlan",), ("alation",), ("atlan", "alation")]


@pytest.mark.parametrize("which", range(3))
def test_a_history_over_http_and_the_command_line_ends_well(which: int) -> None:
    served_history(which, CATALOGS[which])
