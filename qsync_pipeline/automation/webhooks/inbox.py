"""Keeps what was told: a message is acknowledged when its events are committed, and not before."""

from __future__ import annotations

import asyncio
import queue
import threading
from dataclasses import dataclass

from qsync_pipeline.automation.webhooks.places import Places
from qsync_pipeline.automation.webhooks.told import Told
from qsync_pipeline.ledger import Event, Ledger

_MOST = 500
"""Messages in one transaction."""


@dataclass(frozen=True)
class Receipt:
    """What became of one message: events noted, and events that were known already."""

    noted: int
    known: int


@dataclass(frozen=True)
class _Waiting:
    told: Told
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Receipt]


class Inbox:
    """One thread that writes to the ledger; whatever waits while it writes goes into its next transaction.

    So a burst costs a few commits rather than one each, and the event loop never waits for the database.
    Start it, and close it when no message can come any more.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._places = Places(ledger)
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="qsync-inbox", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what still waits, then end."""
        self._waiting.put(None)
        self._thread.join()

    async def put(self, told: Told) -> Receipt:
        """Keep the events of a message. When this returns they are on disk.

        Raises what the ledger raises (:class:`~qsync_pipeline.ledger.LedgerUnavailable`); then nothing of the
        message was kept, and its sender has to be told so.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Receipt] = loop.create_future()
        self._waiting.put(_Waiting(told, loop, answer))
        return await answer

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = [first], False
            while len(batch) < _MOST and not last:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                else:
                    batch.append(more)
            self._keep(batch)
            if last:
                return

    def _keep(self, batch: list[_Waiting]) -> None:
        try:
            receipts = self._write([one.told for one in batch])
        except Exception as problem:  # whatever it is, the senders wait for an answer
            if len(batch) > 1:
                for one in batch:  # one message that the database cannot take must not hold up the others
                    self._keep([one])
                return
            _settle(batch[0], problem)
            return
        for one, receipt in zip(batch, receipts, strict=True):
            _settle(one, receipt)

    def _write(self, messages: list[Told]) -> list[Receipt]:
        found = self._places.events(messages)
        every = [event for events in found for event in events]
        known = self._ledger.events.known([event.key for event in every])
        if len(known) < len({event.key for event in every}):
            self._ledger.events.note(event for event in every if event.key not in known)
        return [_receipt(events, known) for events in found]


def _receipt(events: list[Event], known: set[str]) -> Receipt:
    """``known`` grows by what this message brought: the next one of the batch repeats it."""
    new = {event.key for event in events} - known
    known |= new
    return Receipt(noted=len(new), known=len(events) - len(new))


def _settle(one: _Waiting, result: Receipt | Exception) -> None:
    def set_result() -> None:
        if one.answer.cancelled():
            return
        if isinstance(result, Receipt):
            one.answer.set_result(result)
        else:
            one.answer.set_exception(result)

    # A loop that was closed meanwhile has nobody left who waits.
    if not one.loop.is_closed():
        one.loop.call_soon_threadsafe(set_result)
