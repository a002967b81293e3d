"""Calls that slide a window or resample: convolutions, pooling, resizing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .step import Step, require, sizes


def convolution(step: Step) -> Any:
    """addConvolutionNd"""
    from torch.nn import functional

    x, maps, groups = step.x, step["nbOutputMaps"], step["nbGroups"]
    kernel_size: tuple[int, ...] = step["kernelSizeNd"]
    _check_rank(step, kernel_size)
    channels = x.shape[1]
    require(channels % groups == 0 and maps % groups == 0, f"{channels} and {maps} channels, {groups} groups")
    kernel = _kernel(step, (maps, channels // groups, *kernel_size))
    pre, post = step["prePadding"], step["postPadding"]
    if pre != post:
        x = functional.pad(x, _torch_padding(pre, post))
        pre = (0,) * len(pre)
    run = functional.conv2d if len(kernel_size) == 2 else functional.conv3d
    return run(x, kernel, _bias(step, maps), step["strideNd"], pre, step["dilationNd"], groups)


def deconvolution(step: Step) -> Any:
    """addDeconvolutionNd: padding takes away from what the whole kernel gives."""
    from torch.nn import functional

    x, maps, groups = step.x, step["nbOutputMaps"], step["nbGroups"]
    kernel_size: tuple[int, ...] = step["kernelSizeNd"]
    _check_rank(step, kernel_size)
    channels = x.shape[1]
    require(channels % groups == 0 and maps % groups == 0, f"{channels} and {maps} channels, {groups} groups")
    kernel = _kernel(step, (channels, maps // groups, *kernel_size))
    run = functional.conv_transpose2d if len(kernel_size) == 2 else functional.conv_transpose3d
    y = run(x, kernel, _bias(step, maps), step["strideNd"], 0, 0, groups, step["dilationNd"])
    for i, (pre, post) in enumerate(zip(step["prePadding"], step["postPadding"], strict=True), 2):
        require(pre >= 0 and post >= 0, f"its padding {pre}, {post} of dimension {i} is negative")
        length = y.shape[i] - pre - post
        require(length > 0, f"padding leaves nothing of dimension {i}")
        y = y.narrow(i, pre, length)
    return y


def _check_rank(step: Step, window: Sequence[int]) -> None:
    require(len(window) in (2, 3), f"its window {tuple(window)} has neither two nor three dimensions")
    fits = step.x.dim() == len(window) + 2
    require(fits, f"a window of {len(window)} dimensions for {sizes(step.x)}")


def _kernel(step: Step, dims: tuple[int, ...]) -> Any:
    kernel = step.weights["kernel"]
    require(kernel.numel() == math.prod(dims), f"{kernel.numel()} weights, where {dims} are expected")
    return kernel.reshape(dims)


def _bias(step: Step, maps: int) -> Any:
    bias = step.weights["bias"]
    require(bias is None or bias.numel() == maps, f"{0 if bias is None else bias.numel()} biases, not {maps}")
    return bias


def _torch_padding(pre: Sequence[int], post: Sequence[int]) -> list[int]:
    """The last dimension first."""
    pairs = zip(reversed(pre), reversed(post), strict=True)
    return [value for pair in pairs for value in pair]


def pooling(step: Step) -> Any:
    """addPoolingNd. Rounding up, windows may begin in the padding behind, where PyTorch drops them.

    Refused when a window has no element at all to be taken.
    """
    import torch
    from torch.nn import functional

    x, window, stride = step.x, step["windowSizeNd"], step["strideNd"]
    _check_rank(step, window)
    pre, post = step["prePadding"], step["postPadding"]
    up = {"EXPLICIT_ROUND_UP": True, "EXPLICIT_ROUND_DOWN": False}[step["paddingMode"]]
    beyond = []  # what rounding up adds behind the padding
    for i, length in enumerate(x.shape[2:]):
        rest = length + pre[i] + post[i] - window[i]
        require(rest >= 0, f"a window of {tuple(window)} on {sizes(x)}, padding {pre}, {post}")
        steps = math.ceil(rest / stride[i]) if up else rest // stride[i]
        beyond.append(max(steps * stride[i] - rest, 0))
        first_end, last_begin = window[i] - pre[i], steps * stride[i] - pre[i]
        require(first_end > 0 and last_begin < length, f"a window lies wholly in the padding of {sizes(x)}")
    behind = [a + b for a, b in zip(post, beyond, strict=True)]
    flat = len(window) == 2
    if step["poolingType"] == "MAX":
        padded = functional.pad(x, _torch_padding(pre, behind), value=-math.inf)
        return (functional.max_pool2d if flat else functional.max_pool3d)(padded, window, stride)
    require(step["poolingType"] == "AVERAGE", f"is not known: {step['poolingType']}")
    mean = functional.avg_pool2d if flat else functional.avg_pool3d
    counted = torch.ones((1, 1, *x.shape[2:]))
    if step["averageCountExcludesPadding"]:
        counted = functional.pad(counted, _torch_padding(pre, behind))
    else:
        counted = functional.pad(counted, _torch_padding(pre, post), value=1.0)
        counted = functional.pad(counted, _torch_padding([0] * len(beyond), beyond))
    padded = functional.pad(x, _torch_padding(pre, behind))
    return mean(padded, window, stride) / mean(counted, window, stride)


def resize(step: Step) -> Any:
    """addResize, one dimension after the other; coordinates in float32, as kernels compute them."""
    x, mode = step.x, step["interpolationMode"]
    wanted = _resized(step)
    changed = [i for i, (a, b) in enumerate(zip(x.shape, wanted, strict=True)) if a != b]
    limit = {"NEAREST": 8, "LINEAR": 3, "CUBIC": 2}[mode]
    require(
        not changed or changed[0] >= x.dim() - limit,
        f"{mode} resizes the last {limit} dimensions, not {list(x.shape)} to {wanted}",
    )
    require(mode == "NEAREST" or x.is_floating_point(), f"{mode} takes no {sizes(x)}")
    for axis in changed:
        places = _coordinates(step, x.shape[axis], wanted[axis])
        x = _RESAMPLED[mode](step, x, axis, places)
    return x


def _resized(step: Step) -> list[int]:
    import numpy as np

    x, attributes = step.x, step.call.attributes
    given = [a for a in ("outputDimensions", "scales") if a in attributes]
    require(len(given) + (len(step.inputs) > 1) == 1, "its size is given twice or never")
    if "scales" in attributes:
        fits = len(step["scales"]) == x.dim()
        require(fits, f"its scales {step['scales']} are not for {sizes(x)}")
        found = [int(np.float32(s) * np.float32(c)) for s, c in zip(x.shape, step["scales"], strict=True)]
    else:
        found = [int(v) for v in (step.inputs[1].tolist() if not given else step["outputDimensions"])]
    require(len(found) == x.dim(), f"its sizes {found} are not for {sizes(x)}")
    require(min(found, default=1) > 0, f"its size is {found}")
    return found


def _coordinates(step: Step, length: int, resized: int) -> Any:
    """Where in the input each element of the output lies."""
    import torch

    places = torch.arange(resized, dtype=torch.float32)
    if resized == 1 and step["selectorForSinglePixel"] == "UPPER":
        return places
    how = step["coordinateTransformation"]
    if how == "ALIGN_CORNERS":
        return places * ((length - 1) / (resized - 1) if resized > 1 else 0.0)
    if how == "ASYMMETRIC":
        return places * (length / resized)
    require(how == "HALF_PIXEL", f"is not known: {how}")
    return (places + 0.5) * (length / resized) - 0.5


def _nearest(step: Step, x: Any, axis: int, places: Any) -> Any:
    rounded = {
        "HALF_UP": lambda p: (p + 0.5).floor(),
        "HALF_DOWN": lambda p: (p - 0.5).ceil(),
        "FLOOR": lambda p: p.floor(),
        "CEIL": lambda p: p.ceil(),
    }[step["nearestRounding"]](places)
    return x.index_select(axis, rounded.long().clamp(0, x.shape[axis] - 1))


def _linear(step: Step, x: Any, axis: int, places: Any) -> Any:
    first = places.floor()
    part = places - first
    return _weighted(x, axis, first, [(0, 1 - part), (1, part)])


def _cubic(step: Step, x: Any, axis: int, places: Any) -> Any:
    a = step["cubicCoeff"]
    first = places.floor()
    part = places - first
    taps = []
    for offset in (-1, 0, 1, 2):
        distance = (part - offset).abs()
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        weight = near if offset in (0, 1) else far
        if step["excludeOutside"]:
            at = first + offset
            weight = weight * ((at >= 0) & (at < x.shape[axis]))
        taps.append((offset, weight))
    if step["excludeOutside"]:
        total = sum(weight for _, weight in taps)
        taps = [(offset, weight / total) for offset, weight in taps]
    return _weighted(x, axis, first, taps)


def _weighted(x: Any, axis: int, first: Any, taps: Sequence[tuple[int, Any]]) -> Any:
    """The sum of taps, (offset from first, weight); the border is repeated outside."""
    shape = [-1] + [1] * (x.dim() - axis - 1)
    total: Any = 0
    for offset, weight in taps:
        at = (first.long() + offset).clamp(0, x.shape[axis] - 1)
        total = total + x.index_select(axis, at) * weight.reshape(shape)
    return total


_RESAMPLED = {"NEAREST": _nearest, "LINEAR": _linear, "CUBIC": _cubic}
