"""A local Qualytics that the vendor's own CLI cannot tell from a deployment, on the calls in use.

Behaviour after ``qualytics-api.md``; its §5 decisions are :class:`QualyticsSwitches`.
"""

from qsync_pipeline.sandbox.qualytics.switches import QualyticsSwitches
from qsync_pipeline.sandbox.qualytics.system import QualyticsSystem

__all__ = ["QualyticsSwitches", "QualyticsSystem"]
