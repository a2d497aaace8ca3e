"""The dependencies are audited where that can be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsync_pipeline_tests.security import audit
from qsync_pipeline_tests.transport.scripted import Reply, serving


def test_nothing_known_stands_against_the_pinned_versions() -> None:
    if why := audit.out_of_reach():
        pytest.skip(why)
    assert audit.audit() == 0


def test_a_database_out_of_reach_is_said_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "find_spec", lambda name: object())
    assert audit.audit(url="http://127.0.0.1:9/") == 0
    assert capsys.readouterr().out.startswith("audit skipped: the database of advisories cannot be reached")
    with serving([Reply(status=503)]) as server:
        assert audit.audit(url=server.url) == 0
    assert "answered with 503" in capsys.readouterr().out


def test_the_status_of_a_finding_is_the_audits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(audit, "find_spec", lambda name: object())
    monkeypatch.setattr(audit, "command", lambda path: ["false"])
    with serving([Reply(body={})]) as server:
        assert audit.audit(tmp_path, server.url) == 1


def test_only_pinned_versions_are_asked_about() -> None:
    said = audit.command()
    assert {"--no-deps", "--disable-pip", "osv"} <= set(said)
    lines = [line for line in audit.CONSTRAINTS.read_text().splitlines() if line and not line.startswith("#")]
    assert all("==" in line for line in lines)
