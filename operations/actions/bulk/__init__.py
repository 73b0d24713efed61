"""Bulk jobs: one action on many instances, with preview, rate limit, progress and cancel."""

from operations.actions.bulk.execution import BulkExecution, Progress
from operations.actions.bulk.jobs import BulkJobs
from operations.actions.bulk.preview import (
    BulkLimits,
    BulkPreview,
    BulkTask,
    Selection,
    SkippedInstances,
)

__all__ = [
    "BulkExecution",
    "BulkJobs",
    "BulkLimits",
    "BulkPreview",
    "BulkTask",
    "Progress",
    "Selection",
    "SkippedInstances",
]
