"""Reading answers: what an error body says, what a status means, and typed decoding of the rest."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec

from qsync_pipeline.transport.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    NotTheSystem,
    OutsideError,
    Rejected,
    ServerError,
    Throttled,
    Unauthorized,
)
from qsync_pipeline.transport.redact import redact

T = TypeVar("T")

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number that names an object: anything else is no answer of the system's."""

EXCERPT = 300
"""Characters of a foreign text that a message may hold."""


class ErrorBody(msgspec.Struct, frozen=True):
    """What an error body says: the vendor's code, its words (redacted and cut), the object it blames."""

    code: str = ""
    text: str = ""
    culprit: str = ""
    worded: bool = False
    """Whether it was a JSON object, which is how every API here words its errors."""


def excerpt(text: str) -> str:
    """One redacted line of at most :data:`EXCERPT` characters. Redacted before it is cut, never after."""
    line = " ".join(redact(text).split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def error_text(body: bytes) -> ErrorBody:
    """Read any of the error shapes in use.

    Atlan: ``errorCode``/``errorMessage``, or ``errorId``/``message``/``causes``, or the gateway's
    ``code``/``message`` and ``status``/``message`` (atlan-api.md §1.5). Qualytics: ``detail`` as a string, a
    list of ``{loc, msg}`` or an object with ``message``, or ``message`` alone (qualytics-api.md §1.4).
    Alation: ``detail``/``code``, perhaps with ``errors``, where the object at fault is named; bare maps of
    fields, and ``Entry``/``Message``, are shown as they come (alation-api.md §1.4).
    """
    raw = body.decode("utf-8", "replace").strip()
    if not raw:
        return ErrorBody()
    try:
        return _said(raw, msgspec.json.decode(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ErrorBody(text="an HTML page" if raw.startswith("<") else excerpt(raw))


def _said(raw: str, data: Any) -> ErrorBody:
    if not isinstance(data, dict):
        return ErrorBody(text=excerpt(raw))
    code = next((str(data[k]) for k in ("errorCode", "code", "status") if data.get(k) not in (None, "")), "")
    text = next((data[k] for k in ("errorMessage", "message", "detail", "error") if data.get(k)), None)
    causes = data.get("causes")
    parts = [_words(text) if text is not None else raw]
    if isinstance(causes, list):
        parts += [str(c["errorMessage"]) for c in causes if isinstance(c, dict) and c.get("errorMessage")]
    if data.get("errors"):
        parts.append(_words(data["errors"]))
    culprit = str(data.get("entityGuid") or "")
    # The code is compared, so it stays as it came; whoever shows it redacts it.
    return ErrorBody(code=code[:EXCERPT], text=excerpt("; ".join(parts)), culprit=culprit, worded=True)


def _words(text: Any) -> str:
    if isinstance(text, list):
        return "; ".join(_words(item) for item in text)
    if isinstance(text, dict):
        message = text.get("msg") or text.get("message")
        if message is None:
            return msgspec.json.encode(text).decode()
        where = text.get("loc")
        return f"{'.'.join(map(str, where))}: {message}" if isinstance(where, list) else str(message)
    return str(text)


_BY_STATUS: dict[int, type[OutsideError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    423: Conflict,
    429: Throttled,
}
_NEXT: dict[type[OutsideError], str] = {
    Forbidden: "the credentials are valid but may not do this: grant the missing permission",
    NotFound: "if every call ends like this, check the URL in the config",
    Conflict: "something else stands in the way; it is tried again at the next run",
    Throttled: "the request budget of this host is used up by somebody: try again later or lower the limit",
    ServerError: "the trouble is on their side: try again later",
}


def error_for(
    system: str, where: str, status: int, body: bytes, *, advice: str, slow: bool = False, busy: bool = False
) -> OutsideError:
    """The error of a status of 400 and above.

    ``where`` is method and path without the query; ``advice`` the session's words for a 401. ``slow`` marks a
    429 that is no rate limit, ``busy`` an answer that only asks for patience.
    """
    said = error_text(body)
    kind: type[OutsideError]
    if busy:
        kind = Conflict
    elif slow or status >= 500:
        kind = ServerError
    else:
        kind = _BY_STATUS.get(status, Rejected)
    message = f"{system}: {where} was answered with {status}"
    if said.code and said.code != str(status):
        message += f" {excerpt(said.code)}"
    if said.text:
        message += f": {said.text}"
    todo = advice if kind is Unauthorized else _NEXT.get(kind, "")
    if todo:
        message += f" ({todo})"
    return kind(
        message,
        system=system,
        status=status,
        code=said.code,
        detail=said.text,
        culprit=said.culprit,
        worded=said.worded,
    )


_learning = threading.Lock()


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a type, learned by one thread at a time.

    Two threads that learn types with a struct in common crash the process (SIGSEGV, msgspec 0.21.1).
    """
    with _learning:
        return _learned(kind)


@lru_cache(maxsize=256)
def _learned(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode_body(system: str, where: str, status: int, body: bytes, kind: Any) -> Any:
    """A 2xx body as ``kind``; where ``kind`` is null, any JSON, or null for an empty body.

    HTML, broken JSON, another shape and an empty body where one was promised raise
    :class:`~qsync_pipeline.transport.errors.Malformed`: none of them may ever read as "nothing there".
    """
    raw = body.strip()
    if not raw:
        if kind is None:
            return None
        _malformed(system, where, status, "an empty body where JSON was promised", b"")
    if raw.startswith(b"<"):
        raise NotTheSystem(
            f"{system}: {where} was answered with {status} and HTML instead of JSON: a login page, a proxy, "
            "or a wrong URL in the config",
            system=system,
            status=status,
        )
    try:
        return _decoder(Any if kind is None else kind).decode(raw)
    except msgspec.ValidationError as error:
        _malformed(system, where, status, f"JSON of another shape than promised: {excerpt(str(error))}", raw)
    except (msgspec.DecodeError, ValueError):
        _malformed(system, where, status, "a body that is no JSON", raw)
    except RecursionError:
        _malformed(system, where, status, "JSON that is nested beyond reason", raw)


def _malformed(system: str, where: str, status: int, what: str, raw: bytes) -> NoReturn:
    text = excerpt(raw[:4000].decode("utf-8", "replace"))
    message = f"{system}: {where} was answered with {status} and {what}"
    raise Malformed(f"{message}: {text}" if text else message, system=system, status=status, detail=text)
