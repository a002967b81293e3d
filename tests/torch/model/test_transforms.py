"""Preprocessing is understood exactly, to the last bit, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.spec import PreprocessSpec, Rescale

NORM = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def every_value() -> Any:
    """A 48x48 picture with every value of a byte in every channel."""
    import numpy as np
    from PIL import Image

    ramp = (np.arange(48 * 48) % 256).astype(np.uint8).reshape(48, 48)
    return Image.fromarray(np.stack([ramp, ramp.T, 255 - ramp], axis=-1))


def supported() -> dict[str, tuple[Any, Rescale]]:
    import torch
    from torchvision import transforms as T
    from torchvision.transforms import InterpolationMode, v2

    floats = torch.float32
    divide, multiply = Rescale.divide, Rescale.multiply
    return {
        "ToTensor": (T.ToTensor(), divide),
        "ConvertImageDtype": (T.Compose([T.PILToTensor(), T.ConvertImageDtype(floats)]), divide),
        "v2 ToDtype": (v2.Compose([v2.ToImage(), v2.ToDtype(floats, scale=True)]), multiply),
        "v2 ConvertImageDtype": (v2.Compose([v2.PILToTensor(), v2.ConvertImageDtype(floats)]), multiply),
        "mixed": (T.Compose([v2.RGB(), T.PILToTensor(), v2.ToDtype(floats, scale=True)]), multiply),
        "resize, crop, normalise": (
            T.Compose([T.Resize(40), T.CenterCrop((30, 36)), T.ToTensor(), T.Normalize(**NORM)]),
            divide,
        ),
        "bicubic pair, larger crop": (
            v2.Compose(
                [
                    v2.Resize((31, 57), interpolation=InterpolationMode.BICUBIC),
                    v2.CenterCrop(64),
                    v2.ToImage(),
                    v2.ToDtype(floats, scale=True),
                    v2.Normalize(**NORM),
                    v2.ToPureTensor(),
                ]
            ),
            multiply,
        ),
        "nearest, max_size, nested": (
            T.Compose([T.Compose([T.Resize([20], max_size=33, interpolation=0)]), T.ToTensor()]),
            divide,
        ),
        "crop first": (T.Compose([T.CenterCrop(33), T.Resize(64), T.ToTensor()]), divide),
    }


@pytest.mark.parametrize("name", list(supported()))
def test_equal_to_the_transform_to_the_last_bit(name: str) -> None:
    from gencpp.model.transforms import check_against, preprocess_from

    transform, rescale = supported()[name]
    spec, note = preprocess_from(transform, name)
    assert spec is not None
    assert note == ""
    assert spec.rescale is rescale
    picture = every_value()
    check_against(spec, transform, picture)
    check_against(spec, transform, picture.resize((113, 49)))
    assert PreprocessSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("name", list(supported()))
def test_the_formulas_of_the_generated_code(name: str) -> None:
    """What C++ does after the pixels: divide or multiply, then (x - mean) / std, all in float32."""
    import numpy as np

    from gencpp.model.transforms import preprocess_from, reference_pixels, reference_tensor

    spec, _ = preprocess_from(supported()[name][0], name)
    assert spec is not None
    x = reference_pixels(spec, every_value()).transpose(2, 0, 1).astype(np.float32)
    x = x / np.float32(255) if spec.rescale is Rescale.divide else x * np.float32(1 / 255)
    if spec.mean is not None and spec.std is not None:
        mean, std = (np.array(v, np.float32)[:, None, None] for v in (spec.mean, spec.std))
        x = (x - mean) / std
    assert np.array_equal(x, reference_tensor(spec, every_value()))


def test_divide_and_multiply_differ() -> None:
    import numpy as np

    bytes_ = np.arange(256, dtype=np.float32)
    assert np.count_nonzero(bytes_ / np.float32(255) != bytes_ * np.float32(1 / 255)) > 0


@pytest.mark.parametrize("model", ["resnet18", "vit_b_16", "efficientnet_b3", "inception_v3", "fcn_resnet50"])
def test_presets(model: str) -> None:
    from torchvision.models import get_model_weights

    from gencpp.model.pictures import picture
    from gencpp.model.transforms import check_against, preprocess_from

    for weights in get_model_weights(model):
        spec, _ = preprocess_from(weights.transforms(), str(weights))
        assert spec is not None
        check_against(spec, weights.transforms(), picture(313, 201, seed=1))


def test_presets_of_more_than_a_picture() -> None:
    from torchvision.models import get_model_weights

    from gencpp.model.transforms import preprocess_from

    for model in ("r3d_18", "raft_small"):
        spec, note = preprocess_from(get_model_weights(model)["DEFAULT"].transforms(), model)
        assert spec is None
        assert "not generated" in note


def test_everything_unsupported_is_named_at_once() -> None:
    from models.tiny import bad_preprocess

    from gencpp.model.transforms import preprocess_from

    with pytest.raises(UsageError) as caught:
        preprocess_from(bad_preprocess(), "mine")
    message = str(caught.value)
    for part in (
        "step 1, RandomHorizontalFlip: it is for training; pass the transforms of evaluation",
        "step 3, Resize: after the conversion",
        "step 4, Lambda: it calls Python code",
        "step 5, GaussianBlur",
        "supported: Compose",
    ):
        assert part in message
    assert "step 2" not in message


def refused() -> dict[str, tuple[Any, str]]:
    import torch
    from torchvision import transforms as T
    from torchvision.transforms import InterpolationMode, v2

    return {
        "lanczos": (
            T.Compose([T.Resize(32, interpolation=InterpolationMode.LANCZOS), T.ToTensor()]),
            "lanczos",
        ),
        "two channels": (T.Compose([T.ToTensor(), T.Normalize([0.5] * 2, [0.5] * 2)]), "3 channels"),
        "no tensor": (T.Compose([T.Resize(32)]), "no step turns"),
        "unscaled": (v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32)]), "scale=False"),
        "half": (v2.Compose([v2.ToImage(), v2.ToDtype(torch.float16, scale=True)]), "float16"),
        "order": (T.Compose([T.Normalize(**NORM), T.ToTensor()]), "out of order"),
        "twice": (T.Compose([T.ToTensor(), T.Normalize(**NORM), T.Normalize(**NORM)]), "out of order"),
        "function": (lambda image: image, "function: it is Python code of your own"),
    }


@pytest.mark.parametrize("name", list(refused()))
def test_refused(name: str) -> None:
    from gencpp.model.transforms import preprocess_from

    transform, part = refused()[name]
    with pytest.raises(UsageError, match=part):
        preprocess_from(transform, "mine")


def test_json() -> None:
    from gencpp.model.transforms import preprocess_from

    data = {
        "geometry": [
            {"resize": {"shorter": 256, "interpolation": "bicubic"}},
            {"crop": {"height": 224, "width": 224}},
        ],
        "rescale": "divide",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    }
    spec, _ = preprocess_from(data, "mine.json")
    assert spec is not None
    assert spec.output_size == (224, 224)
    with pytest.raises(UsageError, match="unknown fields"):
        preprocess_from({**data, "flip": True}, "mine.json")


def test_a_transform_that_does_something_else_is_found_out() -> None:
    from torchvision import transforms as T

    from gencpp.model.transforms import check_against, preprocess_from

    spec, _ = preprocess_from(T.ToTensor(), "mine")
    assert spec is not None
    with pytest.raises(CheckFailed, match="values differ"):
        check_against(spec, lambda image: T.ToTensor()(image) * 1.0001, every_value())


def test_one_value_for_all_channels() -> None:
    from torchvision import transforms as T
    from torchvision.transforms import v2

    from gencpp.model.transforms import check_against, preprocess_from

    for transform in (
        T.Compose([T.ToTensor(), T.Normalize((0.45,), (0.23,))]),
        T.Compose([T.ToTensor(), T.Normalize(0.45, 0.23)]),
        T.Compose([T.ToTensor(), v2.Normalize([0.45], [0.2, 0.3, 0.4])]),
    ):
        spec, _ = preprocess_from(transform, "mine")
        assert spec is not None
        assert spec.mean == (0.45,) * 3
        check_against(spec, transform, every_value())


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("mean", [float("nan"), 0, 0], "finite"),
        ("mean", [1e39, 0, 0], "float32"),
        ("std", [1e-60, 1, 1], "float32"),
        ("mean", [10**400, 0, 0], "out of range"),
        ("mean", ["a", 0, 0], "expected a number, found a string"),
        ("geometry", [{"resize": {"shorter": 8, "interpolation": "sinc"}}], "not a valid interpolation"),
    ],
)
def test_json_refused(field: str, value: Any, said: str) -> None:
    from gencpp.model.transforms import preprocess_from

    data = {"geometry": [], "mean": [0.5] * 3, "std": [0.5] * 3, field: value}
    with pytest.raises(UsageError, match=said) as caught:
        preprocess_from(data, "mine.json")
    assert "Step" not in str(caught.value)
    assert "Spec" not in str(caught.value)


def test_json_is_bilinear_unless_it_says_else() -> None:
    from gencpp.model.transforms import preprocess_from

    spec, _ = preprocess_from({"geometry": [{"resize": {"shorter": 8}}]}, "mine.json")
    assert spec is not None
    assert spec.geometry[0].resize is not None
    assert spec.geometry[0].resize.interpolation.value == "bilinear"
