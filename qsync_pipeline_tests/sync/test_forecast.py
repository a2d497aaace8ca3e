"""The forecast of requests and minutes (``qsync plan``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from qsync_pipeline.catalogs.base import Catalog, Surface
from qsync_pipeline.core.rows import Change
from qsync_pipeline.sync.forecast import Load, forecast
from qsync_pipeline.sync.replacing import CHUNK, FEW


class Fake:
    """A catalog that takes fifty assets in a write, and ten rows, each such call with its job."""

    surfaces = (
        Surface("values", "attributes", call="entities", per_call=50),
        Surface("banners", "alerts", call="entities", per_call=50),
        Surface("rows", "health", per_call=10, polls=2),
    )
    writes_carry_names = False

    def fits(self, assets: Sequence[object]) -> int:
        return min(50, len(assets))

    def reread_costs(self, ids: Sequence[str], *, roles: object = None) -> int:
        return -(-len(ids) // 25)


class Careful(Fake):
    writes_carry_names = True


def lines(surface: str, number: int, action: Any = "update", **more: Any) -> list[Change]:
    return [Change(surface, action, f"container:{n}", "x", str(n), **more) for n in range(number)]


def load(*changes: Change, read_back: Any = "none", kind: type[Fake] = Fake) -> dict[str, Load]:
    read, budgets = {"catalog": 10, "qualytics": 20}, {"catalog": 300, "qualytics": 3000}
    return forecast({"1-x": changes}, cast(Catalog, kind()), read, budgets, read_back)


def test_a_plan_with_nothing_to_do_costs_what_it_took_to_read() -> None:
    found = load(*lines("values", 5, "note"), *lines("values", 5, status="skipped"))
    assert found == {"catalog": Load(10, 0, 300), "qualytics": Load(20, 0, 3000)}
    assert found["catalog"].minutes == round(10 / 300, 2)


def test_surfaces_that_share_a_call_are_counted_by_asset() -> None:
    assert load(*lines("values", 101))["catalog"].writes == 1 + 2, "the first goes alone"
    assert load(*lines("values", 101), *lines("banners", 101))["catalog"].writes == 1 + 2
    rows = load(*lines("rows", 11))["catalog"]
    assert (rows.writes, rows.reads) == (2, 10 + 2 * 2), "two calls, each with its job"


def test_the_first_write_on_every_connection_goes_alone() -> None:
    both = [*lines("values", 10, connection="a"), *lines("values", 10, connection="b")]
    for number, line in enumerate(both):
        both[number] = msgspec.structs.replace(line, target=str(number))
    assert load(*both)["catalog"].writes == 2 * 2


def test_alerts_are_read_before_and_what_was_written_after() -> None:
    assert load(*lines("banners", 51))["catalog"].reads == 10 + 1 + 2
    assert load(*lines("values", 401), read_back="sample")["catalog"].reads == 10 + 1 + 8
    assert load(*lines("values", 401), read_back="all")["catalog"].reads == 10 + 1 + 16


def test_where_a_write_carries_names_everything_is_read_before() -> None:
    assert load(*lines("values", 51), kind=Careful)["catalog"].reads == 10 + 1 + 2
    assert load(*lines("values", 1001), kind=Careful)["catalog"].reads == 10, "too many to be careful"


def test_tags_and_their_definitions_go_to_qualytics() -> None:
    found = load(*lines("external_tags", 25), *lines("tag_definitions", 2))["qualytics"]
    assert (found.reads, found.writes) == (20 + 1 + 25 + 2, 25 + 2)


def test_more_objects_of_a_datastore_than_a_few_go_by_the_chunk() -> None:
    few, many = (
        load(*lines("external_tags", FEW))["qualytics"],
        load(*lines("external_tags", FEW + 1))["qualytics"],
    )
    assert few.writes == FEW
    assert many.writes == -(-(FEW + 1) // CHUNK)
