"""Plans written by hand, for the emission of C++: shapes are not computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gencpp.core.spec import DType
from gencpp.network import plan as p


class Writer:
    """Adds layers by their modules' paths; a call gives the tensor that was made."""

    def __init__(self, *inputs: str, modules: Mapping[str, str] | None = None) -> None:
        self.inputs = inputs or ("x",)
        self.modules = dict(modules or {})
        self.layers: list[p.Layer] = []
        self.weights: list[p.PlanWeight] = []
        self.shapes: dict[str, tuple[int, ...]] = {}

    def layer(self, kind: type[p.Layer], name: str, *inputs: str, results: int = 1, **fields: Any) -> Any:
        """`name`: a module's path, or `<path>/<what>`; gives the tensor, or several."""
        module = fields.pop("module", name.rpartition("/")[0] if "/" in name else name)
        outputs = tuple(f"{name}:{i}" for i in range(results))
        self.layers.append(kind(name=name, module=module, inputs=inputs, outputs=outputs, **fields))
        return outputs[0] if results == 1 else outputs

    def weight(self, name: str, *dims: int) -> str:
        count = sum(w.size for w in self.weights)
        made = p.PlanWeight(name=name, dtype=DType.float32, dims=dims, offset=count, size=64, sha256="0" * 64)
        self.weights.append(made)
        return name

    def conv(self, name: str, x: str, *, bias: bool = True, **window: Any) -> Any:
        """Options that are not given are those of a 3x3 kernel that keeps the size."""
        padding = window.pop("padding", 1)
        fields = {"stride": 1, "pre_padding": padding, "post_padding": padding, "dilation": 1, **window}
        both = {k: v if isinstance(v, tuple) or k == "groups" else (v, v) for k, v in fields.items()}
        if name + ".weight" not in {w.name for w in self.weights}:
            self.weight(name + ".weight", 8, 8, 3, 3)
            if bias:
                self.weight(name + ".bias", 8)
        own = {"weight": name + ".weight", "bias": name + ".bias" if bias else ""}
        return self.layer(p.Convolution, name, x, **own, **both)

    def linear(self, name: str, x: str) -> Any:
        weight, bias = self.weight(name + ".weight", 8, 8), self.weight(name + ".bias", 8)
        return self.layer(p.Linear, name, x, weight=weight, bias=bias, transposed=True)

    def relu(self, name: str, x: str, module: str | None = None) -> Any:
        more = {} if module is None else {"module": module}
        return self.layer(p.Activation, name, x, activation=p.ActivationKind.relu, **more)

    def add(self, name: str, a: str, b: str) -> Any:
        return self.layer(p.ElementWise, name, a, b, operation=p.ElementWiseKind.add)

    def plan(self, *outputs: str) -> p.NetworkPlan:
        """The plan, whose outputs are these tensors under the names out, out1, ..."""
        layers = list(self.layers)
        named = [f"out{i or ''}" for i in range(len(outputs))]
        new = dict(zip(outputs, named, strict=True))
        renamed = []
        for layer in layers:
            data = layer.to_json()
            data["inputs"] = [new.get(i, i) for i in layer.inputs]
            data["outputs"] = [new.get(o, o) for o in layer.outputs]
            renamed.append(p.Layer.from_json(data))
        tensors = [o for layer in renamed for o in layer.outputs]
        old = {v: k for k, v in new.items()}
        return p.NetworkPlan(
            inputs=tuple(_tensor(name, self.shapes) for name in self.inputs),
            outputs=tuple(named),
            layers=tuple(renamed),
            tensors=tuple(_tensor(name, self.shapes, old.get(name, name)) for name in tensors),
            weights=tuple(self.weights),
            modules=self.modules,
        )


def _tensor(name: str, shapes: Mapping[str, tuple[int, ...]], known: str = "") -> p.PlanTensor:
    return p.PlanTensor(name=name, dtype=DType.float32, dims=shapes.get(known or name, (-1, 8, 4, 4)))


def resnet18() -> p.NetworkPlan:
    """torchvision's, as lowering makes it of the ONNX file."""
    modules = {"": "ResNet", "layer1": "Sequential"}
    for stage in range(1, 5):
        modules[f"layer{stage}"] = "Sequential"
        modules |= {f"layer{stage}.{i}": "BasicBlock" for i in range(2)}
        modules[f"layer{stage}.0.downsample"] = "Sequential"
    w = Writer(modules=modules)
    w.shapes["x"] = (-1, 3, 224, 224)

    def sized(tensor: str, *dims: int) -> str:
        w.shapes[tensor] = (-1, *dims)
        return tensor

    x = sized(w.conv("conv1", "x", stride=2, padding=3), 64, 112, 112)
    x = sized(w.relu("relu", x), 64, 112, 112)
    pads = {"pre_padding": (1, 1), "post_padding": (1, 1)}
    maximum = p.PoolingKind.maximum
    x = w.layer(p.Pooling, "maxpool", x, pooling=maximum, window=(3, 3), stride=(2, 2), **pads)
    sized(x, 64, 56, 56)
    for stage in range(1, 5):
        size = (64 << (stage - 1), 112 >> stage, 112 >> stage)
        for i in range(2):
            at = f"layer{stage}.{i}"
            stride = 2 if stage > 1 and i == 0 else 1
            y = sized(w.conv(f"{at}.conv1", x, stride=stride), *size)
            y = sized(w.relu(f"{at}.relu", y), *size)
            y = sized(w.conv(f"{at}.conv2", y), *size)
            if stride == 2:
                x = sized(w.conv(f"{at}.downsample.0", x, stride=2, padding=0), *size)
            x = sized(w.add(f"{at}/add", y, x), *size)
            x = sized(w.relu(f"{at}.relu_1", x, f"{at}.relu"), *size)
    mean = p.ReduceKind.mean
    x = sized(w.layer(p.Reduce, "avgpool", x, operation=mean, axes=(2, 3), keep=True), 512, 1, 1)
    x = sized(w.layer(p.Shuffle, "reshape", x, module="", reshape=(0, 512)), 512)
    return w.plan(sized(w.linear("fc", x), 1000))


def lenet() -> p.NetworkPlan:
    """That of examples/lenet_network."""
    w = Writer("digit", modules={"": "LeNet"})
    w.shapes["digit"] = (-1, 1, 28, 28)

    def sized(tensor: str, *dims: int) -> str:
        w.shapes[tensor] = (-1, *dims)
        return tensor

    def pool(name: str, x: str) -> str:
        none = {"pre_padding": (0, 0), "post_padding": (0, 0)}
        return str(
            w.layer(p.Pooling, name, x, pooling=p.PoolingKind.maximum, window=(2, 2), stride=(2, 2), **none)
        )

    x = sized(w.conv("conv1", "digit", padding=0), 20, 24, 24)
    x = sized(pool("pool1", x), 20, 12, 12)
    x = sized(w.conv("conv2", x, padding=0), 50, 8, 8)
    x = sized(pool("pool2", x), 50, 4, 4)
    x = sized(w.layer(p.Shuffle, "reshape", x, module="", reshape=(0, 800)), 800)
    x = sized(w.linear("fc1", x), 500)
    x = sized(w.relu("relu", x), 500)
    x = sized(w.linear("fc2", x), 10)
    return w.plan(sized(w.layer(p.SoftMax, "prob", x, axis=1), 10))


def blocks(w: Writer, names: Sequence[str], x: str, kind: str = "Block") -> str:
    """conv, relu, conv, add, relu in every module."""
    for name in names:
        w.modules[name] = kind
        y = w.conv(f"{name}.conv1", x)
        y = w.relu(f"{name}.relu", y)
        y = w.conv(f"{name}.conv2", y)
        x = w.relu(f"{name}.relu_1", w.add(f"{name}/add", y, x), f"{name}.relu")
    return x
