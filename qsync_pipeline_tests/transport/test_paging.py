"""A list is read whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.transport.errors import Malformed
from qsync_pipeline.transport.paging import Page, parallel_map, read_pages


def pages_of(items: list[int], size: int) -> Callable[[int], Page[int]]:
    def fetch(number: int) -> Page[int]:
        part = items[(number - 1) * size : number * size]
        return Page(items=part, total=len(items), page=number, size=size, pages=-(-len(items) // size))

    return fetch


def read(fetch: Callable[[int], Page[int]], parallel: int = 4) -> list[int]:
    return read_pages(fetch, what="containers", system="Qualytics", parallel=parallel, key=lambda item: item)


@given(st.integers(0, 300), st.integers(1, 50), st.integers(1, 8))
def test_all_items_come_in_order_whatever_the_parallelism(total: int, size: int, parallel: int) -> None:
    assert read(pages_of(list(range(total)), size), parallel) == list(range(total))


@pytest.mark.parametrize("key", ["items", "total", "page", "size", "pages"])
def test_an_envelope_that_lacks_a_key_does_not_decode(key: str) -> None:
    whole: dict[str, object] = {"items": [], "total": 0, "page": 1, "size": 50, "pages": 0}
    del whole[key]
    with pytest.raises(msgspec.ValidationError, match=key):
        msgspec.json.decode(msgspec.json.encode(whole), type=Page[int])


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(items=[1], total=2, page=1, size=50, pages=1), "claims 2 items and holds 1"),
        (Page(items=[1, 2], total=1, page=1, size=50, pages=1), "claims 1 items and holds 2"),
        (Page(items=[1], total=1, page=2, size=50, pages=1), "page 1 of containers was answered with page 2"),
        (Page(items=[1], total=60, page=1, size=50, pages=1), "60 items on 1 pages"),
        (Page(items=[1], total=1, page=1, size=50, pages=5), "1 items on 5 pages"),
        (Page(items=[], total=-1, page=1, size=50, pages=0), "-1 items"),
        (Page(items=[1], total=10**9, page=1, size=1, pages=10**9), "1000000000 pages"),
    ],
)
def test_an_envelope_that_does_not_add_up_is_malformed(page: Page[int], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read(lambda _: page)


def test_a_page_that_repeats_itself_is_caught() -> None:
    with pytest.raises(Malformed, match="was answered with page 1"):
        read(lambda _: Page(items=[1, 2], total=4, page=1, size=2, pages=2))


def shifting(times: int) -> Callable[[int], Page[int]]:
    """A list that grows by one between its first and second page, for the first ``times`` reads."""
    reads = 0

    def fetch(number: int) -> Page[int]:
        nonlocal reads
        if number == 1:
            reads += 1
        items = list(range(5 if number > 1 and reads <= times else 4))
        return pages_of(items, 3)(number)

    return fetch


def test_a_list_that_changed_meanwhile_is_read_once_more() -> None:
    assert read(shifting(1)) == [0, 1, 2, 3]


def test_a_list_that_keeps_changing_is_malformed() -> None:
    with pytest.raises(Malformed, match="changed while it was read, twice in a row"):
        read(shifting(9))


def test_a_page_that_was_lost_once_is_read_again_with_the_rest() -> None:
    lost = [2]

    def fetch(number: int) -> Page[int]:
        page = pages_of([0, 1, 2, 3, 4], 2)(number)
        return Page(items=[4], total=5, page=lost.pop(), size=2, pages=3) if number in lost else page

    assert read(fetch, parallel=1) == [0, 1, 2, 3, 4]


@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 40), st.sets(st.integers(0, 29)), st.booleans())
def test_no_row_is_missed_when_as_many_rows_come_as_go(
    total: int, size: int, moment: int, going: set[int], in_front: bool
) -> None:
    """Before the request of number ``moment``; the new ones come at either end of the list."""
    stay = [row for row in range(total) if row not in going]
    new = list(range(100, 100 + total - len(stay)))
    asked = 0

    def fetch(number: int) -> Page[int]:
        nonlocal asked
        asked += 1
        now = list(range(total)) if asked <= moment else new + stay if in_front else stay + new
        return pages_of(now, size)(number)

    assert set(stay) <= set(read(fetch, parallel=1))


def test_an_item_on_two_pages_means_another_one_was_missed() -> None:
    def fetch(number: int) -> Page[int]:
        return Page(items=[1, 2] if number == 1 else [2, 3], total=4, page=number, size=2, pages=2)

    with pytest.raises(Malformed, match="names an item on two pages"):
        read(fetch)


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    lock, gauge = threading.Lock(), {"now": 0, "peak": 0}
    barrier = threading.Barrier(3)

    def work(item: int) -> int:
        with lock:
            gauge["now"] += 1
            gauge["peak"] = max(gauge["peak"], gauge["now"])
        barrier.wait(5)
        with lock:
            gauge["now"] -= 1
        return item * 2

    assert parallel_map(work, range(9), parallel=3) == [n * 2 for n in range(9)]
    assert gauge["peak"] == 3


def test_the_first_failure_ends_it_and_the_rest_is_not_started() -> None:
    started: list[int] = []

    noticed = threading.Event()

    def work(item: int) -> int:
        started.append(item)
        if item == 0:
            raise Malformed("item 0")
        noticed.wait(10)  # nobody goes on before the failure was seen
        return item

    threading.Timer(1, noticed.set).start()
    with pytest.raises(Malformed):
        parallel_map(work, range(1000), parallel=2)
    assert len(started) < 1000
