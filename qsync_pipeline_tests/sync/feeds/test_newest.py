"""Reading a list newest first: nothing new is passed over, whatever happens while it is read."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qsync_pipeline.sync.feeds.newest import AHEAD, LATE_PAGES, MOST_PAGES, OVERLAP, Mark, read_newest
from qsync_pipeline.transport.paging import Page

START = 1_800_000_000.0
NOW = START


class Item(msgspec.Struct, frozen=True):
    id: int
    at: float

    @property
    def created(self) -> str:
        return datetime.datetime.fromtimestamp(self.at, datetime.UTC).isoformat()


class Shelf:
    """A list on a server. ``before_page`` may change it while it is read."""

    def __init__(self, size: int = 3) -> None:
        self.items: list[Item] = []
        self.size = size
        self.calls = 0
        self.before_page: Callable[[int], None] = lambda number: None

    def put(self, *ids: int, at: float = START) -> None:
        self.items += [Item(number, at) for number in ids]

    def fetch(self, page: int) -> Page[Item]:
        self.before_page(page)
        self.calls += 1
        rows = sorted(self.items, key=lambda item: (-item.at, -item.id))
        begin = (page - 1) * self.size
        part = rows[begin : begin + self.size]
        return Page(part, len(rows), page, self.size, -(-len(rows) // self.size))


def ids(items: list[Item]) -> list[int]:
    return sorted(item.id for item in items)


def test_a_row_from_a_far_future_does_not_hide_all_that_come_before_it() -> None:
    shelf = Shelf()
    shelf.put(1)
    mark = read_newest(shelf.fetch, None, NOW).mark
    shelf.put(2, at=NOW + 2 * AHEAD)
    first = read_newest(shelf.fetch, mark, NOW + 10)
    shelf.put(3, at=NOW + 20)
    assert (ids(first.new), ids(read_newest(shelf.fetch, first.mark, NOW + 20).new)) == ([2], [3])


def test_a_first_reading_finds_nothing_new_and_marks_the_top() -> None:
    shelf = Shelf()
    shelf.put(1, 2)
    first = read_newest(shelf.fetch, None, NOW)
    assert (first.new, first.behind) == ([], False)
    assert read_newest(shelf.fetch, first.mark, NOW).new == []


def test_rows_of_the_same_time_as_the_mark_are_new_if_they_were_not_seen() -> None:
    shelf = Shelf()
    shelf.put(1, 2)
    mark = read_newest(shelf.fetch, None, NOW).mark
    shelf.put(3, 4)
    assert ids(read_newest(shelf.fetch, mark, NOW).new) == [3, 4]


def test_a_row_that_comes_late_is_found_within_the_overlap_and_old_rows_are_not_new() -> None:
    shelf = Shelf(size=10)
    shelf.put(1, at=START - 2 * OVERLAP)
    shelf.put(2)
    mark = read_newest(shelf.fetch, None, NOW).mark
    shelf.put(3, at=START - OVERLAP / 2)
    shelf.put(4, at=START - 3 * OVERLAP)
    assert ids(read_newest(shelf.fetch, mark, NOW).new) == [3]


def test_without_anything_new_one_page_is_read_and_after_a_burst_a_few() -> None:
    shelf = Shelf()
    shelf.put(*range(1, 40))
    shelf.put(50, at=START + 2 * OVERLAP)
    mark = read_newest(shelf.fetch, None, NOW).mark
    shelf.calls = 0
    assert read_newest(shelf.fetch, mark, NOW).new == []
    assert shelf.calls == 1
    shelf.put(*range(51, 80), at=START + 2 * OVERLAP)
    mark = read_newest(shelf.fetch, mark, NOW).mark
    shelf.calls = 0
    assert read_newest(shelf.fetch, mark, NOW).new == []
    assert shelf.calls == LATE_PAGES
    shelf.calls = 0
    mark = read_newest(shelf.fetch, mark, NOW + OVERLAP).mark
    assert shelf.calls == LATE_PAGES
    shelf.calls = 0
    assert read_newest(shelf.fetch, mark, NOW + OVERLAP).new == []
    assert shelf.calls == 1


def test_what_goes_while_it_is_read_takes_nothing_along() -> None:
    shelf = Shelf()
    shelf.put(1, at=START - OVERLAP * 2)
    mark = read_newest(shelf.fetch, None, NOW).mark
    shelf.put(*range(2, 9))

    def lose_the_newest(page: int) -> None:
        if page == 2:
            shelf.items = [item for item in shelf.items if item.id != 8]

    shelf.before_page = lose_the_newest
    reading = read_newest(shelf.fetch, mark, NOW)
    assert set(range(2, 8)) <= {item.id for item in reading.new}
    assert not reading.behind


def test_what_comes_while_it_is_read_is_read_now_or_next_time() -> None:
    shelf = Shelf()
    shelf.put(1)
    mark = read_newest(shelf.fetch, None, NOW).mark
    shelf.put(*range(2, 9), at=START + 1)
    shelf.before_page = lambda page: shelf.put(100 + page, at=START + 2) if page == 2 else None
    first = read_newest(shelf.fetch, mark, NOW)
    shelf.before_page = lambda page: None
    second = read_newest(shelf.fetch, first.mark, NOW)
    assert {*ids(first.new), *ids(second.new)} >= {*range(2, 9), 102}


def test_whoever_is_too_far_behind_is_told_so_and_reads_no_more_than_his_share() -> None:
    shelf = Shelf()
    shelf.put(1, at=START)
    mark = read_newest(shelf.fetch, None, NOW).mark
    for number in range(2, 200):
        shelf.put(number, at=START + number * OVERLAP)
    shelf.calls = 0
    reading = read_newest(shelf.fetch, mark, NOW)
    assert reading.behind
    assert shelf.calls == MOST_PAGES
    assert not read_newest(shelf.fetch, reading.mark, NOW).behind


def test_a_list_that_never_holds_still_is_not_believed() -> None:
    shelf = Shelf()
    shelf.put(1, at=START - OVERLAP * 2)
    mark = read_newest(shelf.fetch, None, NOW).mark
    shelf.put(*range(2, 30))

    def lose_one(page: int) -> None:
        if page > 1:
            shelf.items.pop()

    shelf.before_page = lose_one
    assert read_newest(shelf.fetch, mark, NOW).behind


@settings(max_examples=300, deadline=None)
@example([("put", 1, 0.0), ("read", 0, 0.0), ("put", 1, 1.0), ("wait", 600, 0.0)], 1)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(0, 3), st.floats(0, OVERLAP - 1)),
            st.tuples(st.just("read"), st.just(0), st.just(0.0)),
            st.tuples(st.just("wait"), st.integers(0, 2000), st.just(0.0)),
            st.tuples(st.just("lose"), st.integers(0, 5), st.just(0.0)),
        ),
        max_size=30,
    ),
    st.integers(1, 4),
)
def test_every_row_is_told_once_or_the_reading_says_that_it_is_behind(
    steps: list[tuple[str, int, float]], size: int
) -> None:
    """Rows come on time or late by less than the overlap, many at one time; rows go; pages are small."""
    shelf, now, number = Shelf(size), START, 0
    mark: Mark = read_newest(shelf.fetch, None, NOW).mark
    told: list[int] = []
    wanted: set[int] = set()
    excused: set[int] = set()
    read_at = now
    for what, amount, late in [*steps, ("read", 0, 0.0)]:
        if what == "put":
            for _ in range(amount):
                number += 1
                # How late a row may come is promised for quiet times only.
                is_quiet = len(shelf.items) < size * LATE_PAGES
                shelf.put(number, at=now - late if is_quiet else max(read_at, now - late))
                wanted.add(number)
        elif what == "wait":
            now += amount
        elif what == "lose" and shelf.items:
            gone = shelf.items.pop(amount % len(shelf.items))
            excused.add(gone.id)
        elif what == "read":
            reading = read_newest(shelf.fetch, mark, now)
            mark, read_at = reading.mark, now
            told += ids(reading.new)
            if reading.behind:
                excused |= wanted
    assert len(told) == len(set(told))
    assert wanted - excused <= set(told)
