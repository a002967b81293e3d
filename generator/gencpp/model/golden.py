"""Golden inputs, reference preprocessing and reference outputs, by the eager Python model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from ..core import tolerances
from ..core.errors import CheckFailed, EnvironmentLacks, GencppError, UsageError
from ..core.loaded import LoadedModel
from ..core.progress import Progress, notice
from ..core.spec import (
    Artifact,
    GoldenCase,
    GoldenOutput,
    Goldens,
    ModelSpec,
    PixelCase,
    PreprocessSpec,
    TensorSpec,
)
from ..core.words import counted
from ..tasks import TASKS
from ..tensors.difference import difference
from ..tensors.module import run_module
from ..tensors.stimuli import further_seeds, is_mask, seeded_inputs
from .column_scales import small_columns
from .fitting import input_text, values_hint
from .pictures import GOLDEN_SIZE, picture, pnm
from .sizes.answers import Answers, answers_for, case_text
from .sizes.plan import SizeCase, shapes_text
from .transforms import PictureRefused, check_against, own_pixels, reference_pixels, reference_tensor

FOLDER = "goldens"

SHIPPED_BYTES = 64_000_000
"""Of a project's goldens: they are committed with it, and most hosts of repositories refuse 100 MB."""

_SEEDS = (0, 1)
"""Of seeded-0 and seeded-1, added to 1000 times the user's seed; sizes have seeds of their own."""

_JPEG = {"quality": 90, "subsampling": 2}
"""4:2:0, as most pictures are."""

_SIZES = ((7, 301), (301, 5), (1, 1), (447, 33), (97, 131))
"""Width and height of further pictures: extreme aspects, single pixels, odd sizes, smaller than a crop."""

_MAXVALS = (1, 100, 200, 254, 255, 300, 1000, 30000, 65534, 65535)
"""Of PNM files: what decides at a half between two levels, and where values are two bytes."""


def make_goldens(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    seed: int,
    progress: Progress,
    *,
    tolerance: float = tolerances.PARITY,
    answers: Answers | None = None,
    unproven: Sequence[str] = (),
) -> Goldens:
    """Writes directory/goldens/ and tells what is in it.

    `tolerance` is what the backend is held to; `answers` has the sizes that are compared. `unproven`: what
    else was not compared, such as branches.

    Cases: `seeded-0`, `seeded-1`, further `seeded-N` until every given value, example and layout of a mask is
    in one, `batch` (several items, where the batch is dynamic), `sizes-N` (the other sizes, as far as all
    goldens stay below SHIPPED_BYTES) and `picture` (where there is preprocessing). Raises CheckFailed when an
    output is not finite, when preprocessing is not what the transform itself does, or when goldens of random
    weights are too near to each other to prove anything.
    """
    known = answers_for(loaded, answers)
    folder = directory / FOLDER
    writer = _Writer(folder)
    base = 1000 * seed
    inputs: dict[str, list[Any]] = {
        f"seeded-{i}": seeded_inputs(spec.inputs, base + s) for i, s in enumerate(_SEEDS)
    }
    batch = next((c for c in known.plan(spec).cases if c.kind == "batch"), None)
    inputs |= _further_values(spec, base, batch)
    pixel_cases: tuple[PixelCase, ...] = ()
    pictured: dict[str, list[Any]] = {}
    if spec.preprocess is not None:
        pictured["picture"], pixel_cases = _pictures(loaded, spec.preprocess, writer, seed)
    outputs = {name: _reference(loaded, spec, name, t) for name, t in (inputs | pictured).items()}
    room = SHIPPED_BYTES - writer.size - sum(_bytes(t) for t in (*inputs.values(), *pictured.values()))
    sizes, unheld = _sizes(known, spec, room - sum(map(_bytes, outputs.values())))
    for name, case in sizes.items():
        inputs[name], found = known.at(spec.inputs, case)
        outputs[name] = _finite(loaded, spec, f"{name} ({shapes_text(spec.inputs, case.shapes)})", found)
    inputs |= pictured
    cases = tuple(_case(spec, writer, name, inputs[name], outputs[name], tolerance) for name in inputs)
    least, pair = _least_difference(spec, inputs, outputs)
    needed = tolerances.DISTINCT * tolerances.PARITY  # whatever a backend with less precision is held to
    parity, note = "strong", ""
    if least < needed:
        note = (
            f"{pair}: the outputs differ by only {least:.1e} of the largest value,"
            f" less than {tolerances.DISTINCT} tolerances ({needed:g}): wrong answers could pass"
        )
        if not pair:
            note = "all goldens have the same inputs; give several values, or a file of several examples"
        if loaded.weights.kind == "random":
            raise CheckFailed(
                f"the goldens of {loaded.source_text} prove too little: {note}",
                hint="try another --seed, or real weights (--weights).",
            )
        parity = "weak"
    columns = small_columns(spec, list(outputs.values()), tolerance)
    missing = [*_not_compared(known, spec, unheld), *columns, *unproven]
    if missing:
        parity = "weak" if note else "partial"
        note = "; ".join([*([note] if note else []), *missing])
    if parity != "strong":
        progress(f"warning: parity is {parity}: {note}")
    size = writer.size / 1e6
    progress(f"goldens: {counted(len(cases), 'case')}, {size:.1f} MB, any two differ by {least:.2g} or more")
    refused = known.plan(spec).refused
    notes = (f"Within the bounds, the model itself does not take {'; '.join(refused)}.",) if refused else ()
    for meaning in TASKS[spec.task].notes(list(outputs.values())):
        notes = (*notes, meaning)
        notice(progress, meaning[0].lower() + meaning[1:].rstrip("."))
    return Goldens(cases=cases, pixel_cases=pixel_cases, parity=parity, parity_note=note, notes=notes)


def _sizes(answers: Answers, spec: ModelSpec, room: int) -> tuple[dict[str, SizeCase], list[SizeCase]]:
    """(the sizes that the goldens hold, by the golden's name; those that are too large for them)"""
    held: dict[str, SizeCase] = {}
    unheld = []
    for case in answers.plan(spec).cases:
        inputs, found = answers.at(spec.inputs, case)
        size = _bytes(inputs) + _bytes([t for _, t in found])
        if size > room:
            unheld.append(case)
            continue
        room -= size
        name = (
            "batch"
            if case.kind == "batch" and "batch" not in held
            else f"sizes-{len(held) - ('batch' in held)}"
        )
        held[name] = case
    return dict(sorted(held.items(), key=lambda h: h[0] != "batch")), unheld


def _further_values(spec: ModelSpec, base: int, batch: SizeCase | None) -> dict[str, list[Any]]:
    """Inputs with the given values, examples and layouts of masks that the first cases leave out."""
    seen = [(base + s, 1) for s in _SEEDS]
    seen += [(base + batch.seed, batch.items)] if batch else []
    seeds, _ = further_seeds(spec.inputs, seen, base + 10)
    return {f"seeded-{i}": seeded_inputs(spec.inputs, seed) for i, seed in enumerate(seeds, 2)}


def _not_compared(answers: Answers, spec: ModelSpec, unheld: Sequence[SizeCase]) -> list[str]:
    """What the goldens do not prove of the sizes."""
    told = []
    if left_out := answers.plan(spec).left_out:
        told.append(f"not compared, for it would take too long or too much memory: {', '.join(left_out)}")
    if unheld:
        names = ", ".join(case_text(spec.inputs, c) for c in unheld)
        told.append(
            f"compared with the Python model, but not among the goldens, which stay below"
            f" {SHIPPED_BYTES // 1_000_000} MB: {names}"
        )
    return told


def _bytes(tensors: Sequence[Any]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


class _Writer:
    """Writes files of the goldens' folder, and counts their bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.size = 0
        try:
            folder.parent.mkdir(exist_ok=True)  # but not what that lies in, which may have been taken away
            folder.mkdir(exist_ok=True)
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

    def raw(self, name: str, data: bytes) -> str:
        """A file as it is."""
        path = self.folder / name
        try:
            path.write_bytes(data)
        except OSError as e:
            raise _cannot_write(path, e) from None
        self.size += len(data)
        return name

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
            if preprocess.float_resize and own is not None:
                pixels = writer.array("pixels-float32", own_pixels(preprocess, own, image))
                cases.append(PixelCase(name="float32", image=file, pixels=pixels, tensor="", tolerance=1))
    cases += _further_sizes(loaded, preprocess, writer, seed)
    cases += _further_levels(writer)
    return [tensor], tuple(cases)


def _further_sizes(
    loaded: LoadedModel, preprocess: PreprocessSpec, writer: _Writer, seed: int
) -> list[PixelCase]:
    sizes = list(_SIZES)
    if preprocess.output_size is not None:
        sizes.append((preprocess.output_size[1], preprocess.output_size[0]))  # nothing left to crop
    cases = []
    for i, (width, height) in enumerate(sizes):
        name = f"size-{width}x{height}"
        image = picture(width, height, seed=seed * 100 + i + 1)
        try:
            expected = reference_pixels(preprocess, image)
        except PictureRefused:  # such as where max_size leaves nothing of the shorter side
            continue
        check_against(preprocess, loaded.transforms if callable(loaded.transforms) else None, image)
        # PPM: decoded by every build, whatever libraries it found.
        file = writer.image(f"{name}.ppm", image)
        pixels = writer.array(f"pixels-{name}", expected)
        cases.append(PixelCase(name=name, image=file, pixels=pixels, tensor=""))
    return cases


def _further_levels(writer: _Writer) -> list[PixelCase]:
    """PNM files of other maximal values than 255, as Pillow decodes them; a few hundred bytes each."""
    import numpy as np
    from PIL import Image

    cases = []
    for maxval in _MAXVALS:
        for grey, suffix in ((False, "ppm"), (True, "pgm")):
            name = f"maxval-{maxval}-{suffix}"
            file = writer.raw(f"maxval-{maxval}.{suffix}", pnm(maxval, grey=grey))
            with Image.open(writer.folder / file) as opened:
                pixels = writer.array(f"pixels-{name}", np.array(opened.convert("RGB")))
            cases.append(PixelCase(name=name, image=file, pixels=pixels, tensor="", decoded=True))
    return cases


def _reference(loaded: LoadedModel, spec: ModelSpec, case: str, inputs: Sequence[Any]) -> list[Any]:
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
    return _finite(loaded, spec, case, found)


def _finite(loaded: LoadedModel, spec: ModelSpec, case: str, found: Sequence[tuple[str, Any]]) -> list[Any]:
    import torch

    problems = []
    for (_, tensor), output in zip(found, spec.outputs, strict=True):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            problems.append(f"{output.name}: {count} of {tensor.numel()} values are inf or nan")
    if problems:
        raise CheckFailed(
            f"{loaded.source_text} on golden {case}: " + "; ".join(problems),
            hint="an answer that is not finite cannot be compared; check the weights, and say which values"
            f" the inputs have: {input_text(spec.inputs[0])}",
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
            max_abs=_largest(tensor),
            tolerance=tolerance,
        )
        for i, (output, tensor) in enumerate(zip(spec.outputs, outputs, strict=True))
    )
    is_picture = name == "picture"
    return GoldenCase(
        name=name,
        kind=name.partition("-")[0],
        inputs=files,
        outputs=stored,
        image="golden.ppm" if is_picture else "",
        pixels="pixels-ppm.npy" if is_picture else "",
        answer=TASKS[spec.task].golden(outputs),
    )


def _largest(tensor: Any) -> float:
    """max |value|; 0 of an empty tensor."""
    return float(tensor.double().abs().max()) if tensor.numel() else 0.0


def _least_difference(
    spec: ModelSpec, inputs: dict[str, list[Any]], outputs: dict[str, list[Any]]
) -> tuple[float, str]:
    """The smallest difference of any two goldens' items, relative to the larger's max, and which two.

    Two items differ by their most different output: a wrong answer then fails at least one comparison.
    Items of equal inputs are not compared, nor those whose mask hides all that differs, nor those of other
    sizes, which cannot take each other's place; (0, "") when no two are left.
    """
    items: list[tuple[str, list[Any], list[Any]]] = []
    for name, tensors in outputs.items():
        if name == "batch":
            count = _items(spec.inputs, inputs[name])
            for i in range(count):
                rows = _rows(spec.inputs, inputs[name], i, count), _rows(spec.outputs, tensors, i, count)
                items.append((f"batch item {i}", *rows))
        else:
            items.append((name, inputs[name], tensors))
    least, pair = float("inf"), ""
    for (a_name, a_inputs, a), (b_name, b_inputs, b) in combinations(items, 2):
        if [t.shape for t in a_inputs] != [t.shape for t in b_inputs]:
            continue
        if _nothing_differs(spec, a_inputs, b_inputs):
            continue
        best = 0.0
        for p, q in zip(a, b, strict=True):
            if p.shape != q.shape:  # by their values: neither passes for the other
                best = max(best, 1.0)
                continue
            found = difference(p, q)
            largest = max(found.largest, _largest(q))
            best = max(best, found.absolute / largest if largest else 0.0)
        if best < least:
            least, pair = best, f"{a_name} and {b_name}"
    return (least, pair) if pair else (0.0, "")


def _items(specs: Sequence[TensorSpec], tensors: Sequence[Any]) -> int:
    """How many items the inputs of a batch have."""
    found = zip(specs, tensors, strict=True)
    return next((int(t.shape[s.batch_at]) for s, t in found if s.batch_at is not None), 1)


def _rows(specs: Sequence[TensorSpec], tensors: Sequence[Any], item: int, count: int) -> list[Any]:
    """The part of each tensor that belongs to one item of a batch of `count`."""
    return [
        t if s.batch_at is None else t.narrow(s.batch_at, item * (n := t.shape[s.batch_at] // count), n)
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


def unproven(*artifacts: Artifact) -> tuple[str, ...]:
    """What no compared input ran."""
    told = dict.fromkeys(text for artifact in artifacts for text in artifact.untaken)
    return (f"branches that were never run: {', '.join(told)}",) if told else ()
