"""Which calls of TensorRT's API a plan becomes: one `Call` for each layer that the network definition gets.

The mirror of templates/cpp_trt/api/network/src/trt_layers.cpp, call by call. The interpreter runs these
calls with PyTorch, the replay makes them in a TensorRT-RTX network, and tests compare them with what the
generated C++ asks of a recording double.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..spec import DType
from .plan import NetworkPlan

Value = int | float | bool | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWeights:
    """Weights of a call: an array of the file, or values that stand in the code (both empty: none)."""

    name: str = ""
    """In NetworkPlan.weights."""
    values: tuple[float, ...] = ()
    dtype: DType = DType.float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A layer as it is when the network is complete, whatever setters made it so."""

    method: str
    """Of INetworkDefinition: `addConvolutionNd`. One name for functions that versions call differently."""
    name: str
    """What setName gets."""
    inputs: tuple[str, ...]
    """Tensors by getInput's index; "" for one that is absent."""
    outputs: tuple[str, ...]
    """Tensors of the plan, or names of inner ones (`<layer's name>/...`), unique in the network."""
    attributes: dict[str, Value]
    """What the layer's getters say, by the getter's name without `get`, first letter small: `strideNd`."""
    weights: tuple[tuple[str, CallWeights], ...] = ()
    """By role: `kernel`, `bias`, `shift`, `scale`, `power`, `weights`."""


def calls(plan: NetworkPlan, api: int) -> tuple[Call, ...]:
    """The calls for a TensorRT version as 100 * major + minor: 805, 1013."""
    # these modules build Calls: not above, they import this one
    from .calls_layers import CALLERS
    from .calls_recorder import Recorder

    recorder = Recorder(plan, api)
    for layer in plan.layers:
        recorder.begin(layer)
        CALLERS[type(layer)](recorder, layer)
    return tuple(recorder.made)


def index_type(api: int) -> DType:
    """The type of shapes and indices."""
    return DType.int64 if api >= 1000 else DType.int32
