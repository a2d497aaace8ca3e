"""One HTTP session for an outside system: thin on ``requests``, thread-safe, patient, silent about secrets.

Each call in flight has a ``requests.Session`` to itself (they are not thread-safe), and with it a connection
that a call before it may have left open, on whatever thread: to begin one takes longer than many a call.
Budget, counter and credentials are shared. Redirects are never followed: a token must not travel to another
host.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, overload
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
import requests
import urllib3

from qsync_pipeline import __version__
from qsync_pipeline.transport.answers import decode_body, error_for, error_text
from qsync_pipeline.transport.auth import Auth
from qsync_pipeline.transport.budget import Budget
from qsync_pipeline.transport.counter import Kind, RequestCounter
from qsync_pipeline.transport.errors import TimedOutAfterSend
from qsync_pipeline.transport.failures import no_answer, refused_redirect
from qsync_pipeline.transport.patience import OnWait, Patience
from qsync_pipeline.transport.query import Params, query_pairs
from qsync_pipeline.transport.redact import redact
from qsync_pipeline.transport.retry import DEFAULT, Again, RetryPolicy, retry_after_seconds
from qsync_pipeline.transport.timely import TimelyAdapter
from qsync_pipeline.transport.turns import turn

log = logging.getLogger("qsync.http")

T = TypeVar("T")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_CHUNK = 64 * 1024


class HttpSession:
    """Calls one system. All failures are those of :mod:`qsync_pipeline.transport.errors`.

    ``timeout`` is (connect, read) in seconds for every try; ``answer_limit`` bounds a whole answer, however
    slowly it trickles in. ``limit_per_minute`` applies where a ``budget`` is given, and so does
    ``one_at_a_time``: no two calls to the host in flight, whoever shares the budget. ``request_id_header``
    names the header that carries a fresh id per try. ``sleep`` and ``clock`` are for tests.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        *,
        auth: Auth,
        budget: Budget | None = None,
        limit_per_minute: int = 300,
        one_at_a_time: bool = False,
        headers: Mapping[str, str] | None = None,
        timeout: tuple[float, float] = (10.0, 60.0),
        answer_limit: float = 300.0,
        retry: RetryPolicy = DEFAULT,
        verify: bool | str = True,
        request_id_header: str | None = None,
        on_wait: OnWait | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        counter: RequestCounter | None = None,
    ) -> None:
        self.system = system
        self.base_url = base_url.rstrip("/")
        self.auth = auth
        self.counter = counter if counter is not None else RequestCounter()
        parts = urlsplit(self.base_url)
        self.host = parts.netloc.rpartition("@")[2]
        self._loopback = parts.hostname in _LOOPBACK
        self._turns = budget if one_at_a_time else None
        self._headers = {
            **requests.utils.default_headers(),
            "Accept": "application/json",
            "User-Agent": f"qsync/{__version__}",
            **(headers or {}),
        }
        self._timeout = timeout
        self._answer_limit = answer_limit
        self._policy = retry
        self._patience = Patience(
            system, self.host, retry, budget, limit_per_minute, on_wait=on_wait, sleep=sleep, clock=clock
        )
        self._verify = verify
        self._request_id_header = request_id_header
        self._sleep = sleep
        self._clock = clock
        self._local = threading.local()
        self._held = _Held()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._sessions_lock = threading.Lock()
        self._idle: list[requests.Session] = []
        """Those that no call uses now; the one that was used last is taken first."""

    @overload
    def request(
        self,
        method: Method,
        path: str,
        *,
        kind: Kind,
        decode: type[T],
        params: Params | None = ...,
        json: Any = ...,
        route: str | None = ...,
        none_on: None = ...,
        idempotent: bool | None = ...,
        timeout: tuple[float, float] | None = ...,
    ) -> T: ...

    @overload
    def request(
        self,
        method: Method,
        path: str,
        *,
        kind: Kind,
        decode: type[T],
        none_on: frozenset[int],
        params: Params | None = ...,
        json: Any = ...,
        route: str | None = ...,
        idempotent: bool | None = ...,
        timeout: tuple[float, float] | None = ...,
    ) -> T | None: ...

    @overload
    def request(
        self,
        method: Method,
        path: str,
        *,
        kind: Kind,
        decode: None = ...,
        params: Params | None = ...,
        json: Any = ...,
        route: str | None = ...,
        none_on: frozenset[int] | None = ...,
        idempotent: bool | None = ...,
        timeout: tuple[float, float] | None = ...,
    ) -> Any: ...

    def request(
        self,
        method: Method,
        path: str,
        *,
        kind: Kind,
        decode: Any = None,
        params: Params | None = None,
        json: Any = None,
        route: str | None = None,
        none_on: frozenset[int] | None = None,
        idempotent: bool | None = None,
        timeout: tuple[float, float] | None = None,
    ) -> Any:
        """One call, with its retries; the decoded body of a 2xx answer.

        ``path`` stands below the base URL, its segments already URL-quoted. ``params`` may repeat keys
        (lists, or pairs); null ones are left out, booleans are ``true`` and ``false``. ``json`` is anything
        msgspec encodes. With ``decode`` the body must be JSON of that type; without it any JSON or nothing
        will do, and null means nothing. Statuses of ``none_on`` answer null instead of raising.

        ``kind`` is what is counted, and what is safe to repeat: a read always is, a write only where it is
        ``idempotent`` (default: reads, and PUT and DELETE). Another write that was sent and got no answer, or
        a 5xx, raises :class:`TimedOutAfterSend`: read before repeating. ``route`` is the path's template, for
        counts.
        """
        call = _Call(
            method=method,
            where=f"{method} {path.partition('?')[0]}",
            url=f"{self.base_url}/{path.lstrip('/')}",
            params=query_pairs(params),
            body=None if json is None else msgspec.json.encode(json),
            kind=kind,
            route=f"{method} {route or path.partition('?')[0]}",
            repeatable=idempotent
            if idempotent is not None
            else kind == "read" or method in ("PUT", "DELETE"),
            none_on=none_on or frozenset(),
            timeout=timeout or self._timeout,
        )
        status, body = (
            self._try(call) if self._held.within else self._patience.until_through(lambda: self._try(call))
        )
        if status in call.none_on:
            return None
        return decode_body(self.system, call.where, status, body, decode)

    def together(self, calls: int, do: Callable[[], T]) -> T:
        """``do``, whose calls of this thread belong together: a list is read, and written back changed.

        Between them lies no wait: the budget is asked for so many ``calls`` before the first one, and a try
        that failed is not repeated by itself but ``do`` as a whole, from its reading on.
        """
        if self._held.within:
            raise RuntimeError("calls that belong together cannot hold others that do")

        def whole() -> T:
            for _ in range(calls):
                self._patience.reserve()
            self._held.within, self._held.grants = True, calls
            try:
                return do()
            finally:
                self._held.within, self._held.grants = False, 0

        return self._patience.until_through(whole)

    @property
    def last_latency(self) -> float:
        """Seconds that the last answered try of this thread took, waits for the budget not counted."""
        latency: float = getattr(self._local, "latency", 0.0)
        return latency

    def last_header(self, name: str) -> str | None:
        """A header of this thread's last answer: some systems say there whether a list goes on."""
        return getattr(self._local, "headers", {}).get(name)

    def close(self) -> None:
        """Close all connections. The session can still be used; it opens new ones."""
        with self._sessions_lock:
            for session in list(self._sessions):
                session.close()

    # One try

    def _try(self, call: _Call) -> tuple[int, bytes]:
        """Send once, or twice where a 401 could be cured. Answers 2xx and ``none_on``, raises the rest."""
        answer = self._send(call)
        if answer.status == 401 and 401 not in call.none_on and self.auth.refresh():
            answer = self._send(call)
        status = answer.status
        if 200 <= status < 300 or status in call.none_on:
            return status, answer.body
        if 300 <= status < 400:
            raise refused_redirect(self.system, call.where, status, urljoin(call.url, answer.location or ""))
        code = error_text(answer.body).code
        cause = self._policy.cause(status, code)
        error = error_for(
            self.system,
            call.where,
            status,
            answer.body,
            advice=self.auth.advice(),
            slow=code in self._policy.slow_codes,
            busy=cause == "busy",
        )
        if cause is None:
            raise error
        if cause == "server" and not call.repeatable:
            raise TimedOutAfterSend(
                f"{error}; the write may have been accepted: read before repeating it",
                system=self.system,
                status=status,
                code=code,
                detail=error.detail,
            )
        raise Again(error, cause, retry_after_seconds(answer.retry_after, self._clock()))

    def _send(self, call: _Call) -> _Answer:
        if self._held.grants:
            self._held.grants -= 1
        else:
            self._patience.reserve()
        headers: dict[str, str | bytes] = {**self._headers}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if self._request_id_header:
            headers[self._request_id_header] = str(uuid.uuid4())
        headers |= self.auth.headers()  # before the turn: a new token is a call of its own
        self.counter.add(self.system, call.kind, call.route)
        started = time.monotonic()
        try:
            with turn(self._turns, self.host, sum(call.timeout), self._sleep):
                started = time.monotonic()
                with self._session() as session:
                    response = self._exchange(session, call, headers)
                    try:
                        body = self._read(response, started + self._answer_limit)
                    finally:
                        # Read to its end it has given its connection back; else that is of no more use.
                        response.close()
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise no_answer(self.system, self.host, call.where, error, repeatable=call.repeatable) from error
        self._local.latency = seconds = time.monotonic() - started
        self._local.headers = response.headers
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s %s in %.3f s", self.system, redact(call.where), response.status_code, seconds)
        return _Answer(
            response.status_code,
            body,
            response.headers.get("Retry-After"),
            response.headers.get("Location"),
        )

    def _exchange(
        self, session: requests.Session, call: _Call, headers: dict[str, str | bytes]
    ) -> requests.Response:
        """What ``Session.request`` does, without what it looks for in vain (defaults, a log-in in ``.netrc``,
        hooks, cookies, redirects), which costs half of a short call."""
        request = requests.PreparedRequest()
        request.method = call.method
        request.prepare_url(call.url, urlencode(call.params))
        request.prepare_headers(headers)  # refuses line breaks in them
        request.body = call.body
        request.prepare_content_length(call.body)
        settings: Mapping[str, Any] = {"proxies": {}, "stream": True, "verify": self._verify, "cert": None}
        if session.trust_env:
            settings = session.merge_environment_settings(request.url, {}, True, self._verify, None)
        return session.get_adapter(call.url).send(request, timeout=call.timeout, **settings)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        """The whole body. The read time-out holds per packet only, so the deadline is checked in between."""
        chunks: list[bytes] = []
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise requests.ReadTimeout(f"the answer was not complete after {self._answer_limit:.0f} s")
        return b"".join(chunks)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """A session for one call alone."""
        with self._sessions_lock:
            session = self._idle.pop() if self._idle else self._new_session()
        try:
            yield session
        finally:
            with self._sessions_lock:
                self._idle.append(session)

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # Proxies and certificate bundles of the environment are honoured, but not for our own machine.
        session.trust_env = not self._loopback
        adapter = TimelyAdapter(self._answer_limit)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._sessions.add(session)
        return session


class _Held(threading.local):
    """What a thread holds while its calls belong together: grants not used yet."""

    within = False
    grants = 0


class _Call(msgspec.Struct, frozen=True):
    method: str
    where: str
    url: str
    params: list[tuple[str, str]]
    body: bytes | None
    kind: Kind
    route: str
    repeatable: bool
    none_on: frozenset[int]
    timeout: tuple[float, float]


class _Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    retry_after: str | None
    location: str | None
