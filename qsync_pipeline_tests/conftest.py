"""What the whole suite shares."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["qsync_pipeline_tests.rules_table"]

# A shared machine may hold up any example for a while.
settings.register_profile("qsync", deadline=None)
settings.load_profile("qsync")
