"""One call as the interpreter sees it: its tensors, its weights and what types TensorRT takes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..calls.call import Call
from ..plan import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A call whose inputs are computed. `step["strideNd"]` is an attribute."""

    call: Call
    inputs: tuple[Any, ...]
    """torch tensors by getInput's index; None for one that is absent."""
    known: tuple[Sizes | None, ...]
    """The dims of each input as the plan has them, -1: varies; None for a tensor between two calls."""
    weights: Mapping[str, Any]
    """1-D torch tensors by role; None for no weights."""
    index: Any
    """torch's type of shapes and indices on this version."""

    def __getitem__(self, attribute: str) -> Any:
        return self.call.attributes[attribute]

    @property
    def x(self) -> Any:
        """The first input."""
        return self.inputs[0]

    def input(self, i: int) -> Any:
        """None where it is absent."""
        return self.inputs[i] if i < len(self.inputs) else None

    def axes(self, attribute: str) -> list[int]:
        """The bits of a mask; raises ValueError for none, and for one that x does not have."""
        mask: int = self[attribute]
        found = [i for i in range(32) if mask >> i & 1]
        require(bool(found), f"{attribute} names no dimension")
        require(found[-1] < self.x.dim(), f"{attribute} names dimension {found[-1]} of {sizes(self.x)}")
        return found


def require(holds: bool, message: str) -> None:
    """Raises ValueError, which `run` turns into an error that names the layer."""
    if not holds:
        raise ValueError(message)


def sizes(tensor: Any) -> str:
    """As messages give them: float32[1x3x224x224]."""
    return f"{str(tensor.dtype).removeprefix('torch.')}[{'x'.join(map(str, tensor.shape))}]"


def check_types(step: Step) -> None:
    """Raises ValueError for types and ranks that a strongly typed network refuses."""
    rule = _RULES.get(step.call.method)
    if rule:
        rule(step)


def _float(step: Step) -> None:
    for tensor in step.inputs:
        require(tensor.is_floating_point(), f"takes no {sizes(tensor)}")


def _weighted(step: Step) -> None:
    _float(step)
    for role, values in step.weights.items():
        if values is not None:
            require(values.dtype == step.x.dtype, f"{role} is {sizes(values)}, but its input {sizes(step.x)}")


def _alike(step: Step) -> None:
    """All inputs of one type and rank."""
    given = ", ".join(sizes(t) for t in step.inputs)
    require(len({t.dim() for t in step.inputs}) == 1, f"its inputs {given} are not of one rank")
    require(len({t.dtype for t in step.inputs}) == 1, f"its inputs {given} are not of one type")


def _float_alike(step: Step) -> None:
    _float(step)
    _alike(step)


def _element_wise(step: Step) -> None:
    import torch

    require(len(step.inputs) == 2, "takes two inputs")
    _alike(step)
    operation = step["operation"]
    boolean = step.x.dtype is torch.bool
    if operation in ("AND", "OR", "XOR"):
        require(boolean, f"{operation} takes no {sizes(step.x)}")
    elif operation != "EQUAL":
        require(not boolean and not _is_uint8(step.x), f"{operation} takes no {sizes(step.x)}")
    require(operation != "POW" or step.x.is_floating_point(), f"POW takes no {sizes(step.x)}")


def _unary(step: Step) -> None:
    import torch

    operation, dtype = step["operation"], step.x.dtype
    if operation == "NOT":
        require(dtype is torch.bool, f"NOT takes no {sizes(step.x)}")
    elif operation in ("ABS", "NEG", "SIGN"):
        number = dtype is not torch.bool and not _is_uint8(step.x)
        require(number, f"{operation} takes no {sizes(step.x)}")
    else:
        require(step.x.is_floating_point(), f"{operation} takes no {sizes(step.x)}")


def _number(step: Step) -> None:
    import torch

    _not_uint8(step)
    require(step.x.dtype is not torch.bool, f"takes no {sizes(step.x)}")


def _not_uint8(step: Step) -> None:
    """TensorRT has uint8 for inputs and outputs, which are cast first or last."""
    require(not _is_uint8(step.x), f"takes no {sizes(step.x)}")


def _is_uint8(tensor: Any) -> bool:
    import torch

    return bool(tensor.dtype == torch.uint8)


def _select(step: Step) -> None:
    import torch

    require(len(step.inputs) == 3, "takes three inputs")
    condition, *values = step.inputs
    given = ", ".join(sizes(t) for t in step.inputs)
    require(condition.dtype is torch.bool, f"its condition is {sizes(condition)}")
    require(len({t.dim() for t in step.inputs}) == 1, f"its inputs {given} are not of one rank")
    require(values[0].dtype == values[1].dtype, f"its inputs {given} are not of one type")


def _slice(step: Step) -> None:
    _not_uint8(step)
    fill = step.input(4)
    for i, what in enumerate(("start", "size", "stride"), 1):
        _shape_tensor(step, i, what)
        require((step.input(i) is None) == (what in step.call.attributes), f"{what} is given twice or never")
    require((fill is not None) == (step["mode"] == "FILL"), "a value to fill is for the mode FILL")
    if fill is not None:
        require(fill.dtype == step.x.dtype, f"fills {sizes(step.x)} with {sizes(fill)}")
        require(fill.dim() == 0, f"what it fills with is {sizes(fill)}, not a scalar")


def _shuffle(step: Step) -> None:
    _not_uint8(step)
    _shape_tensor(step, 1, "its shape")


def _resize(step: Step) -> None:
    import torch

    fits = step.x.is_floating_point() or step.x.dtype is torch.int8
    require(fits, f"takes no {sizes(step.x)}")
    _shape_tensor(step, 1, "its size")


def _shape_tensor(step: Step, i: int, what: str) -> None:
    import torch

    tensor = step.input(i)
    if tensor is not None:
        fits = tensor.dim() == 1 and tensor.dtype in (torch.int32, torch.int64)
        require(fits, f"{what} is {sizes(tensor)}")


def _gather(step: Step) -> None:
    import torch

    indices = step.inputs[1]
    require(indices.dtype in (torch.int32, torch.int64), f"its indices are {sizes(indices)}")


def _fill(step: Step) -> None:
    _shape_tensor(step, 0, "its length")


def _suppression(step: Step) -> None:
    boxes, scores = step.inputs[:2]
    given = f"{sizes(boxes)} and {sizes(scores)}"
    require(boxes.is_floating_point() and boxes.dtype == scores.dtype, f"takes no {given}")


def _quantize(step: Step) -> None:
    x, scale = step.inputs
    require(x.is_floating_point(), f"takes no {sizes(x)}")
    require(scale.dtype == x.dtype, f"its scale is {sizes(scale)}, its input {sizes(x)}")


def _dequantize(step: Step) -> None:
    import torch

    x, scale = step.inputs
    require(x.dtype is torch.int8, f"takes no {sizes(x)}")
    require(scale.is_floating_point(), f"its scale is {sizes(scale)}")


_RULES: Mapping[str, Callable[[Step], None]] = {
    "addConvolutionNd": _weighted,
    "addDeconvolutionNd": _weighted,
    "addScaleNd": _weighted,
    "addPoolingNd": _float,
    "addActivation": _float,
    "addSoftMax": _float,
    "addNormalization": _float_alike,
    "addParametricReLU": _float_alike,
    "addMatrixMultiply": _float_alike,
    "addConcatenation": _alike,
    "addElementWise": _element_wise,
    "addUnary": _unary,
    "addReduce": _number,
    "addTopK": _number,
    "addSelect": _select,
    "addEinsum": _float,
    "addSlice": _slice,
    "addShuffle": _shuffle,
    "addResize": _resize,
    "addGatherV2": _gather,
    "addQuantize": _quantize,
    "addDequantize": _dequantize,
    "addFill": _fill,
    "addNMS": _suppression,
}
