"""What can be held true of the documents without running anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qsync_pipeline.cli import COMMANDS, LazyGroup, group
from qsync_pipeline.config import load_config
from qsync_pipeline_tests.docs.blocks import DOCUMENTS, KINDS, ROOT, Block, every

LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)\s#]+)(?:#[^)]*)?\)")
IMAGE_LIMIT = 250_000
_MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users)/")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_resolve(document: Path) -> None:
    targets = LINK.findall(document.read_text(encoding="utf-8"))
    assert [one for one in targets if not (document.parent / one).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_shows_a_machine(document: Path) -> None:
    assert _MACHINE.findall(document.read_text(encoding="utf-8")) == []


def test_every_document_in_docs_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    there = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert there - linked == set()


def test_every_picture_is_shown_and_small() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    assert [path.name for path in pictures if path.name not in text] == []
    assert [path.name for path in pictures if path.stat().st_size > IMAGE_LIMIT] == []


def test_every_command_says_how_it_is_tested() -> None:
    shell = [block for block in every() if block.language in ("bash", "console", "sh", "shell")]
    assert [str(block) for block in shell if block.kind not in KINDS - {"config", "sql"}] == []
    assert [str(block) for block in every() if block.kind and block.kind not in KINDS] == []


@pytest.mark.parametrize(
    "block",
    [block for block in every() if block.kind == "config" or "integrations:" in block.text],
    ids=str,
)
def test_a_config_loads(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "qsync.yaml"
    path.write_text(re.sub(r"(?m)^(\s*ca_bundle:).*$", r"\1", block.text), encoding="utf-8")
    load_config(path, env={}, check_secrets=False)


@pytest.mark.parametrize("block", every("make"), ids=str)
def test_a_make_target_exists(block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in block.text.splitlines():
        program, target = line.split()
        assert program == "make"
        assert re.search(rf"(?m)^{re.escape(target)}:", makefile), target


def test_the_readme_names_every_command() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert isinstance(group, LazyGroup)
    there = [name for name in COMMANDS if group.get_command(None, name) is not None]  # type: ignore[arg-type]  # the context is not looked at
    assert [name for name in there if f"qsync {name}" not in text] == []


@pytest.mark.rule("5.2", "The run and the README name the mode and its differences")
def test_the_readme_tells_the_two_modes_of_tags_apart() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("### Managed and native tags", 1)[1].split("\n## ", 1)[0]
    assert "| managed (usual) | native |" in section
    for difference in ("category named after the integration", "cascades", "taken off"):
        assert difference in section
