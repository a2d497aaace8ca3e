"""What the whole suite shares."""

from __future__ import annotations

pytest_plugins = ["qsync_pipeline_tests.rules_table"]
