"""Ledgers for tests: every repository is held to its promises on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from qsync_pipeline.ledger import Ledger
from qsync_pipeline_tests.ledger import postgres

_NUMBERS = itertools.count()


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    with postgres.server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """A ``postgresql://`` URL (no driver named) of an empty schema: much quicker made than a database."""
    name = f"qsync_{next(_NUMBERS)}"
    engine = create_engine(f"{postgres_server}/postgres")
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{postgres_server}/postgres?options=-csearch_path%3D{name}"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def open_ledger(url: str, clock: Clock) -> Iterator[Callable[..., Ledger]]:
    """Opens ledgers on one database, each with its own connections, and closes them at the end."""
    opened: list[Ledger] = []

    def open_(**options: bool) -> Ledger:
        opened.append(Ledger.open(url, clock=clock, **options))
        return opened[-1]

    yield open_
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    return open_ledger()
