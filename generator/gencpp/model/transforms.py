"""Reads preprocessing out of torchvision's transforms or a JSON file, and computes its reference.

What is not understood is refused by name, never approximated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..core.errors import CheckFailed, UsageError
from ..core.spec import CropStep, GeometryStep, Interpolation, PreprocessSpec, Rescale, ResizeStep

_CONVERSIONS = ("ToTensor", "PILToTensor", "ToImage", "ConvertImageDtype", "ToDtype", "Normalize")

SUPPORTED = (
    "Compose of Resize (bilinear, bicubic, nearest), CenterCrop, then ToTensor"
    " or PILToTensor + ConvertImageDtype or ToImage + ToDtype(float32, scale=True), then Normalize;"
    " and torchvision's presets ImageClassification, SemanticSegmentation and ObjectDetection"
)


def preprocess_from(obj: Any, where: str) -> tuple[PreprocessSpec | None, str]:
    """(spec, note) of a transform object or of a JSON file's dict; `where` says where it comes from.

    The spec is None, and the note says why, for presets that do not take one picture (video, optical
    flow). Raises UsageError that lists every step that is not supported.
    """
    if isinstance(obj, dict):
        return _from_json(obj, where), ""
    name = type(obj).__name__
    if _from_torchvision(obj) and name in _PRESETS:
        return _PRESETS[name](obj, where), ""
    if _from_torchvision(obj) and name in ("VideoClassification", "OpticalFlow"):
        return None, f"the preset {name} of {where} is not generated: feed tensors that are already prepared"
    return _from_steps(_steps_of(obj), where), ""


def _from_json(data: dict[str, Any], where: str) -> PreprocessSpec:
    """The dict of a JSON file; a resize that names no interpolation is bilinear, as torchvision's."""
    geometry = data.get("geometry")
    if isinstance(geometry, list):
        steps = []
        for step in geometry:
            resize = step.get("resize") if isinstance(step, dict) else None
            if isinstance(resize, dict):
                step = {**step, "resize": {"interpolation": Interpolation.bilinear.value, **resize}}
            steps.append(step)
        data = {**data, "geometry": steps}
    try:
        spec = PreprocessSpec.from_json({**data, "source": where})
    except UsageError as e:
        message = e.message
        for name, said in _SAID.items():
            message = re.sub(name, said, message)
        raise UsageError(f"{where}: {message}", hint=e.hint) from None
    except (OverflowError, RecursionError):
        raise UsageError(f"{where}: a number is out of range") from None
    _check_float32(spec)
    return spec


_SAID = {
    r"\b(PreprocessSpec|GeometryStep)\.": "",
    r"\bPreprocessSpec\b": "preprocessing",
    r"\bGeometryStep\b": "geometry",
    r"\bResizeStep\b": "resize",
    r"\bCropStep\b": "crop",
    r"valid Interpolation\b": "valid interpolation",
    r"valid Rescale\b": "valid rescale",
    r"expected float\b": "expected a number",
    r"expected int\b": "expected a whole number",
    r"found NoneType\b": "found null",
    r"found str\b": "found a string",
    r"found dict\b": "found an object",
    r", missing fields \[\]|unknown fields \[\], ": "",
}
"""Names of Python in spec.py's messages, and what a JSON file calls them."""


def _check_float32(spec: PreprocessSpec) -> None:
    """Mean and std are used as float32: they must not become infinite there, nor std zero."""
    import torch

    values = torch.tensor([*(spec.mean or ()), *(spec.std or ())], dtype=torch.float64).float()
    if not bool(torch.isfinite(values).all()) or bool((values[len(spec.mean or ()) :] == 0).any()):
        raise UsageError(f"{spec.source}: mean or std is out of the range of float32")


def reference_pixels(spec: PreprocessSpec, image: Any) -> Any:
    """uint8 array, HWC, after resize and crop of a PIL image (any mode: it is converted to RGB)."""
    import numpy as np

    return np.array(_geometry(spec, image.convert("RGB")), dtype=np.uint8)


def reference_tensor(spec: PreprocessSpec, image: Any) -> Any:
    """float32 array, CHW, of a PIL image: torchvision's own functions, step by step."""
    import numpy as np
    import torch
    from torchvision.transforms import functional as classic
    from torchvision.transforms.v2 import functional as v2

    pixels = classic.pil_to_tensor(_geometry(spec, image.convert("RGB")))
    if spec.rescale is Rescale.divide:
        value = classic.convert_image_dtype(pixels, torch.float32)
    else:
        value = v2.to_dtype(pixels, torch.float32, scale=True)
    if spec.mean is not None and spec.std is not None:
        value = classic.normalize(value, mean=list(spec.mean), std=list(spec.std))
    return np.ascontiguousarray(value.numpy())


def check_against(spec: PreprocessSpec, transform: Any, image: Any) -> None:
    """Raises CheckFailed unless `transform` itself gives `reference_tensor`, to the last bit."""
    import numpy as np
    import torch

    if isinstance(transform, dict) or transform is None:
        return
    with torch.inference_mode():
        own = transform(image.convert("RGB"))
    own = np.asarray(own.as_subclass(torch.Tensor) if isinstance(own, torch.Tensor) else own)
    ours = reference_tensor(spec, image)
    if own.shape != ours.shape or own.dtype != ours.dtype or not np.array_equal(own, ours):
        found = (
            f"{np.count_nonzero(own != ours)} of {ours.size} values differ"
            if own.shape == ours.shape
            else f"shape {own.shape} {own.dtype}, expected {ours.shape} {ours.dtype}"
        )
        raise CheckFailed(
            f"preprocessing as understood from {spec.source} is not what the transform itself gives: {found}",
            hint="write the preprocessing as a JSON file and pass it with --preprocess FILE.json.",
        )


def _geometry(spec: PreprocessSpec, image: Any) -> Any:
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    for step in spec.geometry:
        if step.resize is not None:
            r = step.resize
            size = [r.shorter] if r.shorter is not None else list(r.size or ())
            mode = InterpolationMode(r.interpolation.value)
            image = F.resize(image, size, interpolation=mode, max_size=r.max_size)
        elif step.crop is not None:
            image = F.center_crop(image, [step.crop.height, step.crop.width])
    return image


def _from_torchvision(obj: Any) -> bool:
    return type(obj).__module__.startswith("torchvision.transforms")


def _classification(preset: Any, where: str) -> PreprocessSpec:
    return PreprocessSpec(
        geometry=(_resize_step(preset, preset.resize_size), _crop_step(preset.crop_size)),
        mean=_three(preset.mean, "mean", where),
        std=_three(preset.std, "std", where),
        source=where,
    )


def _segmentation(preset: Any, where: str) -> PreprocessSpec:
    return PreprocessSpec(
        geometry=() if preset.resize_size is None else (_resize_step(preset, preset.resize_size),),
        mean=_three(preset.mean, "mean", where),
        std=_three(preset.std, "std", where),
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
    """The steps of nested Compose and nn.Sequential, in order; None steps are dropped."""
    from torch import nn

    if (_from_torchvision(obj) and type(obj).__name__ == "Compose") or type(obj) is nn.Sequential:
        inner = list(obj) if isinstance(obj, nn.Sequential) else obj.transforms
        return [s for step in inner for s in _steps_of(step)]
    return [] if obj is None or isinstance(obj, nn.Identity) else [obj]


def _from_steps(steps: Sequence[Any], where: str) -> PreprocessSpec:
    """Walks the steps through the stages geometry, tensor (uint8), float, normalised."""
    geometry: list[GeometryStep] = []
    problems: list[str] = []
    rescale: Rescale | None = None
    mean = std = None
    stage = "a picture"
    for number, step in enumerate(steps, 1):
        name = type(step).__name__
        say = f"step {number}, {name}"
        kind = name if _from_torchvision(step) else ""
        try:
            if kind in ("Resize", "CenterCrop"):
                if stage != "a picture":
                    problems.append(
                        f"{say}: after the conversion to a tensor it is another algorithm; put it before"
                    )
                elif kind == "Resize":
                    geometry.append(_resize_step(step, step.size))
                else:
                    geometry.append(_crop_step(step.size))
            elif kind == "ToTensor" and stage == "a picture":
                stage, rescale = "a float tensor", Rescale.divide
            elif kind in ("PILToTensor", "ToImage") and stage == "a picture":
                stage = "a uint8 tensor"
            elif kind == ("RGB" if stage == "a picture" else "ToPureTensor"):
                pass  # nothing to do: we start from RGB, and end with a plain tensor
            elif kind in ("ConvertImageDtype", "ToDtype") and stage == "a uint8 tensor":
                rescale = _rescale_of(step, kind)
                stage = "a float tensor"
            elif kind == "Normalize" and stage == "a float tensor":
                stage = "a normalised tensor"
                mean, std = _three(step.mean, "mean", where), _three(step.std, "std", where)
            elif kind in _CONVERSIONS:
                problems.append(f"{say}: out of order here (at this point there is {stage})")
            else:
                problems.append(f"{say}: not supported")
        except UsageError as e:
            problems.append(f"{say}: {e.message}")
    if not problems and rescale is None:
        problems.append("no step turns the picture into a float32 tensor (such as ToTensor)")
    if problems:
        raise UsageError(
            f"preprocessing of {where} cannot be generated:\n  " + "\n  ".join(problems),
            hint=f"supported: {SUPPORTED}.\n"
            "Else feed prepared tensors: leave --preprocess out and pass --input.",
        )
    assert rescale is not None
    return PreprocessSpec(geometry=tuple(geometry), rescale=rescale, mean=mean, std=std, source=where)


def _rescale_of(step: Any, kind: str) -> Rescale:
    """Classic ConvertImageDtype divides by 255, v2's ToDtype and ConvertImageDtype multiply by 1/255."""
    import torch

    dtype = step.dtype
    if isinstance(dtype, dict):
        from torchvision import tv_tensors

        dtype = next((dtype[k] for k in (tv_tensors.Image, "others", torch.Tensor) if k in dtype), None)
    if dtype is not torch.float32:
        raise UsageError(f"converts to {dtype}; only torch.float32 is supported")
    if kind == "ToDtype" and not step.scale:
        raise UsageError("scale=False keeps 0..255; only scale=True is supported")
    v2 = ".v2." in type(step).__module__ + "."
    return Rescale.multiply if v2 else Rescale.divide


def _resize_step(step: Any, size: Any) -> GeometryStep:
    mode = getattr(step.interpolation, "value", step.interpolation)
    try:
        interpolation = Interpolation(mode)
    except ValueError:
        supported = ", ".join(i.value for i in Interpolation)
        raise UsageError(f"interpolation {mode} is not supported (only {supported})") from None
    if size is None:
        raise UsageError("size=None is not supported; give the size")
    sizes = [size] if isinstance(size, int) else list(size)
    max_size = getattr(step, "max_size", None)
    if len(sizes) == 1:
        resize = ResizeStep(shorter=int(sizes[0]), max_size=max_size, interpolation=interpolation)
    else:
        pair = (int(sizes[0]), int(sizes[1]))
        resize = ResizeStep(size=pair, max_size=max_size, interpolation=interpolation)
    return GeometryStep(resize=resize)


def _crop_step(size: Any) -> GeometryStep:
    sizes = [size] if isinstance(size, int) else list(size)
    return GeometryStep(crop=CropStep(height=int(sizes[0]), width=int(sizes[-1])))


def _three(values: Any, what: str, where: str) -> tuple[float, float, float]:
    scalar = not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0
    found = [float(v) for v in ([values] if scalar else values)]
    if len(found) == 1:
        found *= 3  # as torchvision broadcasts it
    if len(found) != 3:
        raise UsageError(
            f"{where}: {what} has {len(found)} values; only models of 3 channels (RGB) are supported for now"
        )
    return (found[0], found[1], found[2])
