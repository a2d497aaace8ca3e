"""Lists of several pages, in estates that would fit on one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from qsync_pipeline.catalogs.alation.calls import Calls as AlationCalls
from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.qualytics.calls import Calls

PAGE = 2
"""Rows of a page: fewer than the config allows."""


@contextmanager
def small_pages() -> Iterator[None]:
    """All clients read pages of :data:`PAGE` rows."""
    small = property(lambda client: PAGE, lambda client, size: None)
    with ExitStack() as stack:
        for client in (Calls, AtlanClient, AlationCalls):
            stack.enter_context(mock.patch.object(client, "page_size", small, create=True))
        yield
