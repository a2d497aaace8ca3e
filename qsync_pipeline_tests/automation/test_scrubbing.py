"""Errors that nobody thought of keep no secret when they leave a tick: Dagster stores their text for ever."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from qsync_pipeline import automation
from qsync_pipeline.automation.scrubbing import scrubbed
from qsync_pipeline.resources import LedgerResource
from qsync_pipeline.transport.redact import MASK, register_secret

SECRET = "obviously-fake-token-of-a-tick-0815"
SOURCES = Path(automation.__file__).parent


@pytest.fixture(autouse=True)
def planted() -> None:
    register_secret(SECRET)


def text_of(error: BaseException | None) -> str:
    """All that Dagster would store: the error and what caused it."""
    return f"{error!r} {text_of(error.__cause__)} {text_of(error.__context__)}" if error else ""


def test_an_error_of_a_sensor_is_masked_with_its_causes() -> None:
    @dg.sensor(name="watches", minimum_interval_seconds=60)
    @scrubbed
    def watches(context: dg.SensorEvaluationContext, ledger: LedgerResource) -> dg.SkipReason:
        try:
            raise KeyError(f"no {SECRET}")
        except KeyError as cause:
            raise dg.Failure(description=f"asked with {SECRET}") from cause

    resources = {"ledger": LedgerResource(config_path="none")}
    with dg.build_sensor_context(resources=resources) as context, pytest.raises(dg.Failure) as caught:
        watches(context)
    assert caught.value.description == f"asked with {MASK}"
    assert SECRET not in text_of(caught.value)


def test_an_error_of_a_schedule_that_yields_is_masked() -> None:
    @dg.schedule(name="turns", cron_schedule="0 * * * *", job_name="job")
    @scrubbed
    def turns(context: dg.ScheduleEvaluationContext) -> Iterator[dg.SkipReason]:
        yield dg.SkipReason("first")
        raise ValueError(SECRET)

    with pytest.raises(ValueError, match=r"\*\*\*") as caught:
        list(turns(dg.build_schedule_context()))
    assert SECRET not in text_of(caught.value)


def test_every_sensor_and_schedule_masks_its_errors() -> None:
    found = 0
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            decorators = [ast.unparse(one) for one in node.decorator_list]
            if any(one.startswith(("dg.sensor", "dg.schedule")) for one in decorators):
                found += 1
                assert decorators[-1] == "scrubbed", f"{path.name}: {node.name}"
    assert found >= 8
