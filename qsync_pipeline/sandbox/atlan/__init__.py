"""A local Atlan (atlan-api.md): metastore and Heracles endpoints over an estate, with a control side."""

from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.atlan.system import AtlanSystem

__all__ = ["AtlanSwitches", "AtlanSystem"]
