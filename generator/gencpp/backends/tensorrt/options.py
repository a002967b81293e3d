"""Options of `gencpp new` for TensorRT, and the export that they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...core.backend import Completed, Exported, Folders, Inspection, Tried
from ...core.errors import GencppError, UsageError
from ...core.progress import Progress
from ...core.request import Request
from ...core.spec import Precision, ProjectSpec
from ...core.words import counted
from ...model.sizes.plan import profiles_of
from .spec import EngineSpec

if TYPE_CHECKING:
    from .network_export import NetworkExport
    from .onnx_export import OnnxExport, OnnxOptions

TRT_APIS = ("parser", "network")
"""Who defines a TensorRT network: its ONNX parser, or generated C++."""


def check(request: Request) -> None:
    """Raises UsageError for values that there are not, or that do not go together."""
    if request.trt_api not in (None, *TRT_APIS):
        raise UsageError(
            f"there is no TensorRT API '{request.trt_api}'", hint=f"Choose from: {', '.join(TRT_APIS)}."
        )
    _onnx_options(request)


def _onnx_options(request: Request) -> OnnxOptions:
    from .onnx_export import OnnxOptions

    options = OnnxOptions()
    return OnnxOptions(
        precision=Precision(request.precision or options.precision),
        tensorrt_min=request.tensorrt_min or options.tensorrt_min,
    )


def export(request: Request, inspected: Inspection, folders: Folders, progress: Progress) -> Exported:
    """The ONNX file, or the weights of a network that is C++, which is written once there are goldens."""
    from .onnx_export import export_onnx

    loaded, model, answers, assets = inspected.loaded, inspected.model, inspected.answers, folders.assets
    options = _onnx_options(request)

    def engine(made: OnnxExport | NetworkExport) -> EngineSpec:
        return EngineSpec(
            api=request.trt_api or TRT_APIS[0],
            precision=options.precision,
            tf32=request.tf32,
            tensorrt_min=options.tensorrt_min,
            opset=made.opset,
            profiles=profiles_of(made.model.inputs, inspected.profiles),
        )

    if request.trt_api != "network":
        exported = export_onnx(loaded, model, assets, options, progress, answers)
        runtime = engine(exported)
        return Exported(artifact=exported.artifact, model=exported.model, runtime=runtime)
    from .network_export import export_network, network_files

    network = export_network(loaded, model, assets, options, progress, answers)

    def finish(project: ProjectSpec) -> Completed:
        progress("writing the network as C++")
        return Completed(project=project, files=network_files(project, network, assets))

    return Exported(artifact=network.artifact, model=network.model, runtime=engine(network), finish=finish)


def tried(inspected: Inspection, scratch: Path, progress: Progress) -> Tried:
    """Whether an ONNX file can be made that TensorRT takes, and then a network definition."""
    from .network_export import lowered_layers
    from .onnx_export import OnnxOptions, export_onnx
    from .operators import SINCE

    loaded, options = inspected.loaded, OnnxOptions()
    progress("trying the export to ONNX")
    try:
        exported = export_onnx(loaded, inspected.model, scratch, options, progress, inspected.answers)
    except GencppError as e:
        return Tried(answers={"tensorrt": f"no: {e.message}"})
    answers = {"tensorrt": f"yes, from {options.tensorrt_min} on: {exported.artifact.how}"}
    progress("trying the network definition")
    try:
        layers = lowered_layers(loaded, scratch)
        answers["network"] = f"yes: {counted(layers, 'layer')} (tensorrt with --trt-api network)"
    except GencppError as e:
        answers["network"] = f"no: {e.message}"
    operators = tuple((name, count, SINCE.get(name, "")) for name, count in exported.operators)
    return Tried(answers=answers, operators=operators, model=exported.model)
