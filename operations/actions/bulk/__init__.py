"""Bulk jobs: one action on many instances, with preview, rate limit, progress and cancel."""

from operations.actions.bulk.execution import BulkExecution, ItemResult, Progress
from operations.actions.bulk.jobs import BulkJobs
from operations.actions.bulk.preview import (
    BulkLimits,
    BulkPreview,
    BulkTarget,
    BulkTask,
    Selection,
    SkippedInstances,
)

__all__ = [
    "BulkExecution",
    "BulkJobs",
    "BulkLimits",
    "BulkPreview",
    "BulkTarget",
    "BulkTask",
    "ItemResult",
    "Progress",
    "Selection",
    "SkippedInstances",
]
