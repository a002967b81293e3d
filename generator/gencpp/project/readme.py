"""The facts that a generated README.md and API.md show, as text."""

from __future__ import annotations

from ..core.cpp import string_literal
from ..core.spec import (
    UNBOUNDED,
    GeometryStep,
    ModelSpec,
    PadMode,
    PadStep,
    ProjectSpec,
    Resampling,
    TensorSpec,
    channels_text,
)
from ..core.values import told
from ..tasks import TASKS

_LABELS = " Labels of your own: `--labels FILE`, `load_labels(file)`."


def names(project: ProjectSpec, backend_title: str) -> dict[str, str]:
    """Names for README.md and API.md in templates/common."""
    model = project.model
    api_task = TASKS[model.task].api
    named = (f"{{{string_literal(t.name)}, views[{i}]}}" for i, t in enumerate(model.inputs))
    return {
        "backend_title": backend_title,
        "readme_warning": _warning(model),
        "readme_api": api_task,
        "api_task": f"Besides, there are {api_task.removesuffix(', ')}. " if api_task else "",
        "api_named_inputs": ", ".join(named),
        "api_output": string_literal(model.outputs[0].name),
        "readme_labels": _LABELS if model.labels else "",
        "readme_tensors": _tensors(model),
        "readme_preprocess": preprocess_text(model),
        "readme_artifact": _artifact(project),
        "readme_notes": "".join(f"- {note}\n" for note in _notes(project)),
        "readme_example": _example(project),
        "readme_proof": _proof(project),
        "readme_versions": ", ".join(f"{k} {v}" for k, v in sorted(project.versions.items())),
        "model_source": model.source,
    }


def shape_text(tensor: TensorSpec) -> str:
    """`Nx3x224x224` with the bounds of dynamic dimensions: `(N: 1 to 8)`; N is the batch where it varies.

    A size that depends on the inputs' values is `?`, with its bound: `?x4 (?: by the values, at most 30)`.
    """
    letters = iter("NMLKJ" if tensor.batch is None else "MLKJ")
    sizes, bounds = [], []
    for i, dim in enumerate(tensor.dims):
        if dim.of_values:
            sizes.append("?")
            bounds.append("?: by the values" + (f", at most {dim.max}" if dim.max != UNBOUNDED else ""))
        elif dim.dynamic:
            letter = "N" if i == tensor.batch_at else next(letters, "?")
            sizes.append(letter)
            bounds.append(f"{letter}: {dim.min} to {dim.max}")
        else:
            sizes.append(str(dim.opt))
    text = "x".join(sizes) or "scalar"
    return f"{text} ({'; '.join(dict.fromkeys(bounds))})" if bounds else text


def step_text(step: GeometryStep) -> str:
    """One geometry step for people."""
    if step.crop is not None:
        return f"centre crop {step.crop.height}x{step.crop.width}"
    if step.grayscale is not None:
        return f"convert to grey ({channels_text(step.grayscale.channels)})"
    if step.pad is not None:
        return _pad_text(step.pad)
    assert step.resize is not None
    r = step.resize
    how = f"{r.interpolation.value}{_WHOSE[r.resampling]}"
    if r.size is not None:
        return f"resize to {r.size[0]}x{r.size[1]} ({how})"
    bound = f", longer side at most {r.max_size}" if r.max_size else ""
    return f"resize the shorter side to {r.shorter}{bound} ({how})"


_WHOSE = {
    Resampling.pillow: "",
    Resampling.torch: ", as torch does it with uint8 tensors",
    Resampling.torch_no_antialias: ", not antialiased, as torch does it with uint8 tensors",
}


def _pad_text(pad: PadStep) -> str:
    sides = (pad.left, pad.top, pad.right, pad.bottom)
    text = (
        f"pad by {pad.left} on each side"
        if len(set(sides)) == 1
        else f"pad by {pad.left} left, {pad.top} above, {pad.right} right and {pad.bottom} below"
    )
    if pad.mode is not PadMode.constant:
        return f"{text} ({pad.mode.value})"
    levels = pad.fill[:1] if len(set(pad.fill)) == 1 else pad.fill
    return f"{text} with {', '.join(map(str, levels))}"


def _warning(model: ModelSpec) -> str:
    if not model.weights.warning:
        return ""
    return f"> **Warning.** {model.weights.warning}\n\n"


def _tensors(model: ModelSpec) -> str:
    def cell(text: str) -> str:
        return " ".join(text.split()).replace("|", "\\|")

    rows = ["| | name | type | shape |", "|---|---|---|---|"]
    for kind, tensors in (("input", model.inputs), ("output", model.outputs)):
        rows += [f"| {kind} | `{cell(t.name)}` | {t.dtype.value} | {shape_text(t)} |" for t in tensors]
    drawn = [f"`{cell(t.name)}` from {told(t.values, t.dtype)}" for t in model.inputs if t.values is not None]
    if drawn:
        rows += ["", f"The goldens, the warm-up and the benchmark take {', '.join(drawn)}."]
    return "\n".join(rows)


def labels_text(model: ModelSpec) -> str:
    """How many, and the first and the last of them."""
    if not model.labels:
        return "none"
    return f"{len(model.labels)}: {model.labels[0]}" + (f" to {model.labels[-1]}" if model.labels[1:] else "")


def preprocess_text(model: ModelSpec) -> str:
    """What a picture goes through before the model, one sentence."""
    spec = model.preprocess
    if spec is None:
        return "None: the model takes raw tensors."
    steps = [step_text(s) for s in spec.geometry]
    steps.append("scale to 0..1")
    if spec.mean is not None and spec.std is not None:
        mean = ", ".join(f"{m:g}" for m in spec.mean)
        std = ", ".join(f"{s:g}" for s in spec.std)
        steps.append(f"normalise with mean ({mean}) and standard deviation ({std})")
    return f"From {spec.source}: decode to RGB, {', '.join(steps)}."


def _artifact(project: ProjectSpec) -> str:
    artifact = project.artifact
    reason = f" ({artifact.reason})" if artifact.reason else ""
    size = f"{artifact.size / 1e6:.1f} MB"
    weights = ""
    if artifact.external is not None:
        weights = f" with `assets/{artifact.external.file}`, {artifact.external.size / 1e6:.1f} MB"
    return f"`assets/{artifact.file}`, {size}{weights}, {artifact.format}: {artifact.method}{reason}."


def _notes(project: ProjectSpec) -> list[str]:
    notes = [f"Weights: {project.model.weights.detail}.", *project.notes]
    if unknown := [t.name for t in project.model.outputs if any(d.of_values for d in t.dims)]:
        notes.append(
            f"How large {', '.join(unknown)} is depends on the inputs' values (`?` above), so that only a run"
            " tells; it may be empty. `run(inputs)` gives tensors of the right sizes."
        )
    notes += [f"The exporter reported: {w}" for w in project.artifact.warnings]
    if project.goldens.parity_note:
        notes.append(f"Parity is {project.goldens.parity}: {project.goldens.parity_note}")
    return notes


def _proof(project: ProjectSpec) -> str:
    model = project.model
    tolerance = f"{project.goldens.cases[0].outputs[0].tolerance:.0e}".replace("e-0", "e-")
    compared = [f"outputs within {tolerance} of the largest reference value"]
    if model.preprocess is not None:
        whose = "torch's" if model.preprocess.on_tensors else "Pillow's"
        compared.append(f"pixels after resize and crop bit for bit with {whose}")
    compared += [proof] if (proof := TASKS[model.task].proof) else []
    return f"compare {', '.join(compared)}; they feed bad input, and run 8 threads on one model."


def _example(project: ProjectSpec) -> str:
    if project.model.preprocess is None:
        return " ".join(f"--input {t.name}.npy" for t in project.model.inputs) + " --output out.npy"
    return "picture.jpg"
