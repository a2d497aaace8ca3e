"""The ``qsync.yaml`` of a sandbox, with its secrets in files beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsync_pipeline.transport.errors import ConfigError

FILE_NAME = "qsync.yaml"
MARK = "# Written by `qsync sandbox`"
"""First words of every config written here. A config without them is somebody's own and is left alone."""

_SECRETS = ("token", "refresh_token")


@dataclass(frozen=True)
class Served:
    """A system as the config sees it. ``requests_per_minute``: null leaves the setting to its default."""

    name: str
    url: str
    credentials: Mapping[str, str]
    requests_per_minute: int | None = None


def write_config(directory: Path, served: Sequence[Served], *, domains: Sequence[str], title: str) -> Path:
    """Write ``qsync.yaml`` and one file (mode 0600) per secret into ``directory``; returns the path.

    ``title`` says which sandbox this is. The ledger is left to its default place, ``.qsync/`` beside it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    if path.exists() and not path.read_text(encoding="utf-8").startswith(MARK):
        raise ConfigError(f"{path}: not written by a sandbox, so it is left alone; choose another directory")
    lines = [
        f"{MARK} for {title}.",
        "# Good while that sandbox runs; the next one writes it anew. Try: qsync sync --config THIS_FILE",
        "",
    ]
    for system in served:
        if system.name == "qualytics":
            lines += ["qualytics:", *_connection(directory, system, indent="  "), ""]
    lines.append("integrations:")
    for system in served:
        if system.name != "qualytics":
            lines += _integration(directory, system, domains)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _integration(directory: Path, system: Served, domains: Sequence[str]) -> list[str]:
    lines = [
        f"  - name: {system.name}",
        f"    type: {system.name}",
        *_connection(directory, system, indent="    "),
        "    # Only assets under these domains take part; an empty list takes all.",
        f"    domains: {_flow(list(domains))}",
        "    event_driven: true",
        "    # On: a catalog tag named like a native Qualytics tag takes that one over. Off: it is skipped.",
        "    overwrite_tags: false",
        "    announcements: true",
        "    # A real integration first only plans, and its first write is asked for. Not so here.",
        "    first_write: true",
    ]
    if system.requests_per_minute is not None:
        lines += [
            "    # Three quarters of what the catalog grants to the whole tenant.",
            f"    requests_per_minute: {system.requests_per_minute}",
        ]
    return lines


def _connection(directory: Path, system: Served, *, indent: str) -> list[str]:
    lines = [f"{indent}url: {system.url}"]
    for key, value in system.credentials.items():
        if key in _SECRETS:
            name = f"{system.name}.{key}"
            _write_secret(directory / name, value)
            lines.append(f"{indent}{key}: {{file: {name}}}")
        else:
            lines.append(f"{indent}{key}: {_flow(int(value) if value.isdecimal() else value)}")
    return lines


def _flow(value: object) -> str:
    """JSON is YAML in flow style, whatever characters a name holds."""
    return json.dumps(value, ensure_ascii=False)


def _write_secret(path: Path, value: str) -> None:
    """Never readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(value + "\n")
