"""Padding and resizing."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..plan import Coordinates, Resize, ResizeKind, Rounding, SliceFill
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor
from .sizes import AnySize, Dims, opaque

_OUTSIDE = {
    "constant": SliceFill.fill,
    "reflect": SliceFill.reflect,
    "edge": SliceFill.clamp,
    "wrap": SliceFill.wrap,
}
_MODES = {"nearest": ResizeKind.nearest, "linear": ResizeKind.linear, "cubic": ResizeKind.cubic}
_COORDINATES = {
    "half_pixel": Coordinates.half_pixel,
    "pytorch_half_pixel": Coordinates.half_pixel,
    "half_pixel_symmetric": Coordinates.half_pixel,
    "align_corners": Coordinates.align_corners,
    "asymmetric": Coordinates.asymmetric,
}
_LARGEST_PART = 64
"""Denominator up to which a factor is taken for the fraction that it is."""

_ROUNDING = {
    "round_prefer_floor": Rounding.half_down,
    "round_prefer_ceil": Rounding.half_up,
    "floor": Rounding.floor,
    "ceil": Rounding.ceil,
}


def pad(b: Builder, node: Node) -> None:
    """Pad: a slice that begins before its input and ends after it"""
    x = b.x()
    mode = node.attributes.get("mode", "constant")
    given = b.graph.sizes(node.input(1))
    if given is None:
        raise NotCovered("its padding is computed from values, not from sizes")
    axes = b.graph.ints(node.input(3)) if node.input(3) else tuple(range(x.rank))
    if axes is None:
        raise NotCovered("its axes are computed by the network")
    before: list[AnySize] = [0] * x.rank
    after: list[AnySize] = [0] * x.rank
    for i, axis in enumerate(axes):
        before[axis % x.rank], after[axis % x.rank] = given[i], given[i + len(axes)]
    if not any(p != 0 for p in (*before, *after)):
        b.same(x)
        return
    fill = b.graph.scalar(node.input(2)) if node.input(2) else 0.0
    if fill is None:
        raise NotCovered("its value is computed by the network")
    sizes = tuple(d + p + q for d, p, q in zip(x.dims, before, after, strict=True))
    crops = all(isinstance(p, int) and p <= 0 for p in (*before, *after))
    b.slice(
        x,
        [0 - p for p in before],
        sizes,
        (1,) * x.rank,
        what="pad",
        out=b.output(),
        outside=SliceFill.strict if crops else _OUTSIDE[mode],
        fill=0.0 if crops or mode != "constant" else fill,
    )


def resize(b: Builder, node: Node) -> None:
    """Resize in the modes that TensorRT has"""
    x = b.x()
    attributes = node.attributes
    mode = attributes.get("mode", "nearest")
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    rounding = attributes.get("nearest_mode", "round_prefer_floor")
    if mode not in _MODES or coordinates not in _COORDINATES:
        raise NotCovered(f"has the mode {mode}, {coordinates}")
    if attributes.get("antialias", 0):
        raise NotCovered("is antialiased")
    if attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NotCovered("keeps the aspect ratio")
    axes = tuple(a % x.rank for a in attributes.get("axes", range(x.rank)))
    sizes, scales, computed = _target(b, node, x, axes)
    resized = [i for i in range(x.rank) if sizes[i] != x.dims[i] or (scales and scales[i] != 1.0)]
    if not resized:
        b.same(x)
        return
    if (_MODES[mode] is ResizeKind.cubic and len(resized) > 2) or len(resized) > 3:
        raise NotCovered(f"resizes {len(resized)} dimensions ({mode})")
    if coordinates == "pytorch_half_pixel" and any(
        not isinstance(sizes[i], int) or sizes[i] == 1 for i in resized
    ):
        raise NotCovered("may have a single pixel, for which pytorch_half_pixel has a rule of its own")
    if coordinates == "half_pixel_symmetric" and not _whole(x, sizes, scales):
        raise NotCovered("has half_pixel_symmetric with sizes that are not whole multiples")
    how: dict[str, Any] = {"resize": _MODES[mode], "coordinates": _COORDINATES[coordinates]}
    if mode == "nearest":
        how["rounding"] = _ROUNDING[rounding]
    if mode == "cubic":
        how["cubic_coefficient"] = float(attributes.get("cubic_coeff_a", -0.75))
        how["exclude_outside"] = bool(attributes.get("exclude_outside", 0))
    if scales is not None and not _whole(x, sizes, scales) and any(s != int(s) for s in scales):
        # TensorRT maps coordinates by the sizes' ratio, ONNX by the given scale
        raise NotCovered("has scales that do not give whole sizes")
    static = all(isinstance(s, int) or s == d for s, d in zip(sizes, x.dims, strict=True))
    inputs = [x]
    if static and (scales is None or _whole(x, sizes, scales)):
        how["sizes"] = tuple(s if isinstance(s, int) else -1 for s in sizes)
    elif scales is not None:
        how["scales"] = scales
    else:
        inputs.append(b.sizes(sizes) if computed is None else computed)
    b.add(Resize, inputs, "resize", out=b.output(), shape=sizes, **how)


def _target(
    b: Builder, node: Node, x: Tensor, axes: tuple[int, ...]
) -> tuple[Dims, tuple[float, ...] | None, Tensor | None]:
    """The sizes, the factors where the file gives those, and the tensor where the sizes are unknown."""
    if node.input(3):
        wanted = b.graph.sizes(node.input(3))
        if wanted is None:
            if axes != tuple(range(x.rank)):
                raise NotCovered("its sizes are computed, for some dimensions only")
            # items and channels are not resized, or TensorRT refuses it when it runs
            spatial = tuple(opaque(f"{b.output()}_{i}") for i in range(2, x.rank))
            return (*x.dims[:2], *spatial), None, b.x(3)
        by_axis = dict(zip(axes, wanted, strict=True))
        return tuple(by_axis.get(i, d) for i, d in enumerate(x.dims)), None, None
    factors = b.graph.constant(node.input(2)) if node.input(2) else None
    if factors is None:
        raise NotCovered("its scales are computed by the network")
    by_axis_factor = dict(zip(axes, (float(f) for f in factors), strict=True))
    scales = tuple(by_axis_factor.get(i, 1.0) for i in range(x.rank))
    return tuple(_times(d, s) for d, s in zip(x.dims, scales, strict=True)), scales, None


def _times(size: AnySize, scale: float) -> AnySize:
    if isinstance(size, int):
        return int(size * scale)
    exact = Fraction(scale)
    if exact.denominator <= _LARGEST_PART:
        return size * exact.numerator // exact.denominator  # type: ignore[no-any-return]
    return opaque(f"({size})*{scale}")


def _whole(x: Tensor, sizes: Dims, scales: tuple[float, ...] | None) -> bool:
    """Whether the sizes are exactly what the factors say."""
    if scales is None:
        return all(
            s == d or (isinstance(s, int) and isinstance(d, int) and s % d == 0)
            for s, d in zip(sizes, x.dims, strict=True)
        )
    return all(
        factor == 1.0 or (isinstance(d, int) and d * factor == s)
        for d, s, factor in zip(x.dims, sizes, scales, strict=True)
    )
