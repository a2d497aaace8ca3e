"""The sandbox Alation as one :class:`~qsync_pipeline.sandbox.kernel.System`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from qsync_pipeline.sandbox.alation import names, state
from qsync_pipeline.sandbox.alation.api_auth import AuthApi
from qsync_pipeline.sandbox.alation.api_domains import DomainsApi
from qsync_pipeline.sandbox.alation.api_fields import FieldsApi
from qsync_pipeline.sandbox.alation.api_flags import FlagsApi
from qsync_pipeline.sandbox.alation.api_health import HealthApi
from qsync_pipeline.sandbox.alation.api_rdbms import RdbmsApi
from qsync_pipeline.sandbox.alation.api_service import ServiceApi
from qsync_pipeline.sandbox.alation.api_tags import TagsApi
from qsync_pipeline.sandbox.alation.api_values import ValuesApi
from qsync_pipeline.sandbox.alation.build import Builder
from qsync_pipeline.sandbox.alation.http import Gate, Routes, endpoint, json_response
from qsync_pipeline.sandbox.alation.jobs import Jobs
from qsync_pipeline.sandbox.alation.nested import NestedApi
from qsync_pipeline.sandbox.alation.people import People
from qsync_pipeline.sandbox.alation.rdbms_write import RdbmsWriteApi
from qsync_pipeline.sandbox.alation.slashes import AnySlash
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.throttle import Throttle
from qsync_pipeline.sandbox.alation.users import Role, User
from qsync_pipeline.sandbox.alation.world import World
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline.sandbox.routes import QuickRoute


class AlationSystem:
    """An Alation instance over an estate, as alation-api.md describes it."""

    name = "alation"

    def __init__(
        self,
        estate: Estate,
        clock: VirtualClock,
        *,
        switches: AlationSwitches | None = None,
        seed: int = 0,
    ) -> None:
        self.switches = switches or AlationSwitches()
        self.world = World.empty(clock, self.switches, seed)
        user = self.world.users.named("qsync", "CATALOG_ADMIN", service=True)
        self._first = self.world.tokens.issue(user, "qsync")
        client = self.world.tokens.add_client(
            self.world.users.named("qsync-oauth", "CATALOG_ADMIN", service=True)
        )
        self.oauth = {"client_id": client.client_id, "client_secret": client.secret}
        """Client credentials that a user could type in instead of the refresh token (§1.3)."""
        Builder(estate, self.world).build()
        self._people = People(self.world)
        self._throttle = Throttle(clock, self.switches)
        self.app = self._make_app()

    @property
    def jobs(self) -> Jobs:
        """The background jobs, to steer how the next ones end."""
        return self.world.jobs

    def _make_app(self) -> Starlette:
        world = self.world
        values, service = ValuesApi(world), ServiceApi(world)
        nobody = User(0, "nobody", "VIEWER", "")
        groups: list[tuple[Routes, Gate]] = [
            ([*AuthApi(world).routes(), *service.public_routes()], lambda request: nobody),
            (
                [
                    *RdbmsApi(world).routes(),
                    *RdbmsWriteApi(world, values).routes(),
                    *NestedApi(world).routes(),
                    *values.routes(),
                    *FieldsApi(world).routes(),
                    *TagsApi(world).routes(),
                    *FlagsApi(world).routes(),
                    *DomainsApi(world).routes(),
                    *HealthApi(world).routes(),
                    *service.routes(),
                ],
                self._gate,
            ),
        ]
        table = [(*row, gate) for rows, gate in groups for row in rows]
        # Fixed paths before those with parameters, so that "membership" is no domain's id.
        table.sort(key=lambda row: row[1].count("{"))
        routes = [
            QuickRoute(path, endpoint(handler, gate, self.switches), methods=[method])
            for method, path, handler, gate in table
        ]
        app = Starlette(routes=routes, exception_handlers={404: _no_route, 405: _no_route})
        app.router.redirect_slashes = False
        if self.switches.lenient_slashes:
            app.add_middleware(AnySlash)
        return app

    def _gate(self, request: Request) -> User:
        user = self.world.tokens.judge(request.headers).user
        self._throttle.take(request)
        self.world.jobs.settle()
        return user

    # Credentials.

    def credentials(self) -> Mapping[str, str]:
        """``{"user_id": …, "refresh_token": …}`` of the account that ``ConnectionSpec.access`` is about."""
        return {"user_id": str(self._first.user.id), "refresh_token": self._first.text}

    def issue_token(self, username: str, role: Role = "CATALOG_ADMIN") -> dict[str, str]:
        """Credentials of a further service account, made where it is missing."""
        user = self.world.users.named(username, role, service=True)
        return {"user_id": str(user.id), "refresh_token": self.world.tokens.issue(user, username).text}

    def expire_access_tokens(self) -> None:
        """From now on every access token made so far is answered with 401."""
        self.world.tokens.expire_access()

    def expire_refresh_token(self, text: str) -> None:
        """From now on this refresh token makes no access tokens."""
        token = self.world.tokens.refresh.get(text)
        if token is None:
            raise ControlError("refresh_token: unknown")
        token.expires = self.world.clock.now()

    # The control plane.

    def state(self, *, name: str | None = None, like: str | None = None) -> list[dict[str, Any]]:
        """Entries of ``GET /state/alation/assets``: by exact name, by SQL LIKE, or all."""
        self.world.jobs.settle()
        store = self.world.store
        nodes = names.named(store, name) if name is not None else names.like(store, like or "%")
        return [state.entry(self.world, node) for node in nodes]

    def check(self, change: Mapping[str, Any]) -> None:
        """Raise :class:`ControlError` if :meth:`mutate` could not carry this change out."""
        self.world.jobs.settle()
        self._people.check(change)

    def mutate(self, change: Mapping[str, Any]) -> Sequence[str]:
        """Carry out one change as a person or the extraction would; answers the ids touched."""
        self.world.jobs.settle()
        return self._people.mutate(change)


async def _no_route(request: Request, error: Exception) -> Response:
    """Row 5: an unslashed GET is redirected, any other unslashed call is lost."""
    path = request.url.path
    if path.endswith("/") or "." in path.rpartition("/")[2]:
        return json_response({"detail": "Not found.", "code": "404000"}, 404)
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{path}/{query}", 301)
    return json_response({"detail": "Not found. Paths end with a slash.", "code": "404000"}, 404)
