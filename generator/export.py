"""LoadedModel + ModelSpec -> Artifact: a frozen TorchScript file that was compared with eager first."""

from __future__ import annotations

import copy
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .artifacts import (
    channels_last,
    check_repeatable,
    compared_with_eager,
    export_problem,
    file_facts,
    first_line,
    fix_batch,
    plain,
    quiet_compiler,
    summary,
)
from .artifacts import hashes as hashes
from .draws import refuse_draws, run_draws, with_places
from .errors import CheckFailed, EnvironmentLacks, UsageError
from .fast_path import fast_path_off
from .history import between
from .script_arguments import with_tensor_arguments
from .script_state import ScriptState, Versions, script_state
from .sources import LoadedModel, Progress
from .spec import LIBTORCH_TOLERANCE, PARITY_TOLERANCE, Artifact, ChangedAttribute, ModelSpec, Precision
from .stimuli import covering, seeded_inputs
from .structure import short_place
from .variants import VARIANTS, Variant

ARTIFACT = "model.pt"
TOLERANCE = 1e-5
"""Artifact against eager: largest |difference| / max |reference|. The same kernels run in both; what is
left is the rounding of folded BatchNorm and of fused operators."""

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
    channels_last: bool = False
    """Other kernels than eager's run, which add in another order: the goldens' tolerance holds."""
    worst: float = 0.0
    """Largest relative difference from eager."""
    batch_problem: str = ""
    state: ScriptState = field(default_factory=ScriptState)
    """What its runs change of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    freeze: bool
    channels_last: bool
    straight: bool
    """Fusion gets further on one straight line of operators."""

    def source(self, module: Any) -> Any:
        """The module to start from: a copy where its weights get another order, which is eager's no more."""
        import torch

        if not self.channels_last:
            return module
        return copy.deepcopy(module).to(memory_format=torch.channels_last)


def export_torchscript(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    progress: Progress,
    variant: Variant = VARIANTS["frozen"],
) -> tuple[Artifact, ModelSpec]:
    """Writes directory/model.pt; gives the spec back with the batch fixed where the artifact needs it.

    Scripts, else traces; freezes, and reorders the weights, as `variant` says. Before anything is
    written, the artifact's outputs are compared with the eager module's, in number, shape and value, for
    two seeds and for another batch size. Raises CheckFailed when neither way gives the model.
    """
    if loaded.onnx is not None:
        raise UsageError(
            f"{loaded.source_text}: an ONNX file is for the tensorrt backend",
            hint="add --backend tensorrt, or name the Python model (module:factory) or a TorchScript file.",
        )
    inputs = seeded_inputs(spec.inputs, _SEEDS[0])
    names = [t.name for t in spec.inputs]
    others = between(spec.inputs, _SEEDS[1])
    changed = check_repeatable(loaded.module, loaded.source_text, inputs, names, others)
    way = _Way(freeze=variant.freeze, channels_last=variant.channels_last, straight=variant.fusion)
    candidate = _given(loaded, spec, way) if loaded.scripted else _made(loaded, spec, way, progress)
    notes = list(spec.notes)
    if changed:
        notes.append(f"forward changes its input {', '.join(changed)} in place.")
    if candidate.batch_problem:
        spec = fix_batch(spec)
        notes.append(f"The batch is fixed at {spec.inputs[0].dims[0].opt}: {candidate.batch_problem}.")
    if candidate.warnings:
        notes.append("A branch or a value may depend on data; the trace keeps what one input took.")
    notes += _state_notes(candidate.state)
    path = directory / ARTIFACT
    try:
        directory.mkdir(parents=True, exist_ok=True)
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
        changed=tuple(ChangedAttribute(path=c.path, in_place=c.in_place) for c in candidate.state.changed)
        if not candidate.state.shared
        else (),
        serialised=candidate.state.shared,
    )
    return artifact, replace(spec, notes=tuple(notes))


def _state_notes(state: ScriptState) -> list[str]:
    names = ", ".join(c.path for c in state.changed)
    if state.shared:
        return [f"Runs share state of the model, so they take turns: {state.shared}."]
    if state.changed:
        return [f"forward changes {names} of the model: every run starts from a copy of its own."]
    return []


def _made(loaded: LoadedModel, spec: ModelSpec, way: _Way, progress: Progress) -> _Candidate:
    sharing: _Candidate | None = None
    if way.straight:
        exported = _export(loaded, spec, way)
        if not exported.problem and not exported.batch_problem:
            if not exported.state.shared:
                return exported
            sharing = exported
        why = exported.problem or exported.batch_problem or f"runs would take turns: {exported.state.shared}"
        progress(f"not exported: {why}")
    scripted = _script(loaded, spec, way)
    if not scripted.problem:
        return sharing if sharing and scripted.state.shared else scripted
    progress(f"not scripted: {scripted.problem}")
    if sharing:
        return sharing
    traced = _trace(loaded, spec, way, reason=f"traced: {scripted.problem}")
    if traced.problem:
        raise CheckFailed(
            f"{loaded.source_text} cannot be turned into TorchScript:\n"
            f"  script: {scripted.problem}\n  trace: {traced.problem}"
            + "".join(f"\n  {w}" for w in traced.warnings),
            hint="make forward free of branches on values, or scriptable (type annotations, no **kwargs).",
        )
    return traced


def _given(loaded: LoadedModel, spec: ModelSpec, way: _Way) -> _Candidate:
    """A source that is TorchScript already."""
    with _quiet():
        source = with_tensor_arguments(way.source(loaded.module), len(spec.inputs))
    module, frozen, why = _freeze(source) if way.freeze else (source, "", "")
    made = _Candidate(module=module, method=f"given{frozen}", reason=why, channels_last=way.channels_last)
    made = _compared(made, loaded, spec)
    if made.problem or (frozen and made.state.shared):
        why = f"not frozen: {made.problem or made.state.shared}"
        kept = _compared(replace(made, module=source, method="given", reason=why, problem=""), loaded, spec)
        made = kept if made.problem or not (kept.problem or kept.state.shared) else made
    if made.problem:
        raise CheckFailed(f"{loaded.source_text} does not give the same answers twice: {made.problem}")
    return made


def _export(loaded: LoadedModel, spec: ModelSpec, way: _Way) -> _Candidate:
    from .straight import straight_line

    try:
        with quiet_compiler():
            module = straight_line(loaded.module, spec.inputs, channels_last=way.channels_last)
    except Exception as e:  # noqa: BLE001 - exporting raises many kinds
        return _Candidate(module=None, method="export", problem=export_problem(e))
    made = _Candidate(module=module, method="export, trace", channels_last=way.channels_last)
    return _frozen_and_compared(made, loaded, spec, way, "the exported model")


def _script(loaded: LoadedModel, spec: ModelSpec, way: _Way) -> _Candidate:
    import torch

    try:
        with _quiet(), fast_path_off():
            module = torch.jit.script(way.source(loaded.module))
            module = with_tensor_arguments(module, len(spec.inputs))
    except Exception as e:  # noqa: BLE001 - the compiler raises many kinds
        return _Candidate(module=None, method="script", problem=f"scripting failed{_script_error(e)}")
    made = _Candidate(module=module, method="script", channels_last=way.channels_last)
    return _frozen_and_compared(made, loaded, spec, way, "the scripted model")


def _trace(loaded: LoadedModel, spec: ModelSpec, way: _Way, reason: str) -> _Candidate:
    import torch

    example = tuple(seeded_inputs(spec.inputs, _SEEDS[0]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with torch.no_grad(), fast_path_off():
                # A dict of outputs needs strict=False: its keys become constants, which we compare.
                trace: Any = torch.jit.trace
                module = trace(way.source(loaded.module), example, check_trace=False, strict=False)
        except Exception as e:  # noqa: BLE001 - the user's forward runs here
            return _Candidate(module=None, method="trace", problem=f"tracing failed: {first_line(e)}")
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
    return _frozen_and_compared(traced, loaded, spec, way, "the trace")


def _frozen_and_compared(
    made: _Candidate, loaded: LoadedModel, spec: ModelSpec, way: _Way, what: str
) -> _Candidate:
    """Frozen when that works and is equal; else as it is; `problem` set when that is not equal either."""
    module, frozen, why = _freeze(made.module) if way.freeze else (made.module, "", "")
    sharing: _Candidate | None = None
    if frozen:
        whole = made.module
        first = _compared(
            replace(made, module=module, whole=whole, method=made.method + frozen), loaded, spec
        )
        if not first.problem and not first.state.shared:
            return first
        why = f"not frozen: {first.problem or first.state.shared}"
        sharing = None if first.problem else first
    reason = "; ".join(r for r in (made.reason, why) if r)
    second = _compared(replace(made, reason=reason), loaded, spec)
    if sharing and (second.problem or second.state.shared):
        return sharing
    if second.problem:
        return replace(second, problem=f"{what} is not the model: {second.problem}")
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


def _compared(made: _Candidate, loaded: LoadedModel, spec: ModelSpec) -> _Candidate:
    """The candidate with what its comparison with eager found, and the state of its runs.

    Raises RandomDraw for one that draws at run time: no comparison says anything of it.
    """
    state = script_state(made.module)
    if state.draws:
        drawn = state.draws
        if made.whole is not None:
            drawn = with_places(drawn, lambda: list(script_state(made.whole).draws))
        drawn = with_places(drawn, lambda: run_draws(loaded.eager, seeded_inputs(spec.inputs, _SEEDS[0])))
        refuse_draws(loaded.source_text, drawn)
    versions = Versions.of(made.module)
    found = _differences(made, loaded, spec)
    return replace(found, state=versions.completed(state))


def _differences(made: _Candidate, loaded: LoadedModel, spec: ModelSpec) -> _Candidate:
    """Outputs against eager: two seeds or more at the opt batch, then one item more where that may vary."""
    worst = 0.0
    seeds = (*_SEEDS, *(_MORE_SEEDS if made.warnings else ()))
    for seed in covering(spec.inputs, seeds):
        problem, relative = _difference(made, loaded, seeded_inputs(spec.inputs, seed))
        if problem:
            return replace(made, problem=f"{problem} (seed {seed})")
        worst = max(worst, relative)
    batch_problem = ""
    first = spec.inputs[0]
    if first.dims and first.dims[0].dynamic:
        many = first.dims[0].opt + 1
        batch_problem, relative = _difference(made, loaded, seeded_inputs(spec.inputs, _SEEDS[1], many))
        if batch_problem:
            batch_problem = f"with {many} items {batch_problem}"
        else:
            worst = max(worst, relative)
    return replace(made, worst=worst, batch_problem=batch_problem)


def _difference(made: _Candidate, loaded: LoadedModel, inputs: Sequence[Any]) -> tuple[str, float]:
    tolerance = PARITY_TOLERANCE if made.channels_last else TOLERANCE
    if loaded.precision is not Precision.fp32:  # folded and fused operators round elsewhere
        tolerance = LIBTORCH_TOLERANCE[loaded.precision]
    given = channels_last(inputs) if made.channels_last else None
    return compared_with_eager(made.module, loaded.eager, inputs, tolerance, given)


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
