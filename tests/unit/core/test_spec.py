import json

import pytest
from samples import classifier, tensors_only

from gencpp.core.errors import UsageError
from gencpp.core.spec import (
    CropStep,
    Dim,
    GeometryStep,
    GrayscaleStep,
    Interpolation,
    PadStep,
    PixelCase,
    PreprocessSpec,
    ProjectSpec,
    ResizeStep,
    TensorSpec,
    VerifyReport,
)


@pytest.mark.parametrize("project", [classifier(), tensors_only()])
def test_json_round_trip_is_lossless(project: ProjectSpec) -> None:
    assert ProjectSpec.from_json(json.loads(json.dumps(project.to_json()))) == project


def test_unknown_and_missing_fields_are_named() -> None:
    data = classifier().to_json()
    data["colour"] = "red"
    del data["name"]
    with pytest.raises(UsageError, match=r"unknown fields \['colour'\], missing fields \['name'\]"):
        ProjectSpec.from_json(data)


@pytest.mark.parametrize(("low", "opt", "high"), [(0, 1, 2), (2, 1, 3), (1, 4, 3)])
def test_a_dimension_is_ordered(low: int, opt: int, high: int) -> None:
    with pytest.raises(UsageError, match="min <= opt <= max"):
        Dim(min=low, opt=opt, max=high)


def test_shape_takes_the_batch_only_where_it_may_vary() -> None:
    fixed = TensorSpec.from_json({"name": "x", "dtype": "float32", "dims": [{"min": 2, "opt": 2, "max": 2}]})
    dynamic = TensorSpec.from_json(
        {"name": "x", "dtype": "float32", "dims": [{"min": 1, "opt": 2, "max": 8}]}
    )
    assert fixed.shape(batch=5) == (2,)
    assert dynamic.shape(batch=5) == (5,)


def test_a_resize_has_one_size() -> None:
    with pytest.raises(UsageError, match="either the shorter side or"):
        ResizeStep(shorter=3, size=(4, 5), interpolation=Interpolation.bilinear)
    with pytest.raises(UsageError, match="max_size"):
        ResizeStep(shorter=30, max_size=20, interpolation=Interpolation.bilinear)


def test_steps_of_pictures_say_size_and_channels() -> None:
    crop, resize = GeometryStep(crop=CropStep(height=20, width=30)), {"interpolation": Interpolation.bilinear}
    pad = GeometryStep(pad=PadStep(left=1, top=2, right=3, bottom=4))
    grey = GeometryStep(grayscale=GrayscaleStep(channels=1))
    shorter = GeometryStep(resize=ResizeStep(shorter=40, max_size=50, **resize))

    def spec(*steps: GeometryStep) -> PreprocessSpec:
        return PreprocessSpec(geometry=steps, source="x")

    assert spec(crop, pad).output_size == (26, 34)
    assert spec(pad, shorter).output_size is None
    assert spec(crop, shorter, grey).output_size == (33, 50)
    assert (spec(crop).channels, spec(grey, pad).channels) == (3, 1)
    assert spec(grey, GeometryStep(grayscale=GrayscaleStep(channels=3))).channels == 3
    with pytest.raises(UsageError, match="one of resize, crop, pad and grayscale"):
        GeometryStep(crop=CropStep(height=1, width=1), pad=PadStep())
    with pytest.raises(UsageError, match="mean has 3 values; the pictures have 1 channel"):
        PreprocessSpec(geometry=(grey,), mean=(0.5,) * 3, std=(0.5,) * 3, source="x")


def test_preprocessing_of_earlier_manifests_reads_and_stays_as_it_was() -> None:
    data = {
        "geometry": [
            {
                "resize": {"shorter": 8, "size": None, "max_size": None, "interpolation": "bilinear"},
                "crop": None,
            },
            {"resize": None, "crop": {"height": 4, "width": 5}},
        ],
        "rescale": "divide",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "source": "x",
    }
    assert PreprocessSpec.from_json(data).to_json() == data
    case = {"name": "ppm", "image": "a.ppm", "pixels": "a.npy", "tensor": ""}
    assert PixelCase.from_json(case).to_json() == case


def test_std_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="std must not be 0"):
        PreprocessSpec(geometry=(), mean=(0.0, 0.0, 0.0), std=(1.0, 0.0, 1.0), source="x")


def test_report_round_trip() -> None:
    report = VerifyReport(project="x", backend="libtorch", status="passed", steps=())
    assert VerifyReport.from_json(report.to_json()) == report
