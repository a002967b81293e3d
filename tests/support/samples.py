"""A project's facts written by hand, for tests that render without torch."""

from __future__ import annotations

from dataclasses import replace

from gencpp.backends.libtorch.spec import LibTorchSpec, RunsOn
from gencpp.backends.tensorrt.spec import EngineSpec
from gencpp.core.recipe import ModelRecipe, ProjectRecipe, Recipe
from gencpp.core.spec import (
    Artifact,
    CropStep,
    Dim,
    DType,
    FileFacts,
    GeometryStep,
    GoldenCase,
    GoldenOutput,
    Goldens,
    Interpolation,
    ModelSpec,
    PixelCase,
    PreprocessSpec,
    ProjectSpec,
    ResizeStep,
    Task,
    TensorSpec,
    WeightsInfo,
)


def dims(*sizes: int) -> tuple[Dim, ...]:
    return tuple(Dim.fixed(s) for s in sizes)


BATCH = Dim(min=1, opt=1, max=8)


def recipe(source: str, backend: str = "libtorch") -> Recipe:
    return Recipe(model=ModelRecipe(source=source), project=ProjectRecipe(backend=backend))


def classifier(name: str = "sample") -> ProjectSpec:
    """A picture classifier, every field filled."""
    model = ModelSpec(
        source="resnet18",
        task=Task.classification,
        inputs=(TensorSpec(name="x", dtype=DType.float32, dims=(BATCH, *dims(3, 224, 224))),),
        outputs=(TensorSpec(name="logits", dtype=DType.float32, dims=(BATCH, *dims(3))),),
        labels=("tabby", "café ☕", 'say "hi"'),
        preprocess=PreprocessSpec(
            geometry=(
                GeometryStep(resize=ResizeStep(shorter=256, interpolation=Interpolation.bilinear)),
                GeometryStep(crop=CropStep(height=224, width=224)),
            ),
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            source="ResNet18_Weights.IMAGENET1K_V1",
        ),
        weights=WeightsInfo(
            kind="random", detail="seed 0, initialised from data", warning="RANDOM WEIGHTS: no answers."
        ),
        parameters=11689512,
        notes=("A note.",),
    )
    cases = (
        GoldenCase(
            name="seeded-0",
            kind="seeded",
            inputs=("seeded-0-input-0.npy",),
            outputs=(GoldenOutput(name="logits", file="seeded-0-output-0.npy", max_abs=5.5),),
        ),
        GoldenCase(
            name="picture",
            kind="picture",
            inputs=("picture-input-0.npy",),
            outputs=(GoldenOutput(name="logits", file="picture-output-0.npy", max_abs=4.0),),
            image="golden.ppm",
            pixels="pixels-ppm.npy",
            answer={"best": [[2, 0.5], [0, 0.25], [1, 0.25]]},
        ),
    )
    pixels = (
        PixelCase(name="ppm", image="golden.ppm", pixels="pixels-ppm.npy", tensor="picture-input-0.npy"),
        PixelCase(
            name="maxval-100-ppm",
            image="maxval-100.ppm",
            pixels="pixels-maxval-100-ppm.npy",
            tensor="",
            decoded=True,
        ),
    )
    return ProjectSpec(
        name=name,
        runtime=LibTorchSpec(),
        model=model,
        artifact=Artifact(
            file="model.pt",
            format="torchscript",
            size=46_800_000,
            sha256="a" * 64,
            head_tail_sha256="b" * 64,
            fletcher4="b" * 64,
            method="script, frozen",
        ),
        goldens=Goldens(cases=cases, pixel_cases=pixels),
        recipe=recipe("resnet18"),
        versions={"torch": "2.15.0", "pillow": "13.0.0"},
    )


def tensorrt(name: str = "sample") -> ProjectSpec:
    """The picture classifier on TensorRT: two profiles, weights in a file of their own."""
    made = classifier(name)
    cases = tuple(
        replace(c, outputs=tuple(replace(o, tolerance=1e-3) for o in c.outputs)) for c in made.goldens.cases
    )
    return replace(
        made,
        artifact=Artifact(
            file="model.onnx",
            format="onnx",
            size=50_000,
            sha256="d" * 64,
            head_tail_sha256="e" * 64,
            fletcher4="e" * 64,
            method="torch.onnx.export (dynamo), opset 18",
            external=FileFacts(
                file="model.onnx.data",
                size=46_800_000,
                sha256="f" * 64,
                head_tail_sha256="0" * 64,
                fletcher4="1" * 64,
            ),
        ),
        goldens=replace(made.goldens, cases=cases),
        recipe=recipe("resnet18", "tensorrt"),
        runtime=EngineSpec(
            tensorrt_min="10.0",
            opset=18,
            profiles=(
                ((Dim.fixed(1), *dims(3, 224, 224)),),
                ((Dim(min=2, opt=8, max=8), *dims(3, 224, 224)),),
            ),
        ),
    )


def tensors_only(name: str = "sample") -> ProjectSpec:
    """Two inputs, three outputs, no picture, a traced artifact with a warning; for the CPU alone."""
    model = ModelSpec(
        source="nets:make",
        task=Task.generic,
        inputs=(
            TensorSpec(name="left", dtype=DType.float32, dims=dims(2, 6)),
            TensorSpec(name="right", dtype=DType.int64, dims=dims(2)),
        ),
        outputs=(
            TensorSpec(name="output_0", dtype=DType.float32, dims=dims(2, 4)),
            TensorSpec(name="output_1", dtype=DType.float16, dims=dims(2, 2, 4)),
            TensorSpec(name="output_2", dtype=DType.bool_, dims=dims(2)),
        ),
        weights=WeightsInfo(kind="user", detail="make"),
        parameters=52,
    )
    outputs = tuple(
        GoldenOutput(name=t.name, file=f"seeded-0-output-{i}.npy", max_abs=1.0)
        for i, t in enumerate(model.outputs)
    )
    case = GoldenCase(name="seeded-0", kind="seeded", inputs=("a.npy", "b.npy"), outputs=outputs)
    return ProjectSpec(
        name=name,
        runtime=LibTorchSpec(device=RunsOn.cpu),
        model=model,
        artifact=Artifact(
            file="model.pt",
            format="torchscript",
            size=1000,
            sha256="c" * 64,
            head_tail_sha256="c" * 64,
            fletcher4="c" * 64,
            method="trace, frozen",
            reason="traced: scripting failed at nets.py:3: no",
            warnings=("nets.py:7: a branch",),
        ),
        goldens=Goldens(cases=(case,), parity="weak", parity_note="the goldens are alike."),
        recipe=recipe("nets:make"),
        versions={"torch": "2.15.0"},
    )
