"""What a system tells receivers: webhooks and flow calls on their way, once, several times, in any order.

The systems only note what is to be sent; :meth:`Outbox.pump`, called from the server's loop, hands it to a
thread that sends, but never in a forked copy of the process: a rehearsal (:mod:`.rehearsal`) tells nobody.
"""

from __future__ import annotations

import os
import random
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, cast, get_args, runtime_checkable

from qsync_pipeline.sandbox.kernel import ControlError

Form = Literal["n8n", "http", "text"]
"""Qualytics only: the n8n action, an HttpAction with a JSON template, a Webhook with a rendered message."""
MOST_COPIES = 100
PATIENCE = 10.0
"""Seconds for one answer."""


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told.

    ``duplicate`` is how often each message is sent; ``shuffle`` mixes those that wait together. ``events``
    (Atlan) narrows to these; empty means all.
    """

    url: str
    secret: str
    duplicate: int = 1
    shuffle: bool = False
    form: Form = "n8n"
    events: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Letter:
    """One body on its way to one receiver; ``attempt`` counts the retries made, ``due`` is sandbox time."""

    receiver: Receiver
    body: bytes
    attempt: int = 0
    due: float = 0.0


@runtime_checkable
class TellsOthers(Protocol):
    """A system that calls receivers when something happens in it."""

    def subscribe(self, receiver: Receiver, *, validate: bool = True) -> None:
        """Tell this receiver from now on. Where the vendor asks a new one to answer first, ``validate`` does
        so; :class:`ControlError` if it does not. May wait for the receiver: not for the event loop."""

    def outbox(self) -> Outbox:
        """Its receivers and what is on its way to them."""

    def pump(self) -> None:
        """Bring about what is due by now, and send what waits."""


class Outbox:
    """Receivers of one system, and letters to them.

    ``retries`` are the waits before each retry, in sandbox time; ``send`` says whether the receiver took it.
    """

    def __init__(
        self,
        now: Callable[[], float],
        send: Callable[[Letter], bool],
        *,
        retries: Sequence[float] = (),
        seed: int = 0,
    ) -> None:
        self.receivers: list[Receiver] = []
        self.delivered = 0
        self.given_up = 0
        self._now = now
        self._send = send
        self._retries = retries
        self._random = random.Random(f"outbox-{seed}")
        self._waiting: deque[Letter] = deque()
        self._on_its_way = 0
        self._counting = threading.Lock()
        self._process = os.getpid()
        self._pool: ThreadPoolExecutor | None = None

    def put(self, receiver: Receiver, body: bytes, copies: int = 1) -> None:
        """Note a message; nothing is sent yet."""
        for _ in range(copies * receiver.duplicate):
            self._waiting.append(Letter(receiver, body))

    def pump(self) -> None:
        """Hand what is due to the sending thread; in a rehearsal's copy of the process, nothing."""
        if os.getpid() != self._process:
            return
        due: list[Letter] = []
        now = self._now()
        for _ in range(len(self._waiting)):
            letter = self._waiting.popleft()
            if letter.due <= now:
                due.append(letter)
            else:
                self._waiting.append(letter)
        if not due:
            return
        for letter in self._in_order(due):
            if self._pool is None:
                # One thread: what is not shuffled arrives in the order in which it happened.
                self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-outbox")
            with self._counting:
                self._on_its_way += 1
            self._pool.submit(self._deliver, letter)

    def _in_order(self, letters: list[Letter]) -> list[Letter]:
        """Those for receivers that want it change places among each other."""
        mixed = [letter for letter in letters if letter.receiver.shuffle]
        self._random.shuffle(mixed)
        source = iter(mixed)
        return [next(source) if letter.receiver.shuffle else letter for letter in letters]

    def _deliver(self, letter: Letter) -> None:
        taken = self._send(letter)
        again = not taken and letter.attempt < len(self._retries)
        with self._counting:
            self._on_its_way -= 1
            self.delivered += taken
            self.given_up += not taken and not again
            if again:
                due = self._now() + self._retries[letter.attempt]
                self._waiting.append(replace(letter, attempt=letter.attempt + 1, due=due))

    def drop(self, url: str | None) -> int:
        """Forget receivers of that URL (null: all) and what waits for them; says how many."""
        before = len(self.receivers)
        self.receivers = [one for one in self.receivers if url is not None and one.url != url]
        self._waiting = deque(letter for letter in self._waiting if letter.receiver in self.receivers)
        return before - len(self.receivers)

    def counts(self) -> dict[str, int]:
        """Letters by what became of them."""
        with self._counting:
            waiting = len(self._waiting) + self._on_its_way
            return {"delivered": self.delivered, "given_up": self.given_up, "waiting": waiting}

    def drain(self) -> None:
        """Try everything that is due once, and wait until that is done; for tests."""
        self.pump()
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def close(self) -> None:
        """Send no more."""
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def post(url: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Send one body; true on any 2xx. Never through a proxy."""
    if not url.startswith(("http://", "https://")):
        raise ControlError(f"url: {url!r} must begin with http:// or https://")
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - see above
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return bool(200 <= answer.status < 300)
    except (OSError, ValueError):
        return False


def parse_receiver(body: object) -> Receiver:
    """The receiver that a ``POST /webhooks`` names; :class:`ControlError` says what is wrong with it."""
    if not isinstance(body, dict):
        raise ControlError(
            'the body is an object: {"system", "url", "secret", "duplicate", "shuffle", "form"}'
        )
    for key in body:
        if key not in ("system", "url", "secret", "duplicate", "shuffle", "form"):
            raise ControlError(f"{key}: unknown; allowed: system, url, secret, duplicate, shuffle, form")
    url, secret = body.get("url"), body.get("secret", "")
    copies, shuffle, form = body.get("duplicate", 1), body.get("shuffle", False), body.get("form", "n8n")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ControlError(f"url: {url!r} must begin with http:// or https://")
    if not isinstance(secret, str) or not secret.isascii() or not secret.isprintable():
        raise ControlError("secret: must be printable ASCII text")
    if not isinstance(copies, int) or isinstance(copies, bool) or not 1 <= copies <= MOST_COPIES:
        raise ControlError(f"duplicate: {copies!r} is not a number of copies from 1 to {MOST_COPIES}")
    if not isinstance(shuffle, bool):
        raise ControlError(f"shuffle: {shuffle!r} is neither true nor false")
    if form not in get_args(Form):
        raise ControlError(f"form: {form!r} is not one of {', '.join(get_args(Form))}")
    return Receiver(url, secret, copies, shuffle, cast(Form, form))


def shown(system: str, outbox: Outbox) -> list[dict[str, Any]]:
    """The rows of ``GET /webhooks``; secrets stay out."""
    return [
        {
            "system": system,
            "url": one.url,
            "duplicate": one.duplicate,
            "shuffle": one.shuffle,
            "form": one.form,
        }
        | outbox.counts()
        for one in outbox.receivers
    ]
