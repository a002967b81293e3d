"""Generated headers that are the same for every backend: the model, the artifact, the goldens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ..core.bench_values import bench_values, fill_value
from ..core.cpp import DTYPES, dims_literal, double_literal, float_literal, int64_literal, string_literal
from ..core.spec import (
    UNBOUNDED,
    FileFacts,
    GeometryStep,
    GoldenCase,
    Goldens,
    ModelSpec,
    PreprocessSpec,
    ProjectSpec,
    Resampling,
    TensorSpec,
)


def model_info_header(name: str, model: ModelSpec) -> str:
    """`include/<name>/model_info.hpp`: the facts of the model, the same for every backend."""
    labels = len(model.labels)
    lines = [
        "// What gencpp knows of the model. The same for every backend.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <cstddef>",
        "#include <string_view>",
        "",
        '#include "preprocess.hpp"',
        '#include "tensor.hpp"',
        "",
        f"namespace {name} {{",
        "",
        "// An input or output; sizes may vary from min to max, the artifact is tuned for opt.",
        "// An output's size that depends on the inputs' values has kUnknownSize as opt, and as max where no",
        "// bound is known.",
        "struct TensorFacts {",
        "  const char* name;",
        "  DType dtype;",
        "  Dims min;",
        "  Dims opt;",
        "  Dims max;",
        "  double fill;  // of an input: a value that every element may have",
        "  int batch;    // the dimension that counts the items of a batch; -1: none does",
        "};",
        "",
        f"inline constexpr std::string_view kModelName = {string_literal(model.source)};",
        "",
        "// Empty unless the weights are random.",
        f"inline constexpr std::string_view kWeightsWarning = {string_literal(model.weights.warning)};",
        "",
        *_tensor_array("kInputs", model.inputs),
        "",
        *_tensor_array("kOutputs", model.outputs),
        "",
        'inline constexpr std::string_view kLabelsFile = "labels.txt";',
        f"inline constexpr std::size_t kLabelCount = {labels};",
        "",
        *_preprocess(model.preprocess),
        "",
        f"}}  // namespace {name}",
        "",
    ]
    return "\n".join(lines)


def labels_text(model: ModelSpec) -> str:
    """assets/labels.txt: one label a line."""
    return "".join(f"{label}\n" for label in model.labels)


def artifact_info_header(project: ProjectSpec) -> str:
    """`src/artifact_info.hpp`: the file that this project's backend loads."""
    artifact = project.artifact
    edges = artifact.head_tail_sha256
    data = artifact.external or FileFacts(file="", size=0, sha256="", head_tail_sha256="")
    labels = hashlib.sha256(labels_text(project.model).encode()).hexdigest()
    return "\n".join(
        [
            f"// The artifact: {artifact.format} ({artifact.method}).",
            "#pragma once",
            "",
            "#include <cstdint>",
            "",
            f"namespace {project.name} {{",
            "",
            f"inline constexpr const char* kArtifactFile = {string_literal(artifact.file)};",
            f"inline constexpr std::uint64_t kArtifactSize = {artifact.size};",
            f"inline constexpr const char* kArtifactSha256 = {string_literal(artifact.sha256)};",
            "// Of the first and the last 64 KiB.",
            f"inline constexpr const char* kArtifactHeadTailSha256 = {string_literal(edges)};",
            "// Of every byte: integrity.hpp says how.",
            f"inline constexpr const char* kArtifactFletcher4 = {string_literal(artifact.fletcher4)};",
            "",
            "// The artifact's second file; empty when there is none.",
            f"inline constexpr const char* kArtifactDataFile = {string_literal(data.file)};",
            f"inline constexpr std::uint64_t kArtifactDataSize = {data.size};",
            f"inline constexpr const char* kArtifactDataSha256 = {string_literal(data.sha256)};",
            "inline constexpr const char* kArtifactDataHeadTailSha256 = "
            f"{string_literal(data.head_tail_sha256)};",
            f"inline constexpr const char* kArtifactDataFletcher4 = {string_literal(data.fletcher4)};",
            "",
            "// Of labels.txt, its lines ended by a line feed on every system.",
            f"inline constexpr const char* kLabelsSha256 = {string_literal(labels)};",
            "",
            f"}}  // namespace {project.name}",
            "",
        ]
    )


def golden_cases_header(name: str, goldens: Goldens) -> str:
    """`tests/golden_cases.hpp`: the reference data as tables."""
    lines = [
        "// The reference data in assets/goldens, made by the Python model.",
        "#pragma once",
        "",
        "#include <string>",
        "#include <vector>",
        "",
        f"namespace {name}::test {{",
        "",
        "struct GoldenOutput {",
        "  const char* name;",
        "  const char* file;",
        "  double tolerance;  // of max |difference| / max |reference|",
        "};",
        "",
        "// With an image, the inputs are what preprocessing must make of it.",
        "struct GoldenCase {",
        "  std::string name;",
        "  std::vector<std::string> inputs;",
        "  std::vector<GoldenOutput> outputs;",
        "  std::string image;",
        "  std::string pixels;  // uint8 after resize and crop",
        "};",
        "",
        "struct PixelCase {",
        "  std::string name;",
        "  std::string image;",
        "  std::string pixels;  // uint8 after resize and crop",
        "  std::string tensor;  // float32, empty when it is not stored",
        "  bool decoded;        // pixels are uint8 before resize and crop",
        "  int tolerance;       // units of 8 bits that a pixel may differ by",
        "};",
        "",
        "inline const std::vector<GoldenCase>& golden_cases() {",
        "  static const std::vector<GoldenCase> cases{",
    ]
    for case in goldens.cases:
        lines += _golden_case(case)
    lines += [
        "  };",
        "  return cases;",
        "}",
        "",
        "inline const std::vector<PixelCase>& pixel_cases() {",
    ]
    if goldens.pixel_cases:
        lines.append("  static const std::vector<PixelCase> cases{")
        for pixel in goldens.pixel_cases:
            fields = (pixel.name, pixel.image, pixel.pixels, pixel.tensor)
            literals = [*(string_literal(f) for f in fields), "true" if pixel.decoded else "false"]
            lines.append(f"      {{{', '.join(literals)}, {pixel.tolerance}}},")
        lines.append("  };")
    else:
        lines.append("  static const std::vector<PixelCase> cases;")
    lines += ["  return cases;", "}", "", f"}}  // namespace {name}::test", ""]
    return "\n".join(lines)


def input_values_header(name: str, model: ModelSpec, goldens: Goldens) -> str:
    """`bench/input_values.hpp`: what the benchmark feeds each input of the model."""
    rows = []
    files = goldens.cases[0].inputs if goldens.cases else ()
    for i, t in enumerate(model.inputs):
        row = bench_values(t, files[i] if i < len(files) else "")
        numbers = (
            *(double_literal(row.low), double_literal(row.high)),
            *(int64_literal(row.first), int64_literal(row.last)),
        )
        rows.append(f"    InputValues{{{', '.join(numbers)}, {string_literal(row.golden)}}},")
    return "\n".join(
        [
            "// What the benchmark feeds the model's inputs.",
            "#pragma once",
            "",
            "#include <array>",
            "#include <cstdint>",
            "",
            f"namespace {name}::bench {{",
            "",
            "struct InputValues {",
            "  double low;  // of floating point",
            "  double high;",
            "  std::int64_t first;  // of whole numbers",
            "  std::int64_t last;",
            "  const char* golden;  // a file of assets/goldens, taken instead; empty: none",
            "};",
            "",
            f"inline constexpr std::array<InputValues, {len(rows)}> kInputValues{{",
            *rows,
            "};",
            "",
            f"}}  // namespace {name}::bench",
            "",
        ]
    )


def cases_cmake(name: str, goldens: Goldens) -> str:
    """`tests/cases.cmake`: the names of the cases, one ctest each."""
    return (
        "# One test for each.\n"
        f"set({name}_golden_cases{_cmake_items(c.name for c in goldens.cases)})\n"
        f"set({name}_pixel_cases{_cmake_items(c.name for c in goldens.pixel_cases)})\n"
    )


def _cmake_items(names: Iterable[str]) -> str:
    return "".join(f"\n  {n}" for n in names)


def _tensor_array(variable: str, tensors: tuple[TensorSpec, ...]) -> list[str]:
    rows = []
    for t in tensors:
        sizes = (
            dims_literal(d.min for d in t.dims),
            dims_literal("kUnknownSize" if d.of_values else d.opt for d in t.dims),
            dims_literal("kUnknownSize" if d.max == UNBOUNDED else d.max for d in t.dims),
        )
        batch = -1 if t.batch_axis is None or not t.dims else t.batch_axis
        facts = (string_literal(t.name), DTYPES[t.dtype], *sizes, double_literal(fill_value(t)), str(batch))
        rows.append(f"    TensorFacts{{{', '.join(facts)}}},")
    return [
        f"inline constexpr std::array<TensorFacts, {len(tensors)}> {variable}{{",
        *rows,
        "};",
    ]


def _preprocess(spec: PreprocessSpec | None) -> list[str]:
    geometry = []
    for step in spec.geometry if spec else ():
        geometry.append(f"    {_geometry_step(step)},")
    channels = spec.channels if spec else 3
    mean = ((spec.mean if spec else None) or (0.0,)) * 3  # of grey: one value, three times
    std = ((spec.std if spec else None) or (1.0,)) * 3
    rescale = spec.rescale.value if spec else "divide"
    lines = [
        "// From a picture to the input; without it the model takes raw tensors only.",
        f"inline constexpr bool kHasPreprocess = {'true' if spec else 'false'};",
    ]
    if geometry:
        lines.append("// Resize{shorter, max_size, height, width, filter, whose}, CenterCrop{height, width},")
        lines.append("// Pad{left, top, right, bottom, mode, {red, green, blue}, of a tensor}, Grayscale{}")
        lines.append(f"inline constexpr std::array<GeometryStep, {len(geometry)}> kGeometry{{")
        lines += [*geometry, "};"]
    else:
        lines.append("inline constexpr std::array<GeometryStep, 0> kGeometry{};")
    return [
        *lines,
        f"inline constexpr Rescale kRescale = Rescale::{rescale};",
        f"inline constexpr bool kNormalize = {'true' if spec and spec.mean else 'false'};",
        f"inline constexpr int kChannels = {channels};  // of the tensor; 1: pictures are grey",
        f"inline constexpr std::array<float, 3> kMean{{{', '.join(float_literal(m) for m in mean[:3])}}};",
        f"inline constexpr std::array<float, 3> kStd{{{', '.join(float_literal(s) for s in std[:3])}}};",
    ]


def _geometry_step(step: GeometryStep) -> str:
    """Such as `CenterCrop{224, 224}`; what has its default is left out at the end."""
    if step.crop is not None:
        return f"CenterCrop{{{step.crop.height}, {step.crop.width}}}"
    if step.grayscale is not None:
        return "Grayscale{}"
    if step.pad is not None:
        p = step.pad
        fields = [*map(str, (p.left, p.top, p.right, p.bottom)), f"PadMode::{p.mode.name}"]
        fields += [f"{{{', '.join(map(str, p.fill))}}}"] if any(p.fill) or p.of_tensor else []
        fields += ["true"] if p.of_tensor else []
        return f"Pad{{{', '.join(fields)}}}"
    assert step.resize is not None
    r = step.resize
    height, width = r.size or (0, 0)
    sizes = f"{r.shorter or 0}, {r.max_size or 0}, {height}, {width}"
    whose = "" if r.resampling is Resampling.pillow else f", Resampling::{r.resampling.name}"
    return f"Resize{{{sizes}, Interpolation::{r.interpolation.name}{whose}}}"


def _golden_case(case: GoldenCase) -> list[str]:
    inputs = ", ".join(string_literal(i) for i in case.inputs)
    outputs = ", ".join(
        f"{{{string_literal(o.name)}, {string_literal(o.file)}, {double_literal(o.tolerance)}}}"
        for o in case.outputs
    )
    return [
        "      {",
        f"          {string_literal(case.name)},",
        f"          {{{inputs}}},",
        f"          {{{outputs}}},",
        f"          {string_literal(case.image)},",
        f"          {string_literal(case.pixels)},",
        "      },",
    ]
