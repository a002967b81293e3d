"""`src/layer_references.hpp`: where the samples of every layer lie."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.cpp import float_literal, string_literal
from ..references import LayerReference


def layer_references_header(name: str, references: Sequence[LayerReference], inputs: Sequence[str]) -> str:
    """The references, and the .npy files under assets/goldens/ of the inputs that they are for."""
    lines = [
        "// What every layer gives for one input, as PyTorch computes it: samples in assets/layers.npy.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <cstdint>",
        "#include <string_view>",
        "",
        f"namespace {name} {{",
        "",
        "// Every stride-th element of a layer's output: `count` samples from `begin` on.",
        "struct LayerReference {",
        "  std::string_view layer;",
        "  std::int32_t output;",
        "  std::uint64_t elements;  // of the whole tensor",
        "  std::uint64_t stride;",
        "  std::uint64_t begin;",
        "  std::uint64_t count;",
        "  float largest;  // |value| of the whole tensor",
        "};",
        "",
        "// .npy files in assets/goldens, one for each input.",
        f"inline constexpr std::array<std::string_view, {len(inputs)}> kReferenceInputs{{",
        *(f"    {string_literal(file)}," for file in inputs),
        "};",
        "",
        f"inline constexpr std::array<LayerReference, {len(references)}> kLayerReferences{{{{",
    ]
    for r in references:
        numbers = f"{r.output}, {r.elements}, {r.stride}, {r.begin}, {r.count}"
        lines.append(f"    {{{string_literal(r.layer)}, {numbers}, {float_literal(r.largest)}}},")
    return "\n".join([*lines, "}};", "", f"}}  // namespace {name}", ""])
