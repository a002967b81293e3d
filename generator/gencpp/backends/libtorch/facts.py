"""`src/libtorch_info.hpp`: facts of a LibTorch project."""

from __future__ import annotations

from ...core.cpp import bool_literal, string_literal
from ...core.spec import Artifact
from .spec import CompiledFor, LibTorchSpec


def libtorch_info_header(name: str, spec: LibTorchSpec, artifact: Artifact) -> str:
    """`src/libtorch_info.hpp`: how the artifact is run, and the machine that its code was compiled for."""
    made = spec.compiled or CompiledFor(architecture="", cpu_flags=(), torch="", threads=0)
    return "\n".join(
        [
            "// How the artifact is run.",
            "#pragma once",
            "",
            "#include <array>",
            "",
            '#include "libtorch/libtorch_facts.hpp"',
            "",
            f"namespace {name} {{",
            "",
            f"inline constexpr const char* kVariant = {string_literal(spec.variant)};",
            f"inline constexpr RunsOn kRunsOn = RunsOn::{spec.runs_on};",
            f"inline constexpr bool kFusion = {bool_literal(spec.fusion)};",
            f"inline constexpr bool kChannelsLast = {bool_literal(spec.channels_last)};",
            f"inline constexpr int kThreads = {spec.threads};",
            f"inline constexpr const char* kPrecision = {string_literal(spec.precision.value)};",
            "",
            "// What a run changes of the model, and so gets for itself.",
            *_changed(artifact),
            "// Why runs take turns; empty: they do not.",
            f"inline constexpr const char* kSerialised = {string_literal(artifact.serialised)};",
            "",
            "// Whether the artifact holds compiled code, and for which machine.",
            f"inline constexpr bool kCompiled = {bool_literal(spec.compiled is not None)};",
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
    rows = [f"    {{{string_literal(c.path)}, {bool_literal(c.in_place)}}}," for c in artifact.changed]
    return [f"{array}{{{{", *rows, "}};"]


def facts_cmake(name: str, spec: LibTorchSpec) -> str:
    """`cmake/facts.cmake`: what the build has to know of the artifact. Also part of the installed package."""
    compiled = "ON" if spec.compiled is not None else "OFF"
    lines = (
        "# Facts of this project's artifact.",
        f"set({name}_ARTIFACT_IS_COMPILED {compiled})",
        f"set({name}_RUNS_ON {spec.runs_on})  # cpu, cuda, any",
    )
    return "\n".join(lines) + "\n"
