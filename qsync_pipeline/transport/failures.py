"""What it means when there is no answer, or one that sends us elsewhere."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

import requests
import urllib3

from qsync_pipeline.transport.answers import excerpt
from qsync_pipeline.transport.errors import Malformed, TimedOutAfterSend, Unreachable
from qsync_pipeline.transport.redact import redact
from qsync_pipeline.transport.retry import Again

_BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)


def no_answer(system: str, host: str, where: str, error: Exception, *, repeatable: bool) -> Exception:
    """The error of a try without an answer.

    Not sent at all: worth a quick retry. Sent and lost: only what is ``repeatable`` is repeated. A bad
    certificate or URL: final at once.
    """
    why = excerpt(_root(error))
    if isinstance(error, _BAD_URL):
        return Unreachable(
            f"{system}: the URL of {host or 'this system'} is not usable: {why}", system=system
        )
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError) and not _cut_off(error):
        return Unreachable(
            f"{system}: no trusted connection to {host}: {why} (check the URL and its https; for a"
            " certificate authority of your own name its file under ca_bundle in the config)",
            system=system,
        )
    if _not_sent(error):
        unreachable = Unreachable(
            f"{system}: {host} cannot be reached: {why} (check that the URL in the config is right, that the"
            " system is up, and that network, proxy and firewall let this machine through)",
            system=system,
        )
        return Again(unreachable, "connect")
    if not repeatable:
        return TimedOutAfterSend(
            f"{system}: {where} was sent and got no answer: {why}; it may have been accepted: read before"
            " repeating it",
            system=system,
        )
    lost = Unreachable(
        f"{system}: {where} got no answer from {host}: {why} (the system is overloaded, or something on the"
        " way cuts connections: try again later)",
        system=system,
    )
    return Again(lost, "server")


def refused_redirect(system: str, where: str, status: int, target: str) -> Malformed:
    """Redirects are not followed: the token must not travel, and an API that redirects is a wrong URL."""
    parts = urlsplit(target)
    host = parts.netloc.rpartition("@")[2]
    return Malformed(
        f"{system}: {where} was answered with {status}: refused redirect to"
        f" {parts.scheme}://{host}{redact(parts.path)} (check the URL in the config; a login page on the way"
        " does this too)",
        system=system,
        status=status,
    )


def _chain(error: BaseException) -> Iterable[BaseException]:
    """The error and what is below it: requests wraps urllib3, which wraps the socket's own."""
    seen: set[int] = set()
    queue: list[BaseException] = [error]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [*current.args, getattr(current, "reason", None), current.__cause__]
        queue += [e for e in inner if isinstance(e, BaseException)]


def _cut_off(error: Exception) -> bool:
    """Whether an encrypted connection just ended, which is an accident and not a matter of trust."""
    return any(isinstance(e, ssl.SSLEOFError | ssl.SSLZeroReturnError) for e in _chain(error))


def _not_sent(error: Exception) -> bool:
    """Whether the request never left: no name, no route, nobody listening, a proxy that refused."""
    never = (
        requests.ConnectTimeout,
        requests.exceptions.ProxyError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    return any(isinstance(e, never) for e in _chain(error))


def _root(error: Exception) -> str:
    """The innermost reason in its own words; the wrappers repeat URLs with their query."""
    *_, last = _chain(error)
    if isinstance(last, OSError) and last.strerror:
        return last.strerror
    text = str(last) if not isinstance(last, urllib3.exceptions.HTTPError) else type(last).__name__
    return text or type(last).__name__
