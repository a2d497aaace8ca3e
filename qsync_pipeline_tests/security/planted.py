"""Looking for planted secrets: in every file that a sync leaves behind, what it said, and the UI's API."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq

PIECE = 16
"""Characters of a secret that are a leak already, taken from its end: a JWT's head is in every other JWT."""


class Planted:
    """Secrets by name, and what they look like when they leak."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.forms: dict[str, str] = {}
        for name, secret in secrets.items():
            whole = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
            whole.add(base64.b64encode(secret.encode()).decode().rstrip("=")[:-2])
            for form in whole:
                self.forms[form] = name
            self.forms[secret[-PIECE:]] = f"the end of {name}"

    def leaks(self, where: str, text: str) -> list[str]:
        """Which secrets are in a text."""
        return sorted({f"{name} in {where}" for form, name in self.forms.items() if form in text})


def texts_of(directory: Path, leave_out: Sequence[Path] = ()) -> Iterator[tuple[str, str]]:
    """Every file below a directory as text: rows of SQLite databases and parquet files too."""
    for path in sorted(directory.rglob("*")):
        if not path.is_file() or path in leave_out:
            continue
        raw = path.read_bytes()
        yield path.name, raw.decode("utf-8", "replace")
        if raw.startswith(b"SQLite format 3"):
            yield path.name, "\n".join(_rows(path))
        elif path.suffix == ".parquet":
            table = pq.read_table(path)
            yield path.name, repr(table.schema.metadata) + repr(table.to_pylist())


def _rows(path: Path) -> Iterator[str]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):
                yield repr(row)


RUNS = """{ runsOrError(limit: 100) { ... on Runs { results {
  runId status runConfigYaml tags { key value } } } } }"""
EVENTS = """query($id: ID!) { logsForRun(runId: $id, limit: 5000) { ... on EventConnection { events {
  ... on MessageEvent { message stepKey }
  ... on ExecutionStepFailureEvent { error { message stack causes { message stack } }
      failureMetadata { description metadataEntries { ...M } } }
  ... on MaterializationEvent { label description metadataEntries { ...M } }
  ... on AssetMaterializationPlannedEvent { message }
  ... on StepExpectationResultEvent { message }
  ... on HandledOutputEvent { metadataEntries { ...M } }
  ... on LoadedInputEvent { metadataEntries { ...M } }
  ... on AssetCheckEvaluationEvent { evaluation { checkName description metadataEntries { ...M } } }
  ... on RunFailureEvent { error { message stack } }
} } ... on PythonError { message } } }"""
STORES = """{ repositoriesOrError { ... on RepositoryConnection { nodes { name
  allTopLevelResourceDetails { name description resourceType
      configFields { name configTypeKey defaultValueAsJson } configuredValues { key value type } }
  assetNodes { id description metadataEntries { ...M } }
  sensors { name description } schedules { name description cronSchedule }
} } } }"""
MODES = """query($job: String!) { pipelineOrError(params: {pipelineName: $job,
  repositoryName: "__repository__", repositoryLocationName: "qsync"}) { ... on Pipeline { name
    modes { resources { name description configField { name defaultValueAsJson } } } } } }"""
ENTRIES = """ fragment M on MetadataEntry { label description
  ... on TextMetadataEntry { text } ... on MarkdownMetadataEntry { mdStr } ... on UrlMetadataEntry { url }
  ... on PathMetadataEntry { path } ... on JsonMetadataEntry { jsonString }
  ... on TableMetadataEntry { table { records } } }"""


def answers_of(ask: Any) -> Iterator[tuple[str, str]]:
    """What the UI's GraphQL tells of runs, events, metadata, checks, resources and definitions."""
    runs = ask(RUNS)["runsOrError"]["results"]
    yield "the runs", json.dumps(runs)
    for run in runs:
        found = ask(EVENTS + ENTRIES, id=run["runId"])["logsForRun"]
        assert found["events"], found
        yield "the events of a run", json.dumps(found)
    yield "the definitions", json.dumps(ask(STORES + ENTRIES))
    for job in ("atlan_sync", "alation_pull"):
        yield "a job's resources", json.dumps(ask(MODES, job=job))
