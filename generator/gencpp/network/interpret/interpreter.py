"""Runs a plan, call by call, with PyTorch on the CPU: what TensorRT would answer, as its headers say it.

It knows the calls only, and nothing of how ONNX was lowered to the plan.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...core.errors import CheckFailed, UsageError
from ...core.spec import DType
from ..calls.call import Call, CallWeights, index_type
from ..calls.calls import calls
from ..plan import NetworkPlan, PlanTensor
from .layers import MOVING, TABLE
from .step import Step, check_types

_MISTAKE = "report the model: this is a mistake of gencpp's; --trt-api parser does without the plan"


def run(
    plan: NetworkPlan,
    weights: Mapping[str, Any],
    inputs: Mapping[str, Any],
    api: int = 1013,
    keep: Collection[str] = (),
) -> dict[str, Any]:
    """The plan's outputs, and the tensors that `keep` names, as numpy arrays; inputs likewise, all by name.

    `api` is the TensorRT version whose calls are run, 100 * major + minor. What computes in float16 or
    bfloat16 is computed in float32 and rounded once a call, as kernels that accumulate in float32 do and
    as PyTorch's own do for single elements. numpy has no bfloat16: such tensors come back as float32.
    Raises UsageError for inputs or weights that are not the plan's, CheckFailed with the layer's name
    where a call is one that TensorRT refuses, or gives another shape or type than the plan says.
    """
    import torch

    made = calls(plan, api)
    known = {t.name: t for t in (*plan.inputs, *plan.tensors)}
    wanted = {*plan.outputs, *keep}
    tensors = _inputs(plan, inputs, api)
    if lost := wanted - set(tensors) - {o for call in made for o in call.outputs}:
        raise UsageError(f"the plan has no tensor {sorted(lost)[0]}")
    last_use = {name: i for i, call in enumerate(made) for name in call.inputs}
    with torch.inference_mode():
        for i, call in enumerate(made):
            results = _computed(call, tensors, weights, known, api)
            for name, tensor in zip(call.outputs, results, strict=True):
                if name in wanted or name in last_use:
                    tensors[name] = tensor
            for name in call.inputs:
                if last_use[name] == i and name not in wanted:
                    tensors.pop(name, None)
        return {name: _array(tensors[name]) for name in wanted}


def _computed(
    call: Call,
    tensors: Mapping[str, Any],
    weights: Mapping[str, Any],
    known: Mapping[str, PlanTensor],
    api: int,
) -> Sequence[Any]:
    """The outputs of one call, checked."""
    where = f"layer {call.name} ({call.method})"
    if call.method not in TABLE:
        raise CheckFailed(f"{where}: there is no such call", hint=_MISTAKE)
    for name in call.inputs:
        if name and name not in tensors:
            raise CheckFailed(f"{where}: its input {name} is not made before it", hint=_MISTAKE)
    step = Step(
        call=call,
        inputs=tuple(tensors[name] if name else None for name in call.inputs),
        known=tuple(known[name].dims if name in known else None for name in call.inputs),
        weights={role: _weights(where, role, given, weights) for role, given in call.weights},
        index=_torch_type(index_type(api)),
    )
    try:
        check_types(step)
        results = _run(step)
        if len(results) != len(call.outputs):
            raise ValueError(f"gives {len(results)} tensors, not {len(call.outputs)}")
    except KeyError as e:
        raise CheckFailed(f"{where}: has no {e}", hint=_MISTAKE) from e
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as e:
        raise CheckFailed(f"{where}: {' '.join(str(e).split())}", hint=_MISTAKE) from e
    for name, tensor in zip(call.outputs, results, strict=True):
        if name in known and (wrong := _difference(tensor, known[name], api)):
            raise CheckFailed(f"{where}: its output {name} is {wrong}", hint=_MISTAKE)
    return results


def _run(step: Step) -> Sequence[Any]:
    """TABLE's function, in float32 where the call's own types are narrower."""
    import torch

    function = TABLE[step.call.method]
    narrow = (torch.float16, torch.bfloat16)
    first = step.inputs[0].dtype if step.inputs else None
    if step.call.method in MOVING or first not in narrow:
        found = function(step)
        return found if isinstance(found, tuple) else (found,)

    def wide(tensor: Any) -> Any:
        return tensor.float() if tensor is not None and tensor.dtype in narrow else tensor

    found = function(
        Step(
            call=step.call,
            inputs=tuple(map(wide, step.inputs)),
            known=step.known,
            weights={role: wide(values) for role, values in step.weights.items()},
            index=step.index,
        )
    )
    return (found.to(first) if found.is_floating_point() else found,)


def _difference(tensor: Any, described: PlanTensor, api: int) -> str:
    """Empty when the tensor is as described."""
    dtype = _here(described.dtype, api)
    alike = len(tensor.shape) == len(described.dims) and all(
        size in (-1, own) for own, size in zip(tensor.shape, described.dims, strict=True)
    )
    if alike and tensor.dtype == _torch_type(dtype):
        return ""
    found = f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
    return f"{found}, the plan says {dtype.value} {list(described.dims)}"


def _inputs(plan: NetworkPlan, given: Mapping[str, Any], api: int) -> dict[str, Any]:
    """As torch tensors of the plan's types; raises UsageError for others."""
    names = [t.name for t in plan.inputs]
    if missing := [n for n in names if n not in given]:
        raise UsageError(f"the plan's input {missing[0]} is not given", hint=f"inputs: {', '.join(names)}")
    if unknown := [n for n in given if n not in names]:
        raise UsageError(f"the plan has no input {unknown[0]}", hint=f"inputs: {', '.join(names)}")
    found = {}
    for described in plan.inputs:
        tensor = _tensor(given[described.name])
        if described.dtype is DType.int64 and tensor.dtype == _torch_type(DType.int64):
            tensor = _as_index(tensor, f"input {described.name}", api)
        if wrong := _difference(tensor, described, api):
            raise UsageError(f"input {described.name} is {wrong}")
        found[described.name] = tensor
    return found


def _weights(where: str, role: str, given: CallWeights, arrays: Mapping[str, Any]) -> Any:
    """The values as a tensor of one dimension; None for none, but of a constant, which may be empty."""
    import torch

    if not given.name:
        if not given.values and role != "weights":
            return None
        return torch.tensor(given.values, dtype=_torch_type(given.dtype))
    if given.name not in arrays:
        raise UsageError(f"{where}: there are no weights {given.name}")
    tensor = _tensor(arrays[given.name]).reshape(-1)
    if tensor.dtype == torch.int64 and given.dtype is DType.int32:
        tensor = _as_index(tensor, f"{where}: {given.name}", 800)
    if tensor.dtype != _torch_type(given.dtype):
        raise UsageError(f"{where}: {given.name} is {tensor.dtype}, the plan says {given.dtype.value}")
    return tensor


def _tensor(array: Any) -> Any:
    """Sharing memory where it can."""
    import torch

    if not array.flags.c_contiguous:
        array = array.copy()
    bfloat16 = array.dtype.name == "bfloat16"
    with warnings.catch_warnings():
        # a mapped file is read-only, and nothing here writes
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        tensor = torch.from_numpy(array.view("int16") if bfloat16 else array)
    return tensor.view(torch.bfloat16) if bfloat16 else tensor


def _array(tensor: Any) -> Any:
    """A copy: an output may be an input or a constant, in part or repeated."""
    import numpy as np
    import torch

    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return np.array(tensor.numpy(), order="C")


def _as_index(tensor: Any, what: str, api: int) -> Any:
    """int32 before TensorRT 10; raises UsageError for values that it does not hold."""
    found = tensor.to(_torch_type(index_type(api)))
    if not bool((found == tensor).all()):
        raise UsageError(f"{what} has values that int32 does not hold, and TensorRT 8 has no int64")
    return found


def _here(dtype: DType, api: int) -> DType:
    """What a type of the plan is on this version."""
    return index_type(api) if dtype is DType.int64 else dtype


def _torch_type(dtype: DType) -> Any:
    import torch

    return getattr(torch, dtype.value)
