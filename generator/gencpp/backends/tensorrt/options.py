"""Options of `gencpp new` for TensorRT, and the export that they ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.progress import Progress
from ...core.request import Request
from ...core.spec import Artifact, EngineSpec, ModelSpec, Precision, Profiles
from ...model.sizes.plan import profiles_of

if TYPE_CHECKING:
    from ...core.loaded import LoadedModel
    from ...model.sizes.answers import Answers
    from .network_export import NetworkExport


TRT_APIS = ("parser", "network")
"""Who defines a TensorRT network: its ONNX parser, or generated C++."""


def export_for_tensorrt(
    request: Request,
    loaded: LoadedModel,
    spec: ModelSpec,
    profiles: Profiles,
    answers: Answers,
    assets: Path,
    progress: Progress,
) -> tuple[Artifact, ModelSpec, EngineSpec, NetworkExport | None]:
    """The ONNX file, or the network as C++, what is known of the model then, and how the engine is built."""
    from .onnx_export import OnnxOptions, export_onnx

    options = OnnxOptions(precision=Precision(request.precision or Precision.fp32))
    if request.tensorrt_min is not None:
        options = replace(options, tensorrt_min=request.tensorrt_min)
    network: NetworkExport | None = None
    if request.trt_api == "network":
        from .network_export import export_network

        network = export_network(loaded, spec, assets, options, progress, answers)
        artifact, spec, opset = network.artifact, network.spec, network.opset
    else:
        exported = export_onnx(loaded, spec, assets, options, progress, answers)
        artifact, spec, opset = exported.artifact, exported.spec, exported.opset
    engine = EngineSpec(
        api=request.trt_api or TRT_APIS[0],
        precision=options.precision,
        tf32=request.tf32,
        tensorrt_min=options.tensorrt_min,
        opset=opset,
        profiles=profiles_of(spec.inputs, profiles),
    )
    return artifact, spec, engine, network
