"""A plan made call by call in a network definition of TensorRT-RTX: shapes, types, weights, an engine.

Needs the packages tensorrt_rtx_libs and tensorrt_rtx_bindings, but no GPU. It is evidence for the graph,
not for TensorRT itself. Run as a program of its own, so that a crash in the library ends no more than it:
`python -m gencpp.network.replay.replay JOB.json` writes one JSON object to the file that the job names.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import UsageError
from ...core.spec import DType
from ..calls.call import Call
from ..calls.calls import calls
from ..calls.recorder import TYPES
from ..plan import NetworkPlan, PlanTensor, read_plan
from ..weights_file import read
from . import rtx
from .layers import Replayer

API = 1101
"""What TensorRT-RTX 1.7 has of the plan's functions, it has as TensorRT 11.1."""

_MANY = 20
"""Differences that are told; one wrong shape makes all that follow wrong."""


def build(
    plan: NetworkPlan,
    weights: Mapping[str, Any],
    profiles: Sequence[dict[str, list[list[int]]]],
    tf32: bool,
) -> dict[str, Any]:
    """Makes the network and builds an engine; `problems` is empty when everything held.

    Gives layers, compared (tensors whose shape and type were compared with the plan's), weights (arrays
    that layers took), engine_bytes, seconds and version. Raises EnvironmentLacks without the packages.
    """
    trt = rtx.bindings()
    begin = time.monotonic()
    logger = rtx.collecting_logger(trt)
    found: dict[str, Any] = {"version": str(trt.__version__), "target": rtx.TARGET, "problems": []}
    builder = trt.Builder(logger)
    network = builder.create_network(0)  # strongly typed, always
    replayer = Replayer(trt=trt, network=network, arrays=weights)
    found["compared"], found["weights"], problems = _made(replayer, plan, logger)
    found["layers"] = network.num_layers
    more = [f"and {len(problems) - _MANY} more"] if len(problems) > _MANY else []
    found["problems"] = [*problems[:_MANY], *more]
    if problems:
        return found

    rtx.told_of_engine(found, rtx.build_engine(trt, builder, network, profiles, tf32, logger))
    found["seconds"] = round(time.monotonic() - begin, 3)
    # The network reads the arrays until here.
    replayer.held.clear()
    return found


def _made(replayer: Replayer, plan: NetworkPlan, logger: Any) -> tuple[int, int, list[str]]:
    """Inputs, layers and outputs: (tensors compared, arrays taken, everything that did not hold)."""
    network, tensors = replayer.network, replayer.tensors
    for described in plan.inputs:
        dtype = replayer.dtype(_type_name(described))
        tensors[described.name] = network.add_input(described.name, dtype, described.dims)
    known = {t.name: t for t in plan.tensors}
    compared, taken, told = 0, 0, 0
    problems: list[str] = []
    for call in calls(plan, API):
        if any(name and name not in tensors for name in call.inputs):
            continue  # what makes it was refused, and told
        layer = replayer.make(call)
        if layer is None:
            problems.append(f"{_where(call)}: refused: {_reasons(logger, told)}")
            told = len(logger.errors)
            continue
        for i, name in enumerate(call.outputs):
            tensor = layer.get_output(i)
            shape = _shape(tensor)
            if shape is None:
                problems.append(f"{_where(call)}: refused: {_reasons(logger, told)}")
                continue
            tensors[name] = tensor
            if name in known:
                compared += 1
                if wrong := _difference(replayer, tensor, shape, known[name]):
                    problems.append(f"{_where(call)}: its output {name} is {wrong}")
        if len(logger.errors) == told:
            taken += sum(bool(w.name or w.values) for _, w in call.weights)
        told = len(logger.errors)
    for name in plan.outputs:
        if name in tensors:
            tensors[name].name = name
            network.mark_output(tensors[name])
        elif not problems:
            problems.append(f"output {name} is not made")
    return compared, taken, problems


def _where(call: Call) -> str:
    return f"layer {call.name} ({call.method})"


def _reasons(logger: Any, told: int) -> str:
    """What the library said since then."""
    return "; ".join(dict.fromkeys(logger.errors[told:]))[:1000] or "no reason was given"


def _shape(tensor: Any) -> tuple[int, ...] | None:
    """None where the library cannot tell one: that is how it refuses most layers."""
    try:
        return tuple(tensor.shape)
    except (RuntimeError, ValueError):
        return None


def _difference(replayer: Replayer, tensor: Any, shape: tuple[int, ...], described: PlanTensor) -> str:
    """Empty when the tensor is as described; -1 is any size."""
    alike = len(shape) == len(described.dims) and all(
        a == b or -1 in (a, b) for a, b in zip(shape, described.dims, strict=True)
    )
    if alike and tensor.dtype == replayer.dtype(_type_name(described)):
        return ""
    return f"{list(shape)} {tensor.dtype}, the plan says {list(described.dims)} {described.dtype.value}"


def _type_name(described: PlanTensor) -> str:
    if described.dtype not in TYPES:
        raise UsageError(f"TensorRT has no tensors of {described.dtype.value}: {described.name}")
    return TYPES[DType(described.dtype)]


def main(argv: Sequence[str]) -> int:
    """Runs the job of the file argv[1]."""
    asked = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    plan = read_plan(Path(asked["model"]))
    found = build(plan, read(Path(asked["weights"]), plan.weights), asked["profiles"], asked["tf32"])
    Path(asked["result"]).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
