"""`src/engine_info.hpp`: facts of a TensorRT project."""

from __future__ import annotations

from ...core.cpp import dims_literal, double_literal, string_literal
from ...core.precision import PRECISIONS
from ...core.spec import Dim
from ...core.tolerances import TENSORRT
from .spec import EngineSpec


def engine_info_header(name: str, engine: EngineSpec) -> str:
    """`src/engine_info.hpp`: what the TensorRT engine is built from, besides the artifact."""
    inputs = len(engine.profiles[0])
    row = PRECISIONS[engine.precision]
    major, minor = row.capability
    lines = [
        "// How the engine is built.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <cstddef>",
        "#include <string_view>",
        "",
        '#include "tensorrt/engine_facts.hpp"',
        "",
        f"namespace {name} {{",
        "",
        f"inline constexpr Precision kPrecision = Precision::{row.cpp};",
        f"inline constexpr const char* kPrecisionName = {string_literal(engine.precision.value)};",
        f"inline constexpr ComputeCapability kPrecisionCapability{{{major}, {minor}}};",
        f"inline constexpr double kTolerance = {double_literal(TENSORRT[engine.precision])};",
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
