"""`src/weights_info.hpp`: where each array of assets/weights.bin lies."""

from __future__ import annotations

from ...core.cpp import DTYPES, dims_literal, string_literal
from ..plan import NetworkPlan


def weights_info_header(name: str, plan: NetworkPlan) -> str:
    """The table of the plan's weights for a project called `name`."""
    lines = [
        "// The arrays of assets/weights.bin: little-endian, aligned, outermost dimension first.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <cstdint>",
        "#include <string_view>",
        "",
        f'#include "{name}/tensor.hpp"',
        "",
        f"namespace {name} {{",
        "",
        "struct WeightInfo {",
        "  std::string_view name;",
        "  DType dtype;",
        "  Dims dims;",
        "  std::uint64_t offset;  // bytes",
        "  std::uint64_t size;    // bytes",
        "  std::string_view sha256;",
        "};",
        "",
    ]
    table = f"inline constexpr std::array<WeightInfo, {len(plan.weights)}> kWeights"
    lines.append(f"{table}{{{{" if plan.weights else f"{table}{{}};")
    for w in plan.weights:
        kind = f"{DTYPES[w.dtype]}, {dims_literal(w.dims)}"
        lines.append(f'    {{{string_literal(w.name)}, {kind}, {w.offset}, {w.size}, "{w.sha256}"}},')
    return "\n".join([*lines, *(["}};"] if plan.weights else []), "", f"}}  // namespace {name}", ""])
