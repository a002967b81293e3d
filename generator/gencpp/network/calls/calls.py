"""Which calls of TensorRT's API a plan becomes: one `Call` for each layer that the network definition gets.

The mirror of trt_layers.cpp (templates/cpp_trt/api/network/src/network), call by call. The interpreter runs
these calls with PyTorch, the replay makes them in a TensorRT-RTX network, and tests compare them with what
the generated C++ asks of a recording double.
"""

from __future__ import annotations

from ..plan import NetworkPlan
from .call import Call
from .layers import CALLERS
from .recorder import Recorder


def calls(plan: NetworkPlan, api: int) -> tuple[Call, ...]:
    """The calls for a TensorRT version as 100 * major + minor: 805, 1013."""
    recorder = Recorder(plan, api)
    for layer in plan.layers:
        recorder.begin(layer)
        CALLERS[type(layer)](recorder, layer)
    return tuple(recorder.made)
