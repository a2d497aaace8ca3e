"""Altered answers of the real shapes: each ends in the same result or in a named error, and never in less.

An error of one of these readings is a failed scope and a red check, which
``test_a_malformed_answer_is_a_failed_scope_and_a_red_check`` shows once from end to end.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest
import yaml

from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.testing import running_sandbox
from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline_tests.e2e.harness import world
from qsync_pipeline_tests.fuzz.mutations import alter
from qsync_pipeline_tests.fuzz.operations import Operation, of_catalog, of_qualytics, record_all
from qsync_pipeline_tests.fuzz.recording import playing

CLIENTS = ("qualytics", "atlan", "alation")
SHARE, ALL = 800, 10_000
"""Altered answers per client in every run of the suite, and by ``make soak``."""
PAGES = {"qualytics": 20, "atlan": 20, "alation": 25}
"""Rows a page: few, so that lists have several pages."""


@pytest.fixture(scope="module")
def operations() -> Iterator[Mapping[str, Sequence[Operation]]]:
    """Every reading of the three clients, recorded."""
    logging.disable(logging.ERROR)
    with running_sandbox("small", 3, rate_limit_scale=1000) as sandbox:
        _short_pages(sandbox.config)
        config = load_config(sandbox.config)
        yield {
            "qualytics": record_all(of_qualytics(config)),
            **{name: record_all(of_catalog(config, name)) for name in ("atlan", "alation")},
        }
    logging.disable(logging.NOTSET)


def _short_pages(config: Path) -> None:
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["qualytics"]["page_size"] = PAGES["qualytics"]
    for one in document["integrations"]:
        one["page_size"] = PAGES[one["name"]]
    config.write_text(yaml.safe_dump(document), encoding="utf-8")


def run_altered(operations: Sequence[Operation], seed: str) -> tuple[str, str]:
    """One altered answer: what came of it (same, error, excused, lost, crash), and which one it was."""
    random = Random(seed)
    operation = random.choice(operations)
    target = random.choice(operation.targets())
    counted = operation.counted and "typedefs" not in target[1]
    way, altered = alter(operation.tape.answers[target], random, counted=counted)
    case = f"{seed}: {operation.name}: {way} in {target[0]} {target[1]}"
    try:
        with playing(operation.tape, lambda key, answer: altered if key == target else answer):
            facts = operation.run()
    except SyncError:
        return "error", case
    except Exception as error:
        return "crash", f"{case}: {type(error).__name__}: {error}"
    if facts == operation.facts:
        return "same", case
    return ("excused" if operation.excuse(operation.facts, facts, target[1]) else "lost"), case


def judge(operations: Sequence[Operation], client: str, many: int) -> None:
    outcomes: Counter[str] = Counter()
    bad = []
    for number in range(many):
        outcome, case = run_altered(operations, f"{client}-{number}")
        outcomes[outcome] += 1
        if outcome in ("lost", "crash"):
            bad.append(f"{outcome}: {case}")
    assert bad == [], "\n".join([f"{len(bad)} of {many}:", *bad[:20]])
    assert outcomes["error"] > many / 5, outcomes  # else nothing was altered that matters


@pytest.mark.parametrize("client", CLIENTS)
def test_played_back_unaltered_every_reading_is_the_same(
    operations: Mapping[str, Sequence[Operation]], client: str
) -> None:
    for one in operations[client]:
        with playing(one.tape, lambda key, answer: answer):
            assert one.run() == one.facts, one.name
        assert one.tape.more == {}


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("client", CLIENTS)
def test_an_altered_answer_is_an_error_or_changes_nothing(
    operations: Mapping[str, Sequence[Operation]], client: str
) -> None:
    judge(operations[client], client, SHARE)


@pytest.mark.soak
@pytest.mark.parametrize("client", CLIENTS)
def test_ten_thousand_altered_answers_per_client(
    operations: Mapping[str, Sequence[Operation]], client: str
) -> None:
    judge(operations[client], client, ALL)


@pytest.mark.parametrize(
    ("system", "route", "stage"),
    [
        ("qualytics", "/api/quality-checks", "qualytics_inventory"),
        ("atlan", "/api/meta/search/indexsearch", "catalog_assets"),
    ],
)
def test_a_malformed_answer_is_a_failed_scope_and_a_red_check(system: str, route: str, stage: str) -> None:
    with world("small", 3) as one:
        one.settled()
        before = one.whole_state()
        rule = {"system": system, "route": route, "kind": "drop_key", "skip": 3 if system == "atlan" else 0}
        one.control.faults({**rule, "key": "total" if system == "qualytics" else "approximateCount"})
        done = one.sync()
        one.control.clear_faults()
        assert not done.ok
        assert stage in {failure[0] for failure in done.failures}
        assert all(error for _, _, error in done.failures)
        assert [name for name, (passed, _) in done.checks.items() if not passed], "green with fewer objects"
        assert one.changed(before) == set()
        one.quiet()
