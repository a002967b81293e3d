"""What a loaded model is: names, element types, dimensions, task, labels, preprocessing."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import GencppError, UsageError
from ..core.loaded import LoadedModel, LoadOptions
from ..core.spec import COLOURS, DType, ModelSpec, PreprocessSpec, TensorSpec, channels_text
from ..onnx.value_sizes import value_sizes_of_file
from ..tasks import TASKS
from ..tensors.fast_path import fast_path_off
from ..tensors.module import defaults_of, dtype_of, forward_arguments, keyword_only_arguments, run_module
from ..tensors.stimuli import seeded_inputs
from .batch import batched, given_batch
from .fast_path_check import fast_path_notes
from .fitting import fitted, values_hint
from .flops import formulas
from .input_examples import grouped_arguments, input_examples
from .observed import observe
from .onnx_work import onnx_work
from .sizes.value_sizes import Bounds, dims_of_outputs, unknown_sizes
from .transforms import preprocess_from

_SEED = 90_001
_MORE_SEEDS = (90_003, 90_004)
"""Further inputs of the same sizes: an output whose size differs has a size that depends on values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one run at the opt batch costs."""

    multiply_adds: int | None
    """None where they cannot be counted: a figure for people, by which nothing is decided."""
    parameter_bytes: int
    operators: tuple[tuple[str, int], ...]
    """(aten name, calls), most frequent first; of an ONNX file (ONNX operator, nodes)"""


def inspect_model(loaded: LoadedModel, options: LoadOptions) -> ModelSpec:
    """Runs the model on seeded inputs to see its outputs, which of their sizes depend on values, and whether
    the batch may vary.

    Raises UsageError when the inputs are unknown or do not fit, the outputs are not tensors, or labels
    or preprocessing do not fit them.
    """
    notes = list(loaded.notes)
    inputs = _checked_inputs(loaded)
    if kept := defaults_of(loaded.module, [s.name for s in inputs]):
        notes.append(f"Arguments of forward that are no input keep their defaults: {', '.join(kept)}.")
    for s in inputs:
        _refuse_bfloat16(loaded, "input", s)
    inputs, told = fitted(loaded.module, inputs)
    notes += told
    specs = _outputs(loaded, inputs)
    for s in specs:
        _refuse_bfloat16(loaded, "output", s)
    found = batched(loaded, inputs, specs)
    if isinstance(found, str):
        notes.append(f"The batch is fixed at {given_batch(inputs)}: {found}.")
    else:
        inputs, specs = found
    task = TASKS[loaded.task]
    specs = task.named(specs)
    notes += fast_path_notes(loaded.module, inputs, specs)
    task.check(specs, loaded.labels)
    preprocess, note = _preprocess(loaded, inputs)
    notes += [note] if note else []
    return ModelSpec(
        source=loaded.source_text,
        task=loaded.task,
        inputs=inputs,
        outputs=specs,
        labels=loaded.labels,
        preprocess=preprocess,
        weights=loaded.weights,
        parameters=_parameter_count(loaded, inputs, specs),
        notes=tuple(notes),
    )


def _refuse_bfloat16(loaded: LoadedModel, what: str, spec: TensorSpec) -> None:
    """NumPy's files cannot carry it; weights may be of it."""
    if spec.dtype is DType.bfloat16:
        raise UsageError(
            f"{what} {spec.name}: bfloat16 is not supported at the border of the model",
            hint="export the file anew with float32 there: weights may be of it."
            if loaded.of_file
            else "cast it inside: take float32 and return float32, e.g. by .float().",
        )


def count_work(loaded: LoadedModel, spec: ModelSpec) -> Work:
    """Multiply-adds (half of torch's flop counter), operator calls and parameter bytes of one run."""
    if loaded.onnx is not None:
        counted = onnx_work(loaded.onnx, spec.inputs, spec.outputs)
        return Work(
            multiply_adds=counted.multiply_adds,
            parameter_bytes=counted.weight_bytes,
            operators=counted.operators,
        )
    parameters = _parameters(loaded.module)
    multiply_adds, calls = _counted(loaded.module, seeded_inputs(spec.inputs, _SEED))
    return Work(
        multiply_adds=multiply_adds,
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        operators=tuple(sorted(calls.items(), key=lambda c: (-c[1], c[0]))),
    )


def _counted(module: Any, inputs: Sequence[Any]) -> tuple[int | None, Counter[str]]:
    """Multiply-adds (None where the module does not bear to be counted) and calls by operator."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    calls: Counter[str] = Counter()
    mode: Any = TorchDispatchMode

    class Operators(mode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            calls[func.overloadpacket.__name__] += 1
            return func(*args, **(kwargs or {}))

    flops = FlopCounterMode(display=False, custom_mapping=formulas())
    try:
        with torch.no_grad(), fast_path_off(), flops, Operators():  # whose fused operators are not counted
            module(*inputs)
    except Exception:  # noqa: BLE001 - it ran before; a custom operator or a hook may not bear to be watched
        return None, Counter()
    return int(flops.get_total_flops()) // 2, calls


def _parameter_count(loaded: LoadedModel, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> int:
    if loaded.onnx is not None:
        return onnx_work(loaded.onnx, inputs, outputs).weight_elements
    return sum(p.numel() for p in _parameters(loaded.module))


def _parameters(module: Any) -> list[Any]:
    """Parameters; for a frozen ScriptModule, which has none, the tensors among its graph's constants."""
    import torch

    found = list(module.parameters())
    if found or not isinstance(module, torch.jit.ScriptModule):
        return found
    tensors = {}
    graph: Any = module.graph
    for node in graph.findAllNodes("prim::Constant"):
        value = node.output().toIValue()
        if isinstance(value, torch.Tensor):
            tensors[value.data_ptr()] = value
    return list(tensors.values())


def _checked_inputs(loaded: LoadedModel) -> tuple[TensorSpec, ...]:
    if named_only := keyword_only_arguments(loaded.module):
        raise UsageError(
            f"the forward of {loaded.source_text} takes {', '.join(named_only)} by keyword only,"
            " and inputs of an exported model have a place instead",
            hint="Give them a place: remove the * in front of them.",
        )
    required, optional = forward_arguments(loaded.module)
    names = [s.name for s in loaded.inputs]
    if not names:
        raise UsageError(
            f"the inputs of {loaded.source_text} are not known"
            + (f": its forward takes {', '.join(required)}" if required else ""),
            hint=_group_hint(loaded)
            or f"name each with its shape and element type, such as {input_examples(loaded.module)}",
        )
    allowed = required + optional
    inputs = loaded.inputs
    if names != allowed[: len(names)] and set(allowed) >= {unicodedata.normalize("NFKC", n) for n in names}:
        # Python's names are in this form, and keyboards and file names may have another one.
        inputs = tuple(replace(s, name=unicodedata.normalize("NFKC", s.name)) for s in inputs)
        names = [s.name for s in inputs]
    if allowed and (names[: len(required)] != required or names != allowed[: len(names)]):
        raise UsageError(
            f"--input names {', '.join(names)}; forward takes {', '.join(required)}"
            + (f" and, if wanted, {', '.join(optional)}" if optional else "")
            + ", in this order",
            hint=f"such as {input_examples(loaded.module)}",
        )
    return inputs


def _run(loaded: LoadedModel, tensors: Sequence[Any], inputs: Sequence[TensorSpec]) -> list[tuple[str, Any]]:
    try:
        return run_module(loaded.module, tensors)
    except GencppError:
        raise
    except Exception as e:  # noqa: BLE001 - the user's code runs here
        lines = [line.strip() for line in str(e).strip().splitlines() if line.strip()]
        told = (lines[-1] if loaded.scripted and lines else lines[0] if lines else "")[:300]
        shapes = ", ".join(f"{s.name} {'x'.join(map(str, s.shape())) or 'scalar'} {s.dtype}" for s in inputs)
        raise UsageError(
            f"{loaded.source_text} fails on {shapes}: {type(e).__name__}: {told}",
            hint=_group_hint(loaded) or values_hint(inputs),
        ) from None


def _group_hint(loaded: LoadedModel) -> str:
    """For a model that fails: a tensor may do where a list is annotated, but often does not."""
    groups = ", ".join(f"{name} as {text}" for name, text in grouped_arguments(loaded.module).items())
    return (
        f"forward takes {groups}, and an --input is one tensor: name a module whose forward takes each tensor"
        " as an argument of its own, and which calls this one."
        if groups
        else ""
    )


def _outputs(loaded: LoadedModel, inputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """The outputs of several inputs of the opt sizes; what is equal for all of them, and known, is fixed."""
    given = seeded_inputs(inputs, _SEED)
    first = _run(loaded, given, inputs)
    names = [n for n, _ in first]
    seen = [[tuple(t.shape) for _, t in first]]
    for seed in _MORE_SEEDS:
        seen.append([tuple(t.shape) for _, t in _run(loaded, seeded_inputs(inputs, seed), inputs)])
    by_values, bounds = _sizes_of_values(loaded, inputs, given)
    by_values = by_values or any(shapes != seen[0] for shapes in seen)
    dims = dims_of_outputs(names, seen, bounds, by_values=by_values)
    return tuple(
        TensorSpec(name=n, dtype=dtype_of(t, f"output {n}"), dims=d)
        for (n, t), d in zip(first, dims, strict=True)
    )


def _sizes_of_values(
    loaded: LoadedModel, inputs: Sequence[TensorSpec], given: Sequence[Any]
) -> tuple[bool, Bounds]:
    """Whether the model makes sizes of values, and what is known of the outputs that have such sizes."""
    if loaded.onnx is not None:
        found = value_sizes_of_file(loaded.onnx, inputs)
        return bool(found), found
    try:
        made = observe(loaded.module, given).sizes_of_values
    except Exception:  # noqa: BLE001 - a module may not bear to be watched; then it may do anything
        made = ("unknown",)
    return bool(made), unknown_sizes(loaded.module, given) if made else {}


def _preprocess(loaded: LoadedModel, inputs: Sequence[TensorSpec]) -> tuple[PreprocessSpec | None, str]:
    """The transforms, when they make what the model takes; else why not (an error if the user named them)."""
    if loaded.transforms is None:
        return None, ""
    spec, note = preprocess_from(loaded.transforms, loaded.transforms_where)
    if spec is None:
        return None, note
    sizes = [d.opt for d in inputs[0].dims]
    made = spec.output_size
    hint = "end the geometry with CenterCrop or Resize((height, width)), or change --input."
    if len(inputs) != 1 or len(sizes) != 4 or sizes[1] != spec.channels:
        problem = "the model takes " + ", ".join("x".join(map(str, s.shape())) for s in inputs)
        problem += f", not one picture of {channels_text(spec.channels)}"
        if len(inputs) == 1 and len(sizes) == 4 and sizes[1] in (1, COLOURS):
            grey = f"make them grey: begin with Grayscale({sizes[1]})"
            hint = grey if sizes[1] == 1 else "take Grayscale(3), or none"
    elif inputs[0].dtype.value != "float32":
        problem = f"the model takes {inputs[0].dtype}, not float32"
    elif made is None:
        problem = f"its size depends on the picture; the model takes {sizes[2]}x{sizes[3]}"
    elif list(made) != sizes[2:]:
        problem = f"it makes {made[0]}x{made[1]}; the model takes {sizes[2]}x{sizes[3]}"
    else:
        return spec, note
    if loaded.transforms_given:
        raise UsageError(
            f"--preprocess {loaded.transforms_where} does not fit: {problem}",
            hint=hint,
        )
    return None, f"The preprocessing of {loaded.transforms_where} is not generated: {problem}. Feed tensors."
