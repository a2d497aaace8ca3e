"""Errors of a sensor's calls that need nobody."""

from qsync_pipeline.transport.errors import Malformed, ServerError, Throttled, Unreachable

PASSING = (Malformed, ServerError, Throttled, Unreachable)
"""Errors that go away by themselves; the others need somebody, and fail the tick."""
