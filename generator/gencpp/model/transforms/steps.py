"""Single steps of torchvision, as values of the spec. Each raises UsageError for what is not taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.errors import UsageError
from ...core.spec import (
    CropStep,
    GeometryStep,
    GrayscaleStep,
    Interpolation,
    PadMode,
    PadStep,
    Resampling,
    Rescale,
    ResizeStep,
    channels_text,
)
from ...core.words import counted


def of_v2(step: Any) -> bool:
    """Whether the step is of torchvision.transforms.v2."""
    return ".v2." in type(step).__module__ + "."


def resize_step(step: Any, size: Any, *, of_tensor: bool = False) -> GeometryStep:
    """A Resize (or a preset with its fields) to `size`."""
    mode = getattr(step.interpolation, "value", step.interpolation)
    try:
        interpolation = Interpolation(mode)
    except ValueError:
        supported = ", ".join(i.value for i in Interpolation)
        raise UsageError(f"interpolation {mode} is not supported (only {supported})") from None
    if size is None:
        raise UsageError("size=None is not supported; give the size")
    resampling = Resampling.pillow
    if of_tensor:
        resampling = Resampling.torch if step.antialias else Resampling.torch_no_antialias
    sizes = [size] if isinstance(size, int) else list(size)
    max_size = getattr(step, "max_size", None)
    if len(sizes) == 1:
        resize = ResizeStep(
            shorter=int(sizes[0]), max_size=max_size, interpolation=interpolation, resampling=resampling
        )
    else:
        pair = (int(sizes[0]), int(sizes[1]))
        resize = ResizeStep(size=pair, max_size=max_size, interpolation=interpolation, resampling=resampling)
    return GeometryStep(resize=resize)


def float_resize(step: Any, resize: ResizeStep) -> str:
    """Why a Resize of uint8 tensors computes in float32 on this machine; empty where it has torch's integers.

    Raises UsageError where the two differ by more than one unit of 8 bits: bicubic pictures overshoot, and
    integers are cut off at 0 and 255 after each direction. And where nearest-exact takes other pixels.
    """
    if resize.interpolation is Interpolation.nearest_exact and not _multiplies_and_adds_at_once():
        raise UsageError(
            "nearest-exact of a tensor takes other pixels where torch has no fused multiply-add, as on this"
            " processor; take nearest, or put it before the conversion to a tensor"
        )
    linear = resize.interpolation in (Interpolation.bilinear, Interpolation.bicubic)
    if not linear or not _computes_in_float(step):
        return ""
    import torch

    why = "torchvision's classic Resize does so with tensors"
    if of_v2(step):
        capability = torch.backends.cpu.get_cpu_capability()
        why = f"torchvision does so without AVX2, and torch's CPU capability there is {capability}"
    if resize.interpolation is Interpolation.bicubic:
        raise UsageError(
            f"bicubic in float32 differs from torch's integers ({why}); take v2.Resize, or put it before the"
            " conversion to a tensor"
        )
    return why


def _computes_in_float(step: Any) -> bool:
    """Whether the step hands torch's operator floats where it is given uint8: seen, not guessed."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torchvision.transforms import functional as classic
    from torchvision.transforms.v2 import functional as v2

    seen: list[bool] = []
    mode: Any = TorchDispatchMode

    class Watch(mode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            if "upsample" in func.overloadpacket.__name__:
                seen.append(args[0].is_floating_point())
            return func(*args, **(kwargs or {}))

    resize = v2.resize if of_v2(step) else classic.resize
    with torch.no_grad(), Watch():
        resize(
            torch.zeros(3, 7, 9, dtype=torch.uint8),
            [5, 4],
            interpolation=step.interpolation,
            antialias=step.antialias,
        )
    return any(seen)


def _multiplies_and_adds_at_once() -> bool:
    """Whether torch rounds scale * (i + 0.5) - 0.5 once: seen at a position where that decides."""
    import torch
    from torch.nn.functional import interpolate

    sides, position = (2, 159), 79
    pixels = torch.arange(sides[0], dtype=torch.uint8).reshape(1, 1, 1, sides[0])
    taken = interpolate(pixels, size=(1, sides[1]), mode="nearest-exact")[0, 0, 0, position]
    scale = torch.tensor(sides[0] / sides[1], dtype=torch.float32).double()
    once = (scale * (position + 0.5) - 0.5).float().double() + 0.5
    return int(taken) == int(once.float().floor())


def crop_step(size: Any) -> GeometryStep:
    """A CenterCrop to `size`."""
    sizes = [size] if isinstance(size, int) else list(size)
    return GeometryStep(crop=CropStep(height=int(sizes[0]), width=int(sizes[-1])))


def pad_step(step: Any, channels: int, *, of_tensor: bool) -> GeometryStep:
    """A Pad of a picture or a uint8 tensor with so many channels."""
    padding = step.padding
    sides = [padding] if isinstance(padding, int) else list(padding)
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in sides):
        raise UsageError(f"padding {padding} is not of whole numbers")
    if any(n < 0 for n in sides):
        raise UsageError(f"padding {padding} is negative; take CenterCrop to cut")
    if len(sides) not in (1, 2, 4):
        raise UsageError(f"padding {padding} has {counted(len(sides), 'number')}, not 1, 2 or 4")
    left, top, right, bottom = (sides * 4)[:4] if len(sides) < 4 else sides
    try:
        mode = PadMode(step.padding_mode)
    except ValueError:
        supported = ", ".join(PadMode)
        raise UsageError(f"padding_mode {step.padding_mode} is not supported (only {supported})") from None
    fill = (0, 0, 0)
    if mode is PadMode.constant:
        fill = _fill(_fill_of(step, of_tensor), channels, scalar=of_tensor and not of_v2(step))
    pad = PadStep(left=left, top=top, right=right, bottom=bottom, mode=mode, fill=fill, of_tensor=of_tensor)
    return GeometryStep(pad=pad)


def _fill_of(step: Any, of_tensor: bool) -> Any:
    """What a Pad fills with; v2 takes a dict of types, too."""
    if not isinstance(step.fill, dict):
        return step.fill
    import torch
    from PIL import Image
    from torchvision import tv_tensors

    kinds = (tv_tensors.Image, torch.Tensor) if of_tensor else (Image.Image,)
    found = [step.fill[kind] for kind in (*kinds, "others") if kind in step.fill]
    if not found:
        raise UsageError("fill has no value for pictures")
    return found[0]


def _fill(fill: Any, channels: int, *, scalar: bool) -> tuple[int, int, int]:
    """Three levels of 8 bits; fractions are cut off, as torchvision does."""
    if hasattr(fill, "tolist"):
        fill = fill.tolist()
    levels: Sequence[Any] = fill if isinstance(fill, (list, tuple)) else [0 if fill is None else fill]
    if scalar and isinstance(fill, (list, tuple)):
        raise UsageError(f"fill {fill} has to be one number: the classic Pad takes no other for tensors")
    if len(levels) not in (1, channels):
        has = channels_text(channels)
        raise UsageError(f"fill {fill} has {counted(len(levels), 'number')}; the picture has {has} there")
    if not all(isinstance(v, (int, float)) and 0 <= v <= 255 for v in levels):
        raise UsageError(f"fill {fill} is not of numbers from 0 to 255")
    red, green, blue = (int(v) for v in (levels if len(levels) == 3 else list(levels) * 3))
    return (red, green, blue)


def grayscale_step(channels: int) -> GeometryStep:
    """A Grayscale, or an RGB of a grey picture."""
    return GeometryStep(grayscale=GrayscaleStep(channels=channels))


def target_dtype(step: Any) -> Any:
    """What a ToDtype or ConvertImageDtype makes of a picture's tensor."""
    import torch

    if not isinstance(step.dtype, dict):
        return step.dtype
    from torchvision import tv_tensors

    return next((step.dtype[k] for k in (tv_tensors.Image, "others", torch.Tensor) if k in step.dtype), None)


def rescale_of(step: Any, dtype: Any) -> Rescale:
    """Classic ConvertImageDtype divides by 255, v2's ToDtype and ConvertImageDtype multiply by 1/255."""
    import torch

    if dtype is not torch.float32:
        raise UsageError(f"converts to {dtype}; only torch.float32 is supported")
    if type(step).__name__ == "ToDtype" and not step.scale:
        raise UsageError("scale=False keeps 0..255; only scale=True is supported")
    return Rescale.multiply if of_v2(step) else Rescale.divide


def per_channel(values: Any, what: str, channels: int) -> tuple[float, ...]:
    """Mean or std, one for each channel."""
    scalar = not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0
    found = [float(v) for v in ([values] if scalar else values)]
    if len(found) == 1:
        found *= channels  # as torchvision broadcasts it
    if len(found) != channels:
        raise UsageError(
            f"{what} has {counted(len(found), 'value')}; the pictures have {channels_text(channels)} there"
        )
    return tuple(found)
