"""LoadedModel + ModelSpec -> Artifact: a frozen TorchScript file that was compared with eager first."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...core import tolerances
from ...core.errors import CheckFailed, EnvironmentLacks, UsageError
from ...core.files import file_facts
from ...core.files import hashes as hashes
from ...core.loaded import LoadedModel
from ...core.messages import details, export_problem, first_line, plain, quiet_compiler, short_place, summary
from ...core.progress import Progress
from ...core.spec import Artifact, ChangedAttribute, ModelSpec, Precision
from ...model.branches.trace import Branches, branches_taken
from ...model.history import between, counted, counted_notes, counted_untaken
from ...model.sizes.answers import Answers, answers_for
from ...model.sizes.bounding import (
    Bounded,
    Check,
    SizeProblem,
    bounded,
    compared_sizes,
    refuse_asked,
    with_note,
)
from ...tensors.compare import channels_last, check_repeatable, compared_with_answers
from ...tensors.draws import RandomDraw, refuse_draws, run_draws, with_places
from ...tensors.export_guards import Guards, assertion_notes
from ...tensors.fast_path import fast_path_off
from ...tensors.flat import with_flat_outputs, without_prefix
from ...tensors.stimuli import covering, seeded_inputs
from .memory_format import check_weights, in_channels_last
from .script_arguments import with_tensor_arguments
from .script_state import ScriptState, Versions, script_state
from .variants import VARIANTS, Unsuited, Variant

ARTIFACT = "model.pt"

_SEEDS = (11_003, 11_017)
"""The first traces, the second checks on an input that the trace has not seen."""

_MORE_SEEDS = tuple(range(11_100, 11_108))
"""Where the tracer warned: a branch that half of all inputs take slips through ten checks once in 500."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """An artifact in memory, with how it was made and how it compares."""

    module: Any
    method: str
    whole: Any = None
    """The module before it was frozen, which tells more of the user's lines; None: `module` itself."""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""
    """Why it is not the model; empty when it is."""
    details: str = ""
    """The same as torch said it, at length."""
    notes: tuple[str, ...] = ()
    """What it does not check, though the model does."""
    channels_last: bool = False
    """Other kernels than eager's run, which add in another order: the goldens' tolerance holds."""
    worst: float = 0.0
    """Largest relative difference from eager."""
    state: ScriptState = field(default_factory=ScriptState)
    """What its runs change of it."""
    sizes: SizeProblem | None = None
    """Where it is not the model, though it is at the opt sizes."""

    @property
    def what(self) -> str:
        """For people: `the trace`."""
        names = {"script": "the scripted model", "trace": "the trace", "given": "the TorchScript file"}
        return names.get(self.method.partition(",")[0], "the exported model")

    @property
    def why_not(self) -> str:
        """What is wrong with it; empty: it is the model at all sizes, and no runs have to take turns."""
        turns = f"runs would take turns: {self.state.shared}" if self.state.shared else ""
        return self.problem or (self.sizes.text if self.sizes else "") or turns


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    freeze: bool
    channels_last: bool
    export_first: bool
    """Fusion gets further on what torch.export made, which has no branches or lists."""
    answers: Answers
    """What candidates are compared with."""
    precision: Precision = Precision.fp32
    """Of what candidates compute in."""

    def source(self, module: Any) -> Any:
        """The module to start from: a copy where its weights get another order, which is eager's no more."""
        return in_channels_last(module) if self.channels_last else module


def export_torchscript(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    progress: Progress,
    variant: Variant = VARIANTS["frozen"],
    answers: Answers | None = None,
) -> tuple[Artifact, ModelSpec]:
    """Writes directory/model.pt; gives the spec back with the batch bounded where the artifact needs it.

    Scripts, else traces; freezes, and reorders the weights, as `variant` says. Before anything is
    written, the artifact's outputs are compared with the eager module's, in number, shape and value, for
    two seeds and at the sizes of `answers`. Raises CheckFailed when neither way gives the model, or not
    within the bounds that the user gave; Unsuited where channels-last order may be why.
    """
    if loaded.onnx is not None:
        raise UsageError(
            f"{loaded.source_text}: an ONNX file is for the tensorrt backend",
            hint="add --backend tensorrt, or name the Python model (module:factory) or a TorchScript file.",
        )
    if variant.channels_last:
        check_weights(loaded)
    inputs = seeded_inputs(spec.inputs, _SEEDS[0])
    names = [t.name for t in spec.inputs]
    others = between(spec.inputs, _SEEDS[1])
    changed = check_repeatable(
        loaded.module, loaded.source_text, inputs, names, others, of_file=loaded.of_file
    )
    way = _Way(
        freeze=variant.freeze,
        channels_last=variant.channels_last,
        export_first=variant.fusion,
        answers=answers_for(loaded, answers),
        precision=loaded.precision,
    )
    try:
        candidate, spec = _within_bounds(loaded, spec, way, progress)
    except RandomDraw:
        raise
    except CheckFailed as e:
        if not variant.channels_last:
            raise
        # It may be the order that does it: `view` refuses what lies in another one.
        raise Unsuited(e.message, feature="channels_last", hint=e.hint, details=e.details) from None
    notes = [*spec.notes, *candidate.notes]
    if changed:
        notes.append(f"forward changes its input {', '.join(changed)} in place.")
    branches = Branches()
    if candidate.method.startswith("trace"):  # the tracer does not warn of all that Python takes of tensors
        branches = branches_taken(loaded.eager, way.answers, spec, (*_SEEDS, *_MORE_SEEDS))
        notes += branches.notes()
    counts = () if loaded.scripted or candidate.method.startswith("script") else counted(loaded.eager, inputs)
    notes += counted_notes(counts)
    notes += _state_notes(candidate.state)
    path = directory / ARTIFACT
    try:
        directory.mkdir(exist_ok=True)
        with _quiet():
            _save(candidate.module, path)
    except (OSError, RuntimeError) as e:
        said = (getattr(e, "strerror", None) or str(e).strip().splitlines()[0])[:200]
        raise EnvironmentLacks(
            f"cannot write {path}: {said}", hint="check the free space and the permissions of that folder."
        ) from None
    facts = file_facts(path)
    progress(
        f"{ARTIFACT}: {candidate.method}, {facts.size / 1e6:.1f} MB,"
        f" differs from eager by {candidate.worst:.1e} of the largest output"
    )
    artifact = Artifact(
        file=ARTIFACT,
        format="torchscript",
        size=facts.size,
        sha256=facts.sha256,
        head_tail_sha256=facts.head_tail_sha256,
        fletcher4=facts.fletcher4,
        method=candidate.method,
        reason=candidate.reason,
        warnings=candidate.warnings,
        untaken=(*branches.untaken(), *counted_untaken(counts)),
        changed=tuple(ChangedAttribute(path=c.path, in_place=c.in_place) for c in candidate.state.changed)
        if not candidate.state.shared
        else (),
        serialised=without_prefix(candidate.state.shared),
    )
    return artifact, replace(spec, notes=tuple(notes))


def _state_notes(state: ScriptState) -> list[str]:
    names = ", ".join(without_prefix(c.path) for c in state.changed)
    if state.shared:
        return [f"Runs share state of the model, so they take turns: {without_prefix(state.shared)}."]
    if state.changed:
        return [f"forward changes {names} of the model: every run starts from a copy of its own."]
    return []


def _within_bounds(
    loaded: LoadedModel, spec: ModelSpec, way: _Way, progress: Progress
) -> tuple[_Candidate, ModelSpec]:
    """The best candidate, and the spec with the bounds within which it is the model."""
    make = _given if loaded.scripted else _made
    candidates = make(loaded, spec, way, progress)
    whole = next((c for c in candidates if c.sizes is None), None)
    if whole is not None:
        return whole, spec
    reached = [(c, _bounded(c, spec, way)) for c in candidates]
    found, best = max(reached, key=lambda r: r[1].reach)
    refuse_asked(way.answers, spec, best, found.what)
    narrowed = with_note(spec, best, found.what)
    progress(narrowed.notes[-1])
    if (
        way.export_first and not loaded.scripted
    ):  # which fusion gets further on, and which may hold within these
        exported = _export(loaded, narrowed, way)
        if not exported.why_not:
            return exported, narrowed
    return found, narrowed


def _bounded(candidate: _Candidate, spec: ModelSpec, way: _Way) -> Bounded:
    assert candidate.sizes is not None
    return bounded(way.answers, spec, _check(candidate, way), candidate.sizes)


def _made(loaded: LoadedModel, spec: ModelSpec, way: _Way, progress: Progress) -> list[_Candidate]:
    """What gives the model's answers at the opt sizes, best first: at all sizes, with runs of their own."""
    made: list[_Candidate] = []

    def tried(candidate: _Candidate, what: str) -> bool:
        """Whether nothing is wrong with it; kept where it is the model at the opt sizes."""
        if not candidate.problem:
            made.append(candidate)
        if candidate.why_not:
            progress(f"not {what}: {candidate.why_not}")
        return not candidate.why_not

    if way.export_first and tried(_export(loaded, spec, way), "exported"):
        return made[::-1]
    scripted = _script(loaded, spec, way)
    if tried(scripted, "scripted"):
        return made[::-1]
    if scripted.problem and any(c.sizes is None for c in made):  # its runs take turns, and so would a trace's
        return made
    if not scripted.problem and scripted.sizes is None:
        return made
    why = scripted.problem or f"the scripted model is not the model {scripted.why_not}"
    traced = _trace(loaded, spec, way, reason=f"traced: {why}")
    if tried(traced, "traced"):
        return made[::-1]
    if not made:
        raise CheckFailed(
            f"{loaded.source_text} cannot be turned into TorchScript:\n"
            f"  script: {scripted.problem}\n  trace: {traced.problem}"
            + "".join(f"\n  {w}" for w in traced.warnings),
            hint="make forward free of branches on values, or scriptable (type annotations, no **kwargs).",
            details="\n".join(f"=== {c.method}\n{c.details}" for c in (scripted, traced) if c.details),
        )
    return made


def _given(loaded: LoadedModel, spec: ModelSpec, way: _Way, progress: Progress) -> list[_Candidate]:
    """A source that is TorchScript already."""
    with _quiet():
        source = with_tensor_arguments(way.source(loaded.module), len(spec.inputs))
    module, frozen, why = _freeze(source) if way.freeze else (source, "", "")
    made = _Candidate(module=module, method=f"given{frozen}", reason=why, channels_last=way.channels_last)
    made = _compared(made, loaded, spec, way)
    if made.why_not and (frozen or made.problem):
        progress(f"not frozen: {made.why_not}")
        kept = replace(
            made, module=source, method="given", reason=f"not frozen: {made.why_not}", problem="", sizes=None
        )
        kept = _compared(kept, loaded, spec, way)
        made = kept if made.problem or not kept.why_not else made
    if made.problem:
        raise CheckFailed(f"{loaded.source_text} does not give the same answers twice: {made.problem}")
    return [made]


def _export(loaded: LoadedModel, spec: ModelSpec, way: _Way) -> _Candidate:
    from .exported_trace import export_and_trace

    notes: list[str] = []

    def found(guards: Guards) -> None:
        way.answers.learn(guards.conditions)
        notes.extend(assertion_notes(guards, "the artifact"))

    try:
        with quiet_compiler():
            module = export_and_trace(
                loaded.module, spec.inputs, channels_last=way.channels_last, found=found
            )
    except Exception as e:  # noqa: BLE001 - exporting raises many kinds
        return _Candidate(module=None, method="export", problem=export_problem(e), details=details(e))
    made = _Candidate(
        module=module, method="export, trace", channels_last=way.channels_last, notes=tuple(notes)
    )
    return _frozen_and_compared(made, loaded, spec, way)


def _script(loaded: LoadedModel, spec: ModelSpec, way: _Way) -> _Candidate:
    import torch

    try:
        with _quiet(), fast_path_off():
            module = torch.jit.script(way.source(loaded.module))
            module = with_tensor_arguments(module, len(spec.inputs))
    except Exception as e:  # noqa: BLE001 - the compiler raises many kinds
        problem = f"scripting failed{_script_error(e)}"
        return _Candidate(module=None, method="script", problem=problem, details=details(e))
    made = _Candidate(module=module, method="script", channels_last=way.channels_last)
    return _frozen_and_compared(made, loaded, spec, way)


def _trace(loaded: LoadedModel, spec: ModelSpec, way: _Way, reason: str) -> _Candidate:
    import torch

    example = tuple(seeded_inputs(spec.inputs, _SEEDS[0]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with torch.no_grad(), fast_path_off():
                # A list of outputs needs strict=False.
                trace: Any = torch.jit.trace
                source = with_flat_outputs(way.source(loaded.module), example)
                module = trace(source, example, check_trace=False, strict=False)
        except Exception as e:  # noqa: BLE001 - the user's forward runs here
            problem = f"tracing failed: {first_line(e)}"
            return _Candidate(module=None, method="trace", problem=problem, details=details(e))
    warned = dict.fromkeys(
        f"{short_place(w.filename, w.lineno)}: {summary(str(w.message))}"
        for w in caught
        if w.category.__name__ == "TracerWarning"
    )
    traced = _Candidate(
        module=module,
        method="trace",
        reason=reason,
        warnings=tuple(warned),
        channels_last=way.channels_last,
    )
    return _frozen_and_compared(traced, loaded, spec, way)


def _frozen_and_compared(made: _Candidate, loaded: LoadedModel, spec: ModelSpec, way: _Way) -> _Candidate:
    """Frozen when that works and is equal; else as it is; `problem` set when that is not equal either."""
    module, frozen, why = _freeze(made.module) if way.freeze else (made.module, "", "")
    sharing: _Candidate | None = None
    if frozen:
        whole = made.module
        first = _compared(
            replace(made, module=module, whole=whole, method=made.method + frozen), loaded, spec, way
        )
        if not first.problem and not first.state.shared:
            return first
        why = f"not frozen: {first.problem or first.state.shared}"
        sharing = None if first.problem else first
    reason = "; ".join(r for r in (made.reason, why) if r)
    second = _compared(replace(made, reason=reason), loaded, spec, way)
    if sharing and (second.problem or second.state.shared):
        return sharing
    if second.problem:
        return replace(second, problem=f"{made.what} is not the model: {second.problem}")
    return second


def _freeze(module: Any) -> tuple[Any, str, str]:
    """(module, ", frozen" or "", why not)."""
    import torch

    if isinstance(module, torch.jit.ScriptModule) and not hasattr(module, "training"):
        return module, ", frozen", ""  # it came frozen
    try:
        with _quiet(), torch.no_grad():
            frozen: Any = torch.jit.freeze(module.eval())
        for node in frozen.graph.findAllNodes("aten::warn"):
            node.destroy()  # scripted GoogLeNet would complain of itself in every C++ program
        return frozen, ", frozen", ""
    except Exception as e:  # noqa: BLE001 - freezing raises many kinds
        return module, "", f"not frozen: {first_line(e)}"


def _compared(made: _Candidate, loaded: LoadedModel, spec: ModelSpec, way: _Way) -> _Candidate:
    """The candidate with what its comparison with eager found, and the state of its runs.

    Raises RandomDraw for one that draws at run time: no comparison says anything of it.
    """
    state = script_state(made.module)
    if state.draws:
        drawn = list(state.draws)
        if made.whole is not None:
            drawn = with_places(drawn, lambda: list(script_state(made.whole).draws))
        drawn = with_places(drawn, lambda: run_draws(loaded.eager, seeded_inputs(spec.inputs, _SEEDS[0])))
        refuse_draws(loaded.source_text, drawn, of_file=loaded.of_file)
    versions = Versions.of(made.module)
    found = _differences(made, spec, way)
    return replace(found, state=versions.completed(state))


def _differences(made: _Candidate, spec: ModelSpec, way: _Way) -> _Candidate:
    """Outputs against eager: two seeds or more at the opt sizes, then the other sizes that are compared."""
    worst = 0.0
    check = _check(made, way)
    seeds = (*_SEEDS, *(_MORE_SEEDS if made.warnings else ()))
    for seed in covering(spec.inputs, seeds):
        problem, relative = check(*way.answers.of(spec.inputs, seed))
        if problem:
            return replace(made, problem=f"{problem} (seed {seed})")
        worst = max(worst, relative)
    sizes, relative = compared_sizes(way.answers, spec, check)
    return replace(made, worst=max(worst, relative), sizes=sizes)


def _check(made: _Candidate, way: _Way) -> Check:
    """Compares a candidate with the model's answers."""
    tolerance = tolerances.PARITY if made.channels_last else tolerances.TORCHSCRIPT
    if way.precision is not Precision.fp32:  # folded and fused operators round elsewhere
        tolerance = tolerances.LIBTORCH[way.precision]

    def check(inputs: Sequence[Any], reference: Sequence[tuple[str, Any]]) -> tuple[str, float]:
        given = channels_last(inputs) if made.channels_last else None
        return compared_with_answers(made.module, reference, inputs, tolerance, given)

    return check


def _save(module: Any, path: Path) -> None:
    """Written in memory first: on a full disk torch's own writer ends the process."""
    import torch

    raw = io.BytesIO()
    torch.jit.save(module, raw)
    raw.seek(0)
    archive = _without_places(raw)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(archive.getbuffer())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _without_places(raw: io.BytesIO) -> io.BytesIO:
    """The archive without its debug records, which name files and folders of this machine."""
    import torch

    archive = io.BytesIO()
    reader: Any = torch._C.PyTorchFileReader(raw)
    writer: Any = torch._C.PyTorchFileWriter(archive)
    own = ("version", "byteorder", ".data/serialization_id")  # the writer adds them by itself
    for name in reader.get_all_records():
        if name not in own and not name.endswith(".debug_pkl"):
            data = reader.get_record(name)
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    return archive


@contextmanager
def _quiet() -> Iterator[None]:
    """TorchScript's deprecation warnings (we know, and refuse Python 3.14) and scripted models' own ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _script_error(e: BaseException) -> str:
    """` at file:line: first line`, from the compiler's own report."""
    lines = [line.rstrip() for line in str(e).splitlines() if line.strip()]
    place = re.search(r'File "([^"]+)", line (\d+)', str(e))
    where = f" at {short_place(place.group(1), int(place.group(2)))}" if place else ""
    return f"{where}: {plain(lines[0].strip() if lines else type(e).__name__)}"
