"""LeNet as Caffe trained it on MNIST, and as TensorRT's classic sample defines it by hand."""

from __future__ import annotations

from torch import Tensor, nn


class LeNet(nn.Module):
    """Probabilities of ten digits for white on black, 1x28x28 in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, kernel_size=5)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(20, 50, kernel_size=5)
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(800, 500)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(500, 10)
        self.prob = nn.Softmax(dim=1)

    def logits(self, digit: Tensor) -> Tensor:
        x = self.pool1(self.conv1(digit))
        x = self.pool2(self.conv2(x))
        return self.fc2(self.relu(self.fc1(x.flatten(1))))

    def forward(self, digit: Tensor) -> Tensor:
        return self.prob(self.logits(digit))


def lenet() -> nn.Module:
    return LeNet()
