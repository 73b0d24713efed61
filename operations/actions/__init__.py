"""The operator's actions: start, pause, resume, terminate, purge, rerun, raise events."""

from operations.actions.actions import Actions
from operations.actions.context import ActionContext, ActionLimits
from operations.actions.purge import PurgeResult
from operations.actions.recording import ActionResult
from operations.actions.rerun import RerunFrom, RerunRequest, RerunResult
from operations.actions.start import (
    MAX_START_DELAY,
    StartRequest,
    StartResult,
    check_workflow,
)
from operations.actions.subtree import PurgeOptions

__all__ = [
    "MAX_START_DELAY",
    "ActionContext",
    "ActionLimits",
    "ActionResult",
    "Actions",
    "PurgeOptions",
    "PurgeResult",
    "RerunFrom",
    "RerunRequest",
    "RerunResult",
    "StartRequest",
    "StartResult",
    "check_workflow",
]
