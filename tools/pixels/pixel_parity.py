"""Compares the generated C++ picture code with Pillow and torchvision, pixel by pixel.

    python tools/pixels/pixel_parity.py [--cases 200] [--pictures PATH...] [--seed 0] [--simd NAME]
    python tools/pixels/pixel_parity.py --program BUILD/tests/NAME_pixels_tool
    CXX=aarch64-linux-gnu-g++ python tools/pixels/pixel_parity.py --emulator qemu-aarch64-static

Compiles the core of the templates and its pixels_tool, runs random resize and crop steps, the pictures
that installed packages ship, and a file of every JPEG, PNG, PPM and .npy variant through both sides.
Prints the differing pixels of each group, for every set of instructions that the processor has; exits with
1 if there is one. Another processor's program, linked statically and without libjpeg and libpng, runs in an
emulator.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL
import torch
import torchvision.transforms as v1
import torchvision.transforms.v2 as v2
from picture_variants import all_variants, jpeg_variants, large_jpegs, noise, structured
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv
from torchvision.transforms._presets import ImageClassification
from torchvision_steps import all_sides, random_steps, resize, result

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "common"
NAME = "pixelcheck"
SOURCES = (
    "tensor/tensor.cpp",
    "tensor/npy.cpp",
    "tensor/npy_header.cpp",
    "image/pad_grayscale.cpp",
    "image/image.cpp",
    "assets/input_file.cpp",
    "image/image_pnm.cpp",
    "image/image_view.cpp",
    "image/image_jpeg.cpp",
    "image/image_png.cpp",
    "image/resize.cpp",
    "image/resize_axis.cpp",
    "image/resize_kernels.cpp",
    "image/resize_neon.cpp",
    "image/resize_x86.cpp",
    "image/preprocess.cpp",
    "image/workers.cpp",
)
FLAGS = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover")
FILTERS = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}
SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".pgm")
MAX_PIXELS = 4_000_000  # of a random result: the rest is time
WANTED_PICTURES = 20

Array = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One line for the tool; `expected` gives the reference, or raises where Python refuses."""

    group: str
    name: str
    source: Path
    steps: tuple[str, ...]
    expected: Callable[[], Array]


@dataclass(slots=True)
class Tally:
    """What one group came to."""

    files: int = 0
    pixels: int = 0
    differing: int = 0
    refused: int = 0  # by both sides
    problems: list[str] = field(default_factory=list)


# Building ---------------------------------------------------------------------------------------------


TOOL = TEMPLATES / "tests" / "pixels_tool.cpp"


def build_tool(folder: Path, extra_flags: Sequence[str] = (), main: Path = TOOL) -> tuple[Path, list[str]]:
    """Renders and compiles the core with a program; returns that and the codecs that it has."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        sys.exit("no C++ compiler found: install g++ (apt install g++) or set CXX")
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for file in TEMPLATES.joinpath("src").rglob("*.hpp"):
        _render(file, folder / file.relative_to(TEMPLATES))
    for file in TEMPLATES.joinpath("include", "__name__").glob("*.hpp"):
        _render(file, folder / "include" / NAME / file.name)
    sources = [_render(TEMPLATES / "src" / name, folder / "src" / name) for name in SOURCES]
    sources.append(_render(main, folder / "tests" / main.name))
    codecs = [codec for codec in ("jpeg", "png") if _links(compiler, codec, folder)]
    definitions = [f"-D{NAME.upper()}_HAVE_{codec.upper()}=1" for codec in codecs]
    libraries = [f"-l{codec}" for codec in codecs]
    program = folder / main.stem
    includes = ["-Iinclude", "-Isrc"]
    # -ffp-contract=off as the project's CMake gives it to resize_axis.cpp and preprocess.cpp.
    flags = [*FLAGS, "-ffp-contract=off", "-pthread", *extra_flags, *definitions, *includes]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda source: _compile([compiler, *flags], folder, source), sources))
    subprocess.run([compiler, *flags, *objects, "-o", program, *libraries], check=True)
    return program, codecs


def _compile(compiler: Sequence[str], folder: Path, source: Path) -> Path:
    """In `folder`, by the launcher that CMake takes: the tests' launcher has objects of earlier runs."""
    launcher = list(filter(None, os.environ.get("CMAKE_CXX_COMPILER_LAUNCHER", "").split(";")))
    target = source.with_suffix(".o")
    written = ["-MD", "-MF", str(source.with_suffix(".d")), "-o", str(target)]
    argv = [*launcher, *compiler, *written, "-c", str(source.relative_to(folder))]
    subprocess.run(argv, cwd=folder, check=True)
    return target


def _render(source: Path, target: Path) -> Path:
    text = source.read_text().replace("{= name =}", NAME).replace("{= NAME =}", NAME.upper())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target


def _links(compiler: str, library: str, folder: Path) -> bool:
    program = "int main() { return 0; }"
    argv = [compiler, "-x", "c++", "-", f"-l{library}", "-o", str(folder / "link_test")]
    return subprocess.run(argv, input=program, text=True, capture_output=True).returncode == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The program, how it is started, and with which instructions it resizes."""

    argv: tuple[str, ...]
    simd: str = ""


def run_tool(tool: Tool, lines: Iterable[str]) -> list[str]:
    """One answer for each line: "ok" or "error ..."; what it prints on stderr is a failure too."""
    environment = {**os.environ, f"{NAME.upper()}_SIMD": tool.simd}
    text = "\n".join(lines) + "\n"
    done = subprocess.run(tool.argv, input=text, text=True, capture_output=True, env=environment)
    if done.returncode != 0 or done.stderr:
        sys.exit(f"pixels_tool exited with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout.splitlines()


# Jobs -------------------------------------------------------------------------------------------------


def random_jobs(count: int, seed: int, folder: Path) -> list[Job]:
    """Random pictures through random steps."""
    rng = np.random.default_rng(seed)
    jobs = []
    for index in range(count):
        kind = ("noise", "structured")[index % 2]
        width, height = _random_size(rng)
        pixels = (noise if kind == "noise" else structured)(rng, width, height)
        source = folder / f"random-{index}.ppm"
        image = Image.fromarray(pixels)
        image.save(source)
        steps = _random_steps(rng, width, height)
        name = f"{width}x{height} {' '.join(steps)}"
        jobs.append(_steps_job(f"random {kind}", name, source, steps, image))
    return jobs


def _random_size(rng: np.random.Generator) -> tuple[int, int]:
    extreme = ((1, 1), (1, 5000), (5000, 1), (1, 37), (37, 1), (2, 3001), (3001, 2), (3, 400), (400, 3))
    if rng.random() < 0.3:
        return extreme[int(rng.integers(len(extreme)))]
    low, high = (1, 40) if rng.random() < 0.3 else (41, 900)
    return int(rng.integers(low, high)), int(rng.integers(low, high))


def _random_steps(rng: np.random.Generator, width: int, height: int) -> tuple[str, ...]:
    while True:
        steps = []
        for _ in range(1 if rng.random() < 0.85 else 2):
            if rng.random() < 0.9:
                steps.append(_random_resize(rng))
            if rng.random() < 0.7:
                steps.append(f"crop:{_random_side(rng)}x{_random_side(rng)}")
        try:
            if steps and all(w * h <= MAX_PIXELS for w, h in _sizes(steps, width, height)):
                return tuple(steps)
        except (ValueError, ZeroDivisionError):
            return tuple(steps)  # torchvision refuses it; so must we


def _random_resize(rng: np.random.Generator) -> str:
    method = list(FILTERS)[int(rng.integers(3))]
    if rng.random() < 0.5:
        return f"resize:size={_random_side(rng)}x{_random_side(rng)},filter={method}"
    shorter = _random_side(rng)
    longest = shorter + int(rng.integers(0, 300)) if rng.random() < 0.4 else 0
    return f"resize:shorter={shorter},max={longest},filter={method}"


def _random_side(rng: np.random.Generator) -> int:
    return int(rng.choice([1, 2, 3, 7, 64, 224, 225])) if rng.random() < 0.2 else int(rng.integers(1, 700))


def _sizes(steps: Sequence[str], width: int, height: int) -> list[tuple[int, int]]:
    """The size after each step."""
    sizes = []
    for step in steps:
        kind, settings = _parse(step)
        if kind == "crop":
            height, width = settings["size"]
        else:
            height, width = tv._compute_resized_output_size((height, width), *_resize_arguments(settings))
        sizes.append((width, height))
    return sizes


def _parse(step: str) -> tuple[str, dict[str, tuple[int, ...]]]:
    kind, rest = step.split(":")
    if kind == "crop":
        return kind, {"size": tuple(map(int, rest.split("x")))}
    pairs = (setting.split("=") for setting in rest.split(","))
    return kind, {key: tuple(map(int, value.split("x"))) for key, value in pairs if key != "filter"}


def _resize_arguments(settings: dict[str, tuple[int, ...]]) -> tuple[list[int], int | None]:
    if "size" in settings:
        return list(settings["size"]), None
    return list(settings["shorter"]), settings.get("max", (0,))[0] or None


def apply_steps(image: Image.Image, steps: Sequence[str]) -> npt.NDArray[np.uint8]:
    """What torchvision makes of the same steps."""
    for step in steps:
        kind, settings = _parse(step)
        if kind == "crop":
            image = tv.center_crop(image, list(settings["size"]))
        else:
            size, max_size = _resize_arguments(settings)
            image = tv.resize(image, size, FILTERS[step.rsplit("filter=", 1)[1]], max_size)
    return np.asarray(image)


def _steps_job(group: str, name: str, source: Path, steps: Sequence[str], image: Image.Image) -> Job:
    return Job(
        group=group,
        name=name,
        source=source,
        steps=tuple(steps),
        expected=lambda: apply_steps(image, steps),
    )


def torchvision_jobs(count: int, seed: int, folder: Path) -> list[Job]:
    """Random pictures through random steps of tensors, Pad and Grayscale."""
    rng = np.random.default_rng([seed, 1])
    jobs = []
    for index in range(count):
        width, height = (int(n) for n in rng.integers(1, 300, 2))
        source = folder / f"torchvision-{index}.ppm"
        image = Image.fromarray((noise, structured)[index % 2](rng, width, height))
        image.save(source)
        steps = random_steps(rng)
        texts = tuple(text for text, _ in steps if text)
        jobs.append(
            Job(
                group="torchvision's steps",
                name=f"{width}x{height} {' '.join(texts)}",
                source=source,
                steps=texts,
                expected=partial(result, image, [transform for _, transform in steps]),
            )
        )
    return jobs


def side_jobs(limit: int, seed: int, folder: Path) -> list[Job]:
    """Every side up to `limit` to every other, as torch resizes tensors; rows and columns at once."""
    rng = np.random.default_rng([seed, 2])
    images = {}
    for side in range(1, max(limit, 2) + 1):
        source = folder / f"side-{side}.ppm"
        images[side] = (source, Image.fromarray(noise(rng, side, side)))
        images[side][1].save(source)
    jobs = []
    pairs = [(a, (b, limit + 1 - b), name, antialias) for a, b, name, antialias in all_sides(limit)]
    pairs += [(2, (159, 3441), "nearest-exact", True)]  # where the rounding of a position decides
    for a, to, name, antialias in pairs:
        source, image = images[a]
        text, transform = resize(to, name, antialias=antialias)
        expected = partial(result, image, [v2.ToImage(), transform])
        jobs.append(
            Job(
                group="torch, all sides",
                name=f"{a}x{a} {text}",
                source=source,
                steps=(text,),
                expected=expected,
            )
        )
    return jobs


PRESETS = (
    ("resize:shorter=256,filter=bilinear", "crop:224x224"),
    ("resize:shorter=232,filter=bilinear", "crop:224x224"),
    ("resize:shorter=256,filter=bicubic", "crop:224x224"),
    ("resize:shorter=342,filter=bilinear", "crop:299x299"),
    ("resize:shorter=232,filter=bicubic",),
    ("resize:size=224x224,filter=bicubic",),
    ("resize:size=300x500,filter=bilinear",),
    ("resize:shorter=256,max=300,filter=bilinear",),
    ("resize:shorter=256,filter=nearest", "crop:224x224"),
    ("crop:700x333",),
)


def picture_jobs(pictures: Sequence[Path], folder: Path) -> list[Job]:
    """Each picture as decoded, and after the presets of common models."""
    jobs = []
    for index, picture in enumerate(pictures):
        source = folder / f"picture-{index}{picture.suffix}"  # no spaces in the tool's lines
        shutil.copyfile(picture, source)
        image = _open(source)
        jobs.append(_steps_job("pictures, decode", picture.name, source, (), image))
        for steps in PRESETS:
            name = f"{picture.name} {' '.join(steps)}"
            jobs.append(_steps_job("pictures, presets", name, source, steps, image))
    return jobs


def variant_jobs(seed: int, folder: Path, codecs: Sequence[str]) -> list[Job]:
    jobs = []
    for name, data in all_variants(seed):
        group = name.split("-")[0]
        if group in ("jpeg", "png") and group not in codecs:
            continue
        source = folder / name
        source.write_bytes(data)
        jobs.append(_decode_job(f"variants, {group}", name, source))
    return jobs


WANTED_SIDES = ("1", "3", "8", "20", "64", "30x10", "9x40", "100x75", "400x10", "2000x2000")


def scaled_jobs(seed: int, folder: Path, codecs: Sequence[str]) -> list[Job]:
    """JPEGs decoded at a part of their size, as Image.draft() does it: every variant, large and cut ones."""
    if "jpeg" not in codecs:
        return []
    jobs = []
    for index, (name, data) in enumerate([*jpeg_variants(np.random.default_rng(seed)), *large_jpegs(seed)]):
        source = folder / f"scaled-{index}"
        source.write_bytes(data)
        for wanted in WANTED_SIDES:
            job = partial(_scaled_job, name=f"{name} decode:{wanted}", source=source, wanted=wanted)
            jobs.append(job(group="scaled, decode"))
            if name.startswith("jpeg-large"):
                jobs.append(job(group="scaled, preset", steps=PRESETS[0]))
    for index, (name, data) in enumerate(large_jpegs(seed)):
        source = folder / f"scaled-cut-{index}"
        source.write_bytes(data[: len(data) // 2])
        jobs.append(_scaled_job("scaled, truncated", f"{name} cut", source, "20"))
    return jobs


def _scaled_job(group: str, name: str, source: Path, wanted: str, steps: Sequence[str] = ()) -> Job:
    sides = [int(side) for side in wanted.split("x")]

    def expected() -> Array:
        image = Image.open(source)
        image.draft(None, (sides[0], sides[-1]))
        return apply_steps(image.convert("RGB"), steps)

    return Job(group=group, name=name, source=source, steps=(f"decode:{wanted}", *steps), expected=expected)


def _decode_job(group: str, name: str, source: Path) -> Job:
    return Job(group=group, name=name, source=source, steps=(), expected=lambda: _decode(source))


def _decode(source: Path) -> npt.NDArray[np.uint8]:
    data = source.read_bytes()
    if data.startswith(b"\x93NUMPY"):
        array = np.load(io.BytesIO(data))
        return array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2)
    if data.startswith(b"GIF"):
        raise OSError("a format that the C++ does not read")
    return np.asarray(_open(source))


def _open(source: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(source).convert("RGB")


def tensor_jobs(folder: Path) -> list[Job]:
    """All 256 levels through the float stages of torchvision, compared to the last bit."""
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Image.fromarray(np.dstack([levels, levels[::-1], levels.T]))
    source = folder / "levels.ppm"
    image.save(source)
    jobs = []
    for mean, std in (((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.5, 0.498, 0.1), (0.5, 0.502, 0.3))):
        normalize = f"mean={'/'.join(map(str, mean))},std={'/'.join(map(str, std))}"
        classic = v1.Compose([v1.ToTensor(), v1.Normalize(mean, std)])
        preset = ImageClassification(crop_size=16, resize_size=16, mean=mean, std=std)
        modern = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std))]
        )
        for name, transform, rescale in (
            ("v1 ToTensor", classic, "divide"),
            ("v1 preset ImageClassification", preset, "divide"),
            ("v2 ToDtype", modern, "multiply"),
        ):
            jobs.append(_tensor_job(name, source, f"tensor:rescale={rescale},{normalize}", transform, image))
    plain = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    jobs.append(_tensor_job("v1 ToTensor alone", source, "tensor:rescale=divide", v1.ToTensor(), image))
    jobs.append(_tensor_job("v2 ToDtype alone", source, "tensor:rescale=multiply", plain, image))
    return jobs


def _tensor_job(
    name: str, source: Path, step: str, transform: Callable[[Image.Image], torch.Tensor], image: Image.Image
) -> Job:
    return Job(
        group="tensor",
        name=name,
        source=source,
        steps=(step,),
        expected=lambda: transform(image)[None].numpy(),
    )


def find_pictures(extra: Sequence[Path]) -> list[Path]:
    """Pictures in installed packages and in the given folders."""
    places = list(extra)
    for package, part in (
        ("skimage", "data"),
        ("sklearn", "datasets/images"),
        ("matplotlib", "mpl-data/sample_data"),
    ):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            places.append(Path(next(iter(spec.submodule_search_locations))) / part)
    found = []
    for place in places:
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        found += [file for file in files if file.suffix.lower() in SUFFIXES]
    return found


# Comparing --------------------------------------------------------------------------------------------


def compare(tool: Tool, jobs: Sequence[Job], folder: Path) -> dict[str, Tally]:
    """Runs every job on both sides."""
    outs = [folder / f"out-{index}.npy" for index in range(len(jobs))]
    lines = [" ".join([str(job.source), str(out), *job.steps]) for job, out in zip(jobs, outs, strict=True)]
    answers = run_tool(tool, lines)
    if len(answers) != len(jobs):
        sys.exit(f"pixels_tool answered {len(answers)} of {len(jobs)} jobs")
    tallies: dict[str, Tally] = {}
    for job, out, answer in zip(jobs, outs, answers, strict=True):
        tally = tallies.setdefault(job.group, Tally())
        tally.files += 1
        _compare_one(job, out, answer, tally)
        out.unlink(missing_ok=True)
    return tallies


def _compare_one(job: Job, out: Path, answer: str, tally: Tally) -> None:
    try:
        expected = job.expected()
    except Exception as error:  # noqa: BLE001 - whatever Pillow or torchvision refuses with
        if answer == "ok":
            tally.problems.append(f"{job.name}: Python refuses it ({error}), we do not")
        tally.refused += 1
        return
    if answer != "ok":
        tally.problems.append(f"{job.name}: {answer}")
        return
    actual = np.load(out)
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        shapes = f"{actual.dtype} {actual.shape}, not {expected.dtype} {expected.shape}"
        tally.problems.append(f"{job.name}: {shapes}")
        return
    unequal = actual != expected
    per_pixel = unequal.any(axis=-1) if actual.dtype == np.uint8 else unequal
    tally.pixels += per_pixel.size
    tally.differing += int(per_pixel.sum())
    if per_pixel.any():
        tally.problems.append(f"{job.name}: {int(per_pixel.sum())} of {per_pixel.size} pixels differ")


def damaged_files(seed: int, mutations: int) -> list[tuple[str, bytes]]:
    """Every variant cut short at many lengths, and with a few bytes changed."""
    rng = np.random.default_rng(seed)
    variants = [(name, data) for name, data in all_variants(seed) if 0 < len(data) < 40_000]
    files = [
        (f"{name}-cut-{length}", data[:length])
        for name, data in variants
        for length in range(0, len(data), max(50, len(data) // 60))
    ]
    for index in range(mutations):
        name, data = variants[int(rng.integers(len(variants)))]
        changed = bytearray(data)
        for _ in range(int(rng.integers(1, 5))):
            changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
        files.append((f"{name}-changed-{index}", bytes(changed)))
    return files


def damaged_jobs(seed: int, mutations: int, folder: Path, codecs: Sequence[str]) -> list[Job]:
    jobs = []
    for index, (name, data) in enumerate(damaged_files(seed, mutations)):
        group = name.split("-")[0]
        if group in ("jpeg", "png") and group not in codecs:
            continue
        source = folder / f"damaged-{index}"
        source.write_bytes(data)
        jobs.append(_decode_job(f"damaged {group}", name, source))
    return jobs


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--cases", type=int, default=200, help="random resize and crop cases")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[], help="more files or folders")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--build-dir", type=Path, help="where to compile (default: a temporary folder)")
    damaged = "also decode truncated files and N changed ones; all under sanitizers"
    parser.add_argument("--sides", type=int, default=12, help="tensors: every side up to this to every other")
    parser.add_argument("--damaged", type=int, metavar="N", help=damaged)
    parser.add_argument("--simd", help="one set of instructions instead of all: avx2, sse4.1, neon, none")
    parser.add_argument("--program", type=Path, help="a project's own pixels_tool, already built")
    parser.add_argument("--emulator", help="what runs the program, which is linked statically then")
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        flags = list(() if options.damaged is None else SANITIZERS) + (
            ["-static"] if options.emulator else []
        )
        if options.program:
            program, codecs = options.program, ["jpeg", "png"]
        else:
            program, codecs = build_tool(options.build_dir or folder / "build", flags)
        argv = (*([options.emulator] if options.emulator else []), str(program))
        known = subprocess.run(
            [*argv, "--kernels"], capture_output=True, text=True, check=True
        ).stdout.split()
        if options.simd and options.simd not in known:
            sys.exit(f"this processor has no {options.simd}; it has {', '.join(known)}")
        if options.program:
            known = known[:1]  # another project's name is in the variable that would choose
        pictures = find_pictures(options.pictures)
        if not {"jpeg", "png"} <= set(codecs):
            print(f"codecs found: {codecs or 'none'}; get both with: apt install libjpeg-dev libpng-dev")
            pictures = [picture for picture in pictures if picture.suffix in (".ppm", ".pgm")]
        if len(pictures) < WANTED_PICTURES:
            remedy = "pip install scikit-image scikit-learn matplotlib"
            print(f"only {len(pictures)} of {WANTED_PICTURES} real pictures; get more: {remedy}")
        resizes = [
            *random_jobs(options.cases, options.seed, folder),
            *torchvision_jobs(options.cases, options.seed, folder),
            *side_jobs(options.sides, options.seed, folder),
            *picture_jobs(pictures, folder),
        ]
        others = [
            *variant_jobs(options.seed, folder, codecs),
            *scaled_jobs(options.seed, folder, codecs),
            *tensor_jobs(folder),
        ]
        failed = False
        for i, simd in enumerate([options.simd] if options.simd else known):
            print(f"{'' if i == 0 else chr(10)}instructions: {simd}")
            tallies = compare(Tool(argv=argv, simd=simd), resizes + ([] if i else others), folder)
            report(tallies, len(pictures))
            failed = failed or any(tally.problems for tally in tallies.values())
        if options.damaged is not None:
            print("\nDamaged files: no sanitizer report; differences from Pillow are told, not judged")
            jobs = damaged_jobs(options.seed, options.damaged, folder, codecs)
            report(compare(Tool(argv=argv), jobs, folder), 0)
    return 1 if failed else 0


def report(tallies: dict[str, Tally], pictures: int) -> None:
    print(f"{'group':<20} {'cases':>6} {'refused':>8} {'pixels':>12} {'differing':>10} {'problems':>9}")
    for group, tally in tallies.items():
        row = f"{tally.files:>6} {tally.refused:>8} {tally.pixels:>12} {tally.differing:>10}"
        print(f"{group:<20} {row} {len(tally.problems):>9}")
    for tally in tallies.values():
        for problem in tally.problems[:20]:
            print(f"    {problem}")
    total = sum(tally.pixels for tally in tallies.values())
    differing = sum(tally.differing for tally in tallies.values())
    print(f"{differing} of {total} pixels differ; {pictures} real pictures; Pillow {PIL.__version__}")


if __name__ == "__main__":
    sys.exit(main())
