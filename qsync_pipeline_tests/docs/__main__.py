"""``python -m qsync_pipeline_tests.docs``: bring the generated parts of ``docs/`` up to date."""

from __future__ import annotations

import sys

from qsync_pipeline_tests import complaints
from qsync_pipeline_tests.docs.generate import write

for path in write() + ([complaints.TABLE] if complaints.write() else []):
    sys.stdout.write(f"{path.name} was brought up to date\n")
