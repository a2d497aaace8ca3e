"""Atlan's error answers (atlan-api.md §1.5): the metastore's shape, the gateway's, and no JSON at all."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response


class AtlasError(Exception):
    """A refusal by the metastore; becomes shape (a) of §1.5. ``guid`` names the culprit if known."""

    def __init__(self, status: int, code: str, message: str, *, guid: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.guid = guid


class GatewayError(Exception):
    """A refusal by the gateway or Heracles: shape (c) of §1.5, a bare message, or a body that is no JSON."""

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        media_type: str = "application/json",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.media_type = media_type
        self.retry_after = retry_after


def bad_request(message: str) -> AtlasError:
    return AtlasError(400, "ATLAS-400-00-029", f"Bad request: {message}")


def invalid_parameters(message: str, guid: str | None = None) -> AtlasError:
    return AtlasError(400, "ATLAS-400-00-01A", f"invalid parameters: {message}", guid=guid)


def query_rejected(message: str) -> AtlasError:
    return AtlasError(400, "ATLAS-400-00-503", f"Elasticsearch query failed: {message}")


def forbidden(actor: str, action: str, what: str, guid: str | None = None) -> AtlasError:
    return AtlasError(
        403, "ATLAS-403-00-001", f"{actor} is not authorized to perform {action}: {what}", guid=guid
    )


def unknown_type(name: object) -> AtlasError:
    return AtlasError(404, "ATLAS-404-00-001", f"Given typename {name} was invalid")


def unknown_guid(guid: str) -> AtlasError:
    return AtlasError(404, "ATLAS-404-00-005", f"Given instance guid {guid} is invalid/not found", guid=guid)


def unknown_unique_attribute(type_name: str, qualified_name: str) -> AtlasError:
    return AtlasError(
        404,
        "ATLAS-404-00-009",
        f"Instance {type_name} with unique attribute {{qualifiedName={qualified_name}}} does not exist",
    )


def missing_reference(what: object) -> AtlasError:
    return AtlasError(404, "ATLAS-404-00-00A", f"Referenced entity {what} is not found")


def invalid_instance(message: str, guid: str | None = None) -> AtlasError:
    """The status says 404 although the request is what is wrong (§1.5, marked (!))."""
    return AtlasError(
        404, "ATLAS-404-00-007", f"Invalid instance creation/updation parameters passed: {message}", guid=guid
    )


def unknown_tag(name: object) -> AtlasError:
    return AtlasError(404, "ATLAS-404-00-008", f"Given classification {name} was invalid")


def respond(error: AtlasError | GatewayError) -> Response:
    """The HTTP answer for an error."""
    if isinstance(error, GatewayError):
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return Response(error.body, error.status, headers, error.media_type)
    body: dict[str, Any] = {"errorCode": error.code, "errorMessage": error.message}
    if error.guid is not None:
        body["entityGuid"] = error.guid
    return Response(msgspec.json.encode(body), error.status, media_type="application/json")
