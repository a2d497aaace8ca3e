"""An Alation of a few lines, in place of the HTTP session: what the sandbox cannot be made to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.jobs import Jobs
from qsync_pipeline.transport.errors import NotFound
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.transport.scripted import Clock

Call = dict[str, Any]
Handler = Callable[[Call], Any]


class FakeSession:
    """Answers by (method, path); records every call. Stands in for :class:`HttpSession`.

    A handler that raises is an answer with an error status; ``next_page`` is the header of the last answer.
    """

    system = "alation"
    base_url = "http://127.0.0.1:9"

    def __init__(self) -> None:
        self.handlers: dict[tuple[str, str], Handler] = {}
        self.calls: list[Call] = []
        self.next_page: str | None = None

    def on(self, method: str, path: str, handler: Handler | Any) -> FakeSession:
        """Answer calls of this path by the handler, or always the same."""
        self.handlers[(method, path)] = handler if callable(handler) else lambda call: handler
        return self

    def answers(self, method: str, path: str, *replies: Any) -> FakeSession:
        """Answer calls of this path one after the other; an exception is raised."""
        waiting = list(replies)

        def handler(call: Call) -> Any:
            reply = waiting.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply

        return self.on(method, path, handler)

    def request(self, method: str, path: str, *, decode: Any = None, **call: Any) -> Any:
        call = {"method": method, "path": path, **call}
        self.calls.append(call)
        handler = self.handlers.get((method, path))
        if handler is None:
            raise NotFound(f"no {method} {path}", status=404, code="404000", worded=True)
        self.next_page = None
        body = handler(call)
        if body is None and decode is None:
            return None
        encoded = msgspec.json.encode(body)
        return msgspec.json.decode(encoded, type=decode) if decode else msgspec.json.decode(encoded)

    def last_header(self, name: str) -> str | None:
        return self.next_page if name == "X-Next-Page" else None

    def close(self) -> None:
        """Nothing to close."""

    def client(self, page_size: int = 1000) -> AlationClient:
        """A client over this session."""
        return AlationClient(cast(HttpSession, self), page_size=page_size)

    def jobs(self, clock: Clock, patience: float = 60) -> Jobs:
        """Jobs that wait on this clock."""
        return Jobs(self.client(), patience, sleep=clock.sleep, clock=clock)

    def sent(self, method: str, path: str) -> list[Any]:
        """The bodies of all calls of this path."""
        return [c.get("json") for c in self.calls if (c["method"], c["path"]) == (method, path)]

    def count(self, method: str, path: str = "") -> int:
        return sum(c["method"] == method and (not path or c["path"] == path) for c in self.calls)


JOB = "/api/v1/bulk_metadata/job/"
FLAGS = "/integration/flag/"
FIELDS = "/integration/v2/custom_field/"
VALUES = "/integration/v2/custom_field_value/async/"
HEALTH = "/integration/v1/data_quality/"
HEALTH_VALUES = "/integration/v1/data_quality/values/"


def job(status: str = "successful", result: Any = None, msg: str = "") -> Call:
    """A job's row."""
    return {"status": status, "msg": msg, "result": result}


def flag(number: int, otype: str = "table", oid: int | str = 93, **more: Any) -> Call:
    """A trust flag's row."""
    return {
        "id": number,
        "flag_type": "WARNING",
        "flag_reason": "<p>words</p>",
        "subject": {"id": oid, "otype": otype, "url": f"/{otype}/{oid}/"},
        "user": {"id": 42, "display_name": "Grace"},
        **more,
    }
