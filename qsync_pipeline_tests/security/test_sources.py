"""What the sources never do, read from the sources."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

import qsync_pipeline
from qsync_pipeline.automation.webhooks.serve import Server
from qsync_pipeline.cli.webhooks import command as webhooks_command
from qsync_pipeline.definitions import defs
from qsync_pipeline.sandbox import server as sandbox_server
from qsync_pipeline.tables_io import TableIOManager

ROOT = Path(qsync_pipeline.__file__).parent
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
FORBIDDEN_CALLS = {
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.full_load_all",
    "yaml.unsafe_load_all", "pd.read_pickle", "pandas.read_pickle", "eval", "exec", "os.system", "os.popen",
}  # fmt: skip
FORBIDDEN_NAMES = {
    "UnsafeLoader", "FullLoader", "FilesystemIOManager", "fs_io_manager", "PickledObjectFilesystemIOManager",
    "CERT_NONE", "_create_unverified_context",
}  # fmt: skip


def trees() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def forbidden(module: str) -> bool:
    return module.split(".")[0] in FORBIDDEN_IMPORTS


def test_nothing_is_unpickled_evaluated_or_loaded_unsafely() -> None:
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            where = f"{name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                found += [
                    f"{where}: {one.name}"
                    for one in node.names
                    if one.name.split(".")[0] in FORBIDDEN_IMPORTS
                ]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_IMPORTS:
                found.append(f"{where}: {node.module}")
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN_CALLS:
                found.append(f"{where}: {ast.unparse(node.func)}")
            if isinstance(node, ast.Attribute | ast.Name):
                word = node.attr if isinstance(node, ast.Attribute) else node.id
                found += [f"{where}: {word}"] if word in FORBIDDEN_NAMES else []
    assert found == []


def test_no_call_switches_certificates_off_or_runs_a_shell() -> None:
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.keyword) or not isinstance(node.value, ast.Constant):
                continue
            off = node.arg in ("verify", "check_hostname") and node.value.value is False
            shell = node.arg == "shell" and node.value.value is True
            found += [f"{name}:{node.value.lineno}: {node.arg}"] if off or shell else []
    assert found == []


def test_every_asset_is_stored_by_our_own_tables_and_never_by_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QSYNC_CONFIG", raising=False)
    definitions = defs()
    assert isinstance((definitions.resources or {})["io_manager"], TableIOManager)
    for asset in definitions.assets or ():
        assert isinstance(asset, dg.AssetsDefinition)
        keys = {output.io_manager_key for output in asset.node_def.output_defs}
        assert keys <= {"io_manager"}
    for stored in ROOT.rglob("tables_io.py"):
        assert "parquet" in stored.read_text(encoding="utf-8")


def test_receiver_and_sandbox_are_on_loopback_unless_told_otherwise() -> None:
    assert sandbox_server.HOST == "127.0.0.1"
    host = next(one for one in webhooks_command.params if one.name == "host")
    assert host.default == "127.0.0.1"
    given = inspect.signature(Server).parameters["host"].default
    assert given in ("127.0.0.1", inspect.Parameter.empty)
    assert [name for name, tree in trees() for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in ("0.0.0.0", "::")] == []  # fmt: skip


def test_a_secret_file_of_the_sandbox_is_its_owners_alone(tmp_path: Path) -> None:
    from qsync_pipeline.sandbox.testing import running_sandbox

    with running_sandbox("small", 1, directory=tmp_path / "box"):
        for name in ("qualytics.token", "atlan.token", "alation.refresh_token", "webhooks.secret"):
            assert (tmp_path / "box" / name).stat().st_mode & 0o077 == 0
