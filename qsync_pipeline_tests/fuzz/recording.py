"""Answers of the sandbox, recorded once and played back without a socket, one of them altered."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from unittest import mock

import requests
import urllib3
from requests.adapters import HTTPAdapter

UNPACKED = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that are not true of a body that was read whole."""

Key = tuple[str, str, bytes]
"""Method, URL and body of a request."""


@dataclass(frozen=True)
class Answer:
    """One answer, whole."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Tape:
    """The last answer to every request, and the requests in the order in which they came first."""

    answers: dict[Key, Answer] = field(default_factory=dict)
    more: dict[Key, Answer] = field(default_factory=dict)
    """To requests that only an altered answer led to."""


Alter = Callable[[Key, Answer], Answer]


def key_of(request: requests.PreparedRequest) -> Key:
    """What tells requests apart."""
    body = request.body or b""
    return request.method or "", request.url or "", body.encode() if isinstance(body, str) else body


@contextmanager
def altering(alter: Alter) -> Iterator[None]:
    """Hand every answer that this process gets from the systems through ``alter`` while the block lasts."""
    real = HTTPAdapter.send

    def send(self: HTTPAdapter, request: requests.PreparedRequest, **options: object) -> requests.Response:
        response = real(self, request, **options)  # type: ignore[arg-type]  # handed through as they came
        return _response(request, alter(key_of(request), _answer(response)))

    with mock.patch.object(HTTPAdapter, "send", send):
        yield


def recording(tape: Tape) -> AbstractContextManager[None]:
    """Note down every exchange of this process while the block lasts."""

    def note(key: Key, answer: Answer) -> Answer:
        tape.answers[key] = answer
        return answer

    return altering(note)


@contextmanager
def playing(tape: Tape, alter: Alter) -> Iterator[None]:
    """Answer every request from the tape; what an altered answer leads to goes to the system once."""
    real = HTTPAdapter.send

    def send(self: HTTPAdapter, request: requests.PreparedRequest, **options: object) -> requests.Response:
        key = key_of(request)
        if key not in tape.more and key not in tape.answers:
            response = real(self, request, **options)  # type: ignore[arg-type]  # handed through as they came
            tape.more[key] = _answer(response)
        return _response(request, alter(key, tape.answers.get(key) or tape.more[key]))

    with mock.patch.object(HTTPAdapter, "send", send):
        yield


def _answer(response: requests.Response) -> Answer:
    return Answer(response.status_code, dict(response.headers), response.raw.read(decode_content=True))


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers.update({k: v for k, v in answer.headers.items() if k.lower() not in UNPACKED})
    response.raw = urllib3.HTTPResponse(io.BytesIO(answer.body), status=answer.status, preload_content=False)
    response.request = request
    response.url = request.url or ""
    return response
