"""Outputs of two modules, compared: in number, shape, element type and value."""

from __future__ import annotations

from typing import Any

import pytest

from gencpp.core import tolerances
from gencpp.core.precision import Precision
from gencpp.tensors.compare import compared_outputs


def compared(a: Any, b: Any, **more: Any) -> tuple[str, float]:
    return compared_outputs([("y", a)], [("y", b)], 1e-4, "eager gives", **more)


def test_values() -> None:
    import torch

    x = torch.tensor([1.0, -4.0])
    assert compared(x, x) == ("", 0.0)
    problem, worst = compared(x, x + 1e-4)
    assert problem == "" and worst == pytest.approx(2.5e-5, rel=1e-2)
    assert compared(x, x + 1e-3)[0].startswith("output y differs by 2.5e-04")


def test_number_shape_and_type() -> None:
    import torch

    x = torch.ones(2, 3)
    assert compared_outputs([("y", x)], [], 1e-4, "eager gives")[0] == "it has 0 outputs, eager gives 1"
    assert compared(x, x[:1])[0] == "output y is 1x3 float32, eager gives 2x3 float32"
    assert compared(x, x.double())[0] == "output y is 2x3 float64, eager gives 2x3 float32"
    assert compared(x, x.long())[0] == "output y is 2x3 int64, eager gives 2x3 float32"


def test_equal_inf_and_nan_are_for_the_goldens_to_refuse() -> None:
    import torch

    x = torch.tensor([1.0, float("nan"), float("-inf")])
    assert compared(x, x.clone())[0] == ""
    assert compared(x, torch.tensor([1.5, float("nan"), float("-inf")]))[0] != ""
    assert compared(torch.ones(3), x)[0] != ""


def test_an_output_that_is_called_output_is_called_so_once() -> None:
    import torch

    x = [("output", torch.ones(2))]
    assert compared_outputs(x, [("output", torch.zeros(2))], 1e-3, "before")[0].startswith("output differs")


def test_whole_numbers_are_counted_where_that_is_asked() -> None:
    import torch

    ids, others = torch.arange(100), torch.arange(100)
    others[7] = 8
    share = {p: tolerances.ONNX_INTEGERS[Precision(p)] for p in ("fp32", "fp16")}
    assert compared(ids, others, wrong_integers=share["fp16"])[0] == ""  # one of a hundred
    told = "1.0% of the elements of output y differ"
    assert compared(ids, others, wrong_integers=share["fp32"])[0] == told
    others[8] = 9
    assert compared(ids, others, wrong_integers=share["fp16"])[0] != ""
    assert compared(ids, others)[0] != ""  # by their difference, too
