"""From torchvision's transform objects to a spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...core.errors import UsageError
from ...core.spec import GeometryStep, PreprocessSpec
from .refused import sentence
from .steps import (
    crop_step,
    float_resize,
    grayscale_step,
    pad_step,
    per_channel,
    rescale_of,
    resize_step,
    target_dtype,
)

SUPPORTED = (
    "Compose of Resize (bilinear, bicubic, nearest), CenterCrop, Pad and Grayscale, then ToTensor"
    " or PILToTensor + ConvertImageDtype or ToImage + ToDtype(float32, scale=True), then Normalize;"
    " Resize (also nearest-exact), CenterCrop and Pad also after ToImage or PILToTensor;"
    " and torchvision's presets ImageClassification, SemanticSegmentation and ObjectDetection"
)

PICTURE = "a picture"
BYTES = "a uint8 tensor"
FLOATS = "a float tensor"
NORMALISED = "a normalised tensor"


def from_transforms(obj: Any, where: str) -> tuple[PreprocessSpec | None, str]:
    """(spec, note) of a transform object; see preprocess_from."""
    name = type(obj).__name__
    if _from_torchvision(obj) and name in _PRESETS:
        return _PRESETS[name](obj, where), ""
    if _from_torchvision(obj) and name in ("VideoClassification", "OpticalFlow"):
        return None, f"the preset {name} of {where} is not generated: feed tensors that are already prepared"
    spec = _from_steps(_steps_of(obj), where)
    note = ""
    if spec.float_resize:
        note = (
            f"The transforms of {where} resize in float32 on the machine that made the project:"
            f" {spec.float_resize}. The C++ and its goldens have torch's integer arithmetic, whose pixels are"
            " at most one unit of 8 bits away."
        )
    return spec, note


def _from_torchvision(obj: Any) -> bool:
    return type(obj).__module__.startswith("torchvision.transforms")


def _classification(preset: Any, where: str) -> PreprocessSpec:
    return PreprocessSpec(
        geometry=(resize_step(preset, preset.resize_size), crop_step(preset.crop_size)),
        mean=per_channel(preset.mean, "mean", 3),
        std=per_channel(preset.std, "std", 3),
        source=where,
    )


def _segmentation(preset: Any, where: str) -> PreprocessSpec:
    return PreprocessSpec(
        geometry=() if preset.resize_size is None else (resize_step(preset, preset.resize_size),),
        mean=per_channel(preset.mean, "mean", 3),
        std=per_channel(preset.std, "std", 3),
        source=where,
    )


def _detection(preset: Any, where: str) -> PreprocessSpec:
    return PreprocessSpec(geometry=(), source=where)


_PRESETS = {
    "ImageClassification": _classification,
    "SemanticSegmentation": _segmentation,
    "ObjectDetection": _detection,
}


def _steps_of(obj: Any) -> list[Any]:
    """The steps of nested Compose and nn.Sequential, in order; None and Identity are dropped."""
    from torch import nn

    if (_from_torchvision(obj) and type(obj).__name__ == "Compose") or type(obj) is nn.Sequential:
        inner = list(obj) if isinstance(obj, nn.Sequential) else obj.transforms
        return [s for step in inner for s in _steps_of(step)]
    nothing = _from_torchvision(obj) and type(obj).__name__ == "Identity"
    return [] if obj is None or isinstance(obj, nn.Identity) or nothing else [obj]


class _Walk:
    """Takes step after step: from a picture to a uint8 tensor, a float tensor, a normalised one."""

    def __init__(self, where: str) -> None:
        self.stage = PICTURE
        self.spec = PreprocessSpec(geometry=(), source=where)
        self.rescaled = False

    def take(self, step: Any) -> None:
        """Raises UsageError for what is not taken at this point."""
        name = type(step).__name__
        ours = _from_torchvision(step)
        if not ours or name not in _TAKEN:
            raise UsageError(sentence(name, ours))
        _TAKEN[name](self, step)

    def _add(self, step: GeometryStep) -> None:
        self.spec = replace(self.spec, geometry=(*self.spec.geometry, step))

    def _at(self, *stages: str) -> None:
        if self.stage not in stages:
            raise UsageError(f"out of order here (at this point there is {self.stage})")

    def resize(self, step: Any) -> None:
        """On floats it is another algorithm."""
        if self.stage not in (PICTURE, BYTES):
            raise UsageError("after the conversion to float32 it is another algorithm; put it before")
        of_tensor = self.stage == BYTES
        taken = resize_step(step, step.size, of_tensor=of_tensor)
        if of_tensor and taken.resize is not None:
            why = float_resize(step, taken.resize)
            self.spec = replace(self.spec, float_resize=self.spec.float_resize or why)
        self._add(taken)

    def crop(self, step: Any) -> None:
        """On floats that are not normalised it is the same, black padding included."""
        if self.stage == NORMALISED:
            raise UsageError("after Normalize it pads with other values; put it before")
        self._add(crop_step(step.size))

    def pad(self, step: Any) -> None:
        """As crop, where it pads with 0 or with the picture's own pixels."""
        if self.stage == NORMALISED:
            raise UsageError("after Normalize it pads with other values; put it before")
        taken = pad_step(step, self.spec.channels, of_tensor=self.stage != PICTURE)
        if self.stage == FLOATS and taken.pad is not None and any(taken.pad.fill):
            raise UsageError("after the conversion to float32 only fill=0 is supported; put it before")
        self._add(taken)

    def grayscale(self, step: Any) -> None:
        """As Pillow does it; torch rounds otherwise."""
        if self.stage != PICTURE:
            raise UsageError(
                "of a tensor it is not Pillow's conversion, and depends on the processor; put it before the"
                " conversion to a tensor"
            )
        self._add(grayscale_step(step.num_output_channels))

    def rgb(self, step: Any) -> None:
        """Nothing to do for three channels: we start from RGB."""
        self._at(PICTURE, BYTES)
        if self.spec.channels == 1:
            self._add(grayscale_step(3))

    def to_tensor(self, step: Any) -> None:
        """Divides by 255."""
        self._at(PICTURE)
        self.stage, self.rescaled = FLOATS, True

    def to_bytes(self, step: Any) -> None:
        """PILToTensor, ToImage."""
        self._at(PICTURE)
        self.stage = BYTES

    def to_dtype(self, step: Any) -> None:
        """To uint8 there is nothing to do."""
        import torch

        self._at(BYTES)
        dtype = target_dtype(step)
        if dtype is torch.uint8:
            return
        self.spec = replace(self.spec, rescale=rescale_of(step, dtype))
        self.stage, self.rescaled = FLOATS, True

    def normalize(self, step: Any) -> None:
        """The last step that changes values."""
        self._at(FLOATS)
        self.stage = NORMALISED
        channels = self.spec.channels
        mean, std = per_channel(step.mean, "mean", channels), per_channel(step.std, "std", channels)
        self.spec = replace(self.spec, mean=mean, std=std)

    def to_pure_tensor(self, step: Any) -> None:
        """Nothing to do: we end with a plain tensor."""
        self._at(BYTES, FLOATS, NORMALISED)


_TAKEN: dict[str, Callable[[_Walk, Any], None]] = {
    "Resize": _Walk.resize,
    "CenterCrop": _Walk.crop,
    "Pad": _Walk.pad,
    "Grayscale": _Walk.grayscale,
    "RGB": _Walk.rgb,
    "ToTensor": _Walk.to_tensor,
    "PILToTensor": _Walk.to_bytes,
    "ToImage": _Walk.to_bytes,
    "ConvertImageDtype": _Walk.to_dtype,
    "ToDtype": _Walk.to_dtype,
    "Normalize": _Walk.normalize,
    "ToPureTensor": _Walk.to_pure_tensor,
}


def _from_steps(steps: Sequence[Any], where: str) -> PreprocessSpec:
    walk = _Walk(where)
    problems: list[str] = []
    for number, step in enumerate(steps, 1):
        try:
            walk.take(step)
        except UsageError as e:
            problems.append(f"step {number}, {type(step).__name__}: {e.message}")
    if not problems and not walk.rescaled:
        problems.append("no step turns the picture into a float32 tensor (such as ToTensor)")
    if problems:
        raise UsageError(
            f"preprocessing of {where} cannot be generated:\n  " + "\n  ".join(problems),
            hint=f"supported: {SUPPORTED}.\n"
            "Else feed prepared tensors: leave --preprocess out and pass --input.",
        )
    return walk.spec
