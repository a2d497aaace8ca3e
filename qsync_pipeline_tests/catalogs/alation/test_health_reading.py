"""Data-health rows as they are read: on which object each stands."""

from __future__ import annotations

import pytest

from qsync_pipeline.catalogs.alation.health import HealthBook
from qsync_pipeline.catalogs.alation.models import HealthValue
from qsync_pipeline.transport.errors import Malformed

PREFIX = "qsync.alation."


@pytest.mark.parametrize(
    "where",
    [
        {"source_otype": "table", "source_oid": 93, "otype": "schema", "oid": 5},
        {"otype": "table", "oid": 93},
        {"object_key": "6.EDW.public.Orders"},
    ],
)
def test_a_row_stands_on_the_object_that_it_was_stored_on(where: dict[str, str | int]) -> None:
    value = HealthValue(f"{PREFIX}check:7", value_value=2, **where)  # type: ignore[arg-type]  # of the cases
    (row,) = HealthBook([value], PREFIX).rows("table:93", "6.EDW.PUBLIC.ORDERS", "ORDERS")
    assert (row.key, row.object, row.value) == ("check:7", "ORDERS", 2)


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_row_of_ours_that_names_no_object_is_not_gone() -> None:
    with pytest.raises(Malformed, match="names no object"):
        HealthBook([HealthValue(f"{PREFIX}check:7")], PREFIX)
    assert HealthBook([HealthValue("theirs.check:7")], PREFIX).rows("table:93", "6.S.T", "T") == ()
