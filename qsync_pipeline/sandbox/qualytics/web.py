"""The HTTP side that all routes share: calls, parameters, paging, errors, and the way into Starlette.

Behaviour after qualytics-api.md §1.3-§1.6: FastAPI-like errors, a bearer on nearly every route, one paging
envelope, repeated keys for lists.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from qsync_pipeline.sandbox.qualytics.tokens import Token, TokenRefused
from qsync_pipeline.sandbox.routes import QuickRoute

if TYPE_CHECKING:
    from qsync_pipeline.sandbox.qualytics.system import QualyticsSystem

T = TypeVar("T")
MAX_PAGE_SIZE = 100
PAGING = ("page", "size")


class ApiError(Exception):
    """An error answer. ``detail`` is a string, a list or an object, all three attested (§1.4)."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def invalid(loc: Sequence[str | int], message: str, kind: str = "value_error") -> ApiError:
    """A 422 with one item of {loc, msg, type} (§1.4, decision 4)."""
    return ApiError(422, [{"loc": list(loc), "msg": message, "type": kind}])


def missing(what: str, number: object) -> ApiError:
    """A 404 of an object, with the words that tell it from an unknown route (§1.4)."""
    return ApiError(404, f"{what} id: {number} not found")


@dataclass(frozen=True)
class Reply:
    """An answer with a status of its own; a plain value is 200, null is 204 without a body."""

    status: int
    body: Any


@dataclass(slots=True)
class Call:
    """One request on its way to a handler."""

    system: QualyticsSystem
    path: dict[str, str]
    query: QueryParams
    body: Any
    token: Token | None
    base_url: str

    # -- path and body --------------------------------------------------------------------------------

    def number(self, name: str) -> int:
        """A path parameter that must be an integer."""
        try:
            return int(self.path[name])
        except ValueError:
            raise invalid(["path", name], "value is not a valid integer", "type_error.integer") from None

    def object(self) -> dict[str, Any]:
        """The body as an object."""
        if not isinstance(self.body, dict):
            raise invalid(["body"], "value is not a valid dict", "type_error.dict")
        return self.body

    def items(self) -> list[dict[str, Any]]:
        """The body as a list of objects, each with an ``id``."""
        if not isinstance(self.body, list):
            raise invalid(["body"], "value is not a valid list", "type_error.list")
        for position, item in enumerate(self.body):
            if not isinstance(item, dict):
                raise invalid(["body", position], "value is not a valid dict", "type_error.dict")
            if not isinstance(item.get("id"), int):
                raise invalid(["body", position, "id"], "field required", "value_error.missing")
        return self.body

    def text(self, key: str) -> str:
        """A required string of the body."""
        value = self.object().get(key)
        if not isinstance(value, str) or not value.strip():
            raise invalid(["body", key], "field required", "value_error.missing")
        return value

    # -- query ----------------------------------------------------------------------------------------

    def one(self, key: str) -> str | None:
        return self.query.get(key)

    def many(self, key: str) -> list[str]:
        """A list parameter: repeated keys, never joined by commas (§1.6)."""
        return self.query.getlist(key)

    def integers(self, key: str) -> list[int]:
        try:
            return [int(value) for value in self.many(key)]
        except ValueError:
            raise invalid(["query", key], "value is not a valid integer", "type_error.integer") from None

    def flag(self, key: str) -> bool | None:
        """A boolean as pydantic reads it; the API's own spelling is lower case (§1.6)."""
        value = self.one(key)
        if value is None:
            return None
        if value.lower() in ("true", "1"):
            return True
        if value.lower() in ("false", "0"):
            return False
        raise invalid(["query", key], "value could not be parsed to a boolean", "type_error.bool")

    def date(self, key: str) -> datetime.date | None:
        """``YYYY-MM-DD`` (§1.6)."""
        value = self.one(key)
        if value is None:
            return None
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            raise invalid(["query", key], "invalid date format", "value_error.date") from None

    def choice(self, key: str, allowed: Sequence[str]) -> str | None:
        """A parameter out of an enum; anything else is 422, ``archived=false`` too (§1.6)."""
        value = self.one(key)
        if value is not None and value not in allowed:
            message = "value is not a valid enumeration member; permitted: " + ", ".join(
                f"'{v}'" for v in allowed
            )
            raise invalid(["query", key], message, "type_error.enum")
        return value

    def archived(self) -> str | None:
        """``include``, ``only``, or null for without the archived (§1.6)."""
        return self.choice("archived", ("include", "only"))

    def page(
        self, rows: Callable[[], list[T]], view: Callable[[T], dict[str, Any]], *, remember: bool = True
    ) -> dict[str, Any]:
        """The paging envelope, exactly {items, total, page, size, pages} (§1.5).

        ``rows`` works out all matching objects; that list is remembered until something changes, so that
        walking its pages costs only the pages (``remember=False`` where rows depend on the clock).
        """
        page = self._bounded("page", 1, None)
        size = self._bounded("size", self.system.switches.default_page_size, MAX_PAGE_SIZE)
        found = self.system.listings.get(self, rows) if remember else rows()
        chunk = found[(page - 1) * size : page * size]
        return {
            "items": [view(item) for item in chunk],
            "total": len(found),
            "page": page,
            "size": size,
            "pages": -(-len(found) // size),
        }

    def _bounded(self, key: str, default: int, most: int | None) -> int:
        value = self.one(key)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            raise invalid(["query", key], "value is not a valid integer", "type_error.integer") from None
        if number < 1:
            message = "ensure this value is greater than or equal to 1"
            raise invalid(["query", key], message, "value_error.number.not_ge")
        if most is not None and number > most:
            message = f"ensure this value is less than or equal to {most}"
            raise invalid(["query", key], message, "value_error.number.not_le")
        return number

    def sort(self, rows: list[T], keys: dict[str, Callable[[T], Any]]) -> list[T]:
        """Sort by ``sort_<column>=asc|desc`` parameters, the first given counting most (§1.6)."""
        for name in reversed([key for key in self.query if key.startswith("sort_")]):
            if name in keys:
                descending = self.choice(name, ("asc", "desc")) == "desc"
                rows = sorted(rows, key=keys[name], reverse=descending)
        return rows


class Listings:
    """Remembers the objects behind paged lists while nothing changes."""

    KEEP = 64

    def __init__(self) -> None:
        self._revision = -1
        self._lists: dict[tuple[Any, ...], list[Any]] = {}

    def get(self, call: Call, rows: Callable[[], list[T]]) -> list[T]:
        revision = call.system.store.revision
        if revision != self._revision or len(self._lists) >= self.KEEP:
            self._lists.clear()
            self._revision = revision
        parameters = tuple(item for item in call.query.multi_items() if item[0] not in PAGING)
        key = (rows.__module__, rows.__qualname__, tuple(call.path.items()), parameters)
        if key not in self._lists:
            self._lists[key] = rows()
        return self._lists[key]


Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Endpoint:
    """One operation of the API. ``query`` names the parameters it knows; ``path`` is below the API root."""

    method: str
    path: str
    handler: Handler
    query: tuple[str, ...] = ()
    public: bool = False

    @property
    def summary(self) -> str:
        return self.handler.__name__.replace("_", " ").capitalize()


def encode(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def make_route(system: QualyticsSystem, endpoint: Endpoint) -> Route:
    """A plain Starlette route, so that ``scope["route"]`` and its parameters survive for the outer layer."""

    async def serve(request: Request) -> Response:
        try:
            return await _serve(system, endpoint, request)
        except ApiError as error:
            return encode({"detail": error.detail}, error.status)

    return QuickRoute(system.switches.api_root + endpoint.path, serve, methods=[endpoint.method])


async def _serve(system: QualyticsSystem, endpoint: Endpoint, request: Request) -> Response:
    switches = system.switches
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    if len(raw_path) + len(request.scope.get("query_string", b"")) > switches.max_uri:
        raise ApiError(414, "Request-URI Too Large")
    token = None
    if not endpoint.public:
        try:
            token = system.tokens.judge(request.headers.get("authorization"), system.clock.now())
        except TokenRefused as error:
            raise ApiError(401, str(error)) from None
    query = request.query_params
    if switches.strict_query:
        for key in query:
            if key not in endpoint.query:
                raise invalid(["query", key], "extra fields not permitted", "value_error.extra")
    system.operator.settle()
    data = await request.body() if endpoint.method != "GET" else b""
    if len(data) > switches.max_body:
        raise ApiError(413, "Request Entity Too Large")
    try:
        body = msgspec.json.decode(data) if data.strip() else None
    except msgspec.DecodeError as error:
        raise invalid(["body"], f"JSON decode error: {error}", "value_error.jsondecode") from None
    call = Call(system, request.path_params, query, body, token, str(request.base_url).rstrip("/"))
    answer = endpoint.handler(call)
    if answer is None:
        return Response(status_code=204)
    if isinstance(answer, Reply):
        return (
            encode(answer.body, answer.status)
            if answer.body is not None
            else Response(status_code=answer.status)
        )
    return encode(answer)


async def not_routed(request: Request, error: Exception) -> Response:
    """Unknown routes and methods, as FastAPI answers them: 404 ``Not Found`` (§1.4)."""
    assert isinstance(error, HTTPException)
    return encode({"detail": error.detail}, error.status_code)
