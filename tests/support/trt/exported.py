"""Networks of torchvision's models, exported and lowered once a session."""

from __future__ import annotations

import functools

from samples import BATCH, dims

from gencpp.backends.tensorrt import onnx_prepare
from gencpp.core.loaded import LoadedModel
from gencpp.core.spec import DType, ModelSpec, Task, TensorSpec, WeightsInfo
from gencpp.network.lower.lowering import lower
from gencpp.onnx.from_torch import by_dynamo
from gencpp.sources.load import parse_source

from .plans import Network

MODELS = ("resnet18", "mobilenet_v3_small", "convnext_tiny", "vit_b_16", "swin_t")


@functools.cache
def network(name: str) -> Network:
    """Dynamic batch; no two of its arrays are alike, so that one in another's place is seen."""
    import torch
    import torchvision

    module = torchvision.models.get_model(name, weights=None).eval()
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    weights = WeightsInfo(kind="random", detail="uniform")
    spec = ModelSpec(
        source=name,
        task=Task.generic,
        inputs=(TensorSpec(name="x", dtype=DType.float32, dims=(BATCH, *dims(3, 224, 224))),),
        outputs=(TensorSpec(name="logits", dtype=DType.float32, dims=(BATCH, *dims(1000))),),
        weights=weights,
        parameters=0,
    )
    loaded = LoadedModel(
        module=module,
        source=parse_source(name),
        source_text=name,
        default_name=name,
        scripted=False,
        weights=weights,
    )
    model = onnx_prepare.prepared(by_dynamo(loaded, spec), spec, "10.13").model
    lowered = lower(model, {path: type(m).__name__ for path, m in module.named_modules()})
    return Network(plan=lowered.plan, weights=lowered.weights)
