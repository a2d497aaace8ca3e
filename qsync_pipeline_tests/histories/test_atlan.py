"""Random histories with Atlan as the catalog; see :mod:`.story` for what has to hold."""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.histories.telling import histories

CATALOGS = ("atlan",)


@pytest.mark.parametrize(("number", "which", "domains"), [(150, 1, ()), (25, 100, ("Finance",))])
def test_after_any_history_one_sync_sets_it_right_and_a_second_is_quiet(
    number: int, which: int, domains: tuple[str, ...]
) -> None:
    histories(number, CATALOGS, which=which, domains=domains)
