"""As a program, `python -m kit.rtx FOLDER`: builds a small network with TensorRT-RTX, and loads and runs it.

A step is `held`: true, false, or null where it could not be tried.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_SHAPE = (1, 16, 32, 32)
_WEIGHT = 0.01
_ELSEWHERE = "SM86"
"""What is built where there is no GPU: one that the builder takes."""
_REFUSAL = re.compile(r"compute capabilit|\bSM ?\d|architecture|not supported on", re.IGNORECASE)


@dataclass(slots=True)
class Step:
    """One thing that the library was asked for."""

    name: str
    held: bool | None
    detail: str = ""
    refused: bool = False
    """The library says that it does not take this GPU."""


@dataclass(slots=True)
class Seen:
    """What the library did."""

    version: str
    target: str
    steps: list[Step] = field(default_factory=list)


def main(argv: Sequence[str]) -> int:
    """Prints what was seen as JSON."""
    sys.path.insert(0, argv[1])
    import torch

    from gencpp.network.replay import rtx

    trt = rtx.bindings()
    logger = rtx.collecting_logger(trt)
    has_gpu = torch.cuda.is_available()
    target = "SM{}{}".format(*torch.cuda.get_device_capability()) if has_gpu else _ELSEWHERE
    seen = Seen(version=str(trt.__version__), target=target)
    plan = _build(trt, logger, seen)
    if not has_gpu:
        seen.steps.append(Step("the runtime loads an engine", None, "there is no NVIDIA GPU or driver"))
    elif plan is not None:
        _load(trt, logger, torch, plan, seen)
    sys.stdout.write(json.dumps(asdict(seen)) + "\n")
    return 0


def _build(trt: Any, logger: Any, seen: Seen) -> bytes | None:
    """Relu(Convolution(x)) as an engine; None where the builder refuses."""
    import numpy as np

    step = Step(f"the builder makes an engine for {seen.target}", False)
    seen.steps.append(step)
    capability = getattr(trt.ComputeCapability, seen.target, None)
    if capability is None:
        step.detail, step.refused = f"it has no compute capability {seen.target}", True
        return None
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    x = network.add_input("x", trt.float32, _SHAPE)
    kernel = np.full((8, _SHAPE[1], 3, 3), _WEIGHT, np.float32)
    convolution = network.add_convolution_nd(x, 8, (3, 3), trt.Weights(kernel), trt.Weights())
    relu = network.add_activation(convolution.get_output(0), trt.ActivationType.RELU)
    network.mark_output(relu.get_output(0))
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(capability, 0)
    made = builder.build_serialized_network(network, config)
    step.held = made is not None
    step.detail = logger.told() if made is None else f"{made.nbytes} bytes"
    step.refused = made is None and bool(_REFUSAL.search(step.detail))
    return None if made is None else bytes(made)


def _load(trt: Any, logger: Any, torch: Any, plan: bytes, seen: Seen) -> None:
    """Deserialises the engine, and runs it once on torch's tensors."""
    from gencpp.core.tolerances import TENSORRT
    from gencpp.tensors.difference import difference

    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(plan)
    why = logger.told() if engine is None else ""
    refused = bool(_REFUSAL.search(why))
    seen.steps.append(Step("the runtime loads an engine", engine is not None, why, refused))
    if engine is None:
        return
    context = engine.create_execution_context()
    x = torch.ones(_SHAPE, device="cuda")
    y = torch.zeros(1, 8, _SHAPE[2] - 2, _SHAPE[3] - 2, device="cuda")
    for name in map(engine.get_tensor_name, range(2)):
        is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        context.set_tensor_address(name, (x if is_input else y).data_ptr())
    ran = context.execute_async_v3(torch.cuda.current_stream().cuda_stream)
    torch.cuda.synchronize()
    wanted = _WEIGHT * _SHAPE[1] * 9
    off = difference(torch.full_like(y, wanted), y).relative
    seen.steps.append(
        Step("one run of it", bool(ran) and off <= TENSORRT["fp32"], f"differs by {off:.1e} of {wanted:g}")
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv))
