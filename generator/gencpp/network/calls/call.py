"""A call of TensorRT's API, as a plan makes it."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.spec import DType

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


def index_type(api: int) -> DType:
    """The type of shapes and indices."""
    return DType.int64 if api >= 1000 else DType.int32
