"""``python -m qsync_pipeline`` is ``qsync``."""

from qsync_pipeline.cli import main

main()
