"""The Dagster assets: thin. Each reads its stage's input, calls :mod:`qsync_pipeline.sync`, and reports."""

import warnings

import dagster as dg

# We know that our backfill policies are a beta parameter; said once for each asset it hides what matters.
warnings.filterwarnings("ignore", message=".*`backfill_policy`", category=dg.BetaWarning)
