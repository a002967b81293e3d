"""The reference of a preprocessing, by torchvision's, Pillow's and torch's own functions, step by step."""

from __future__ import annotations

from typing import Any

from ...core.errors import CheckFailed, UsageError
from ...core.spec import (
    GeometryStep,
    Interpolation,
    PadMode,
    PadStep,
    PreprocessSpec,
    Resampling,
    Rescale,
    ResizeStep,
)


class PictureRefused(UsageError):
    """A picture that torchvision refuses, such as one that is smaller than its reflected padding."""


def reference_pixels(spec: PreprocessSpec, image: Any) -> Any:
    """uint8 array, HWC of RGB, after all steps on pixels of a PIL image; a grey picture has equal channels.

    The image may have any mode: it is converted to RGB. Raises PictureRefused.
    """
    import numpy as np

    pixels = _geometry(spec, image).permute(1, 2, 0).numpy()
    return np.ascontiguousarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels)


def reference_tensor(spec: PreprocessSpec, image: Any) -> Any:
    """float32 array, CHW of the spec's channels, of a PIL image; raises PictureRefused."""
    import numpy as np

    return np.ascontiguousarray(_floats(spec, _geometry(spec, image)).numpy())


def check_against(spec: PreprocessSpec, transform: Any, image: Any) -> None:
    """Raises CheckFailed unless `transform` itself gives `reference_tensor`, to the last bit.

    Where the spec has a `float_resize`, levels of 8 bits may differ by one.
    """
    if not isinstance(transform, dict) and transform is not None:
        own_pixels(spec, transform, image)


def own_pixels(spec: PreprocessSpec, transform: Any, image: Any) -> Any:
    """The pixels that `transform` itself rescales, as reference_pixels gives them; raises CheckFailed."""
    import numpy as np
    import torch

    try:
        with torch.inference_mode():
            made = transform(image.convert("RGB"))
    except Exception as e:  # noqa: BLE001 - the user's code may run here
        told = (str(e).strip().splitlines() or [type(e).__name__])[0][:200]
        raise CheckFailed(
            f"the transforms of {spec.source} raise {type(e).__name__} on a picture of"
            f" {image.width}x{image.height}: {told}"
        ) from None
    own = np.asarray(made.as_subclass(torch.Tensor) if isinstance(made, torch.Tensor) else made)
    pixels = _geometry(spec, image)
    ours = _floats(spec, pixels).numpy()
    if own.shape != ours.shape or own.dtype != ours.dtype:
        found = f"shape {own.shape} {own.dtype}, expected {ours.shape} {ours.dtype}"
    else:
        levels = pixels.numpy().copy()
        equal = own == ours
        for other in (-1, 1) if spec.float_resize else ():
            near = np.clip(pixels.numpy().astype(np.int16) + other, 0, 255).astype(np.uint8)
            matches = ~equal & (own == _floats(spec, torch.from_numpy(near)).numpy())
            levels[matches] = near[matches]
            equal |= matches
        if equal.all():
            hwc = levels.transpose(1, 2, 0)
            return np.ascontiguousarray(np.repeat(hwc, 3, axis=2) if hwc.shape[2] == 1 else hwc)
        more = " by more than one unit of 8 bits" if spec.float_resize else ""
        found = f"{np.count_nonzero(~equal)} of {ours.size} values differ{more}"
    raise CheckFailed(
        f"preprocessing as understood from {spec.source} is not what the transform itself gives: {found}",
        hint="write the preprocessing as a JSON file and pass it with --preprocess FILE.json.",
    )


def _floats(spec: PreprocessSpec, pixels: Any) -> Any:
    """float32, CHW, of uint8, CHW: rescaled and normalised."""
    import torch
    from torchvision.transforms import functional as classic
    from torchvision.transforms.v2 import functional as v2

    if spec.rescale is Rescale.divide:
        value = classic.convert_image_dtype(pixels, torch.float32)
    else:
        value = v2.to_dtype(pixels, torch.float32, scale=True)
    if spec.mean is not None and spec.std is not None:
        value = classic.normalize(value, mean=list(spec.mean), std=list(spec.std))
    return value


def _geometry(spec: PreprocessSpec, image: Any) -> Any:
    """uint8 tensor, CHW with 1 or 3 channels, after every step on pixels."""
    pixels = image.convert("RGB")
    try:
        for step in spec.geometry:
            pixels = _step(step, pixels)
    except (ValueError, RuntimeError, IndexError) as e:  # as Pillow and torch refuse sizes
        told = (str(e).strip().splitlines() or [type(e).__name__])[0][:200]
        raise PictureRefused(
            f"the preprocessing of {spec.source} refuses a picture of {image.width}x{image.height}: {told}"
        ) from None
    return _tensor(pixels).contiguous()


def _step(step: GeometryStep, pixels: Any) -> Any:
    """One step; pixels are a PIL image or a uint8 tensor, and so is the result."""
    from torchvision.transforms import functional as classic

    if step.crop is not None:
        return classic.center_crop(pixels, [step.crop.height, step.crop.width])
    if step.grayscale is not None:
        return classic.to_grayscale(_picture(pixels), step.grayscale.channels)
    if step.pad is not None:
        return _padded(step.pad, pixels)
    assert step.resize is not None
    return _resized(step.resize, pixels)


def _padded(pad: PadStep, pixels: Any) -> Any:
    from torchvision.transforms import functional as classic
    from torchvision.transforms.v2 import functional as v2

    sides = [pad.left, pad.top, pad.right, pad.bottom]
    if pad.of_tensor:
        pixels = _tensor(pixels)
        levels = list(pad.fill[: pixels.shape[0]])
        fill: Any = levels if pad.mode is PadMode.constant else 0
        return v2.pad(pixels, sides, fill=fill, padding_mode=pad.mode.value)
    pixels = _picture(pixels)
    colour: Any = pad.fill if pixels.mode == "RGB" else pad.fill[0]
    return classic.pad(pixels, sides, fill=colour, padding_mode=pad.mode.value)


def _resized(resize: ResizeStep, pixels: Any) -> Any:
    from torch.nn.functional import interpolate
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as classic

    if resize.resampling is Resampling.pillow:
        size = [resize.shorter] if resize.shorter is not None else list(resize.size or ())
        mode = InterpolationMode(resize.interpolation.value)
        return classic.resize(_picture(pixels), size, interpolation=mode, max_size=resize.max_size)
    # torch's own function for uint8, whose arithmetic is of integers on every processor, as torchvision's is
    # not: that may take float32 instead.
    pixels = _tensor(pixels)
    to = resize.resized(pixels.shape[1], pixels.shape[2])
    if to == tuple(pixels.shape[1:]):
        return pixels
    if min(to) < 1:
        raise ValueError(f"it comes out as {to[1]}x{to[0]}")
    mode = resize.interpolation.value
    if resize.interpolation in (Interpolation.nearest, Interpolation.nearest_exact):
        return interpolate(pixels[None], size=to, mode=mode)[0]
    antialias = resize.resampling is Resampling.torch
    return interpolate(pixels[None], size=to, mode=mode, align_corners=False, antialias=antialias)[0]


def _tensor(pixels: Any) -> Any:
    import torch
    from torchvision.transforms import functional as classic

    return pixels if isinstance(pixels, torch.Tensor) else classic.pil_to_tensor(pixels)


def _picture(pixels: Any) -> Any:
    import torch
    from torchvision.transforms import functional as classic

    return classic.to_pil_image(pixels) if isinstance(pixels, torch.Tensor) else pixels
