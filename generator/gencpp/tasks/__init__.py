"""What outputs mean: one module a task, in one visible table."""

from __future__ import annotations

from ..core.spec import Task
from .base import TaskColumn as TaskColumn
from .classification import Classification
from .generic import Generic

TASKS: dict[Task, TaskColumn] = {Task.classification: Classification(), Task.generic: Generic()}
