"""A classifier that gives probabilities, for which no softmax is taken again, and one behind a sigmoid."""

from __future__ import annotations

import pytest
import torch
from samples import classifier

from gencpp.tasks.classification import Classification, TopClasses

LOGITS = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)) * 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_are_taken_as_they_are(dtype: torch.dtype) -> None:
    shares = torch.softmax(LOGITS, 1).to(dtype)
    task = Classification()
    answer = TopClasses.from_json(task.golden([shares]))
    assert answer.probabilities
    index, probability = answer.best[0]
    assert index == int(shares[0].argmax()) and probability == float(shares[0].max())
    (note,) = task.notes([[shares], [shares[:1]]])
    assert note.startswith("The model gives probabilities")


def test_logits_are_put_through_a_softmax() -> None:
    task = Classification()
    answer = TopClasses.from_json(task.golden([LOGITS]))
    assert not answer.probabilities
    assert answer.best[0][1] == pytest.approx(float(torch.softmax(LOGITS, 1)[0].max()))
    assert task.notes([[LOGITS], [LOGITS[:1]]]) == ()


def test_a_sigmoid_is_told() -> None:
    task = Classification()
    (note,) = task.notes([[torch.sigmoid(LOGITS)], [torch.sigmoid(LOGITS[:2])]])
    assert note.startswith("Warning:") and "behind a sigmoid" in note and "leave --labels out" in note


def test_a_project_says_what_its_scores_are() -> None:
    files = Classification().generated_files(classifier())
    assert "Scores::logits;" in files["src/classify_info.hpp"]
