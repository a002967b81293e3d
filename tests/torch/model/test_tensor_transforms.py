"""Grey pictures, Pad, and resizes of tensors: understood to the last bit, within one unit, or refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.spec import PreprocessSpec

AVX2 = ("AVX2", "AVX512")


def supported() -> dict[str, Any]:
    import torch
    from torchvision import transforms as T
    from torchvision import tv_tensors
    from torchvision.transforms import InterpolationMode as M
    from torchvision.transforms import v2

    floats = v2.ToDtype(torch.float32, scale=True)
    image, pil = v2.ToImage(), T.PILToTensor()
    return {
        "torchvision's own order": v2.Compose(
            [
                image,
                v2.ToDtype(torch.uint8, scale=True),
                v2.Resize(64),
                v2.CenterCrop(56),
                floats,
                v2.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
            ]
        ),
        "not antialiased": v2.Compose([image, v2.Resize((40, 50), antialias=False), floats]),
        "bicubic": v2.Compose([pil, v2.Resize((40, 50), interpolation=M.BICUBIC), floats]),
        "bicubic, not antialiased": v2.Compose(
            [image, v2.Resize(37, interpolation=M.BICUBIC, antialias=None), floats]
        ),
        "nearest": v2.Compose([image, v2.Resize((40, 50), interpolation=M.NEAREST), floats]),
        "nearest-exact": v2.Compose([image, v2.Resize((40, 50), interpolation=M.NEAREST_EXACT), floats]),
        "classic nearest of a tensor": T.Compose(
            [pil, T.Resize((40, 50), interpolation=M.NEAREST), T.ConvertImageDtype(torch.float32)]
        ),
        "nearest-exact of a picture": T.Compose(
            [T.Resize((40, 50), interpolation=M.NEAREST_EXACT), T.ToTensor()]
        ),
        "picture, then tensor": v2.Compose([v2.Resize(80), image, v2.Resize(33), v2.Identity(), floats]),
        "crop and pad after ToTensor": T.Compose(
            [T.Resize(64), T.ToTensor(), T.CenterCrop(80), T.Pad(3), T.Normalize((0.5,), (0.25,))]
        ),
        "pads of a picture": T.Compose(
            [
                T.Pad(3),
                T.Pad((2,), fill=7),
                T.Pad((1, 4), fill=(1, 2, 3)),
                T.Pad((1, 2, 3, 4), padding_mode="edge"),
                T.Pad((500, 2), padding_mode="reflect"),
                T.Pad((400, 5), padding_mode="symmetric"),
                T.Resize((30, 40)),
                T.Pad(2, fill=3.7),
                T.CenterCrop(40),
                T.ToTensor(),
            ]
        ),
        "pads of a tensor": v2.Compose(
            [
                image,
                v2.Pad((1, 4), fill=(1, 2, 3)),
                v2.Pad(2, padding_mode="edge"),
                v2.Pad((1, 2, 3, 4), padding_mode="reflect"),
                v2.Pad(5, padding_mode="symmetric"),
                v2.Resize((30, 40)),
                v2.Pad(2, fill={tv_tensors.Mask: 1, "others": 200}),
                floats,
            ]
        ),
        "grey": T.Compose(
            [
                T.Grayscale(),
                T.Pad(2, fill=9),
                T.Resize((28, 28)),
                T.ToTensor(),
                T.Normalize((0.13,), (0.3,)),
            ]
        ),
        "grey in three channels": T.Compose([T.Resize(28), T.Grayscale(3), T.ToTensor()]),
        "grey, then RGB": v2.Compose([v2.Grayscale(), v2.RGB(), image, v2.Resize(28), floats]),
        "grey tensor": v2.Compose(
            [v2.Grayscale(), image, v2.Resize(28), v2.Pad(2, fill=5), floats, v2.Normalize([0.1], [0.3])]
        ),
    }


def pictures() -> list[Any]:
    from gencpp.model.pictures import picture

    return [picture(w, h, seed) for seed, (w, h) in enumerate([(97, 131), (313, 201), (30, 301), (64, 64)])]


@pytest.mark.parametrize("name", list(supported()))
def test_equal_to_the_transform_to_the_last_bit(name: str) -> None:
    import torch

    from gencpp.model.transforms import check_against, preprocess_from, reference_tensor

    if torch.backends.cpu.get_cpu_capability() not in AVX2:
        pytest.skip("torchvision resizes tensors in float32 on this processor")
    spec, note = preprocess_from(supported()[name], name)
    assert spec is not None
    assert note == "" and spec.float_resize == ""
    for image in pictures():
        check_against(spec, supported()[name], image)
        assert reference_tensor(spec, image).shape[0] == spec.channels
    assert PreprocessSpec.from_json(spec.to_json()) == spec


def test_channels() -> None:
    from gencpp.model.transforms import preprocess_from

    wanted = {"grey": 1, "grey in three channels": 3, "grey, then RGB": 3, "grey tensor": 1, "nearest": 3}
    for name, channels in wanted.items():
        spec, _ = preprocess_from(supported()[name], name)
        assert spec is not None and spec.channels == channels, name


def test_grey_is_pillows_whatever_mode_the_file_has() -> None:
    """The generated code starts from RGB; a Grayscale of the file's own mode gives the same."""
    import numpy as np
    from PIL import Image
    from torchvision import transforms as T

    from gencpp.model.transforms import preprocess_from, reference_pixels, reference_tensor

    transform = T.Compose([T.Grayscale(), T.ToTensor()])
    spec, _ = preprocess_from(transform, "grey")
    assert spec is not None
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    red, green, blue = (rgb[..., c].astype(np.int64) for c in range(3))
    formula = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    assert np.array_equal(reference_pixels(spec, Image.fromarray(rgb)), np.repeat(formula[..., None], 3, 2))
    images = [Image.fromarray(rgb).convert(m) for m in ("L", "LA", "P", "PA", "RGBA", "1", "CMYK", "I")]
    images.append(Image.fromarray(rng.integers(0, 65536, (64, 64), dtype=np.uint16)))
    for image in images:
        assert np.array_equal(reference_tensor(spec, image), transform(image).numpy()), image.mode


def test_float32_is_recorded_and_held_to_one_unit() -> None:
    import numpy as np
    import torch
    from models.preprocess import classic_tensors

    from gencpp.model.transforms import (
        check_against,
        own_pixels,
        preprocess_from,
        reference,
        reference_pixels,
    )

    transform = classic_tensors()
    spec, note = preprocess_from(transform, "classic")
    assert spec is not None
    assert "classic Resize" in spec.float_resize and spec.float_resize in note
    assert "one unit of 8 bits" in note
    assert PreprocessSpec.from_json(spec.to_json()) == spec
    differing = 0
    for image in pictures():
        check_against(spec, transform, image)
        own, ours = own_pixels(spec, transform, image), reference_pixels(spec, image)
        difference = np.abs(own.astype(int) - ours.astype(int))
        assert difference.max() <= 1
        differing += np.count_nonzero(difference)
    assert differing > 0
    image = pictures()[0]
    pixels = reference_pixels(spec, image).transpose(2, 0, 1).astype(int)

    def shifted(levels: int) -> Callable[[Any], Any]:
        """A transform whose pixels are all this many levels off."""
        off = torch.from_numpy(np.clip(pixels + levels, 0, 255).astype(np.uint8))
        return lambda _: reference._floats(spec, off)

    for one in (-1, 1):
        check_against(spec, shifted(one), image)
    for two in (-2, 2):
        with pytest.raises(CheckFailed, match="differ by more than one unit"):
            check_against(spec, shifted(two), image)


def test_a_processor_without_avx2() -> None:
    """torchvision takes float32 there; the reference has the integers of here, and is within one unit."""
    program = """
import hashlib
from models.preprocess import nearest_tensors, tensors
from gencpp.core.errors import UsageError
from gencpp.model.pictures import picture
from gencpp.model.transforms import check_against, preprocess_from, reference_pixels

image, transform = picture(97, 131, 1), tensors()
spec, note = preprocess_from(transform, "mine")
check_against(spec, transform, image)
print(hashlib.sha256(reference_pixels(spec, image)).hexdigest(), spec.float_resize)
try:
    preprocess_from(nearest_tensors(), "mine")
except UsageError as e:
    print(e.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ATEN_CPU_CAPABILITY": "default", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    digest, _, why = done.stdout.strip().partition(" ")
    assert "without AVX2" in why
    assert "nearest-exact of a tensor takes other pixels" in why
    from models.preprocess import tensors

    from gencpp.model.pictures import picture
    from gencpp.model.transforms import preprocess_from, reference_pixels

    spec, _ = preprocess_from(tensors(), "mine")
    assert spec is not None
    assert digest == hashlib.sha256(reference_pixels(spec, picture(97, 131, 1))).hexdigest()


def refused() -> dict[str, tuple[Any, str]]:
    import torch
    from torchvision import transforms as T
    from torchvision.transforms import InterpolationMode as M
    from torchvision.transforms import v2

    floats = v2.ToDtype(torch.float32, scale=True)
    training = "it is for training; pass the transforms of evaluation"
    code = "it calls Python code, which cannot be generated"

    def only(*steps: Any) -> Any:
        return v2.Compose([*steps, v2.ToImage(), floats])

    def later(*steps: Any) -> Any:
        return v2.Compose([v2.ToImage(), *steps, floats])

    return {
        "RandomCrop": (only(v2.RandomCrop(8)), training),
        "RandomHorizontalFlip": (only(T.RandomHorizontalFlip()), training),
        "RandomApply": (only(T.RandomApply([T.Grayscale()])), training),
        "ColorJitter": (only(v2.ColorJitter()), training),
        "RandAugment": (only(v2.RandAugment()), training),
        "TrivialAugmentWide": (only(T.TrivialAugmentWide()), training),
        "GaussianBlur": (only(T.GaussianBlur(3)), training),
        "Lambda": (only(T.Lambda(lambda x: x)), code),
        "v2 Lambda": (only(v2.Lambda(lambda x: x)), code),
        "TenCrop": (only(T.TenCrop(8)), "ten pictures of one"),
        "FiveCrop": (only(v2.FiveCrop(8)), "five pictures of one"),
        "lanczos": (later(v2.Resize(8, interpolation=M.LANCZOS)), "lanczos"),
        "bicubic in float32": (later(T.Resize(8, interpolation=M.BICUBIC)), "take v2.Resize"),
        "grey tensor": (later(v2.Grayscale()), "put it before the conversion to a tensor"),
        "resize after floats": (v2.Compose([v2.ToImage(), floats, v2.Resize(8)]), "another algorithm"),
        "crop after Normalize": (
            T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,)), T.CenterCrop(8)]),
            "after Normalize it pads",
        ),
        "pad after floats": (T.Compose([T.ToTensor(), T.Pad(1, fill=1)]), "only fill=0"),
        "negative padding": (only(T.Pad((-1, 2))), "negative"),
        "fill of three for grey": (only(T.Grayscale(), T.Pad(1, fill=(1, 2, 3))), "1 channel"),
        "fill of three, classic": (
            T.Compose([T.PILToTensor(), T.Pad(1, fill=(1, 2, 3)), T.ConvertImageDtype(torch.float32)]),
            "one number",
        ),
        "fill beyond a byte": (only(T.Pad(1, fill=300)), "0 to 255"),
        "mean of three for grey": (
            T.Compose([T.Grayscale(), T.ToTensor(), T.Normalize((0.5,) * 3, (0.5,) * 3)]),
            "mean has 3 values; the pictures have 1 channel",
        ),
    }


@pytest.mark.parametrize("name", list(refused()))
def test_refused_with_a_sentence(name: str) -> None:
    from gencpp.model.transforms import preprocess_from

    transform, part = refused()[name]
    with pytest.raises(UsageError) as caught:
        preprocess_from(transform, "mine")
    assert part in caught.value.message
    assert "not supported" not in caught.value.message or name == "lanczos"


def test_a_picture_that_torch_refuses() -> None:
    from torchvision.transforms import v2

    from gencpp.model.pictures import picture
    from gencpp.model.transforms import PictureRefused, preprocess_from, reference_pixels

    spec, _ = preprocess_from(v2.Compose([v2.ToImage(), v2.Pad(9, padding_mode="reflect"), *floats()]), "p")
    assert spec is not None
    with pytest.raises(PictureRefused, match="refuses a picture of 9x30"):
        reference_pixels(spec, picture(9, 30, 1))


def floats() -> list[Any]:
    import torch
    from torchvision.transforms import v2

    return [v2.ToDtype(torch.float32, scale=True)]


def test_json() -> None:
    from gencpp.model.pictures import picture
    from gencpp.model.transforms import check_against, preprocess_from

    data = {
        "geometry": [
            {"grayscale": {"channels": 1}},
            {"pad": {"left": 1, "right": 2, "mode": "reflect"}},
            {"resize": {"size": [28, 28], "resampling": "torch"}},
            {"pad": {"top": 2, "fill": [9, 9, 9], "of_tensor": True}},
        ],
        "mean": [0.1307],
        "std": [0.3081],
    }
    spec, note = preprocess_from(data, "mine.json")
    assert spec is not None and note == ""
    assert spec.channels == 1 and spec.output_size == (30, 28)
    import torch
    from torchvision.transforms import v2

    same = [
        *(v2.Grayscale(), v2.Pad([1, 0, 2, 0], padding_mode="reflect"), v2.ToImage(), v2.Resize((28, 28))),
        *(v2.Pad([0, 2, 0, 0], fill=9), v2.ToPureTensor()),
    ]

    def transform(image: Any) -> Any:
        x = v2.Compose(same)(image).to(torch.float32) / 255
        return (x - 0.1307) / 0.3081

    if torch.backends.cpu.get_cpu_capability() in AVX2:
        check_against(spec, transform, picture(97, 131, 1))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"geometry": [{"pad": {"left": -1}}]}, "pad: -1 pixels"),
        ({"geometry": [{"pad": {"mode": "wrap"}}]}, "not a valid mode"),
        ({"geometry": [{"pad": {"of_tensor": 1}}]}, "expected true or false"),
        ({"geometry": [{"resize": {"shorter": 8, "resampling": "opencv"}}]}, "not a valid resampling"),
        ({"geometry": [{"grayscale": {"channels": 2}}]}, "1 or 3"),
        ({"geometry": [{"grayscale": {}, "crop": {"height": 1, "width": 1}}]}, "one of resize, crop, pad"),
        ({"geometry": [], "mean": [0.5], "std": [0.5]}, "mean has 1 value; the pictures have 3 channels"),
        ({"geometry": [], "float_resize": "x"}, "unknown fields"),
    ],
)
def test_json_refused(data: dict[str, Any], said: str) -> None:
    from gencpp.model.transforms import preprocess_from

    with pytest.raises(UsageError) as caught:
        preprocess_from(data, "mine.json")
    assert said in caught.value.message
    assert "Step" not in caught.value.message
