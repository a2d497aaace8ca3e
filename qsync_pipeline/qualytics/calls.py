"""What every group of calls stands on: the session, and lists read whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from qsync_pipeline.transport.paging import Page, read_pages
from qsync_pipeline.transport.query import Scalar
from qsync_pipeline.transport.session import HttpSession


class _Row(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=_Row)


class Calls:
    """A session with its bounds: ``parallel`` calls in flight, ``page_size`` rows a page (at most 100)."""

    def __init__(self, session: HttpSession, *, parallel: int = 8, page_size: int = 100) -> None:
        self.session = session
        self.parallel = parallel
        self.page_size = page_size

    def pages(self, path: str, row: type[T], params: Sequence[tuple[str, Scalar]] = ()) -> list[T]:
        """All rows of a paged list, told apart by id (qualytics-api.md §1.5)."""
        envelope: Any = Page[row]  # type: ignore[valid-type]  # msgspec builds its decoder from the real type

        def fetch(number: int) -> Page[T]:
            page: Page[T] = self.session.request(
                "GET",
                path,
                kind="read",
                params=[*params, ("page", number), ("size", self.page_size)],
                decode=envelope,
            )
            return page

        return read_pages(
            fetch,
            what=path.strip("/"),
            system=self.session.system,
            parallel=self.parallel,
            key=lambda item: item.id,
        )
