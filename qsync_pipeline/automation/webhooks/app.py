"""The receiver's HTTP side: every answer other than 2xx says why, and leaves one line in the log."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qsync_pipeline.automation.webhooks import access, atlan
from qsync_pipeline.automation.webhooks.access import Secret
from qsync_pipeline.automation.webhooks.flows import FlowReader
from qsync_pipeline.automation.webhooks.inbox import Inbox
from qsync_pipeline.automation.webhooks.limits import BodyTooLarge, Bucket, read_body
from qsync_pipeline.automation.webhooks.told import NotUnderstood, Told
from qsync_pipeline.config import AtlanConfig, Config
from qsync_pipeline.config.secrets import Secret as NamedSecret
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline.transport.redact import register_secret

log = logging.getLogger("qsync.webhooks")

Shown = Callable[[Headers], Iterator[bytes]]
_HANDSHAKE_BYTES = 4096
_LATER = 5
"""Seconds after which to try again while the ledger cannot be written."""


class Refused(Exception):
    """A request that gets no 2xx."""

    def __init__(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


class Receiver:
    """The app over one config and its ledger. ``inbox`` has to be started by whoever serves the app."""

    def __init__(self, config: Config, ledger: Ledger, *, clock: Callable[[], float] = time.time) -> None:
        self.inbox = Inbox(ledger)
        self._ledger = ledger
        self._most = config.webhooks.max_body_kb * 1024
        self._taken = Bucket(config.webhooks.per_minute)
        # Counted apart: whoever lacks the secret cannot use up what the senders have.
        self._refused = Bucket(config.webhooks.per_minute)
        self._flows = FlowReader((config.qualytics.ui, config.qualytics.url), clock)
        general = _reveal(config.webhooks.secret)
        self._secret = Secret(general)
        self._atlan: dict[str, tuple[AtlanConfig, Secret]] = {
            one.name: (one, Secret(_reveal(one.webhook_secret) or general))
            for one in config.integrations
            if isinstance(one, AtlanConfig)
        }
        self.app = Starlette(
            routes=[
                Route("/qualytics", self._qualytics, methods=["POST"]),
                Route("/atlan/{integration}", self._from_atlan, methods=["POST"]),
                Route("/healthz", self._health, methods=["GET"]),
            ],
            exception_handlers={
                Refused: self._answer_refused,
                HTTPException: self._answer_http,
                NotUnderstood: self._answer_unknown,
                SyncError: self._answer_broken,
                ClientDisconnect: _answer_nobody,
            },
        )

    @property
    def catalog_paths(self) -> tuple[str, ...]:
        """The paths that the config's catalogs send to."""
        return tuple(f"/atlan/{name}" for name in self._atlan)

    @property
    def is_open(self) -> bool:
        """Whether anybody may send: without a secret for one of the routes."""
        return not self._secret.is_set or any(not secret.is_set for _, secret in self._atlan.values())

    # -- routes -------------------------------------------------------------------------------------------

    async def _qualytics(self, request: Request) -> Response:
        if not self._secret.admits(access.shown_by_flow(request.headers)):
            raise Refused(401, f"no or another secret; show it in {access.QUALYTICS_HEADER} or as a bearer")
        return await self._keep(request, self._flows.read(await self._body(request)))

    async def _from_atlan(self, request: Request) -> Response:
        name = request.path_params["integration"]
        if name not in self._atlan:
            raise Refused(404, "no integration of that name is an Atlan")
        integration, secret = self._atlan[name]
        if not secret.admits(access.shown_by_atlan(request.headers)):
            if access.ATLAN_HEADER not in request.headers and await self._is_handshake(request):
                log.info("%s: the webhook was validated", name)
                return JSONResponse({"validated": True})
            raise Refused(401, f"no or another secret in {access.ATLAN_HEADER}")
        body = await self._body(request)
        if atlan.is_handshake(body):
            log.info("%s: the webhook was validated", name)
            return JSONResponse({"validated": True})
        actors = await run_in_threadpool(self._ledger.notes.get, name, "actors", [])
        told = atlan.read(body, name, actors=actors, propagated=integration.tags.propagated)
        if told.changes and not integration.pull_on_change:
            told = Told(ignored="pull_on_change is off for this integration")
        return await self._keep(request, told)

    async def _health(self, _: Request) -> Response:
        newest = await run_in_threadpool(self._ledger.events.newest)
        return JSONResponse({"status": "ok", "newest_event": newest})

    # -- steps --------------------------------------------------------------------------------------------

    async def _body(self, request: Request, most: int | None = None) -> bytes:
        wait = self._taken.take()
        if wait:
            raise Refused(429, "too many messages; try again later", _after(wait))
        return await self._read(request, self._most if most is None else most)

    async def _read(self, request: Request, most: int) -> bytes:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "a compressed body; send it plain")
        try:
            return await read_body(request, most)
        except BodyTooLarge:
            raise Refused(413, f"a body of more than {most} bytes (webhooks.max_body_kb)") from None
        except TimeoutError:
            raise Refused(408, "the body did not arrive in time") from None

    async def _is_handshake(self, request: Request) -> bool:
        if self._refused.take():
            raise Refused(429, "too many requests without the secret", _after(1))
        try:
            return atlan.is_handshake(await self._read(request, _HANDSHAKE_BYTES))
        except Refused:
            return False

    async def _keep(self, request: Request, told: Told) -> Response:
        if told.ignored:
            return JSONResponse({"noted": 0, "known": 0, "ignored": told.ignored})
        receipt = await self.inbox.put(told)
        if receipt.noted:
            log.info("%s: %d noted, %d known already", request.url.path, receipt.noted, receipt.known)
        answer: dict[str, Any] = {"noted": receipt.noted, "known": receipt.known}
        if not receipt.noted and not receipt.known:
            answer["ignored"] = "no run has matched that asset"
        return JSONResponse(answer)

    # -- refusals -----------------------------------------------------------------------------------------

    async def _answer_refused(self, request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Refused)
        return self._refuse(request, problem.status, str(problem), problem.headers)

    async def _answer_unknown(self, request: Request, problem: Exception) -> Response:
        return self._refuse(request, 422, str(problem))

    async def _answer_http(self, request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        why = "there is POST /qualytics, POST /atlan/<integration> and GET /healthz"
        headers = None if problem.headers is None else dict(problem.headers)
        return self._refuse(request, problem.status_code, why, headers)

    async def _answer_broken(self, request: Request, problem: Exception) -> Response:
        """The ledger cannot be written: nothing is acknowledged, the sender has to come again."""
        log.error("%s: not kept: %s", _path(request), problem)
        why = "the ledger cannot be written now; nothing was kept, send it again"
        return JSONResponse({"error": why}, status_code=503, headers=_after(_LATER))

    def _refuse(
        self, request: Request, status: int, why: str, headers: dict[str, str] | None = None
    ) -> Response:
        # Beyond the limit refusals are answered and no longer logged: a flood must not fill the disk.
        if not self._refused.take():
            log.warning("%s %s: %d, %s", request.method[:10], _path(request), status, why)
        return JSONResponse({"error": why}, status_code=status, headers=headers)


async def _answer_nobody(request: Request, problem: Exception) -> Response:
    """The sender is gone; the answer goes nowhere."""
    log.warning("%s: the sender left before the body had arrived", _path(request))
    return Response(status_code=400)


def _path(request: Request) -> str:
    """Printable and short: it is the sender's text."""
    return ascii(request.url.path[:80])[1:-1]


def _after(seconds: float) -> dict[str, str]:
    return {"retry-after": str(max(1, math.ceil(seconds)))}


def _reveal(secret: NamedSecret | None) -> str | None:
    if secret is None:
        return None
    value = secret.reveal()
    register_secret(value)
    return value
