"""Values as C++ text: identifiers, literals and the generated headers. Nothing else writes C++."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable

from .bench_values import bench_values, fill_value
from .errors import UsageError
from .spec import (
    UNBOUNDED,
    Artifact,
    CompiledFor,
    Dim,
    DType,
    EngineSpec,
    FileFacts,
    GoldenCase,
    Goldens,
    LibTorchSpec,
    ModelSpec,
    PreprocessSpec,
    ProjectSpec,
    Task,
    TensorSpec,
)

_KEYWORDS = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t
    class compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield
    decltype default delete do double dynamic_cast else enum explicit export extern false float for friend
    goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private
    protected public register reinterpret_cast requires return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename union
    unsigned using virtual void volatile wchar_t while xor xor_eq
    """.split()  # noqa: SIM905
)

# Names that a namespace, a CMake target or a program in build/ cannot take: something else has them.
_TAKEN = frozenset(
    """
    std main test tests app bench assets cmake include src lib bin share core consumer torch at c10 caffe2
    gencpp nvinfer1 all clean install help package edit_cache rebuild_cache list_install_components linux
    unix windows errno stdin stdout stderr assert
    """.split()  # noqa: SIM905
)

DTYPES = {d: f"DType::{'boolean' if d is DType.bool_ else d.value}" for d in DType}
"""Enumerators of generated projects."""


def identifier(name: str) -> str:
    """`name` cleaned to a lower-case C++ identifier; raises UsageError when nothing usable is left."""
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
    cleaned = re.sub(r"_+", "_", cleaned)
    if cleaned and cleaned[0].isdigit():
        cleaned = f"m_{cleaned}"
    if not cleaned:
        raise UsageError(
            f"'{name}' cannot be made a C++ identifier", hint="Give one with --name, such as --name my_model."
        )
    if cleaned in _KEYWORDS or cleaned in _TAKEN:
        cleaned = f"{cleaned}_model"
    if len(cleaned) > 64:
        raise UsageError(f"the name '{cleaned}' is longer than 64 characters", hint="Give a shorter --name.")
    return cleaned


def string_literal(text: str) -> str:
    """A C++ string literal of the UTF-8 bytes of `text`."""
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        if char in '"\\':
            out.append(f"\\{char}")
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        elif 0x20 <= byte < 0x7F:
            # "??" could start a trigraph in old compilers.
            out.append("\\?" if char == "?" else char)
        else:
            out.append(f"\\{byte:03o}")  # octal ends after three digits, hexadecimal would not
    return '"' + "".join(out) + '"'


def float_literal(value: float) -> str:
    """The float32 nearest to `value`, in the fewest digits that read back as it."""
    exact = struct.unpack("f", struct.pack("f", value))[0]
    for digits in range(1, 10):
        text = f"{exact:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == exact:
            break
    if not re.search(r"[.e]", text):
        text += ".0"
    return f"{text}F"


def double_literal(value: float) -> str:
    """`value` in the fewest digits that read back as it."""
    text = repr(float(value))
    return text if re.search(r"[.einf]", text) else f"{text}.0"


def model_info_header(name: str, model: ModelSpec) -> str:
    """`include/<name>/model_info.hpp`: the facts of the model, the same for every backend."""
    labels = len(model.labels)
    classifier = "true" if model.task is Task.classification else "false"
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
        "// Whether output 0 holds logits of N x classes.",
        f"inline constexpr bool kClassifier = {classifier};",
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


def libtorch_info_header(name: str, spec: LibTorchSpec, artifact: Artifact) -> str:
    """`src/libtorch_info.hpp`: how the artifact is run, and the machine that its code was compiled for."""
    made = spec.compiled or CompiledFor(architecture="", cpu_flags=(), torch="", threads=0)
    return "\n".join(
        [
            "// How the artifact is run on the CPU.",
            "#pragma once",
            "",
            "#include <array>",
            "",
            '#include "libtorch_facts.hpp"',
            "",
            f"namespace {name} {{",
            "",
            f"inline constexpr const char* kVariant = {string_literal(spec.variant)};",
            f"inline constexpr bool kFusion = {_bool(spec.fusion)};",
            f"inline constexpr bool kChannelsLast = {_bool(spec.channels_last)};",
            f"inline constexpr int kThreads = {spec.threads};",
            f"inline constexpr const char* kPrecision = {string_literal(spec.precision.value)};",
            "",
            "// What a run changes of the model, and so gets for itself.",
            *_changed(artifact),
            "// Why runs take turns; empty: they do not.",
            f"inline constexpr const char* kSerialised = {string_literal(artifact.serialised)};",
            "",
            "// Whether the artifact holds compiled code, and for which machine.",
            f"inline constexpr bool kCompiled = {_bool(spec.compiled is not None)};",
            "inline constexpr CompiledFor kCompiledFor{",
            f"    {string_literal(made.architecture)},",
            f"    {string_literal(' '.join(made.cpu_flags))},",
            f"    {string_literal(made.torch)},",
            f"    {made.threads},",
            f"    {string_literal(made.gpu)},",
            f"    {string_literal(made.capability)},",
            "};",
            "",
            f"}}  // namespace {name}",
            "",
        ]
    )


def _changed(artifact: Artifact) -> list[str]:
    array = f"inline constexpr std::array<ChangedAttribute, {len(artifact.changed)}> kChanged"
    if not artifact.changed:
        return [f"{array}{{}};"]
    rows = [f"    {{{string_literal(c.path)}, {_bool(c.in_place)}}}," for c in artifact.changed]
    return [f"{array}{{{{", *rows, "}};"]


def _bool(value: bool) -> str:
    return "true" if value else "false"


def engine_info_header(name: str, engine: EngineSpec) -> str:
    """`src/engine_info.hpp`: what the TensorRT engine is built from, besides the artifact."""
    inputs = len(engine.profiles[0])
    lines = [
        "// How the engine is built.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <cstddef>",
        "#include <string_view>",
        "",
        '#include "engine_facts.hpp"',
        "",
        f"namespace {name} {{",
        "",
        f"inline constexpr Precision kPrecision = Precision::{engine.precision.value};",
        "// Whether float32 operands may be rounded to TF32.",
        f"inline constexpr bool kTf32 = {'true' if engine.tf32 else 'false'};",
        "// The oldest TensorRT that the artifact is made for.",
        f"inline constexpr std::string_view kTensorRtMinimum = {string_literal(engine.tensorrt_min)};",
        "",
        "// Optimisation profiles: for each the shapes of every input.",
        f"inline constexpr std::size_t kProfileCount = {len(engine.profiles)};",
        f"inline constexpr std::array<std::array<ShapeRange, {inputs}>, kProfileCount> kProfiles{{{{",
    ]
    for profile in engine.profiles:
        lines.append("    {{")
        lines += [f"        {_shape_range(dims)}," for dims in profile]
        lines.append("    }},")
    return "\n".join([*lines, "}};", "", f"}}  // namespace {name}", ""])


def _shape_range(dims: tuple[Dim, ...]) -> str:
    sizes = (
        dims_literal(d.min for d in dims),
        dims_literal(d.opt for d in dims),
        dims_literal(d.max for d in dims),
    )
    return f"ShapeRange{{{', '.join(sizes)}}}"


def golden_cases_header(name: str, goldens: Goldens) -> str:
    """`tests/golden_cases.hpp`: the reference data as tables."""
    lines = [
        "// The reference data in assets/goldens, made by the Python model.",
        "#pragma once",
        "",
        "#include <cstddef>",
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
        "struct TopClass {",
        "  std::size_t index;",
        "  double probability;",
        "};",
        "",
        "// With an image, the inputs are what preprocessing must make of it.",
        "struct GoldenCase {",
        "  std::string name;",
        "  std::vector<std::string> inputs;",
        "  std::vector<GoldenOutput> outputs;",
        "  std::string image;",
        "  std::string pixels;  // uint8 after resize and crop",
        "  std::vector<TopClass> topk;",
        "};",
        "",
        "struct PixelCase {",
        "  std::string name;",
        "  std::string image;",
        "  std::string pixels;  // uint8 after resize and crop",
        "  std::string tensor;  // float32, empty when it is not stored",
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
            lines.append(f"      {{{', '.join(string_literal(f) for f in fields)}}},")
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
            *(_int64_literal(row.first), _int64_literal(row.last)),
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


def _int64_literal(value: int) -> str:
    # The smallest has no literal of its own: a minus and a number that does not fit.
    return f"{value + 1} - 1" if value == -(1 << 63) else str(value)


def cases_cmake(name: str, goldens: Goldens) -> str:
    """`tests/cases.cmake`: the names of the cases, one ctest each."""
    return (
        "# One test for each.\n"
        f"set({name}_golden_cases{_cmake_items(c.name for c in goldens.cases)})\n"
        f"set({name}_pixel_cases{_cmake_items(c.name for c in goldens.pixel_cases)})\n"
    )


def _cmake_items(names: Iterable[str]) -> str:
    return "".join(f"\n  {n}" for n in names)


def dims_literal(sizes: Iterable[int | str]) -> str:
    """`Dims{1, 3}`; a size may be the name of a constant."""
    return "Dims{" + ", ".join(str(s) for s in sizes) + "}"


def _tensor_array(variable: str, tensors: tuple[TensorSpec, ...]) -> list[str]:
    rows = []
    for t in tensors:
        sizes = (
            dims_literal(d.min for d in t.dims),
            dims_literal("kUnknownSize" if d.of_values else d.opt for d in t.dims),
            dims_literal("kUnknownSize" if d.max == UNBOUNDED else d.max for d in t.dims),
        )
        facts = (string_literal(t.name), DTYPES[t.dtype], *sizes, double_literal(fill_value(t)))
        rows.append(f"    TensorFacts{{{', '.join(facts)}}},")
    return [
        f"inline constexpr std::array<TensorFacts, {len(tensors)}> {variable}{{",
        *rows,
        "};",
    ]


def _preprocess(spec: PreprocessSpec | None) -> list[str]:
    geometry = []
    for step in spec.geometry if spec else ():
        if step.crop is not None:
            geometry.append(f"    CenterCrop{{{step.crop.height}, {step.crop.width}}},")
        elif step.resize is not None:
            r = step.resize
            height, width = r.size or (0, 0)
            sizes = f"{r.shorter or 0}, {r.max_size or 0}, {height}, {width}"
            geometry.append(f"    Resize{{{sizes}, Interpolation::{r.interpolation.value}}},")
    mean = (spec.mean if spec else None) or (0.0, 0.0, 0.0)
    std = (spec.std if spec else None) or (1.0, 1.0, 1.0)
    rescale = spec.rescale.value if spec else "divide"
    lines = [
        "// From a picture to the input; without it the model takes raw tensors only.",
        f"inline constexpr bool kHasPreprocess = {'true' if spec else 'false'};",
    ]
    if geometry:
        lines.append("// Resize{shorter, max_size, height, width, filter}, CenterCrop{height, width}")
        lines.append(f"inline constexpr std::array<GeometryStep, {len(geometry)}> kGeometry{{")
        lines += [*geometry, "};"]
    else:
        lines.append("inline constexpr std::array<GeometryStep, 0> kGeometry{};")
    return [
        *lines,
        f"inline constexpr Rescale kRescale = Rescale::{rescale};",
        f"inline constexpr bool kNormalize = {'true' if spec and spec.mean else 'false'};",
        f"inline constexpr std::array<float, 3> kMean{{{', '.join(float_literal(m) for m in mean)}}};",
        f"inline constexpr std::array<float, 3> kStd{{{', '.join(float_literal(s) for s in std)}}};",
    ]


def _golden_case(case: GoldenCase) -> list[str]:
    inputs = ", ".join(string_literal(i) for i in case.inputs)
    outputs = ", ".join(
        f"{{{string_literal(o.name)}, {string_literal(o.file)}, {double_literal(o.tolerance)}}}"
        for o in case.outputs
    )
    topk = ", ".join(f"{{{index}, {double_literal(p)}}}" for index, p in case.topk)
    return [
        "      {",
        f"          {string_literal(case.name)},",
        f"          {{{inputs}}},",
        f"          {{{outputs}}},",
        f"          {string_literal(case.image)},",
        f"          {string_literal(case.pixels)},",
        f"          {{{topk}}},",
        "      },",
    ]
