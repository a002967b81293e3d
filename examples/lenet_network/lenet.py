"""LeNet as Caffe trained it on MNIST, and as TensorRT's classic sample defines it by hand."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def lenet() -> nn.Module:
    """Probabilities of ten digits for white on black, 1x28x28 in 0..1."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 20, kernel_size=5),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, kernel_size=5),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(800, 500),
            relu=nn.ReLU(),
            fc2=nn.Linear(500, 10),
            prob=nn.Softmax(dim=1),
        )
    )
