"""The control plane (DESIGN.md §6): what a test or a person does to the sandbox behind the vendors' backs.

Everything runs on the server's event loop without a pause, so each request is seen by the systems' clients
wholly or not yet. Errors are ``{"error": text}`` with 400 (wrong request, nothing changed), 404 or 405.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from qsync_pipeline.sandbox.faults import FaultBook, parse_rules
from qsync_pipeline.sandbox.kernel import ControlError, RequestLog, System, VirtualClock
from qsync_pipeline.sandbox.outbox import TellsOthers, parse_receiver, shown
from qsync_pipeline.sandbox.rehearsal import mutate_all

ENDPOINTS = {
    "GET /requests": "finished requests by system, method, route and status; peaks of concurrent ones",
    "POST /requests/reset": "start counting anew",
    "GET /state/{system}/assets?name=DB.SCHEMA[.TABLE[.COLUMN]] or ?like=%text%": "what a person sees there",
    "POST /mutate": '{"changes": [{"system", "do", "asset", ...}]}: all or none',
    "GET /faults": "the rules in force",
    "POST /faults": '{"rules": [{"system", "route", "method", "status", "share", "count", "phase", "kind"}]}',
    "PUT /faults": "the same; POST adds to the rules in force, PUT replaces them",
    "DELETE /faults": "no faults",
    "GET /webhooks": "who is told, and how many messages were delivered, given up and still wait",
    "POST /webhooks": '{"system", "url", "secret", "duplicate": n, "shuffle": bool, "form"}: tell it',
    "DELETE /webhooks": 'tell nobody any more; {"system", "url"} narrows',
    "GET /clock": "the sandbox's time",
    "POST /clock/advance": '{"seconds": n}: move it forward',
}


class ControlPlane:
    """The control plane's app over the systems and what they share."""

    def __init__(
        self, systems: Mapping[str, System], *, log: RequestLog, faults: FaultBook, clock: VirtualClock
    ) -> None:
        self._systems = systems
        self._log = log
        self._faults = faults
        self._clock = clock
        self.app = Starlette(
            routes=[
                Route("/", self._index),
                Route("/requests", self._requests),
                Route("/requests/reset", self._reset_requests, methods=["POST"]),
                Route("/state/{system}/assets", self._state),
                Route("/mutate", self._mutate, methods=["POST"]),
                Route("/faults", self._faults_in_force),
                Route("/faults", self._add_faults, methods=["POST", "PUT"]),
                Route("/faults", self._clear_faults, methods=["DELETE"]),
                Route("/webhooks", self._receivers),
                Route("/webhooks", self._add_receiver, methods=["POST"]),
                Route("/webhooks", self._drop_receivers, methods=["DELETE"]),
                Route("/clock", self._time),
                Route("/clock/advance", self._advance, methods=["POST"]),
            ],
            exception_handlers={ControlError: _refused, HTTPException: _http_error, Exception: _crashed},
        )

    async def _index(self, _: Request) -> JSONResponse:
        return JSONResponse({"systems": list(self._systems), "endpoints": ENDPOINTS})

    async def _requests(self, _: Request) -> JSONResponse:
        return JSONResponse(self._log.as_dict())

    async def _reset_requests(self, _: Request) -> JSONResponse:
        self._log.reset()
        return JSONResponse(self._log.as_dict())

    async def _state(self, request: Request) -> JSONResponse:
        name = request.path_params["system"]
        system = self._systems.get(name)
        if system is None:
            raise HTTPException(404, f"no system {name!r}; there are: {', '.join(self._systems)}")
        query = request.query_params
        for key in query:
            if key not in ("name", "like"):
                raise ControlError(f"{key}: unknown parameter; allowed: name, like")
        if len(query.multi_items()) != 1:
            raise ControlError("name, like: exactly one of the two is needed")
        return JSONResponse(system.state(name=query.get("name"), like=query.get("like")))

    async def _mutate(self, request: Request) -> JSONResponse:
        body = await _json(request)
        changes = body.get("changes") if isinstance(body, dict) else None
        if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
            raise ControlError(
                'changes: needed, a list of objects like {"system": "atlan", "do": "tag", ...}'
            )
        touched = mutate_all(self._systems, changes)
        return JSONResponse(
            {
                "ids": list(dict.fromkeys(id_ for ids in touched for id_ in ids)),
                "changes": [
                    {"system": change["system"], "do": change.get("do"), "ids": ids}
                    for change, ids in zip(changes, touched, strict=True)
                ],
            }
        )

    async def _faults_in_force(self, _: Request) -> JSONResponse:
        return JSONResponse({"rules": self._faults.as_list()})

    async def _add_faults(self, request: Request) -> JSONResponse:
        rules = parse_rules(await _json(request), self._systems)
        if request.method == "PUT":
            self._faults.clear()
        self._faults.add(rules)
        return await self._faults_in_force(request)

    async def _clear_faults(self, request: Request) -> JSONResponse:
        self._faults.clear()
        return await self._faults_in_force(request)

    async def _receivers(self, _: Request) -> JSONResponse:
        rows = [row for name, system in self._telling().items() for row in shown(name, system.outbox())]
        return JSONResponse({"webhooks": rows})

    async def _add_receiver(self, request: Request) -> JSONResponse:
        body = await _json(request)
        receiver = parse_receiver(body)
        system = self._telling_one(body)
        # On a thread: the vendor's validation call waits for the receiver, which may be waiting for us.
        await run_in_threadpool(system.subscribe, receiver)
        return await self._receivers(request)

    async def _drop_receivers(self, request: Request) -> JSONResponse:
        body = await _json(request) if await request.body() else {}
        if not isinstance(body, dict) or not body.keys() <= {"system", "url"}:
            raise ControlError('the body is an object: {"system", "url"}, each of them optional')
        chosen = [self._telling_one(body)] if "system" in body else self._telling().values()
        for system in chosen:
            system.outbox().drop(body.get("url"))
        return await self._receivers(request)

    def _telling(self) -> dict[str, TellsOthers]:
        return {name: system for name, system in self._systems.items() if isinstance(system, TellsOthers)}

    def _telling_one(self, body: Mapping[str, Any]) -> TellsOthers:
        telling = self._telling()
        name = body.get("system")
        if not isinstance(name, str) or name not in telling:
            raise ControlError(f"system: {name!r} tells nobody; allowed: {', '.join(telling)}")
        return telling[name]

    async def _time(self, _: Request) -> JSONResponse:
        return JSONResponse({"now": self._clock.now()})

    async def _advance(self, request: Request) -> JSONResponse:
        body = await _json(request)
        seconds = body.get("seconds") if isinstance(body, dict) else None
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < 1e10:
            raise ControlError(f"seconds: {seconds!r} is not a number of seconds from 0 up")
        self._clock.advance(seconds)
        return await self._time(request)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as problem:
        raise ControlError(f"the body is not JSON: {problem}") from None


def _refused(_: Request, problem: Exception) -> JSONResponse:
    return JSONResponse({"error": str(problem)}, status_code=400)


def _http_error(request: Request, problem: Exception) -> JSONResponse:
    # Starlette types handlers by Exception; this one is registered for HTTPException only.
    status = getattr(problem, "status_code", 500)
    detail = getattr(problem, "detail", str(problem))
    if status in (404, 405) and detail in ("Not Found", "Method Not Allowed"):
        detail = f"{request.method} {request.url.path}: there is no such thing; GET / lists what there is"
    return JSONResponse({"error": detail}, status_code=status)


def _crashed(_: Request, problem: Exception) -> JSONResponse:
    return JSONResponse({"error": f"the sandbox failed: {problem!r}"}, status_code=500)
