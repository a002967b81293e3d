"""`--dynamic INPUT:DIM=MIN:OPT:MAX[,...]`: dimensions that vary, and TensorRT's optimisation profiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...core.errors import GencppError, UsageError
from ...core.loaded import LoadedModel
from ...core.spec import UNBOUNDED, Dim, ModelSpec, Profiles, TensorSpec
from ...core.words import counted
from ...tensors.module import MAX_ELEMENTS, run_module
from ...tensors.stimuli import seeded_inputs
from .plan import batch_places, shapes_text

MAX_BATCH = 65536
_SEED = 90_002


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One `--dynamic`: the ranges of a dimension, one for all profiles or one for each."""

    text: str
    input: int
    dim: int
    ranges: tuple[Dim, ...]
    batch: bool
    """Whether it is the dimension that counts the items."""


def apply_dynamic(
    loaded: LoadedModel, spec: ModelSpec, requests: tuple[str, ...]
) -> tuple[ModelSpec, Profiles]:
    """`spec` with the bounds of `requests`, and the profiles: without requests one, of the spec's own bounds.

    All inputs with a batch share it, and outputs follow it in proportion. Output dimensions that
    follow others are found by running the model at the bounds; raises UsageError when it does not run.
    """
    asked = [_parse(text, spec) for text in requests]
    told = tuple(_told_fixed(a, spec) for a in asked if not _overall(a.ranges).dynamic)
    asked = _with_shared_batch(asked, spec)
    spec = replace(spec, notes=(*spec.notes, *told))
    count = _profile_count(asked)
    profiles = tuple(
        tuple(_dims(asked, i, t, _of_profile(n)) for i, t in enumerate(spec.inputs)) for n in range(count)
    )
    if not asked:
        return spec, profiles
    inputs = tuple(replace(t, dims=_dims(asked, i, t, _overall)) for i, t in enumerate(spec.inputs))
    _check_sizes(inputs)
    outputs = spec.outputs
    if not all(a.batch for a in asked):
        outputs = _outputs_at_bounds(loaded, spec, inputs)
        _check_preprocessing(spec, inputs)
    if batch := next((a for a in asked if a.batch), None):
        outputs = tuple(_rebatched(t, _overall(batch.ranges)) for t in outputs)
    return replace(spec, inputs=inputs, outputs=outputs), profiles


def _told_fixed(a: _Asked, spec: ModelSpec) -> str:
    size, name = a.ranges[0].opt, spec.inputs[a.input].name
    return f"--dynamic {a.text} lets nothing vary: dimension {a.dim} of {name} is always {size}."


def asked_places(spec: ModelSpec, requests: tuple[str, ...]) -> frozenset[tuple[int, int]]:
    """(input, dimension) of everything that `requests` give bounds of."""
    asked = _with_shared_batch([_parse(text, spec) for text in requests], spec)
    return frozenset((a.input, a.dim) for a in asked)


def _example(spec: ModelSpec, name: str = "", dim: int = -1) -> str:
    """`Such as --dynamic image:0=1:1:64`, of the inputs that there are: the batch where it may vary."""
    named = [t for t in spec.inputs if t.dims]
    if not named:
        return "Leave it out: the inputs are scalars, which have no sizes."
    tensor = next((t for t in named if t.name == name), named[0])
    if not 0 <= dim < len(tensor.dims):
        axis = tensor.batch_axis
        dim = axis if axis is not None and tensor.dims[axis].dynamic else len(tensor.dims) - 1
    opt = tensor.dims[dim].opt
    batch = dim == tensor.batch_axis
    low, high = (1, 64) if batch else (max(1, opt // 2), 2 * opt)
    what = f" (dimension {dim} is the batch)" if batch else ""
    return f"Such as --dynamic {tensor.name}:{dim}={low}:{opt}:{max(high, opt)}{what}."


def _parse(text: str, spec: ModelSpec) -> _Asked:
    names = [t.name for t in spec.inputs]
    where, equals, bounds = text.partition("=")
    name, _, dimension = where.rpartition(":")
    try:
        index = int(dimension)
        sizes = [tuple(int(b) for b in part.split(":")) for part in bounds.split(",")]
        if not equals or not name or any(len(s) != 3 for s in sizes):
            raise ValueError
    except ValueError:
        known = next((n for n in names if text.partition(":")[0].partition("=")[0] == n), "")
        at = int(dimension) if name and dimension.isdecimal() and len(dimension) < 3 else -1
        raise UsageError(
            f"--dynamic '{text}' is not INPUT:DIMENSION=MIN:OPT:MAX[,MIN:OPT:MAX...]",
            hint=_example(spec, known, at),
        ) from None
    if name not in names:
        raise UsageError(f"--dynamic: there is no input '{name}'", hint=f"Choose from: {', '.join(names)}.")
    tensor = spec.inputs[names.index(name)]
    if not tensor.dims:
        raise UsageError(
            f"--dynamic '{text}': input '{name}' is a scalar and has no dimensions", hint=_example(spec)
        )
    if not 0 <= index < len(tensor.dims):
        raise UsageError(
            f"--dynamic '{text}': input '{name}' has {counted(len(tensor.dims), 'dimension')}",
            hint=f"Choose from 0 to {len(tensor.dims) - 1}. {_example(spec, name)}",
        )
    batch = index == tensor.batch_axis
    if batch and any(s[2] > MAX_BATCH for s in sizes):
        raise UsageError(f"--dynamic: a batch above {MAX_BATCH} is refused", hint=_example(spec, name, index))
    if any(not 0 < low <= opt <= high for low, opt, high in sizes):
        raise UsageError(
            f"--dynamic '{text}': every range must be 0 < MIN <= OPT <= MAX", hint=_example(spec, name, index)
        )
    ranges = tuple(Dim(min=low, opt=opt, max=high) for low, opt, high in sizes)
    return _Asked(text=text, input=names.index(name), dim=index, ranges=ranges, batch=batch)


def _with_shared_batch(asked: Sequence[_Asked], spec: ModelSpec) -> list[_Asked]:
    """What was asked for the batch, for every input that has it."""
    seen: dict[tuple[int, int], _Asked] = {}
    for a in asked:
        before = seen.setdefault((a.input, a.dim), a)
        if not a.batch and before is not a:
            raise UsageError(
                f"--dynamic '{a.text}': that dimension was given before",
                hint="Separate the ranges of several profiles by commas.",
            )
    batches = [a for a in asked if a.batch]
    others = [a for a in asked if not a.batch]
    if not batches:
        return others
    batch = batches[0]
    if any(b.ranges != batch.ranges for b in batches):
        raise UsageError(
            "--dynamic: the inputs share one batch, and were given different bounds",
            hint="Give the bounds once.",
        )
    for b in batches:
        fixed = spec.inputs[b.input].dims[b.dim]
        if not fixed.dynamic and set(b.ranges) != {fixed}:
            reason = "; ".join(n for n in spec.notes if n.startswith("The batch ")) or "the model fixes it"
            raise UsageError(f"--dynamic: the batch of this model cannot vary: {reason}")
    return [replace(batch, input=i, dim=d) for i, d in batch_places(spec.inputs)] + others


def _profile_count(asked: Sequence[_Asked]) -> int:
    counts = {len(a.ranges): a.text for a in asked if len(a.ranges) > 1}
    if len(counts) > 1:
        told = ", ".join(f"'{text}' has {n}" for n, text in counts.items())
        raise UsageError(
            f"--dynamic: the numbers of profiles differ: {told}",
            hint="Give each dimension one range, or one for every profile.",
        )
    return next(iter(counts), 1)


def _dims(
    asked: Sequence[_Asked], index: int, tensor: TensorSpec, pick: Callable[[tuple[Dim, ...]], Dim]
) -> tuple[Dim, ...]:
    ranges = {a.dim: a.ranges for a in asked if a.input == index}
    return tuple(pick(ranges[i]) if i in ranges else d for i, d in enumerate(tensor.dims))


def _of_profile(n: int) -> Callable[[tuple[Dim, ...]], Dim]:
    return lambda ranges: ranges[n if len(ranges) > 1 else 0]


def _overall(ranges: tuple[Dim, ...]) -> Dim:
    return Dim(min=min(r.min for r in ranges), opt=ranges[0].opt, max=max(r.max for r in ranges))


def _check_sizes(inputs: Sequence[TensorSpec]) -> None:
    for t in inputs:
        if math.prod(d.max for d in t.dims) > MAX_ELEMENTS:
            sizes = "x".join(str(d.max) for d in t.dims)
            raise UsageError(
                f"--dynamic: input '{t.name}' of {sizes} has more than {MAX_ELEMENTS} elements",
                hint="Give smaller bounds.",
            )


def _check_preprocessing(spec: ModelSpec, inputs: Sequence[TensorSpec]) -> None:
    """The pictures of the generated program must stay inside the bounds."""
    if spec.preprocess is None or spec.preprocess.output_size is None:
        return
    for dim, made, side in zip(
        inputs[0].dims[2:], spec.preprocess.output_size, ("high", "wide"), strict=True
    ):
        if not dim.min <= made <= dim.max:
            raise UsageError(
                f"--dynamic: the preprocessing makes pictures {made} {side}, not {dim.min} to {dim.max}",
                hint="Give bounds with that size in them, or another --preprocess.",
            )


def _outputs_at_bounds(
    loaded: LoadedModel, spec: ModelSpec, inputs: Sequence[TensorSpec]
) -> tuple[TensorSpec, ...]:
    """The outputs with every dimension as it is at the opt, the smallest and the largest sizes."""
    batch = spec.batch.opt if spec.batch.dynamic else None

    def sized(pick: Callable[[Dim], int]) -> list[tuple[int, ...]]:
        fixed = [
            replace(
                t,
                dims=tuple(
                    before if i == t.batch_axis else Dim.fixed(pick(d))
                    for i, (d, before) in enumerate(zip(t.dims, own.dims, strict=True))
                ),
            )
            for t, own in zip(inputs, spec.inputs, strict=True)
        ]
        return _output_shapes(loaded, spec, fixed, batch)

    found = (sized(lambda d: d.min), sized(lambda d: d.opt), sized(lambda d: d.max))
    return tuple(
        replace(
            t,
            dims=tuple(_follow(t, i, sizes) for i, sizes in enumerate(zip(*shapes, strict=True))),
            batch_axis=t.batch_axis if t.batch is not None else None,  # it follows something else
        )
        for t, *shapes in zip(spec.outputs, *found, strict=True)
    )


def _follow(output: TensorSpec, index: int, sizes: tuple[int, ...]) -> Dim:
    """A dimension of `output` that had these sizes at the smallest, the opt and the largest inputs."""
    own = output.dims[index]
    if own.of_values:
        return replace(own, max=UNBOUNDED)  # a bound was found for one size of the inputs
    if index != output.batch_axis or not own.dynamic:
        return Dim(min=min(sizes), opt=sizes[1], max=max(sizes))
    if len(set(sizes)) > 1:
        raise UsageError(
            f"--dynamic: dimension {index} of output {output.name}, the batch, changes with the other sizes"
            f" ({', '.join(map(str, sizes))})",
            hint="Leave those fixed.",
        )
    return own


def _output_shapes(
    loaded: LoadedModel, spec: ModelSpec, inputs: Sequence[TensorSpec], batch: int | None
) -> list[tuple[int, ...]]:
    tensors = seeded_inputs(inputs, _SEED, batch)
    shapes = ", ".join(
        f"{t.name} {'x'.join(map(str, x.shape)) or 'a scalar'}" for t, x in zip(inputs, tensors, strict=True)
    )
    try:
        found = [tuple(t.shape) for _, t in run_module(loaded.module, tensors)]
    except GencppError:
        raise
    except Exception as e:  # noqa: BLE001 - the user's code says no in its own way
        lines = str(e).strip().splitlines() or [""]
        usual = shapes_text(spec.inputs, tuple(t.shape() for t in spec.inputs))
        raise UsageError(
            f"--dynamic: {loaded.source_text} does not run with {shapes}:"
            f" {type(e).__name__}: {lines[-1].strip()[:200]}",
            hint=f"Give bounds that it takes; it runs with {usual}.",
        ) from None
    ranks = [len(t.dims) for t in spec.outputs]
    empty = any(
        size == 0 and not dim.of_values
        for shape, t in zip(found, spec.outputs, strict=False)
        for size, dim in zip(shape, t.dims, strict=False)
    )
    if [len(s) for s in found] != ranks or empty:
        told = ", ".join("x".join(map(str, s)) for s in found)
        raise UsageError(
            f"--dynamic: with {shapes} the outputs of {loaded.source_text} are {told}:"
            " empty, or of another number or rank than before",
            hint="Give bounds that keep them.",
        )
    return found


def _rebatched(tensor: TensorSpec, batch: Dim) -> TensorSpec:
    """`tensor` with its batch scaled to `batch` (an output may have more rows an item)."""
    if tensor.batch is None:
        return tensor
    rows = max(1, tensor.batch.min)  # as inspection made it, for one item
    return tensor.with_batch(Dim(min=batch.min * rows, opt=batch.opt * rows, max=batch.max * rows))
