"""Golden inputs, reference preprocessing and reference outputs, by the eager Python model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from .errors import CheckFailed, EnvironmentLacks, GencppError, UsageError
from .fitting import values_hint
from .pictures import GOLDEN_SIZE, picture
from .sources import LoadedModel, Progress
from .spec import (
    PARITY_TOLERANCE,
    Dim,
    GoldenCase,
    GoldenOutput,
    Goldens,
    ModelSpec,
    PixelCase,
    PreprocessSpec,
    Profiles,
    Task,
    TensorSpec,
)
from .stimuli import further_seeds, is_mask, seeded_inputs
from .structure import max_abs_difference, run_module
from .transforms import check_against, reference_pixels, reference_tensor

FOLDER = "goldens"
LIVELY_TOLERANCES = 1000
"""How many tolerances any two goldens of a model must lie apart."""

BATCH = 3
TOP = 5

_SEEDS = (0, 1, 2)
"""Of seeded-0, seeded-1 and the batch, added to 1000 times the user's seed."""

_JPEG = {"quality": 90, "subsampling": 2}
"""4:2:0, as most pictures are."""

_SIZES = ((7, 301), (301, 5), (1, 1), (447, 33), (97, 131))
"""Width and height of further pictures: extreme aspects, single pixels, odd sizes, smaller than a crop."""


def make_goldens(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    seed: int,
    progress: Progress,
    *,
    tolerance: float = PARITY_TOLERANCE,
    profiles: Profiles = (),
) -> Goldens:
    """Writes directory/goldens/ and tells what is in it.

    `tolerance` is what the backend is held to; every case fits one of its `profiles`, where it has any.

    Cases: `seeded-0`, `seeded-1`, `batch` (where the batch is dynamic), further `seeded-N` until every given
    value, example and layout of a mask is in one, `sizes-N` (the largest sizes of
    profile N, where more than the batch is dynamic) and `picture` (where there is preprocessing). Raises
    CheckFailed when an output is not finite, when preprocessing is not what the transform itself does, or
    when goldens of random weights are too near to each other to prove anything.
    """
    folder = directory / FOLDER
    writer = _Writer(folder)
    base = 1000 * seed
    inputs: dict[str, list[Any]] = {
        f"seeded-{i}": seeded_inputs(spec.inputs, base + s) for i, s in enumerate(_SEEDS[:2])
    }
    first = spec.inputs[0]
    if first.dims and first.dims[0].dynamic:
        inputs["batch"] = seeded_inputs(spec.inputs, base + _SEEDS[2], _batch(spec, profiles))
    inputs |= _further_values(spec, base, _batch(spec, profiles) if "batch" in inputs else 0)
    inputs |= _largest_sizes(spec, profiles, base + _SEEDS[2] + 1)
    pixel_cases: tuple[PixelCase, ...] = ()
    if spec.preprocess is not None:
        inputs["picture"], pixel_cases = _pictures(loaded, spec.preprocess, writer, seed)
    outputs = {name: _reference(loaded, spec, name, tensors) for name, tensors in inputs.items()}
    cases = tuple(_case(spec, writer, name, inputs[name], outputs[name], tolerance) for name in inputs)
    least, pair = _least_difference(spec, inputs, outputs, profiles)
    needed = LIVELY_TOLERANCES * PARITY_TOLERANCE  # whatever a backend with less precision is held to
    parity, note = "strong", ""
    if least < needed:
        note = (
            f"{pair}: the outputs differ by only {least:.1e} of the largest value,"
            f" less than {LIVELY_TOLERANCES} tolerances ({needed:g}): wrong answers could pass"
        )
        if not pair:
            note = "all goldens have the same inputs; give several values, or a file of several examples"
        if loaded.weights.kind == "random":
            raise CheckFailed(
                f"the goldens of {loaded.source_text} prove too little: {note}",
                hint="try another --seed, or real weights (--weights).",
            )
        parity = "weak"
        progress(f"warning: parity is weak: {note}")
    size = writer.size / 1e6
    progress(f"goldens: {len(cases)} cases, {size:.1f} MB, any two differ by {least:.2g} or more")
    return Goldens(cases=cases, pixel_cases=pixel_cases, parity=parity, parity_note=note)


def _batch(spec: ModelSpec, profiles: Profiles) -> int:
    """Items of the batch case: what the first input's bounds allow, in a profile that takes several."""
    bounds = [p[0][0] for p in profiles] or [spec.inputs[0].dims[0]]
    dim = next((d for d in bounds if d.max > 1), bounds[0])
    return max(dim.min, min(BATCH, dim.max))


def _further_values(spec: ModelSpec, base: int, batch: int) -> dict[str, list[Any]]:
    """Inputs with the given values, examples and layouts of masks that the first cases leave out."""
    seen = [(base + s, 1) for s in _SEEDS[:2]] + ([(base + _SEEDS[2], batch)] if batch else [])
    seeds, _ = further_seeds(spec.inputs, seen, base + 10)
    return {f"seeded-{i}": seeded_inputs(spec.inputs, seed) for i, seed in enumerate(seeds, 2)}


def _largest_sizes(spec: ModelSpec, profiles: Profiles, seed: int) -> dict[str, list[Any]]:
    """Inputs of each profile's largest sizes with its smallest batch, where other dimensions vary too."""
    found = {}
    for index, profile in enumerate(profiles or (tuple(t.dims for t in spec.inputs),)):
        if any(d.dynamic for t in spec.inputs for d in t.dims[1:]):
            sizes = [(*(d.min for d in dims[:1]), *(d.max for d in dims[1:])) for dims in profile]
            fixed = [
                replace(t, dims=tuple(map(Dim.fixed, s))) for t, s in zip(spec.inputs, sizes, strict=True)
            ]
            found[f"sizes-{index}"] = seeded_inputs(fixed, seed + index)
    return found


class _Writer:
    """Writes files of the goldens' folder, and counts their bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.size = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise _cannot_write(folder, e) from None

    def array(self, name: str, value: Any) -> str:
        """name.npy, C order, the value's own element type (bfloat16 as float32)."""
        import numpy as np
        import torch

        if isinstance(value, torch.Tensor):
            value = value.detach().cpu()
            value = (value.float() if value.dtype is torch.bfloat16 else value).numpy()
        path = self.folder / f"{name}.npy"
        try:
            np.save(path, np.ascontiguousarray(value) if value.ndim else value)
        except OSError as e:
            raise _cannot_write(path, e) from None
        self.size += path.stat().st_size
        return path.name

    def image(self, name: str, image: Any, **options: Any) -> str:
        """A picture, in the format of its name's suffix."""
        path = self.folder / name
        try:
            image.save(path, **options)
        except OSError as e:
            raise _cannot_write(path, e) from None
        self.size += path.stat().st_size
        return name


def _cannot_write(path: Path, e: OSError) -> EnvironmentLacks:
    return EnvironmentLacks(
        f"cannot write {path}: {e.strerror or e}", hint="check the free space and the permissions there."
    )


def _pictures(
    loaded: LoadedModel, preprocess: PreprocessSpec, writer: _Writer, seed: int
) -> tuple[list[Any], tuple[PixelCase, ...]]:
    """(inputs of the picture case, pixel cases): the golden picture in three formats, then other sizes."""
    import torch
    from PIL import Image

    golden = picture(*GOLDEN_SIZE, seed=seed)
    formats: tuple[tuple[str, dict[str, Any]], ...] = (("ppm", {}), ("png", {}), ("jpg", _JPEG))
    cases = []
    tensor: Any = None
    for suffix, options in formats:
        file = writer.image(f"golden.{suffix}", golden, **options)
        with Image.open(writer.folder / file) as opened:
            image = opened.convert("RGB")
        own = loaded.transforms if callable(loaded.transforms) else None
        check_against(preprocess, own, image)
        pixels = "pixels-ppm.npy"
        if suffix != "png":  # which is lossless: the pixels of the PPM
            pixels = writer.array(f"pixels-{suffix}", reference_pixels(preprocess, image))
        stored = "picture-input-0.npy" if suffix != "jpg" else ""
        cases.append(PixelCase(name=suffix, image=file, pixels=pixels, tensor=stored))
        if suffix == "ppm":
            tensor = torch.from_numpy(reference_tensor(preprocess, image))[None]
    cases += _further_sizes(preprocess, writer, seed)
    return [tensor], tuple(cases)


def _further_sizes(preprocess: PreprocessSpec, writer: _Writer, seed: int) -> list[PixelCase]:
    sizes = list(_SIZES)
    if preprocess.output_size is not None:
        sizes.append((preprocess.output_size[1], preprocess.output_size[0]))  # nothing left to crop
    cases = []
    for i, (width, height) in enumerate(sizes):
        name = f"size-{width}x{height}"
        image = picture(width, height, seed=seed * 100 + i + 1)
        try:
            expected = reference_pixels(preprocess, image)
        except ValueError:  # max_size leaves nothing of the shorter side: Pillow refuses, so no reference
            continue
        # PPM: decoded by every build, whatever libraries it found.
        file = writer.image(f"{name}.ppm", image)
        pixels = writer.array(f"pixels-{name}", expected)
        cases.append(PixelCase(name=name, image=file, pixels=pixels, tensor=""))
    return cases


def _reference(loaded: LoadedModel, spec: ModelSpec, case: str, inputs: Sequence[Any]) -> list[Any]:
    import torch

    try:
        found = run_module(loaded.module, inputs)
    except GencppError:
        raise
    except Exception as e:  # noqa: BLE001 - the user's code runs here
        lines = str(e).strip().splitlines() or [type(e).__name__]
        raise UsageError(
            f"{loaded.source_text} fails on golden {case}: {type(e).__name__}: {lines[-1].strip()[:300]}",
            hint=values_hint(spec.inputs),
        ) from None
    problems = []
    for (_, tensor), output in zip(found, spec.outputs, strict=True):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            problems.append(f"{output.name}: {count} of {tensor.numel()} values are inf or nan")
    if problems:
        raise CheckFailed(
            f"{loaded.source_text} on golden {case}: " + "; ".join(problems),
            hint="an answer that is not finite cannot be compared; check the weights and the inputs.",
        )
    return [tensor for _, tensor in found]


def _case(
    spec: ModelSpec,
    writer: _Writer,
    name: str,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    tolerance: float,
) -> GoldenCase:
    files = tuple(writer.array(f"{name}-input-{i}", t) for i, t in enumerate(inputs))
    stored = tuple(
        GoldenOutput(
            name=output.name,
            file=writer.array(f"{name}-output-{i}", tensor),
            max_abs=float(tensor.double().abs().max()),
            tolerance=tolerance,
        )
        for i, (output, tensor) in enumerate(zip(spec.outputs, outputs, strict=True))
    )
    is_picture = name == "picture"
    top = _top(outputs[0]) if is_picture and spec.task is Task.classification else ()
    return GoldenCase(
        name=name,
        kind=name.partition("-")[0],
        inputs=files,
        outputs=stored,
        image="golden.ppm" if is_picture else "",
        pixels="pixels-ppm.npy" if is_picture else "",
        topk=top,
    )


def _top(logits: Any) -> tuple[tuple[int, float], ...]:
    """(class, probability) of the first item, best first: float32 softmax, as Python users compute it."""
    import torch

    values, classes = torch.softmax(logits[0].float(), dim=0).topk(min(TOP, logits.shape[1]))
    return tuple((int(c), float(v)) for c, v in zip(classes, values, strict=True))


def _least_difference(
    spec: ModelSpec, inputs: dict[str, list[Any]], outputs: dict[str, list[Any]], profiles: Profiles
) -> tuple[float, str]:
    """The smallest difference of any two goldens' items, relative to the larger's max, and which two.

    Two items differ by their most different output: a wrong answer then fails at least one comparison.
    Items of equal inputs are not compared, nor those whose mask hides all that differs; (0, "") when no two
    are left.
    """
    items: list[tuple[str, list[Any], list[Any]]] = []
    for name, tensors in outputs.items():
        if name == "batch":
            count = _batch(spec, profiles)
            for i in range(count):
                rows = _rows(spec.inputs, inputs[name], i, count), _rows(spec.outputs, tensors, i, count)
                items.append((f"batch item {i}", *rows))
        else:
            items.append((name, inputs[name], tensors))
    least, pair = float("inf"), ""
    for (a_name, a_inputs, a), (b_name, b_inputs, b) in combinations(items, 2):
        if _nothing_differs(spec, a_inputs, b_inputs):
            continue
        best = 0.0
        for p, q in zip(a, b, strict=True):
            if p.shape != q.shape:
                best = float("inf")
                continue
            difference, _ = max_abs_difference(p, q)
            largest = max(float(p.double().abs().max()), float(q.double().abs().max()))
            best = max(best, difference / largest if largest else 0.0)
        if best < least:
            least, pair = best, f"{a_name} and {b_name}"
    return (least, pair) if pair else (0.0, "")


def _rows(specs: Sequence[TensorSpec], tensors: Sequence[Any], item: int, count: int) -> list[Any]:
    """The part of each tensor that belongs to one item of a batch of `count`."""
    return [
        t[item * (n := t.shape[0] // count) : (item + 1) * n] if s.dims and s.dims[0].dynamic else t
        for s, t in zip(specs, tensors, strict=True)
    ]


def _nothing_differs(spec: ModelSpec, a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether inputs are equal, or have an equal mask that is all true or all false."""
    import torch

    if all(torch.equal(p, q) for p, q in zip(a, b, strict=True)):
        return True
    return any(
        is_mask(t) and p.shape == q.shape and len(p.unique()) == 1 and torch.equal(p, q)
        for t, p, q in zip(spec.inputs, a, b, strict=True)
    )
