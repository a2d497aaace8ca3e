"""The sandbox Atlan as one :class:`~qsync_pipeline.sandbox.kernel.System`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from qsync_pipeline.sandbox.atlan import names, state
from qsync_pipeline.sandbox.atlan.access import Access, Mode, RateLimit, Token
from qsync_pipeline.sandbox.atlan.api_entity import EntityApi, Lookup
from qsync_pipeline.sandbox.atlan.api_extras import ExtrasApi
from qsync_pipeline.sandbox.atlan.api_search import SearchApi
from qsync_pipeline.sandbox.atlan.api_service import ServiceApi
from qsync_pipeline.sandbox.atlan.api_types import TypesApi
from qsync_pipeline.sandbox.atlan.build import Builder
from qsync_pipeline.sandbox.atlan.creation import Creation
from qsync_pipeline.sandbox.atlan.errors import GatewayError
from qsync_pipeline.sandbox.atlan.evaluator import EvaluatorApi
from qsync_pipeline.sandbox.atlan.http import AnySlash, Handler, endpoint
from qsync_pipeline.sandbox.atlan.ids import IdSource
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.people import People
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.atlan.tagging import Tagging
from qsync_pipeline.sandbox.atlan.typedefs import TypeDefs
from qsync_pipeline.sandbox.atlan.upsert import Upserter
from qsync_pipeline.sandbox.atlan.views import Views
from qsync_pipeline.sandbox.atlan.webhooks import Webhooks
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline.sandbox.outbox import Outbox, Receiver
from qsync_pipeline.sandbox.routes import QuickRoute


class AtlanSystem:
    """An Atlan tenant over an estate, as atlan-api.md describes it (§6.1, tiers Must and Should)."""

    name = "atlan"

    def __init__(
        self,
        estate: Estate,
        clock: VirtualClock,
        *,
        switches: AtlanSwitches | None = None,
        seed: int = 0,
        rate_limit_scale: float = 1.0,
    ) -> None:
        self.switches = switches or AtlanSwitches()
        self.maintenance = False
        """While true every call is answered with 503 (row 28)."""
        ids = IdSource(seed)
        self.types = TypeDefs(ids, clock.now_ms)
        self.store = Store(clock, self.switches, ids, self.types.set_of)
        self.access = Access(clock, ids, self.switches)
        self._rate = RateLimit(clock, self.switches, rate_limit_scale)
        self._tagging = Tagging(self.store, self.types)
        self._people = People(self.store, self.types, self._tagging, self.access)
        self.webhooks = Webhooks(clock, self.switches, seed=seed)
        self.store.listeners.append(self.webhooks.notice)
        self._first = self.access.issue("qsync")
        secret = ids.nanoid()
        self.oauth = {"client_id": f"oauth-client-{ids.guid()}", "client_secret": secret}
        """Client credentials that a user could type in instead of the token (§1.4)."""
        self.access.clients[self.oauth["client_id"]] = (secret, "qsync-oauth")
        Builder(estate, self.store, self.types, self.access, ids).build()
        self.app = self._make_app(ids)

    def _make_app(self, ids: IdSource) -> Starlette:
        views, lookup = Views(self.store, self.types), Lookup(self.store)
        upserter = Upserter(self.store, self.types, self._tagging, Creation(self.store))
        service = ServiceApi(self.access, ids)
        table: list[tuple[str, str, Handler]] = [
            *SearchApi(self.store, views).routes(),
            *EntityApi(self.store, views, lookup, upserter, self._tagging).routes(),
            *ExtrasApi(self.store, self.types, self._tagging, lookup).routes(),
            *TypesApi(self.store, self.types, self._tagging).routes(),
            *EvaluatorApi(self.store).routes(),
            *service.routes(),
        ]
        # Fixed paths before those with parameters, so that "displayName" is no set id.
        table.sort(key=lambda row: row[1].count("{"))
        routes = [
            QuickRoute(path, endpoint(handler, self._gate), methods=[method])
            for method, path, handler in table
        ]
        routes.append(QuickRoute("/api/service/oauth-clients/token", service.oauth_token, methods=["POST"]))
        missing = {404: _not_found, 405: _not_found}
        return Starlette(routes=routes, middleware=[Middleware(AnySlash)], exception_handlers=missing)

    def _gate(self, request: Request) -> Token:
        if self.maintenance:
            body = {"errorCode": "ATLAS-503-00-001", "errorMessage": "Service is in maintenance mode"}
            raise GatewayError(503, msgspec.json.encode(body) if self.switches.maintenance_body else b"")
        token = self.access.authenticate(request.headers.get("authorization"))
        self._rate.take()
        self.tick()
        return token

    def tick(self) -> None:
        """Do what is due by now: propagation first, then indexing, then webhook retries."""
        self._tagging.propagate()
        self.store.catch_up()
        self.webhooks.outbox.pump()

    def propagate_now(self) -> None:
        """Do all queued propagation, due or not."""
        self._tagging.propagate(everything=True)
        self.tick()

    # Webhooks.

    def subscribe(self, receiver: Receiver, *, validate: bool = True) -> None:
        """Tell this receiver of changes; see :meth:`.webhooks.Webhooks.subscribe`."""
        self.webhooks.subscribe(receiver, validate=validate)

    def outbox(self) -> Outbox:
        """Receivers, and notifications on their way to them."""
        return self.webhooks.outbox

    def pump(self) -> None:
        """Do what is due, and notify."""
        self.tick()

    # Credentials.

    def credentials(self) -> Mapping[str, str]:
        """``{"token": …}``: the first token, which :attr:`ConnectionSpec.access` is about."""
        return {"token": self._first.value}

    def issue_token(self, name: str, access: Mapping[str, Mode] | None = None) -> str:
        """A further token. ``access`` overrides the persona: connection name -> write, read or hidden."""
        if access is None:
            return self.access.issue(name).value
        by_name = {doc.name: doc.qn for doc in self.store.docs_of("Connection")}
        unknown = set(access) - set(by_name)
        if unknown:
            raise ControlError(f"access: no connection named {sorted(unknown)}")
        return self.access.issue(name, {by_name[key]: mode for key, mode in access.items()}).value

    def expire_token(self, value: str) -> None:
        """From now on this token is answered with 401."""
        token = self.access.tokens.get(value)
        if token is None:
            raise ControlError("token: unknown")
        token.expires_at = self.store.clock.now()

    # The control plane.

    def state(self, *, name: str | None = None, like: str | None = None) -> list[dict[str, Any]]:
        """Entries of ``GET /state/atlan/assets``: by exact name, by SQL LIKE, or all."""
        self.tick()
        docs: Sequence[Doc]
        if name is not None:
            docs = names.named(self.store, name)
        else:
            docs = names.like(self.store, like if like is not None else "%")
        return [state.entry(self.store, self.types, doc) for doc in docs]

    def check(self, change: Mapping[str, Any]) -> None:
        """Raise :class:`ControlError` if :meth:`mutate` could not carry this change out."""
        self.tick()
        self._people.check(change)

    def mutate(self, change: Mapping[str, Any]) -> Sequence[str]:
        """Carry out one change as a person or a crawler would; answers the ids touched."""
        self.tick()
        return self._people.mutate(change)


async def _not_found(request: Request, error: Exception) -> Response:
    body = msgspec.json.encode({"code": 404, "message": f"no route for {request.method} {request.url.path}"})
    return Response(body, 404, media_type="application/json")
