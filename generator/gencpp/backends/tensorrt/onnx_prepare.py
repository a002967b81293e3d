"""An exporter's graph, or a given file's, made ready for the wanted TensorRT; nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...core.errors import UsageError
from ...core.messages import first_line
from ...core.spec import ModelSpec
from ...core.words import counted
from ...onnx.from_torch import OnnxCandidate
from ...onnx.graph import describe_border, drop_unused, infer_shapes, lift_constants, opset_of, own_outputs
from ...onnx.names import keep_names, readable_names, strip
from ...onnx.opset import LOWEST, to_opset_17, write_out_layer_norm
from ...onnx.uint8 import cast_first
from .operators import (
    OPSETS,
    Unsupported,
    border_problems,
    inner_problems,
    narrowed_values,
    oldest_for,
    opset_problem,
    unsupported,
)
from .types import SYMMETRIC


class Unfit(Exception):
    """A graph that the wanted TensorRT does not take: all that it lacks, and what to do."""

    def __init__(self, problems: Sequence[str], hint: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
        self.hint = hint


def prepared(
    candidate: OnnxCandidate, spec: ModelSpec, version: str | None, *, of_file: bool = False
) -> OnnxCandidate:
    """The graph with our names (a given file: with its own), without notes, with shapes.

    For the parser of TensorRT `version`; None: for none. `of_file`: the model came as a file, and its code is
    not here to be changed.
    """
    model = candidate.model
    inputs, outputs = [t.name for t in spec.inputs], [t.name for t in spec.outputs]
    lift_constants(model)
    own_outputs(model)
    drop_unused(model)
    if candidate.given:
        keep_names(model, inputs, outputs)
    else:
        known = (candidate.parameters, candidate.modules, candidate.paths, candidate.prefix)
        readable_names(model, inputs, outputs, *known)
    strip(model)
    describe_border(model, spec.inputs, spec.outputs)
    infer_shapes(model)
    cast_first(model)
    if version is not None:
        candidate = _lowered(candidate, version)
        _refuse_what_tensorrt_lacks(candidate.model, version, of_file)
    narrowed = narrowed_values(candidate.model)
    if narrowed:
        told = (
            f"{counted(len(narrowed), 'float64 value')}, such as {narrowed[0]}:"
            " TensorRT computes in float32 there"
        )
        return replace(candidate, warnings=(*candidate.warnings, told))
    return candidate


def _lowered(candidate: OnnxCandidate, version: str) -> OnnxCandidate:
    """For the opset and the operators of `version`."""
    import onnx

    model = candidate.model
    newest = OPSETS[version]
    hint = "use a later --tensorrt-min, or change the model."
    if opset_of(model) > max(newest, LOWEST + 1):
        try:
            model = onnx.version_converter.convert_version(model, max(newest, LOWEST + 1))
        except (RuntimeError, ValueError) as e:
            raise Unfit([f"{opset_problem(opset_of(model), version)}: {first_line(e)}"], hint) from None
    if opset_of(model) > newest:
        problems = to_opset_17(model)
        if problems:
            raise Unfit([f"TensorRT {version} needs opset {newest}: {p}" for p in problems], hint)
    if any(u.operator == "LayerNormalization" for u in unsupported(model, version)):
        candidate = replace(candidate, sensitive=frozenset(write_out_layer_norm(model)))
    if opset_of(model) > newest:
        raise Unfit([opset_problem(opset_of(model), version)], hint)
    infer_shapes(model)
    return replace(candidate, model=model)


def _refuse_what_tensorrt_lacks(model: Any, version: str, of_file: bool) -> None:
    found = unsupported(model, version)
    lacking = [u.by_nodes() if of_file else str(u) for u in found] + inner_problems(model)
    if lacking:
        raise Unfit(lacking, _remedy(found, oldest_for(model), of_file))


def _remedy(found: Sequence[Unsupported], later: str, of_file: bool) -> str:
    """What to do about operators that the wanted TensorRT lacks; `later`: the first that lacks none."""
    if later:
        return f"use --tensorrt-min {later}, which takes all of it."
    if found and all(u.operator in ("QuantizeLinear", "DequantizeLinear") for u in found):
        return SYMMETRIC
    uint8 = any("uint8" in u.reason for u in found)
    if of_file:
        return (
            "export the file anew without them"
            + (" and with uint8 inputs cast to float first" if uint8 else "")
            + ", or cut it before them (onnx.utils.extract_model) and compute the rest in C++."
        )
    return (
        "change those modules: " + ("cast uint8 inputs to float first, " if uint8 else "") + "write the "
        "operator with others, or let forward return what goes into it and compute the rest in C++."
    )


_CAST = "cast inside forward (.float(), .int())"


def refuse_border_types(spec: ModelSpec, version: str, *, of_file: bool = False) -> None:
    """Raises UsageError for inputs and outputs of types that the engine could not keep."""
    problems = border_problems("input", spec.inputs, version)
    problems += border_problems("output", spec.outputs, version)
    if problems:
        raise UsageError(
            f"TensorRT {version} cannot keep the element types of {spec.source}: {'; '.join(problems)}",
            hint=("export the file anew with float32 or int32 there" if of_file else _CAST)
            + ", or use a later --tensorrt-min where one takes it.",
        )
