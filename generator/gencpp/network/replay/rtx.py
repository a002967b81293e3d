"""The TensorRT-RTX builder on an ONNX file: parse, compare each layer's shapes with ONNX's, build.

Needs the packages tensorrt_rtx_libs and tensorrt_rtx_bindings, but no GPU. It is evidence for the graph,
not for TensorRT itself. Run as a program of its own, so that a crash in a library ends no more than it:
`python -m gencpp.network.replay.rtx JOB.json` writes one JSON object to the file that the job names.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.errors import EnvironmentLacks
from ...core.spec import Profiles
from ...onnx.names import all_nodes, module_path

PACKAGES = ("tensorrt_rtx_libs", "tensorrt_rtx_bindings")
TARGET = "SM86"
"""Compute capability that is built for: one that this builder takes and that many machines have."""

_DTYPES = {
    "FLOAT": "FLOAT",
    "FLOAT16": "HALF",
    "BFLOAT16": "BF16",
    "INT8": "INT8",
    "UINT8": "UINT8",
    "INT32": "INT32",
    "INT64": "INT64",
    "BOOL": "BOOL",
}
"""ONNX's names of element types -> TensorRT's."""


def job(model: Path, inputs: Sequence[str], profiles: Profiles, tf32: bool) -> dict[str, Any]:
    """What `main` reads: the model's file, the names of its inputs, and how an engine is built."""
    told = [
        {
            name: [[d.min for d in dims], [d.opt for d in dims], [d.max for d in dims]]
            for name, dims in zip(inputs, profile, strict=True)
        }
        for profile in profiles
    ]
    return {"model": str(model), "profiles": told, "tf32": tf32}


def build(model: Path, profiles: Sequence[dict[str, list[list[int]]]], tf32: bool) -> dict[str, Any]:
    """Parses and builds; `problems` is empty when everything held.

    Gives layers, compared (tensors whose shape and type were compared with ONNX's), engine_bytes, seconds
    and version. Raises EnvironmentLacks without the packages.
    """
    trt = bindings()
    begin = time.monotonic()
    logger = collecting_logger(trt)
    found: dict[str, Any] = {"version": str(trt.__version__), "target": TARGET, "problems": []}
    builder = trt.Builder(logger)
    network = builder.create_network(0)  # strongly typed, always
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(model)):
        places = _places(model)
        found["problems"] = [_told(parser.get_error(i), places) for i in range(parser.num_errors)]
        return found
    found["layers"] = network.num_layers
    compared, found["problems"] = _compare(trt, network, model)
    found["compared"] = compared

    told_of_engine(found, build_engine(trt, builder, network, profiles, tf32, logger))
    found["seconds"] = round(time.monotonic() - begin, 3)
    return found


def bindings() -> Any:
    """The module of TensorRT-RTX; raises EnvironmentLacks without the packages."""
    try:
        import tensorrt_rtx_libs  # noqa: F401  # isort: skip - its import makes the libraries known
        import tensorrt_rtx_bindings as trt
    except ImportError as e:
        raise EnvironmentLacks(
            f"the TensorRT-RTX builder cannot be imported: {e}", hint="pip install 'gencpp[rtx]'"
        ) from None
    return trt


def build_engine(
    trt: Any,
    builder: Any,
    network: Any,
    profiles: Sequence[dict[str, list[list[int]]]],
    tf32: bool,
    logger: Any,
) -> tuple[int, str]:
    """(bytes of the engine for TARGET, why there is none)

    TensorRT-RTX takes layers into a network that it has no kernels for, such as addNMS: see told_of_engine.
    """
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(getattr(trt.ComputeCapability, TARGET), 0)
    if not tf32:
        config.clear_flag(trt.BuilderFlag.TF32)
    for ranges in profiles:
        profile = builder.create_optimization_profile()
        for name, (low, opt, high) in ranges.items():
            profile.set_shape(name, low, opt, high)
        config.add_optimization_profile(profile)
    if not builder.is_network_supported(network, config):
        return 0, f"the network is not supported: {logger.told()}"
    engine = builder.build_serialized_network(network, config)
    return (0, f"no engine was built: {logger.told()}") if engine is None else (int(engine.nbytes), "")


_NO_KERNELS = re.compile(r"failed\. (.+?) has no runners that implement it")
"""What the builder says of a layer, by its name, that TensorRT-RTX does not have."""


def told_of_engine(found: dict[str, Any], built: tuple[int, str]) -> None:
    """Notes what `build_engine` gave: engine_bytes, what TensorRT-RTX lacks, or a problem of the graph."""
    engine_bytes, problem = built
    if not problem:
        found["engine_bytes"] = engine_bytes
    elif lacks := _NO_KERNELS.search(problem):
        found["lacking"] = f"it has no kernels for {lacks[1]}"
    else:
        found["problems"].append(problem)


def collecting_logger(trt: Any) -> Any:
    """One that keeps errors: `errors`, and `told()` as one text."""
    base: Any = trt.ILogger

    class Logger(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR):
                self.errors.append(" ".join(message.split()))

        def told(self) -> str:
            return "; ".join(dict.fromkeys(self.errors))[:2000] or "no reason was given"

    return Logger()


def _places(model: Path) -> dict[str, str]:
    """Name of each node -> the PyTorch module that it came from."""
    import onnx

    loaded = onnx.load(model, load_external_data=False)
    return {node.name: module_path(node) for node in all_nodes(loaded.graph)}


def _told(error: Any, places: dict[str, str]) -> str:
    node = error.node_name()
    place = places.get(node, "")
    where = f"node {node}" + (f" (module {place})" if place else "") if node else "the model"
    return f"{error.node_operator() or 'operator'} at {where}: {' '.join(str(error.desc()).split())}"


def _compare(trt: Any, network: Any, model: Path) -> tuple[int, list[str]]:
    """(tensors compared, differences) of the network's tensors and those that ONNX inferred."""
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    known = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
            known[value.name] = (sizes, onnx.TensorProto.DataType.Name(tensor.elem_type))
    compared, problems = 0, []
    for i in range(network.num_layers):
        layer = network.get_layer(i)
        for tensor in filter(None, (layer.get_output(k) for k in range(layer.num_outputs))):
            if tensor.name not in known:
                continue  # made by the parser itself
            sizes, dtype = known[tensor.name]
            ours = list(tensor.shape)
            compared += 1
            alike = len(ours) == len(sizes) and all(
                a == b or -1 in (a, b) for a, b in zip(ours, sizes, strict=True)
            )
            if not alike or tensor.dtype != getattr(trt.DataType, _DTYPES.get(dtype, ""), None):
                problems.append(f"tensor {tensor.name}: {ours} {tensor.dtype}, ONNX inferred {sizes} {dtype}")
    return compared, problems


def main(argv: Sequence[str]) -> int:
    """Runs the job of the file argv[1]."""
    asked = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    found = build(Path(asked["model"]), asked["profiles"], asked["tf32"])
    Path(asked["result"]).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
