"""``qsync doctor`` on Alation: the administrator's part, and how long the refresh token still lives."""

from __future__ import annotations

from pathlib import Path

from qsync_pipeline.sandbox.testing import ALATION_ONLY, running_sandbox
from qsync_pipeline_tests.cli.conftest import Qsync


def test_what_an_administrator_does_by_hand_is_told_and_a_token_near_its_end_is_a_warning(
    qsync: Qsync, tmp_path: Path
) -> None:
    short = {"alation": {"refresh_token_days": 10.5}}
    with running_sandbox("small", directory=tmp_path / "s", kinds=ALATION_ONLY, switches=short) as sandbox:
        said = qsync("doctor", "--config", sandbox.config)
    assert said.status == 0, said.out + said.err
    assert "ok       alation: by hand: Custom fields show only where the template has them" in said.out
    assert '"Qualytics Anomaly Count"' in said.out
    assert "surfaces: custom_fields, trust_flags, data_health" in said.out
    line, todo = next(
        pair
        for pair in zip(said.out.splitlines(), said.out.splitlines()[1:], strict=False)
        if "alation: credentials" in pair[0]
    )
    assert line.startswith("warning")
    assert line.endswith("in 10 days")
    assert "Make a new one in Alation's profile settings" in todo
