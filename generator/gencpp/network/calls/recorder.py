"""What the calls of one plan share: names that are unique, the shapes and types of its tensors."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from ...core.errors import UsageError
from ...core.spec import DType
from ..plan import Layer, NetworkPlan, PlanTensor, PlanWeight, Sizes
from .call import Call, CallWeights, Value, index_type

TYPES = {
    DType.float32: "FLOAT",
    DType.float16: "HALF",
    DType.bfloat16: "BF16",
    DType.int8: "INT8",
    DType.uint8: "UINT8",
    DType.int32: "INT32",
    DType.int64: "INT64",
    DType.bool_: "BOOL",
}
"""nvinfer1::DataType"""


def float32(value: float) -> float:
    """The nearest value that a float of C++ holds."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


class Recorder:
    """Collects the calls of one layer after the other. A layer's last call has its name and its tensors."""

    def __init__(self, plan: NetworkPlan, api: int) -> None:
        self.api = api
        self.made: list[Call] = []
        self.layer: Layer = (
            plan.layers[0] if plan.layers else Layer(name="", module="", inputs=(), outputs=())
        )
        self._tensors = {t.name: t for t in (*plan.inputs, *plan.tensors)}
        self._weights = {w.name: w for w in plan.weights}
        self._names: set[str] = set()
        self._inner: set[str] = set()

    def begin(self, layer: Layer) -> None:
        """From here on calls are this layer's."""
        self.layer = layer

    @property
    def x(self) -> str:
        """The first input."""
        return self.layer.inputs[0]

    def tensor(self, name: str) -> PlanTensor:
        """As the plan describes it: not for tensors between the calls of a layer."""
        return self._tensors[name]

    def weight(self, name: str) -> PlanWeight:
        """As it is in the file."""
        return self._weights[name]

    def dtype(self, dtype: DType) -> DType:
        """What a type of the plan is on this version."""
        return index_type(self.api) if dtype is DType.int64 else dtype

    def type_name(self, dtype: DType) -> str:
        """The same as an enumerator."""
        here = self.dtype(dtype)
        if here not in TYPES:
            raise UsageError(
                f"layer {self.layer.name}: TensorRT has no tensors of {here.value}",
                hint="cast to float32 in the model, or use --trt-api parser",
            )
        return TYPES[here]

    def last(
        self,
        method: str,
        inputs: Sequence[str],
        weights: Sequence[tuple[str, CallWeights]] = (),
        /,
        **attributes: Value,
    ) -> None:
        """The call that makes the layer's own tensors."""
        self._add(method, self._unique(self.layer.name), inputs, self.layer.outputs, weights, attributes)

    def last_of_two(self, method: str, inputs: Sequence[str], second: str, /, **attributes: Value) -> None:
        """The same for a call that makes a second tensor, `<layer's name>/<second>`, which none uses."""
        name = self._unique(self.layer.name)
        outputs = (*self.layer.outputs, self._inner_tensor(f"{self.layer.name}/{second}"))
        self._add(method, name, inputs, outputs, (), attributes)

    def inner(
        self,
        method: str,
        what: str,
        inputs: Sequence[str],
        weights: Sequence[tuple[str, CallWeights]] = (),
        /,
        **attributes: Value,
    ) -> str:
        """A call on the way to it, `<layer's name>/<what>`; gives its tensor."""
        name = self._unique(f"{self.layer.name}/{what}")
        return self._with_tensor(method, name, inputs, weights, attributes)

    def constant(self, what: str, dims: Sizes, values: Sequence[float], dtype: DType) -> str:
        """A constant whose values stand in the code; gives its tensor."""
        return self.inner(
            "addConstant", what, (), (("weights", self.values(values, dtype)),), dimensions=dims
        )

    def weight_constant(self, weight: str, dims: Sizes) -> str:
        """A constant of the file, called as the array where no other layer is; gives its tensor."""
        name = weight if weight not in self._names else self._unique(f"{self.layer.name}/{weight}")
        self._names.add(name)
        return self._with_tensor(
            "addConstant", name, (), (("weights", self.array(weight)),), {"dimensions": dims}
        )

    def array(self, name: str) -> CallWeights:
        """An array of the file, in the type that it has on this version."""
        return CallWeights(name=name, dtype=self.dtype(self.weight(name).dtype))

    def optional(self, name: str, like: str) -> CallWeights:
        """The same, or none: of the type of another one."""
        return self.array(name) if name else CallWeights(dtype=self.array(like).dtype)

    def values(self, values: Sequence[float], dtype: DType) -> CallWeights:
        """Values in the code, as a float of C++ holds them where their type is a floating-point one."""
        here = self.dtype(dtype)
        rounded = float32 if here in (DType.float32, DType.float16, DType.bfloat16) else int
        return CallWeights(values=tuple(rounded(v) for v in values), dtype=here)

    def _with_tensor(
        self,
        method: str,
        name: str,
        inputs: Sequence[str],
        weights: Sequence[tuple[str, CallWeights]],
        attributes: dict[str, Value],
    ) -> str:
        tensor = self._inner_tensor(name)
        self._add(method, name, inputs, (tensor,), weights, attributes)
        return tensor

    def _inner_tensor(self, name: str) -> str:
        """A name that no other tensor has."""
        while name in self._tensors or name in self._inner:
            name += "'"
        self._inner.add(name)
        return name

    def _add(
        self,
        method: str,
        name: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        weights: Sequence[tuple[str, CallWeights]],
        attributes: dict[str, Value],
    ) -> None:
        taken = list(inputs)
        while taken and not taken[-1]:
            taken.pop()
        self.made.append(
            Call(
                method=method,
                name=name,
                inputs=tuple(taken),
                outputs=tuple(outputs),
                attributes=attributes,
                weights=tuple(weights),
            )
        )

    def _unique(self, name: str) -> str:
        """TensorRT refuses a name that two layers have."""
        found = name
        number = 1
        while found in self._names:
            number += 1
            found = f"{name}_{number}"
        self._names.add(found)
        return found
