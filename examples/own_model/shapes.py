"""A model as you may have one: a module, a factory, transforms for evaluation, and a state dict beside it."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision import transforms as T

LABELS = ("circle", "square", "triangle")
SIZE = 64


class ShapeNet(nn.Module):
    """Logits of three shapes for a picture, N x 3 x 64 x 64."""

    def __init__(self, classes: int = len(LABELS)) -> None:
        super().__init__()

        def block(cin: int, cout: int) -> nn.Sequential:
            convolution = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
            return nn.Sequential(convolution, nn.BatchNorm2d(cout), nn.ReLU(), nn.MaxPool2d(2))

        self.features = nn.Sequential(block(3, 16), block(16, 32), block(32, 64))
        self.head = nn.Linear(64, classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image).mean((2, 3)))


def make() -> nn.Module:
    """What `--model shapes:make` calls; --state-dict loads the weights."""
    return ShapeNet()


def transforms() -> T.Compose:
    """What `--preprocess shapes:transforms` reads: the transforms of evaluation, as they are."""
    return T.Compose(
        [T.Resize(72), T.CenterCrop(SIZE), T.ToTensor(), T.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))]
    )
