"""LoadedModel + ModelSpec -> Artifact: an ONNX file that TensorRT takes, compared with the model first."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import CheckFailed, GencppError, UsageError
from ...core.files import disk_errors, file_facts
from ...core.loaded import LoadedModel
from ...core.messages import details, export_problem, last_line
from ...core.precision import PRECISIONS
from ...core.progress import Progress
from ...core.spec import Artifact, ModelSpec, Precision
from ...model.branches.trace import branches_taken
from ...model.history import between, counted, counted_notes, counted_untaken
from ...model.sizes.answers import Answers, answers_for
from ...model.sizes.bounding import (
    Bounded,
    batch_is_asked,
    refuse_asked,
    touches_asked,
    with_note,
    within_guards,
)
from ...onnx.draws import onnx_draws
from ...onnx.file import read_onnx
from ...onnx.from_torch import DYNAMO_OPSET, OnnxCandidate, by_dynamo, by_tracing
from ...onnx.given import as_given
from ...onnx.graph import EXTERNAL_ABOVE, operator_counts, opset_of, save
from ...onnx.precision import mixed_types, to_precision
from ...onnx.runtime import overflowing
from ...tensors.compare import check_repeatable, fix_batch
from ...tensors.draws import refuse_draws
from ...tensors.export_guards import assertion_notes
from ...tensors.mask_layouts import compared_by_layout
from ...tensors.stimuli import seeded_inputs
from .onnx_parity import MORE_SEEDS, SEEDS, parity
from .onnx_prepare import Unfit, prepared, refuse_border_types
from .operators import OPSETS, PRECISIONS_SINCE, VERSIONS, check_version

ARTIFACT = "model.onnx"

_SEED = SEEDS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxOptions:
    """What the ONNX file is made for."""

    tensorrt_min: str = "10.0"
    """The oldest TensorRT that has to take it; one of trt_operators.VERSIONS."""
    precision: Precision = Precision.fp32
    external_above: int = EXTERNAL_ABOVE
    """Bytes of weights above which they go into a file of their own."""
    parser: bool = True
    """Whether TensorRT's parser is to read it: opset and operators are then those that it takes."""

    def __post_init__(self) -> None:
        check_version(self.tensorrt_min)
        since = PRECISIONS_SINCE[self.precision]
        if VERSIONS.index(self.tensorrt_min) < VERSIONS.index(since):
            raise UsageError(
                f"--precision {self.precision} needs TensorRT {since},"
                f" and --tensorrt-min is {self.tensorrt_min}",
                hint=f"Use --tensorrt-min {since}, or another precision.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxExport:
    """What was written, and the model as the file has it."""

    artifact: Artifact
    model: ModelSpec
    opset: int
    operators: tuple[tuple[str, int], ...]
    """(operator, nodes), most frequent first"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A finished ONNX graph that gave the model's answers."""

    candidate: OnnxCandidate
    spec: ModelSpec
    reason: str = ""
    worst: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """Why a way does not give the model."""

    text: str
    hint: str = ""
    details: str = ""
    """What an exporter said at length."""
    bounds: Bounded | None = None
    """Where it is the model at the opt sizes: the sizes at which it is."""


_Exporter = Callable[[ModelSpec], OnnxCandidate]
_Way = tuple[str, _Exporter, ModelSpec]


def export_onnx(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    options: OnnxOptions,
    progress: Progress,
    answers: Answers | None = None,
) -> OnnxExport:
    """Writes directory/model.onnx (and model.onnx.data beside it when the weights are large).

    By torch's dynamo exporter, else the older one; with a dynamic batch, else a bounded or a fixed one.
    Before anything is written, the file is checked and its answers, by ONNX Runtime, are compared with the
    eager module's: for two seeds, and at the sizes of `answers`. Raises CheckFailed when no way gives the
    model, with what each said, and where none does so within the bounds that the user gave.
    """
    answers = answers_for(loaded, answers)
    spec = _distinct_names(spec)
    refuse_border_types(spec, options.tensorrt_min, of_file=loaded.of_file)
    names = [t.name for t in spec.inputs]
    inputs = seeded_inputs(spec.inputs, _SEED)
    others = between(spec.inputs, SEEDS[1])
    changed = check_repeatable(
        loaded.module, loaded.source_text, inputs, names, others, of_file=loaded.of_file
    )
    notes = [f"forward changes its input {', '.join(changed)} in place."] if changed else []
    with disk_errors(directory):
        directory.mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".onnx-", dir=directory))
    try:
        made = _made(loaded, spec, scratch, options, progress, answers)
        with disk_errors(directory / ARTIFACT):
            artifact = _artifact(made, scratch)
            (directory / f"{ARTIFACT}.data").unlink(missing_ok=True)
            for file in sorted(scratch.iterdir(), reverse=True):  # the weights first, then what names them
                file.replace(directory / file.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    total = artifact.size + (artifact.external.size if artifact.external else 0)
    progress(
        f"ONNX: {artifact.method}, {total / 1e6:.1f} MB,"
        f" differs from eager by {made.worst:.1e} of the largest output"
    )
    notes += assertion_notes(made.candidate.guards, "the ONNX file")
    counts = () if loaded.onnx is not None or loaded.scripted else counted(loaded.module, inputs)
    notes += counted_notes(counts)
    artifact = replace(artifact, untaken=counted_untaken(counts))
    if made.candidate.traced:
        branches = branches_taken(loaded.module, answers, made.spec, (*SEEDS, *MORE_SEEDS))
        notes += branches.notes()
        artifact = replace(artifact, untaken=(*branches.untaken(), *artifact.untaken))
    return OnnxExport(
        artifact=artifact,
        model=replace(made.spec, notes=(*made.spec.notes, *notes)),
        opset=opset_of(made.candidate.model),
        operators=operator_counts(made.candidate.model),
    )


def _made(
    loaded: LoadedModel,
    spec: ModelSpec,
    folder: Path,
    options: OnnxOptions,
    progress: Progress,
    answers: Answers,
) -> _Made:
    """The first way that gives the model, its file in `folder`; raises CheckFailed with all that failed.

    First within the bounds of `spec`; else, where these are ours, within those that some way is right for;
    else with a fixed batch.
    """
    problems: dict[str, _Problem] = {}

    def first_of(ways: list[_Way], what_for: str = "") -> _Made | None:
        for what, ask, asked in ways:
            found = _tried(loaded, ask, asked, folder, options, answers)
            if isinstance(found, _Made):
                reason = "; ".join(f"{w}: {' '.join(p.text.split())}" for w, p in problems.items())
                return replace(found, reason=reason)
            for file in folder.iterdir():
                file.unlink()
            if found.text not in [p.text for p in problems.values()]:
                progress(f"not exported by {what}{what_for}: {found.text}")
                problems[f"{what}{what_for}"] = found
        return None

    if made := first_of(_ways(loaded, spec, options)):
        return made
    what = "the ONNX file"
    best = _widest(problems)
    if best is not None and not touches_asked(answers, best):
        narrowed = with_note(spec, best, what)
        if narrowed.batch.dynamic and (
            made := first_of(_ways(loaded, narrowed, options), " within narrower bounds")
        ):
            return made
    if loaded.onnx is None and problems and not batch_is_asked(answers, spec):
        why = " ".join(next(iter(problems.values())).text.split())
        note = f"The batch is fixed at {spec.batch.opt}: {why}."
        fixed = replace(fix_batch(spec), notes=(*spec.notes, note))
        if fixed.inputs != spec.inputs and (
            made := first_of(_ways(loaded, fixed, options), " with a fixed batch")
        ):
            return made
    if (best := _widest(problems)) is not None:
        refuse_asked(answers, spec, best, what)
    raise CheckFailed(
        f"{loaded.source_text} cannot be turned into ONNX for TensorRT {options.tensorrt_min}:"
        + "".join(f"\n  {what}: {p.text}" for what, p in problems.items()),
        hint=next((p.hint for p in problems.values() if p.hint), "") or _hint(loaded, problems),
        details="\n".join(f"=== {what}\n{p.details}" for what, p in problems.items() if p.details),
    )


def _hint(loaded: LoadedModel, problems: Mapping[str, _Problem]) -> str:
    if loaded.onnx is not None:
        return _FILE
    if loaded.of_file:
        return _SCRIPT
    unknown = problems and all(any(text in p.text for text in _UNKNOWN) for p in problems.values())
    return _OPERATOR if unknown else _CHANGE


def _widest(problems: Mapping[str, _Problem]) -> Bounded | None:
    """Of the ways that gave the model at the opt sizes, the bounds that reach furthest."""
    found = [p.bounds for p in problems.values() if p.bounds is not None]
    return max(found, key=lambda b: b.reach, default=None)


_OPERATOR = (
    "ONNX has no such operator: write it with PyTorch's own ones, or let forward return what goes into it and"
    " compute the rest in C++."
)
_UNKNOWN = ("No ONNX function found", "unrecognized namespace")
"""What torch's two exporters say of an operator that they do not know."""

_FILE = "export the file anew without what is named here, in opset 13 or later."
_SCRIPT = "save the file anew without what is named here, or name the Python model (module:factory)."

_CHANGE = "make forward free of branches on values, and of code that torch.export cannot follow."


def _tried(
    loaded: LoadedModel,
    ask: _Exporter,
    asked: ModelSpec,
    folder: Path,
    options: OnnxOptions,
    answers: Answers,
) -> _Made | _Problem:
    """What one exporter made, compared with the model, its file in `folder`; or what is wrong with it."""
    import onnx

    try:
        candidate = ask(asked)
    except GencppError:
        raise
    except Exception as e:  # noqa: BLE001 - the exporters and the user's forward raise many kinds
        return _Problem(text=export_problem(e), details=details(e))
    refuse_draws(loaded.source_text, onnx_draws(candidate.model), of_file=loaded.of_file)
    answers.learn(candidate.guards.conditions)
    if (guarded := within_guards(answers, asked, candidate.guards)) is not None:
        # Before a file is made that would answer beyond them, too.
        return _Problem(text=f"it is not the model: {guarded.problem.text}", bounds=guarded)
    version = options.tensorrt_min if options.parser else None
    try:
        candidate = prepared(candidate, asked, version, of_file=loaded.of_file)
        with disk_errors(folder):
            save(candidate.model, folder / ARTIFACT, options.external_above)
        onnx.checker.check_model(str(folder / ARTIFACT))
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as e:
        return _Problem(text=f"it is not valid ONNX: {last_line(e)}")
    except Unfit as e:
        return _Problem(text="".join(f"\n    {p}" for p in e.problems), hint=e.hint)
    asked, compared, warning = compared_by_layout(
        asked, lambda s: parity(answers, s, folder / ARTIFACT, Precision.fp32, more=candidate.traced)
    )
    if compared.problem:
        return _Problem(text=f"it is not the model: {compared.problem}", bounds=compared.bounds)
    if warning:
        candidate = replace(candidate, warnings=(*candidate.warnings, warning))
    made = _Made(candidate=candidate, spec=asked, worst=compared.worst)
    try:
        return CONVERTERS[options.precision](made, folder, options, answers)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as e:
        return _Problem(text=f"in {options.precision} it is not valid ONNX: {last_line(e)}")


def _as_it_is(made: _Made, folder: Path, options: OnnxOptions, answers: Answers) -> _Made | _Problem:
    """Exporters write float32."""
    return made


def _converted(made: _Made, folder: Path, options: OnnxOptions, answers: Answers) -> _Made | _Problem:
    """The same in float16 or bfloat16, its file in place of the other, compared anew."""
    import onnx

    model, path, precision = made.candidate.model, folder / ARTIFACT, options.precision
    row = PRECISIONS[precision]
    hint = f"use --precision fp32, or scale what is too large for {row.title} ({row.largest:g})."
    converted = to_precision(model, precision, made.candidate.sensitive)
    mixed = mixed_types(model)
    if mixed:
        return _Problem(text=f"{precision}: operands of several types: {'; '.join(mixed)}", hint=hint)
    with disk_errors(folder):
        save(model, path, options.external_above)
    onnx.checker.check_model(str(path))
    told = [f"{precision}: {c} is beyond {row.largest:g} and was set to it" for c in converted.clamped]
    candidate = replace(made.candidate, warnings=(*made.candidate.warnings, *told))
    compared = parity(answers, made.spec, path, precision, more=candidate.traced)
    if compared.problem:
        nodes = overflowing(path, seeded_inputs(made.spec.inputs, _SEED), precision)
        where = f"; beyond {row.title} is the result of {', '.join(nodes[:5])}" if nodes else ""
        return _Problem(
            text="".join(
                f"\n    {t}"
                for t in (f"in {precision} it is not the model: {compared.problem}{where}", *told)
            ),
            hint=hint,
            bounds=compared.bounds,
        )
    return replace(made, candidate=candidate, worst=compared.worst)


CONVERTERS: dict[Precision, Callable[[_Made, Path, OnnxOptions, Answers], _Made | _Problem]] = {
    Precision.fp32: _as_it_is,
    Precision.fp16: _converted,
    Precision.bf16: _converted,
}
"""What turns the exporters' float32 file into one of a precision."""


def _ways(loaded: LoadedModel, spec: ModelSpec, options: OnnxOptions) -> list[_Way]:
    """(name, exporter, what it is asked for), best first."""
    opset = min(DYNAMO_OPSET, OPSETS[options.tensorrt_min]) if options.parser else DYNAMO_OPSET

    def dynamo(asked: ModelSpec) -> OnnxCandidate:
        return by_dynamo(loaded, asked)

    def tied(asked: ModelSpec) -> OnnxCandidate:
        return by_dynamo(loaded, asked, tied=True)

    def tracing(asked: ModelSpec) -> OnnxCandidate:
        return by_tracing(loaded, asked, opset)

    def given(_: ModelSpec) -> OnnxCandidate:
        assert loaded.onnx is not None
        model = read_onnx(loaded.onnx)
        opset = opset_of(model)
        model = as_given(loaded.onnx, model)
        converted = f", converted from opset {opset}" if opset_of(model) != opset else ""
        return OnnxCandidate(model=model, method=f"given{converted}", given=True)

    if loaded.onnx is not None:
        return [("the given file", given, spec)]
    ways: list[_Way] = [("dynamo", dynamo, spec)]
    bounds = [d for t in spec.inputs for d in t.other_dims if d.dynamic]
    if len(set(bounds)) < len(bounds):
        ways.append(("dynamo, equal bounds as one dimension", tied, spec))
    ways.append(("the older exporter", tracing, spec))
    return ways


def _artifact(made: _Made, folder: Path) -> Artifact:
    facts = file_facts(folder / ARTIFACT)
    data = folder / (ARTIFACT + ".data")
    return Artifact(
        file=facts.file,
        format="onnx",
        size=facts.size,
        sha256=facts.sha256,
        head_tail_sha256=facts.head_tail_sha256,
        fletcher4=facts.fletcher4,
        method=f"{made.candidate.method}, opset {opset_of(made.candidate.model)}",
        reason=made.reason,
        warnings=made.candidate.warnings,
        external=file_facts(data) if data.exists() else None,
    )


def _distinct_names(spec: ModelSpec) -> ModelSpec:
    """Outputs that are called as an input get another name: in one graph every name is one value."""
    taken = {t.name for t in spec.inputs}
    outputs = []
    for t in spec.outputs:
        name = t.name
        while name in taken:
            name += "_out"
        taken.add(name)
        outputs.append(replace(t, name=name))
    return replace(spec, outputs=tuple(outputs))
