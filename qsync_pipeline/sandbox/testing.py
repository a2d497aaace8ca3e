"""A sandbox inside a test: ``with running_sandbox("small", seed=3) as sandbox: ...``"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import System
from qsync_pipeline.sandbox.server import SandboxServer
from qsync_pipeline.sandbox.systems import SYSTEMS, SystemKind

_PATIENCE = 120  # seconds for one answer; generous, since the large estate lists 600,000 columns


class Refused(Exception):
    """The control plane answered with an error; the message is its ``error``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ControlClient:
    """The control plane over HTTP, as outside checks use it. Every method raises :class:`Refused`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # never through a proxy

    def requests(self) -> dict[str, Any]:
        """``{"requests": [{"system", "method", "route", "status", "count"}], "peak_in_flight": {...}}``."""
        found: dict[str, Any] = self._call("GET", "/requests")
        return found

    def count(self, system: str, *methods: str, route: str | None = None) -> int:
        """How many requests of these methods (none: of any) a system has answered since the last reset."""
        return sum(
            row["count"]
            for row in self.requests()["requests"]
            if row["system"] == system
            and (not methods or row["method"] in methods)
            and (route is None or row["route"] == route)
        )

    def reset_requests(self) -> None:
        self._call("POST", "/requests/reset")

    def state(self, system: str, name: str | None = None, like: str | None = None) -> list[dict[str, Any]]:
        """What a person sees on the objects of a name, or of names like ``%text%``."""
        query = {key: value for key, value in (("name", name), ("like", like)) if value is not None}
        found: list[dict[str, Any]] = self._call("GET", f"/state/{system}/assets", params=query)
        return found

    def mutate(self, *changes: Mapping[str, Any]) -> list[str]:
        """Carry out all changes or none; returns the ids touched."""
        ids: list[str] = self._call("POST", "/mutate", json={"changes": changes})["ids"]
        return ids

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Add fault rules (:mod:`.faults`)."""
        self._call("POST", "/faults", json={"rules": rules})

    def faults_in_force(self) -> list[dict[str, Any]]:
        """The rules, each with the requests it ``met`` and those it ``fired`` on."""
        rules: list[dict[str, Any]] = self._call("GET", "/faults")["rules"]
        return rules

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def webhooks(self) -> list[dict[str, Any]]:
        """Receivers, with ``delivered``, ``given_up`` and ``waiting`` of their system."""
        rows: list[dict[str, Any]] = self._call("GET", "/webhooks")["webhooks"]
        return rows

    def add_webhook(self, system: str, url: str, secret: str, **more: object) -> None:
        """Have a system tell this receiver; ``more`` is ``duplicate``, ``shuffle``, ``form``."""
        self._call("POST", "/webhooks", json={"system": system, "url": url, "secret": secret, **more})

    def drop_webhooks(self, **which: str) -> None:
        """Tell nobody any more, or (``system``, ``url``) not these."""
        self._call("DELETE", "/webhooks", json=which)

    def advance(self, seconds: float) -> float:
        """Move the sandbox's clock forward; returns its time, in seconds since the epoch."""
        now: float = self._call("POST", "/clock/advance", json={"seconds": seconds})["now"]
        return now

    def close(self) -> None:
        self._session.close()

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._session.request(method, self.url + path, timeout=_PATIENCE, **options)
        body = answer.json()
        if not answer.ok:
            raise Refused(answer.status_code, body["error"])
        return body


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that serves, as :func:`running_sandbox` yields it."""

    server: SandboxServer
    control: ControlClient
    config: Path
    """A ``qsync.yaml`` for this sandbox, in a directory of its own."""

    @property
    def urls(self) -> Mapping[str, str]:
        return self.server.urls

    @property
    def systems(self) -> Mapping[str, System]:
        """The systems themselves, for what no client and no control plane can see."""
        return self.server.systems

    def ready(self) -> dict[str, Any]:
        """The content of the ready file: URLs and credentials."""
        return self.server.ready()


def kinds_of(*names: str) -> tuple[SystemKind, ...]:
    """Only these systems, in their usual order: a sandbox that needs no more starts sooner."""
    return tuple(kind for kind in SYSTEMS if kind.name in names)


ATLAN_ONLY = kinds_of("qualytics", "atlan")
ALATION_ONLY = kinds_of("qualytics", "alation")


@contextmanager
def running_sandbox(
    estate: str | Estate = "small", seed: int = 1, **options: Any
) -> Iterator[RunningSandbox]:
    """Serve an estate on free ports from a thread of this process.

    ``options`` are those of :class:`SandboxServer`. The config lies in a temporary directory, which goes when
    the sandbox does, unless ``directory`` names one.
    """
    with SandboxServer(estate, seed, **options) as server:
        if server.config is None:
            raise AssertionError("a started server has a config")
        control = ControlClient(server.urls["control"])
        try:
            yield RunningSandbox(server, control, server.config)
        finally:
            control.close()
