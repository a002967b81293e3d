"""From a picture to the model's input: the steps of torchvision that are generated, as frozen values."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

from .errors import UsageError
from .json_value import JsonValue
from .words import counted

MAX_SIDE = 65535
"""Largest side of a picture that is resized, cropped or padded to, in pixels."""

COLOURS = 3
"""Channels of a picture that is not grey."""


class Interpolation(enum.StrEnum):
    """Resampling filters, by torchvision's names."""

    nearest = "nearest"
    nearest_exact = "nearest-exact"
    bilinear = "bilinear"
    bicubic = "bicubic"


class Resampling(enum.StrEnum):
    """Whose arithmetic a resize has: they differ in pixels, and most without antialiasing."""

    pillow = "pillow"
    """Resize of a PIL image; all filters but nearest are antialiased, and nearest-exact is nearest."""
    torch = "torch"
    """Resize of a uint8 tensor with antialias=True: weights of 16 bits."""
    torch_no_antialias = "torch_no_antialias"
    """The same with antialias=False: two (bilinear) or four (bicubic) taps, however small the result."""


class PadMode(enum.StrEnum):
    """What a Pad puts around a picture, by torchvision's names."""

    constant = "constant"
    edge = "edge"
    reflect = "reflect"
    symmetric = "symmetric"


class Rescale(enum.StrEnum):
    """How uint8 becomes float32 in 0..1: both forms exist in torchvision and differ in the last bit."""

    divide = "divide"
    """x / 255 (ToTensor, convert_image_dtype)"""
    multiply = "multiply"
    """x * float32(1 / 255) (transforms.v2.ToDtype(scale=True) on tensors)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeStep(JsonValue):
    """torchvision's Resize.

    Exactly one of `shorter` (the shorter side, in pixels, aspect kept; `max_size` bounds the longer
    side) and `size` ((height, width) in pixels) is given.
    """

    shorter: int | None = None
    size: tuple[int, int] | None = None
    max_size: int | None = None
    interpolation: Interpolation
    resampling: Resampling = Resampling.pillow

    def __post_init__(self) -> None:
        if (self.shorter is None) == (self.size is None):
            raise UsageError("resize: give either the shorter side or a (height, width) pair")
        if self.max_size is not None and (self.shorter is None or self.max_size <= self.shorter):
            raise UsageError("resize: max_size needs a single int size that is smaller than it")
        for n in (self.shorter, self.max_size, *(self.size or ())):
            if n is not None and not 1 <= n <= MAX_SIDE:
                raise UsageError(f"resize: size {n} must be from 1 to {MAX_SIDE}")

    def to_json(self) -> dict[str, Any]:
        """As every value; `resampling` is written only for tensors."""
        return _without(JsonValue.to_json(self), resampling=Resampling.pillow)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the result for a picture of this size; a side may come out as 0."""
        if self.size is not None:
            return self.size
        assert self.shorter is not None
        in_short, in_long = min(height, width), max(height, width)
        short, long = self.shorter, self.shorter * in_long // in_short
        if self.max_size is not None and long > self.max_size:
            short, long = self.max_size * short // long, self.max_size
        return (long, short) if width <= height else (short, long)


@dataclass(frozen=True, slots=True, kw_only=True)
class CropStep(JsonValue):
    """torchvision's CenterCrop: (height, width) in pixels; pads with 0 where smaller."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if not (1 <= self.height <= MAX_SIDE and 1 <= self.width <= MAX_SIDE):
            raise UsageError(
                f"crop: size {self.height}x{self.width} must be from 1x1 to {MAX_SIDE}x{MAX_SIDE}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PadStep(JsonValue):
    """torchvision's Pad: pixels to each side.

    `reflect` repeats all but the last pixel in reverse, `symmetric` all of them. On a PIL image they go on,
    to and fro, where the padding is larger than the picture; of a tensor (`of_tensor`) that is refused, by
    torch and by the generated code.
    """

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0
    mode: PadMode = PadMode.constant
    fill: tuple[int, int, int] = (0, 0, 0)
    """Of `constant`: red, green and blue, 0 to 255; of a grey picture three times the same."""
    of_tensor: bool = False

    def __post_init__(self) -> None:
        for n in (self.left, self.top, self.right, self.bottom):
            if not 0 <= n <= MAX_SIDE:
                raise UsageError(f"pad: {n} pixels must be from 0 to {MAX_SIDE}")
        for level in self.fill:
            if not 0 <= level <= 255:
                raise UsageError(f"pad: fill {level} must be from 0 to 255")

    def to_json(self) -> dict[str, Any]:
        """As every value, less what has its default: a file of --preprocess is shorter than a constructor."""
        return _without(
            JsonValue.to_json(self),
            **{"left": 0, "top": 0, "right": 0, "bottom": 0, "fill": [0, 0, 0], "of_tensor": False},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrayscaleStep(JsonValue):
    """torchvision's Grayscale on a PIL image: (19595 red + 38470 green + 7471 blue + 32768) >> 16, as Pillow.

    Pictures stay RGB, with three equal channels; `channels` is how many of them the tensor gets.
    """

    channels: int = 1

    def __post_init__(self) -> None:
        if self.channels not in (1, COLOURS):
            raise UsageError(f"grayscale: {self.channels} channels must be 1 or {COLOURS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryStep(JsonValue):
    """One step on uint8 pixels: exactly one of its fields."""

    resize: ResizeStep | None = None
    crop: CropStep | None = None
    pad: PadStep | None = None
    grayscale: GrayscaleStep | None = None

    def __post_init__(self) -> None:
        given = [s for s in (self.resize, self.crop, self.pad, self.grayscale) if s is not None]
        if len(given) != 1:
            raise UsageError("geometry: each step is one of resize, crop, pad and grayscale")

    def to_json(self) -> dict[str, Any]:
        """As every value; `pad` and `grayscale` are written only where they are given."""
        return _without(JsonValue.to_json(self), pad=None, grayscale=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessSpec(JsonValue):
    """From RGB uint8 pixels (HWC) to a float32 NCHW tensor.

    `geometry` runs in order on uint8 pixels; then `rescale` to 0..1; then, when `mean` and `std` are not
    None, (x - mean) / std per channel in float32.
    """

    geometry: tuple[GeometryStep, ...]
    rescale: Rescale = Rescale.divide
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    source: str
    """Where the transforms come from, for people: `ResNet18_Weights.IMAGENET1K_V1`, a file's name, ..."""
    float_resize: str = ""
    """Why the transforms themselves resize in float32 on the machine that made the project, where they do.

    The spec (Python and C++) has torch's integer arithmetic; one unit of 8 bits is allowed between them.
    """

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.std is None):
            raise UsageError("normalise: mean and std belong together")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != self.channels:
                has = channels_text(self.channels)
                raise UsageError(
                    f"normalise: {name} has {counted(len(values), 'value')}; the pictures have {has}"
                )
        if not all(math.isfinite(v) for v in (*(self.mean or ()), *(self.std or ()))):
            raise UsageError("normalise: mean and std must be finite")
        if self.std is not None and any(s == 0 for s in self.std):
            raise UsageError("normalise: std must not be 0")

    def to_json(self) -> dict[str, Any]:
        """As every value; `float_resize` is written only where it says something."""
        return _without(JsonValue.to_json(self), float_resize="")

    @property
    def channels(self) -> int:
        """Of the tensor: 3, or what the last Grayscale leaves."""
        grey = [s.grayscale.channels for s in self.geometry if s.grayscale is not None]
        return grey[-1] if grey else COLOURS

    @property
    def on_tensors(self) -> bool:
        """Whether a tensor is resized."""
        return any(
            s.resize is not None and s.resize.resampling is not Resampling.pillow for s in self.geometry
        )

    @property
    def output_size(self) -> tuple[int, int] | None:
        """(height, width) when it does not depend on the picture, else None."""
        size: tuple[int, int] | None = None
        for step in self.geometry:
            if step.crop is not None:
                size = (step.crop.height, step.crop.width)
            elif step.resize is not None:
                size = step.resize.size if size is None else step.resize.resized(*size)
            elif step.pad is not None and size is not None:
                pad = step.pad
                size = (size[0] + pad.top + pad.bottom, size[1] + pad.left + pad.right)
        return size


def channels_text(count: int) -> str:
    """`1 channel`, `3 channels`."""
    return f"{count} channel{'s' * (count != 1)}"


def _without(data: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in defaults or value != defaults[name]}
