"""Calls that move elements and compute none: slices, gathers, reshapes, the largest k."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .step import Step, require, sizes

_LARGEST_K = 3840


def slice_(step: Step) -> Any:
    """addSlice: element i of a dimension is the input's start + i * stride, `mode` says what lies outside."""
    import torch

    x, mode = step.x, step["mode"]
    start, size, stride = (_given(step, i, a) for i, a in enumerate(("start", "size", "stride"), 1))
    inside: list[Any] = []  # masks, for FILL
    for axis, (first, count, by) in enumerate(zip(start, size, stride, strict=True)):
        length = x.shape[axis]
        last = first + (count - 1) * by
        require(count >= 0, f"dimension {axis} would have {count} elements")
        within = count == 0 or (0 <= first < length and 0 <= last < length)
        require(
            within or mode != "STRICT_BOUNDS",
            f"takes elements {first} to {last} of dimension {axis}, which has {length}",
        )
        if within and by > 0:
            # a view, where the others are copies
            x = x.narrow(axis, first, last - first + 1 if count else 0)
            x = x[(slice(None),) * axis + (slice(None, None, by),)]
            continue
        places = first + by * torch.arange(count)
        if mode == "FILL":
            found = (places >= 0) & (places < length)
            inside.append(found.reshape((-1,) + (1,) * (x.dim() - axis - 1)))
        if not within:
            require(length > 0 or mode == "FILL", f"dimension {axis} has no elements")
        places = _OUTSIDE[mode](places, length)
        if length == 0:
            x = x.new_zeros((*x.shape[:axis], count, *x.shape[axis + 1 :]))
        else:
            x = x.index_select(axis, places)
    for mask in inside:
        x = torch.where(mask, x, step.inputs[4])
    return x


def _given(step: Step, i: int, attribute: str) -> list[int]:
    """One value a dimension, computed or not."""
    tensor = step.input(i)
    values = [int(v) for v in (step[attribute] if tensor is None else tensor.tolist())]
    require(len(values) == step.x.dim(), f"its {attribute} {values} is not for {sizes(step.x)}")
    return values


def _reflected(places: Any, length: int) -> Any:
    """Mirrored at the middle of the first and of the last element, again and again."""
    if length == 1:
        return places * 0
    around = places.remainder(2 * (length - 1))
    return around.where(around < length, 2 * (length - 1) - around)


_OUTSIDE = {
    "STRICT_BOUNDS": lambda places, length: places,
    "FILL": lambda places, length: places.clamp(0, max(length - 1, 0)),
    "CLAMP": lambda places, length: places.clamp(0, length - 1),
    "WRAP": lambda places, length: places.remainder(length),
    "REFLECT": _reflected,
}


def gather(step: Step) -> Any:
    """addGatherV2 in its three modes. Outside an index is refused, where TensorRT gives 0."""
    import torch

    data, indices = step.x, step.inputs[1].long()
    mode, axis, shared = step["mode"], step["gatherAxis"], step["nbElementWiseDims"]
    if mode == "ND":
        require(shared < data.dim() - 1 or shared == 0, f"{shared} dimensions of {sizes(data)} are shared")
        require(data.shape[:shared] == indices.shape[:shared], "the shared dimensions are not alike")
        depth = indices.shape[-1]
        require(depth <= data.dim() - shared, f"{depth} indices for {sizes(data)}")
        where = [
            torch.arange(indices.shape[i]).reshape([-1] + [1] * (indices.dim() - 2 - i))
            for i in range(shared)
        ]
        where += [
            _places(step, indices.select(-1, i), shared + i, data.shape[shared + i]) for i in range(depth)
        ]
        return data[tuple(where)]
    require(0 <= axis < data.dim(), f"gathers along dimension {axis} of {sizes(data)}")
    indices = _places(step, indices, axis, data.shape[axis])
    if mode == "ELEMENT":
        require(shared == 0, "ELEMENT shares no dimensions")
        require(indices.dim() == data.dim(), f"indices {sizes(indices)} for {sizes(data)}")
        return data.gather(axis, indices)
    require(shared in (0, 1) and (axis >= shared), f"DEFAULT with {shared} shared dimensions")
    if not shared:
        return _gathered(data, indices, axis)
    items = max(data.shape[0], indices.shape[0])
    data = data.expand(items, *data.shape[1:])
    indices = indices.expand(items, *indices.shape[1:])
    return torch.stack([_gathered(d, i, axis - 1) for d, i in zip(data, indices, strict=True)])


def _gathered(data: Any, indices: Any, axis: int) -> Any:
    found = data.index_select(axis, indices.reshape(-1))
    return found.reshape((*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))


def _places(step: Step, indices: Any, axis: int, length: int) -> Any:
    """Counted from 0; a negative one counts from the end, where the length is known."""
    if indices.numel() == 0:
        return indices
    low, high = int(indices.min()), int(indices.max())
    require(-length <= low and high < length, f"indices {low} to {high} into dimension {axis} of {length}")
    known = step.known[0]
    fixed = known is None or known[axis] >= 0
    require(low >= 0 or fixed, f"the index {low} into dimension {axis}, whose size varies, is undefined")
    return indices.where(indices >= 0, indices + length)


def shuffle(step: Step) -> Any:
    """addShuffle: transpose, reshape, transpose."""
    x = step.x
    attributes = step.call.attributes
    if "firstTranspose" in attributes:
        x = x.permute(step["firstTranspose"])
    wanted: Sequence[int] | None = attributes.get("reshapeDimensions")  # type: ignore[assignment]
    if len(step.inputs) > 1:
        require(wanted is None, "its shape is given twice")
        wanted = step.inputs[1].tolist()
    if wanted is not None:
        x = x.reshape(_resolved(x, wanted, step["zeroIsPlaceholder"]))
    if "secondTranspose" in attributes:
        x = x.permute(step["secondTranspose"])
    return x


def _resolved(x: Any, wanted: Sequence[int], zero_copies: bool) -> list[int]:
    """The dims of a reshape, with 0 (the input's) and -1 (what remains) replaced."""
    found = list(wanted)
    for i, size in enumerate(found):
        if size == 0 and zero_copies:
            require(i < x.dim(), f"the 0 at {i} of {found} copies a dimension that {sizes(x)} lacks")
            found[i] = x.shape[i]
    known = math.prod(size for size in found if size >= 0)
    if -1 in found:
        fits = found.count(-1) == 1 and known > 0 and x.numel() % known == 0
        require(fits, f"{sizes(x)} cannot be reshaped to {list(wanted)}")
        found[found.index(-1)] = x.numel() // known
    require(
        min(found, default=0) >= 0 and math.prod(found) == x.numel(),
        f"{sizes(x)} cannot be reshaped to {list(wanted)}",
    )
    return found


def concatenation(step: Step) -> Any:
    """addConcatenation"""
    import torch

    axis = step["axis"]
    require(0 <= axis < step.x.dim(), f"joins along dimension {axis} of {sizes(step.x)}")
    shapes = {(*t.shape[:axis], *t.shape[axis + 1 :]) for t in step.inputs}
    require(len(shapes) == 1, f"its inputs {', '.join(map(sizes, step.inputs))} do not fit")
    return torch.cat(step.inputs, axis)


def top_k(step: Step) -> tuple[Any, Any]:
    """addTopK: values and int32 indices, best first; of equals the first comes first."""
    import torch

    axes = step.axes("reduceAxes")
    k, operation, rank = step["k"], step["operation"], step.x.dim()
    require(len(axes) == 1, f"reduces {len(axes)} dimensions, where one is taken")
    axis = axes[0]
    require(axis >= rank - 4, f"reduces dimension {axis} of {rank}: only the last four can be")
    length = step.x.shape[axis]
    require(0 < k <= min(_LARGEST_K, length), f"k is {k} of {length} elements")
    values, indices = step.x.sort(dim=axis, descending=operation == "MAX", stable=True)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k).to(torch.int32)
