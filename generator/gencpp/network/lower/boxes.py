"""Boxes of detectors: NonMaxSuppression."""

from __future__ import annotations

from ...core.spec import DType
from ..plan import BOX_LIMIT, Concatenation, ElementWiseKind, Gather, NonMaxSuppression
from .activation import FLOATS
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor
from .sizes import opaque, product

_NO_SCORE = -3.4028234663852886e38
"""ONNX keeps boxes of any score where it is given none; TensorRT's own default leaves those below 0 out."""


def non_max_suppression(b: Builder, node: Node) -> None:
    """NonMaxSuppression, each class of each item as an item of its own.

    TensorRT sorts the boxes of an item by their scores whatever their class; ONNX Runtime gives one class
    after the other, which what follows in a network may count on.
    """
    boxes, scores = b.x(0), b.x(1)
    if boxes.dtype not in FLOATS or boxes.dtype is DType.bfloat16:
        raise NotCovered(f"is on {boxes.dtype}")
    most = _constant(b, node, 2, "number of boxes", 0.0)
    if most < 1:
        raise NotCovered("keeps no box")
    batch, classes, count = scores.dims
    single = classes == 1
    items = product((batch, classes))
    if not single:
        boxes = b.expand(b.reshape(boxes, (batch, 1, count, 4)), (batch, classes, count, 4))
        boxes = b.reshape(boxes, (items, count, 4))
    found = b.add(
        NonMaxSuppression,
        [boxes, b.reshape(scores, (items, count, 1))],
        "keep",
        shape=(opaque(f"{b.output()}_0"), 3),
        dtype=DType.int32,
        limit=BOX_LIMIT,
        most=int(min(most, 2**31 - 1)),
        overlap=_constant(b, node, 3, "overlap", 0.0),
        score=_constant(b, node, 4, "score", _NO_SCORE),
        centred=bool(node.attributes.get("center_point_box", 0)),
    )
    if single:
        b.cast(found, DType.int64, b.output())
        return
    wide = b.cast(found, DType.int64)
    item, box = _column(b, wide, 0), _column(b, wide, 2)
    many = b.ranked(b.sizes((classes,)), 2)
    which = b.elementwise(ElementWiseKind.floor_divide, item, many)
    before = b.elementwise(ElementWiseKind.multiply, which, many)
    kind = b.elementwise(ElementWiseKind.subtract, item, before)
    b.add(Concatenation, [which, kind, box], "rows", out=b.output(), axis=1)


def _column(b: Builder, rows: Tensor, index: int) -> Tensor:
    return b.add(Gather, [rows, b.integers([index])], "column", axis=1)


def _constant(b: Builder, node: Node, index: int, what: str, default: float) -> float:
    if not node.input(index):
        return default
    found = b.graph.scalar(node.input(index))
    if found is None:
        raise NotCovered(f"its {what} is computed by the network")
    return found
