"""What INetworkDefinition's non-maximum suppression keeps, as its header says it."""

from __future__ import annotations

from typing import Any

from .step import Step, require, sizes


def non_max_suppression(step: Step) -> tuple[Any, Any]:
    """addNMS of one class: (item, 0, box) of each that is kept, and how many; of equal scores the first."""
    import torch

    boxes, scores, most, overlap, least = step.inputs
    fits = boxes.dim() == 3 and boxes.shape[2] == 4 and scores.shape == (*boxes.shape[:2], 1)
    require(fits, f"boxes {sizes(boxes)} do not fit scores {sizes(scores)}")
    for name, tensor, dtype in (
        ("most", most, torch.int32),
        ("overlap", overlap, torch.float32),
        ("score", least, torch.float32),
    ):
        require(tensor.dim() == 0 and tensor.dtype == dtype, f"its {name} is {sizes(tensor)}")
    require(0 <= float(overlap) <= 1, f"the overlap {float(overlap)} is no share")
    rows = []
    for item in range(boxes.shape[0]):
        corners = _corners(boxes[item].float(), step["boundingBoxFormat"])
        found = scores[item, :, 0].float()
        order = found.argsort(descending=True, stable=True)[: step["topKBoxLimit"]]
        kept: list[int] = []
        for box in order[found[order] > float(least)].tolist():
            if len(kept) == int(most):
                break
            if not kept or float(_overlaps(corners[box], corners[kept]).max()) <= float(overlap):
                kept.append(box)
        rows += [(item, 0, box) for box in kept]
    made = torch.tensor(rows, dtype=torch.int32).reshape(len(rows), 3)
    return made, torch.tensor(len(rows), dtype=torch.int32)


def _corners(boxes: Any, form: str) -> Any:
    """The lowest and the highest corner of each box."""
    import torch

    first, second = boxes[:, :2], boxes[:, 2:]
    if form == "CENTER_SIZES":
        first, second = first - second / 2, first + second / 2
    return torch.cat([first.minimum(second), first.maximum(second)], 1)


def _overlaps(box: Any, others: Any) -> Any:
    """Intersection over union of one box with each of the others; 0 of two without any area."""
    both = (box[2:].minimum(others[:, 2:]) - box[:2].maximum(others[:, :2])).clamp_min(0).prod(1)
    area = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - both
    return (both / area).where(area > 0, area.new_zeros(()))
