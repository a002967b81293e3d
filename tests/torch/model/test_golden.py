"""Goldens are the eager model's answers, and differ enough to prove something."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT

from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.spec import Goldens, ModelSpec
from gencpp.model.golden import make_goldens
from gencpp.model.inspection import inspect_model
from gencpp.sources.load import load_source, parse_source

HERE = str(SUPPORT)


def golden(tmp_path: Path, text: str, *inputs: str, **more: Any) -> tuple[LoadedModel, ModelSpec, Goldens]:
    options = LoadOptions(path=(HERE,), inputs=inputs, **more)
    loaded = load_source(parse_source(text), options, lambda _: None)
    spec = inspect_model(loaded, options)
    return loaded, spec, make_goldens(loaded, spec, tmp_path, 0, lambda _: None)


def test_classifier(tmp_path: Path) -> None:
    import numpy as np
    import torch
    from PIL import Image

    loaded, _, found = golden(tmp_path, "squeezenet1_1", weights="none")
    assert found.parity == "strong"
    assert [c.name for c in found.cases] == ["seeded-0", "seeded-1", "batch", "sizes-0", "picture"]
    folder = tmp_path / "goldens"
    for case in found.cases:
        x = torch.from_numpy(np.load(folder / case.inputs[0]))
        with torch.inference_mode():
            y = loaded.module(x).numpy()
        stored = np.load(folder / case.outputs[0].file)
        assert np.allclose(y, stored, rtol=0, atol=1e-6 * case.outputs[0].max_abs)
        assert case.outputs[0].max_abs == float(np.abs(stored).max())
    assert np.load(folder / found.cases[2].inputs[0]).shape == (3, 3, 224, 224)
    assert np.load(folder / found.cases[3].inputs[0]).shape == (8, 3, 224, 224)  # the most that may come
    picture = found.cases[4]
    x = loaded.transforms(Image.open(folder / picture.image))
    assert np.array_equal(x.numpy()[None], np.load(folder / picture.inputs[0]))
    probabilities = np.exp(stored[0].astype(np.float64))
    probabilities /= probabilities.sum()
    assert [c for c, _ in picture.answer["best"]] == list(np.argsort(-probabilities)[:5])
    assert [p for _, p in picture.answer["best"]] == pytest.approx(np.sort(probabilities)[::-1][:5], rel=1e-5)
    # Four inputs of 0.6 MB and batches of three and of eight are most of it.
    assert sum(f.stat().st_size for f in folder.iterdir()) < 11.5e6
    assert Goldens.from_json(found.to_json()) == found


def test_pixel_cases(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image
    from torchvision.transforms import functional as F

    _, _, found = golden(tmp_path, "models.tiny:cnn", "image:1x3x32x32", preprocess="models.tiny:preprocess")
    folder = tmp_path / "goldens"
    assert [c.name for c in found.pixel_cases[:3]] == ["ppm", "png", "jpg"]
    assert len(found.pixel_cases) >= 9
    assert any(c.name == "size-32x32" for c in found.pixel_cases)
    for case in found.pixel_cases:
        with Image.open(folder / case.image) as image:
            expected = image.convert("RGB")
        if not case.decoded:
            expected = F.center_crop(F.resize(expected, [40]), [32, 32])
        assert np.array_equal(np.load(folder / case.pixels), np.asarray(expected))
    assert np.load(folder / found.pixel_cases[0].tensor).shape == (1, 3, 32, 32)


def test_pixels_of_other_largest_values(tmp_path: Path) -> None:
    """Each is scaled to 8 bits; floats that are divided carelessly differ in some."""
    import numpy as np

    _, _, found = golden(tmp_path, "models.tiny:cnn", "image:1x3x32x32", preprocess="models.tiny:preprocess")
    decoded = {c.name: c for c in found.pixel_cases if c.decoded}
    for maxval in (1, 100, 200, 254, 255, 300, 1000, 30000, 65534, 65535):
        for suffix in ("ppm", "pgm"):
            case = decoded[f"maxval-{maxval}-{suffix}"]
            data = (tmp_path / "goldens" / case.image).read_bytes()
            assert data.split(b"\n")[2] == str(maxval).encode()
            pixels = np.load(tmp_path / "goldens" / case.pixels)
            assert pixels.shape == (1, 288 if suffix == "pgm" else 96, 3)
            assert pixels.min() == 0 and pixels.max() == 255
            if maxval != 1 and (suffix == "ppm" or maxval in (100, 200, 254, 255, 30000, 65534, 65535)):
                assert len(np.unique(pixels)) > 100
    halves = np.load(tmp_path / "goldens" / decoded["maxval-100-ppm"].pixels)
    assert 76 in halves and 77 not in halves  # 30 / 100 * 255 is 76.5, and Python rounds to even


def test_pixels_of_a_float32_resize(tmp_path: Path) -> None:
    """The goldens have torch's integers, and what the transform itself gives, with its tolerance."""
    import numpy as np

    _, spec, found = golden(
        tmp_path, "models.tiny:cnn", "image:1x3x32x32", preprocess="models.preprocess:classic_tensors"
    )
    assert any("one unit of 8 bits" in note for note in spec.notes)
    cases = {c.name: c for c in found.pixel_cases}
    assert {c.tolerance for c in found.pixel_cases if c.name != "float32"} == {0}
    assert cases["float32"].tolerance == 1
    own, ours = (np.load(tmp_path / "goldens" / cases[n].pixels).astype(int) for n in ("float32", "ppm"))
    assert np.abs(own - ours).max() == 1


def test_grey_pictures(tmp_path: Path) -> None:
    import numpy as np

    _, spec, found = golden(
        tmp_path, "models.preprocess:grey_model", "x:1x1x32x32", preprocess="models.preprocess:grey"
    )
    assert spec.preprocess is not None and spec.preprocess.channels == 1
    folder = tmp_path / "goldens"
    assert np.load(folder / found.pixel_cases[0].tensor).shape == (1, 1, 32, 32)
    pixels = np.load(folder / found.pixel_cases[0].pixels)
    assert pixels.shape == (32, 32, 3)
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize(
    ("model", "shape", "preprocess", "hint"),
    [
        ("models.preprocess:grey_model", "x:1x1x32x32", "models.preprocess:tensors", r"Grayscale\(1\)"),
        ("models.tiny:cnn", "image:1x3x32x32", "models.preprocess:grey", r"Grayscale\(3\)"),
    ],
)
def test_channels_that_do_not_fit(tmp_path: Path, model: str, shape: str, preprocess: str, hint: str) -> None:
    with pytest.raises(UsageError, match="not one picture of") as caught:
        golden(tmp_path, model, shape, preprocess=preprocess)
    assert re.search(hint, caught.value.hint)


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    _, _, found = golden(tmp_path, "models.tiny:two_in_three_out", "left:1x6", "right:1x5")
    assert [len(c.inputs) for c in found.cases] == [2, 2, 2, 2]
    assert [o.name for o in found.cases[0].outputs] == ["output_0", "output_1", "output_2"]
    assert found.pixel_cases == ()


def test_a_users_constant_model_is_called_weak(tmp_path: Path) -> None:
    _, _, found = golden(tmp_path, "models.tiny:constant", "x:1x6")
    assert found.parity == "weak"
    assert "seeded-0 and seeded-1" in found.parity_note


def test_random_weights_that_prove_nothing_are_refused(tmp_path: Path) -> None:
    import torch

    options = LoadOptions(weights="none")
    loaded = load_source(parse_source("squeezenet1_1"), options, lambda _: None)
    spec = inspect_model(loaded, options)
    with torch.no_grad():
        loaded.module.classifier[1].weight.zero_()
    with pytest.raises(CheckFailed, match="prove too little"):
        make_goldens(loaded, spec, tmp_path, 0, lambda _: None)


def test_not_finite(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="6 of 6 values are inf or nan"):
        golden(tmp_path, "models.tiny:infinite", "x:1x6")


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        golden(tmp_path / name, "models.tiny:cnn", "image:1x3x32x32", preprocess="models.tiny:preprocess")
    first, second = ({f.name: f.read_bytes() for f in (tmp_path / n / "goldens").iterdir()} for n in "ab")
    # The factory's random weights are seeded too, so outputs are equal as well.
    assert first == second


def test_the_batch_lies_within_its_bounds(tmp_path: Path) -> None:
    from dataclasses import replace

    import numpy as np

    from gencpp.core.spec import Dim

    loaded, spec, _ = golden(tmp_path / "a", "models.tiny:cnn", "image:1x3x32x32")
    dim = Dim(min=5, opt=5, max=8)
    spec = replace(
        spec,
        inputs=tuple(replace(t, dims=(dim, *t.dims[1:])) for t in spec.inputs),
        outputs=tuple(replace(t, dims=(dim, *t.dims[1:])) for t in spec.outputs),
    )
    found = make_goldens(loaded, spec, tmp_path / "b", 0, lambda _: None)
    batch = next(c for c in found.cases if c.name == "batch")
    folder = tmp_path / "b" / "goldens"
    assert np.load(folder / batch.inputs[0]).shape[0] == 7
    assert np.load(folder / batch.outputs[0].file).shape[0] == 7
    largest = next(c for c in found.cases if c.name == "sizes-0")
    assert np.load(folder / largest.inputs[0]).shape[0] == 8


def test_inputs_are_stored_as_the_model_got_them(tmp_path: Path) -> None:
    import numpy as np

    _, _, found = golden(tmp_path, "models.tiny:doubling", "x:1x6")
    folder = tmp_path / "goldens"
    for case in found.cases:
        x, y = np.load(folder / case.inputs[0]), np.load(folder / case.outputs[0].file)
        assert np.array_equal(y, 2 * x + 1)
