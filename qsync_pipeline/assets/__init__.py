"""The Dagster assets: thin. Each reads its stage's input, calls :mod:`qsync_pipeline.sync`, and reports."""
