"""Every task has a golden reference, made of real outputs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gencpp.core.spec import GoldenCase, GoldenOutput, Task
from gencpp.tasks import TASKS, TaskColumn
from gencpp.tasks.classification import Classification


def outputs(task: Task) -> list[Any]:
    """Outputs that a model of this task may give, for two items."""
    import torch

    torch.manual_seed(0)
    made = {Task.classification: [torch.randn(2, 7)], Task.generic: [torch.randn(2, 3, 4)]}
    return made[task]


WITHOUT_ANSWER = (Task.generic,)
"""Tasks whose outputs are the answer."""


def without_reference(tasks: dict[Task, TaskColumn]) -> list[Task]:
    return [t for t, column in tasks.items() if t not in WITHOUT_ANSWER and not column.golden(outputs(t))]


def test_every_task_has_a_golden_reference() -> None:
    assert without_reference(TASKS) == []


def test_a_task_without_one_is_found() -> None:
    class Careless(Classification):
        def golden(self, outputs: Any) -> dict[str, Any]:
            return {}

    assert without_reference({**TASKS, Task.classification: Careless()}) == [Task.classification]


@pytest.mark.parametrize("task", Task)
def test_it_is_plain_json_that_a_manifest_may_have(task: Task) -> None:
    answer = TASKS[task].golden(outputs(task))
    assert json.loads(json.dumps(answer)) == answer
    output = GoldenOutput(name="output", file="o.npy", max_abs=1.0)
    TASKS[task].check_golden(
        GoldenCase(name="seeded-0", kind="seeded", inputs=(), outputs=(output,), answer=answer)
    )
    TASKS[task].postprocess(outputs(task))


def test_the_best_classes_are_of_the_first_item() -> None:
    import torch

    logits = outputs(Task.classification)[0]
    best = TASKS[Task.classification].golden([logits])["best"]
    scores = torch.softmax(logits[0], 0)
    assert [index for index, _ in best] == scores.argsort(descending=True)[:5].tolist()
    assert [p for _, p in best] == pytest.approx(sorted(scores.tolist(), reverse=True)[:5])
