"""The five families of error bodies (alation-api.md §1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An error answer: its status, its JSON body and extra headers."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def refused(status: int, detail: str, number: int = 0) -> ApiError:
    """Family 1: a detail with a six-digit code, the status followed by three digits."""
    return ApiError(status, {"detail": detail, "code": f"{status}{number:03d}"})


def not_found(detail: str = "Not found.") -> ApiError:
    return refused(404, detail)


def forbidden(detail: str = "You do not have permission to perform this action.") -> ApiError:
    return refused(403, detail)


def invalid_payload(problem: str, status: int = 400, *, name: str = "non_field_errors") -> ApiError:
    """Family 2: title, detail and errors by property; custom field values."""
    body = {
        "title": "Invalid Payload" if status == 400 else "Permission Denied",
        "detail": "Please check the API documentation for the payload of this call.",
        "errors": [{name: [problem]}],
        "code": f"{status}000",
    }
    return ApiError(status, body)


def invalid_objects(errors: list[dict[str, list[str]]]) -> ApiError:
    """Family 3: the bulk relational calls."""
    detail = "Incorrect input data. Please fix the errors and post the data again."
    return ApiError(400, {"detail": detail, "errors": errors, "code": "400010"})


def by_field(**messages: str) -> ApiError:
    """Family 4: a bare map of properties to messages; flags, tags."""
    return ApiError(400, {name: [text] for name, text in messages.items()})


def entry(number: int, message: str) -> ApiError:
    """Family 5: data quality only; -1 stands for the whole body."""
    return ApiError(400, {"Entry": number, "Message": message})
