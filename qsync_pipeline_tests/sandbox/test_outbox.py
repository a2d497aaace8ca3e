"""Messages on their way: copies, order, retries, and who may receive."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.outbox import Letter, Outbox, Receiver, parse_receiver, post
from qsync_pipeline.sandbox.rehearsal import rehearse

URL = "http://127.0.0.1:9/hook"


class World:
    """An outbox that delivers into a list, and refuses the first ``failures`` letters."""

    def __init__(self, failures: int = 0, **options: Any) -> None:
        self.now = 0.0
        self.got: list[bytes] = []
        self._failures = failures
        self.outbox = Outbox(lambda: self.now, self.take, **options)

    def take(self, letter: Letter) -> bool:
        self.got.append(letter.body)
        self._failures -= 1
        return self._failures < 0

    def tell(self, count: int, **receiver: Any) -> list[int]:
        one = Receiver(URL, "fake-secret", **receiver)
        for number in range(count):
            self.outbox.put(one, b"%d" % number)
        self.outbox.drain()
        return [int(body) for body in self.got]


def test_without_wishes_each_message_comes_once_in_the_order_of_what_happened() -> None:
    assert World().tell(50) == list(range(50))


def test_duplicates_and_disorder_on_demand_lose_nothing() -> None:
    got = World().tell(50, duplicate=3, shuffle=True)
    assert sorted(got) == sorted(list(range(50)) * 3)
    assert got != sorted(got)


def test_nothing_is_sent_before_it_is_pumped_and_never_by_a_rehearsal() -> None:
    world = World()
    world.outbox.put(Receiver(URL, ""), b"1")

    def rehearsed() -> None:
        world.outbox.put(Receiver(URL, ""), b"2")
        world.outbox.drain()

    assert rehearse(rehearsed) is None
    assert (world.got, world.outbox.counts()["waiting"]) == ([], 1)
    world.outbox.drain()
    assert world.got == [b"1"]


def test_a_refused_message_is_tried_again_after_each_wait_and_then_given_up() -> None:
    world = World(failures=9, retries=(1.0, 5.0))
    world.tell(1)
    for now, tries in ((0.9, 1), (1.1, 2), (6.0, 2), (6.2, 3), (60.0, 3)):
        world.now = now
        world.outbox.drain()
        assert len(world.got) == tries
    assert world.outbox.counts() == {"delivered": 0, "given_up": 1, "waiting": 0}


def test_a_receiver_that_is_dropped_gets_nothing_any_more() -> None:
    world = World()
    keep, drop = Receiver(URL, ""), Receiver(URL + "2", "")
    world.outbox.receivers += [keep, drop]
    world.outbox.put(keep, b"1")
    world.outbox.put(drop, b"2")
    assert (world.outbox.drop(drop.url), world.outbox.drop("http://127.0.0.1:9/other")) == (1, 0)
    world.outbox.drain()
    assert world.got == [b"1"]
    assert world.outbox.drop(None) == 1


def test_a_receiver_that_is_not_there_is_a_failed_delivery() -> None:
    assert post("http://127.0.0.1:1/hook", {}, b"x") is False
    with pytest.raises(ControlError, match="url"):
        post("file:///etc/hosts", {}, b"x")


def test_a_receiver_is_read_whole() -> None:
    given = {"system": "atlan", "url": URL, "secret": "s", "duplicate": 2, "shuffle": True, "form": "http"}
    assert parse_receiver(given) == Receiver(URL, "s", 2, True, "http")
    assert parse_receiver({"url": URL}) == Receiver(URL, "")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "object"),
        ({"url": "ftp://x"}, "url"),
        ({}, "url"),
        ({"url": URL, "secret": 5}, "secret"),
        ({"url": URL, "secret": "a\nb"}, "secret"),
        ({"url": URL, "duplicate": 0}, "duplicate"),
        ({"url": URL, "duplicate": True}, "duplicate"),
        ({"url": URL, "shuffle": 1}, "shuffle"),
        ({"url": URL, "form": "soap"}, "form"),
        ({"url": URL, "color": "red"}, "color"),
    ],
)
def test_a_wrong_receiver_is_refused_by_name_of_the_field(body: object, says: str) -> None:
    with pytest.raises(ControlError, match=says):
        parse_receiver(body)
