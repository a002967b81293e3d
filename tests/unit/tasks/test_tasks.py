"""Every task fills its column: a golden reference, C++ of its own, a comparison that finds what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from samples import classifier, tensors_only

from gencpp.core.errors import UsageError
from gencpp.core.spec import GoldenCase, GoldenOutput, Task
from gencpp.project import templates_root
from gencpp.tasks import TASKS, TaskColumn
from gencpp.tasks.classification import Classification

FILES = (
    *("app/task_state.hpp", "app/task.cpp", "bench/postprocess.cpp"),
    *("cmake/task.cmake", "tests/golden_answer.cpp", "tests/task_tests.cmake"),
)
"""What the C++ of every task has."""


def holes(tasks: dict[Task, TaskColumn]) -> list[str]:
    """What a table of tasks lacks; tests/torch/tasks has the golden references."""
    found = [f"{task} has no column" for task in Task if task not in tasks]
    for task, column in tasks.items():
        folder = templates_root() / column.layer
        found += [f"{task} has no {file}" for file in FILES if not (folder / file).is_file()]
        found += [
            f"{task} shares its C++"
            for other in tasks
            if other != task and tasks[other].layer == column.layer
        ]
    return found


def test_no_task_has_a_hole() -> None:
    assert holes(TASKS) == []


def test_a_task_without_its_cpp_is_found() -> None:
    class Boxes(Classification):
        layer = "tasks/boxes"

    assert "classification has no app/task.cpp" in holes({**TASKS, Task.classification: Boxes()})
    for task in Task:
        left = {t: column for t, column in TASKS.items() if t is not task}
        assert holes(left) == [f"{task} has no column"]


LOGITS = np.array([[1.0, 3.0, 2.0, 0.0]], np.float32)


def case(best: list[list[float]], tolerance: float = 1e-4) -> GoldenCase:
    output = GoldenOutput(name="logits", file="o.npy", max_abs=3.0, tolerance=tolerance)
    return GoldenCase(name="picture", kind="picture", inputs=(), outputs=(output,), answer={"best": best})


@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        ({"top": [{"index": 1}, {"index": 2}]}, ""),
        ({"top": [{"index": 2}, {"index": 1}]}, "best classes [2, 1], Python's [1, 2]"),
        ({"top": [{"index": 1}]}, "best classes [1], Python's [1, 2]"),
        ({"top": [{"index": 1}, {"index": 9}]}, "best classes [1, 9]"),
        ({"top": [{"index": 1}, {"index": -3}]}, "best classes [1, -3]"),
        ({"top": 5}, "no classes from the program: TypeError"),
        ({}, "no classes from the program: KeyError"),
        (None, "no classes from the program: TypeError"),
    ],
)
def test_the_classes_that_the_program_prints(printed: Any, problem: str) -> None:
    column = TASKS[Task.classification]
    found = column.difference(case([[1, 0.7], [2, 0.2]]), printed, [LOGITS])
    assert found.startswith(problem) and bool(found) == bool(problem)


@pytest.mark.parametrize("logits", [LOGITS, LOGITS[0], LOGITS[:, :1]])
def test_an_answer_beyond_the_outputs_is_a_difference(logits: Any) -> None:
    printed = {"top": [{"index": 1}]}
    assert TASKS[Task.classification].difference(case([[10**9, 0.5]]), printed, [logits])


def test_classes_that_lie_within_two_tolerances_may_change_places() -> None:
    column = TASKS[Task.classification]
    swapped = {"top": [{"index": 2}, {"index": 1}]}
    assert column.difference(case([[1, 0.7], [2, 0.2]], tolerance=0.2), swapped, [LOGITS]) == ""


def test_the_only_output_is_called_logits() -> None:
    outputs = classifier().model.outputs
    column = TASKS[Task.classification]
    assert [t.name for t in column.named((replace(outputs[0], name="output"),))] == ["logits"]
    assert [t.name for t in column.named((replace(outputs[0], name="scores"),))] == ["scores"]
    assert TASKS[Task.generic].named(outputs) == outputs


def test_labels_fit_the_outputs() -> None:
    column, model = TASKS[Task.classification], classifier().model
    column.check(model.outputs, model.labels)
    with pytest.raises(UsageError, match="2 labels for 3 classes"):
        column.check(model.outputs, model.labels[:2])
    with pytest.raises(UsageError, match="batch x classes"):
        column.check((replace(model.outputs[0], dims=model.outputs[0].dims[:1]),), ())


def test_an_answer_that_a_manifest_should_not_have() -> None:
    many = [[i, 0.1] for i in range(9)]
    wrong = ([[0.5, 0.5]], [], many, [[-1, 0.5]], [[1, 2.0]], [[1, -0.5]])
    for answer in ({"best": "x"}, {"worst": []}, *({"best": best} for best in wrong)):
        with pytest.raises(UsageError):
            TASKS[Task.classification].check_golden(replace(case([]), answer=answer))
    with pytest.raises(UsageError, match="no answer besides"):
        TASKS[Task.generic].check_golden(case([]))


def test_facts_are_in_a_header_of_the_task() -> None:
    made = TASKS[Task.classification].generated_files(classifier())["tests/golden_tops.hpp"]
    assert '{"picture", {{2, 0.5}, {0, 0.25}, {1, 0.25}}},' in made
    none = replace(tensors_only(), model=replace(tensors_only().model, task=Task.classification))
    text = TASKS[Task.classification].generated_files(none)["tests/golden_tops.hpp"]
    assert "static const std::vector<GoldenTop> tops;" in text
    assert TASKS[Task.generic].generated_files(tensors_only()) == {}
