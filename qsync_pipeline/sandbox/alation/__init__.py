"""A local Alation that allie-sdk cannot tell from an instance, on the calls in use.

Behaviour after alation-api.md; the decisions of its §6 are :class:`AlationSwitches`.
"""

from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.system import AlationSystem

__all__ = ["AlationSwitches", "AlationSystem"]
