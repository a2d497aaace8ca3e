"""Answers that a fault holds back, changes, repeats a secret in, or lets out in drops."""

from __future__ import annotations

import json
from typing import Any

from starlette.types import Message, Scope, Send

from qsync_pipeline.sandbox.faults import FaultRule

DROPS = 10
"""Pieces of an answer that trickles."""


def asked(scope: Scope) -> dict[str, str]:
    """The credentials that a request carried in its headers."""
    names = (b"authorization", b"token")
    return {name.decode(): value.decode() for name, value in scope["headers"] if name in names}


def gossip(scope: Scope) -> str:
    """A message that gives them away."""
    bare = [value.removeprefix("Bearer ") for value in asked(scope).values()]
    return f"no way with '{', '.join(bare)}' from {asked(scope)}"


def rows_of(document: Any) -> list[Any]:
    """The rows in an answer: it is the list itself, or holds it at its top, the longest one that is there."""
    lists = [document] if isinstance(document, list) else []
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list)]
    return max(lists, key=len, default=[])


class Answer:
    """A whole answer, held back."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    @classmethod
    def of(cls, rule: FaultRule, body: Any, media_type: str, scope: Scope) -> Answer:
        answer = cls()
        answer.status = rule.status
        text = isinstance(body, str)
        answer.body = body.encode() if text else json.dumps(body).encode()
        if text and media_type != "text/html":
            media_type = "text/plain"
        headers = {"content-type": media_type}
        if rule.echo:
            secret = " ".join(asked(scope).values())
            headers |= {"www-authenticate": secret, "location": f"https://elsewhere.invalid/?token={secret}"}
        headers |= {name.lower(): value for name, value in rule.headers.items()}
        answer.headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        return answer

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        else:
            self.body += message.get("body", b"")

    def drop_key(self, key: str | None, *, each: bool = False) -> None:
        """Take a key out of a JSON object, or out of ``each`` row of its list; null takes every key that
        holds a list. Other bodies stay."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return
        if each:
            for row in rows_of(document):
                if isinstance(row, dict):
                    row.pop(key, None)
            self.body = json.dumps(document).encode()
        elif isinstance(document, dict):
            kept = {
                name: value
                for name, value in document.items()
                if (name != key if key is not None else not isinstance(value, list))
            }
            self.body = json.dumps(kept).encode()

    def shift(self, *, lose: bool) -> None:
        """Take a row out of the longest list at the top, or repeat one, as pages that shifted would."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return
        rows = rows_of(document)
        if rows:
            rows[-1:] = [] if lose else [rows[-1], rows[0]]
            self.body = json.dumps(document).encode()

    def replace_rows(self, rows: list[Any]) -> None:
        """Other rows in an answer that holds some, and all else as it was: counts, page number, headers."""
        document = json.loads(self.body)
        rows_of(document)[:] = rows
        self.body = json.dumps(document).encode()

    async def start(self, send: Send) -> None:
        """Send status and headers, which promise the whole body."""
        headers = [pair for pair in self.headers if pair[0].lower() != b"content-length"]
        if self.status not in (204, 304):
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})

    async def drop(self, send: Send, place: int) -> None:
        """Send one of :data:`DROPS` pieces of the body."""
        size = -(-len(self.body) // DROPS)
        piece = self.body[place * size : (place + 1) * size]
        await send({"type": "http.response.body", "body": piece, "more_body": place < DROPS - 1})

    async def give(self, send: Send, *, part: bytes | None = None) -> None:
        """Send the answer; with ``part``, promise all of it but send only that."""
        await self.start(send)
        body = self.body if part is None else part
        await send({"type": "http.response.body", "body": body, "more_body": part is not None})
