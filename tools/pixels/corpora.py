"""Compares the generated C++ decoders with Pillow over the pictures of public test suites.

    python tools/pixels/corpora.py [--folder FOLDER] [--page docs/results/pictures.md]

FOLDER (default: $GENCPP_PICTURES, else ~/.cache/gencpp/pictures) holds one folder for each suite; SUITES says
where they are from and how they are laid out. They are never part of this repository. Every file goes through
both sides: the pixels must be equal. What only one side takes is listed with what the other side says of it.
Exits with 1 where a pixel differs, or where a file that only one side takes has no reason in REASONS.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import textwrap
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image, features
from pixel_parity import Tool, build_tool, run_tool

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))

from provenance import write_page

VARIABLE = "GENCPP_PICTURES"
OURS = ("JPEG", "MPO", "PNG", "PPM")
"""Pillow's names of the formats that the C++ reads (MPO: a JPEG with more pictures behind it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Pictures of a public repository."""

    folder: str
    title: str
    repository: str
    commit: str
    """The one that docs/results/pictures.md was made with."""
    paths: tuple[str, ...]
    """What to take of the repository, with its folders."""


SUITES = (
    Suite(
        folder="pillow",
        title="Pillow",
        repository="python-pillow/Pillow",
        commit="4e5f09f533db",
        paths=("Tests/images",),
    ),
    Suite(
        folder="pngsuite",
        title="PngSuite",
        repository="lunapaint/pngsuite",
        commit="8cd768dd0d00",
        paths=("png",),
    ),
    Suite(
        folder="libjpeg-turbo",
        title="libjpeg-turbo",
        repository="libjpeg-turbo/libjpeg-turbo",
        commit="8a99315babe7",
        paths=("testimages",),
    ),
    Suite(
        folder="libpng",
        title="libpng",
        repository="pnggroup/libpng",
        commit="d1d0abeffede",
        paths=("contrib/pngsuite", "contrib/testpngs", "pngtest.png", "pngbar.png", "pngnow.png"),
    ),
    Suite(
        folder="image-png",
        title="image-png",
        repository="image-rs/image-png",
        commit="4f873e4a628c",
        paths=("tests",),
    ),
)


@dataclass(frozen=True, slots=True)
class OneSided:
    """A file that one side takes and the other refuses."""

    name: str
    taken_by: str
    said: str
    reason: str


@dataclass(slots=True)
class Result:
    """What the files of one suite came to."""

    equal: int = 0
    pixels: int = 0
    refused: int = 0
    """Of a format that the C++ reads, by both sides."""
    differing: list[str] = field(default_factory=list)
    one_sided: list[OneSided] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    """Files of formats that the C++ does not read, by format."""


FLOATS = "a PFM, of floats: a format that the C++ does not read"
BITS = "a PBM, of bits: a format that the C++ does not read"
REASONS = {
    "pillow/Tests/images/apng/chunk_no_fctl.png": "its animation is damaged; the C++ reads its first picture",
    "pillow/Tests/images/hopper.pfm": FLOATS,
    "pillow/Tests/images/hopper_be.pfm": FLOATS,
    "pillow/Tests/images/hopper_1bit.pbm": BITS,
    "pillow/Tests/images/hopper_1bit_plain.pbm": BITS,
    "pillow/Tests/images/png_decompression_dos.png": (
        "its text unpacks to more than Pillow allows; the C++ reads no text"
    ),
    "pillow/Tests/images/truncated_end_chunk.png": "it is cut behind its pixels, where the C++ reads no more",
    "pillow/Tests/images/unknown_compression_method.png": "its colour profile is damaged; the C++ reads none",
    "image-png/tests/bugfixes/cicp_pq.png": "the checksum of its light levels is wrong; the C++ reads none",
    "image-png/tests/bugfixes/issue#430.png": (
        "the checksum of its colour profile is wrong; the C++ reads none"
    ),
    "libpng/contrib/testpngs/crashers/empty_ancillary_chunks.png": (
        "its chromaticities are damaged; the C++ reads none"
    ),
}
"""For each file that only one side takes, by its suite and path: why that is right."""


def picture_folder() -> Path:
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "gencpp" / "pictures"


def missing_suites() -> str:
    """Why the comparison cannot run here; empty: it can."""
    folder = picture_folder()
    absent = [suite for suite in SUITES if not (folder / suite.folder).is_dir()]
    return f"no {', '.join(s.folder for s in absent)} below {folder}: {how_to_get()}" if absent else ""


def files_of(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def compare_suite(tool: Tool, suite: Suite, folder: Path, scratch: Path) -> Result:
    """Every file of a suite through both sides."""
    files = files_of(folder / suite.folder)
    links = []
    for i, file in enumerate(files):  # the tool's lines hold no spaces
        links.append(scratch / f"{suite.folder}-{i}")
        links[-1].symlink_to(file)
    outs = [link.with_suffix(".npy") for link in links]
    answers = run_tool(tool, [f"{link} {out}" for link, out in zip(links, outs, strict=True)])
    if len(answers) != len(files):
        sys.exit(f"pixels_tool answered {len(answers)} of {len(files)} files of {suite.title}")
    result = Result()
    for file, out, answer in zip(files, outs, answers, strict=True):
        name = file.relative_to(folder).as_posix()
        compare_file(file, name, answer, out, result)
        out.unlink(missing_ok=True)
    return result


def compare_file(file: Path, name: str, answer: str, out: Path, result: Result) -> None:
    kind, pixels, refusal = pillow_pixels(file)
    ours = answer == "ok"
    if not ours and kind not in OURS and not starts_as_ours(file):
        result.others[kind or "no picture"] += 1
        return
    said = answer.removeprefix("error ").replace(str(out.with_suffix("")), file.name)
    if pixels is None and not ours:
        result.refused += 1
    elif pixels is None:
        result.one_sided.append(OneSided(name, "C++", refusal, REASONS.get(name, "")))
    elif not ours:
        result.one_sided.append(OneSided(name, "Pillow", said, REASONS.get(name, "")))
    else:
        actual = np.load(out)
        result.pixels += pixels.shape[0] * pixels.shape[1]
        if actual.shape != pixels.shape:
            result.differing.append(f"{name}: {actual.shape}, Pillow's is {pixels.shape}")
        elif unequal := int((actual != pixels).any(axis=-1).sum()):
            result.differing.append(f"{name}: {unequal} of {pixels.shape[0] * pixels.shape[1]} pixels differ")
        else:
            result.equal += 1


def pillow_pixels(file: Path) -> tuple[str, npt.NDArray[np.uint8] | None, str]:
    """The format by Pillow's name, the pixels, or why there are none."""
    kind = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file) as image:
                kind = image.format or ""
                if kind not in OURS:
                    return kind, None, "another format"
                return kind, np.asarray(image.convert("RGB")), ""
        except Exception as error:  # noqa: BLE001 - whatever Pillow refuses with
            return kind, None, f"{type(error).__name__}: {error}".replace(str(file), file.name)


def starts_as_ours(file: Path) -> bool:
    with file.open("rb") as opened:
        head = opened.read(8)
    pnm = len(head) > 2 and head[:1] == b"P" and head[1:2] in b"2356" and head[2:3].isspace()
    return pnm or head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--folder", type=Path, default=picture_folder(), help="of the suites' folders")
    parser.add_argument("--page", type=Path, help="markdown file to write")
    parser.add_argument("--build-dir", type=Path, help="where to compile (default: a temporary folder)")
    parser.add_argument("--program", type=Path, help="a project's own pixels_tool, already built")
    options = parser.parse_args()
    suites = [suite for suite in SUITES if (options.folder / suite.folder).is_dir()]
    if not suites:
        sys.exit(f"no suite below {options.folder}; {how_to_get()}")
    with tempfile.TemporaryDirectory() as temporary:
        if options.program:
            program, codecs = options.program, ["jpeg", "png"]
        else:
            program, codecs = build_tool(options.build_dir or Path(temporary) / "build")
        if set(codecs) != {"jpeg", "png"}:
            sys.exit(f"codecs found: {codecs or 'none'}; get both with: apt install libjpeg-dev libpng-dev")
        tool = Tool(argv=(str(program),))
        results = {s: compare_suite(tool, s, options.folder, Path(temporary)) for s in suites}
    print("\n".join(report(results)))
    if options.page:
        write_page(options.page, page(results))
    return 1 if any(r.differing or any(not o.reason for o in r.one_sided) for r in results.values()) else 0


def how_to_get() -> str:
    wanted = "; ".join(f"{s.folder}: {' '.join(s.paths)} of github.com/{s.repository}" for s in SUITES)
    return f"copy there (or to the folder that {VARIABLE} names) {wanted}"


def report(results: dict[Suite, Result]) -> list[str]:
    lines = []
    for suite, result in results.items():
        lines.append(
            f"{suite.title}: {result.equal} files with {result.pixels} pixels equal, "
            f"{len(result.differing)} differ, {result.refused} refused by both, "
            f"{len(result.one_sided)} taken by one side, {sum(result.others.values())} of other formats"
        )
        lines += [f"    DIFFERS: {text}" for text in result.differing]
        for one in result.one_sided:
            lines.append(f"    only {one.taken_by}: {one.name}: {one.said} | {one.reason or 'NO REASON'}")
    return lines


def page(results: dict[Suite, Result]) -> str:
    """The result as documentation; file names are other projects', contents are not in it."""
    versions = f"Pillow {PIL.__version__} with libjpeg-turbo {features.version('libjpeg_turbo')}"
    files = sum(r.equal for r in results.values())
    pixels = sum(r.pixels for r in results.values())
    differing = sum(len(r.differing) for r in results.values())
    made = (
        f"With {versions}: "
        f"{differing} of {files + differing} files ({pixels:,} pixels) that both sides read have other "
        'pixels than Pillow\'s `Image.open(file).convert("RGB")`; "both refuse" are files of these formats '
        "that are damaged or beyond what either reads. The pictures are other projects' and no part of this "
        f"repository: copy the paths below of each suite's repository into a folder of its name ("
        f"{', '.join(f'`{suite.folder}`' for suite in results)}) in `~/.cache/gencpp/pictures`, or in the "
        f"folder that `{VARIABLE}` names."
    )
    lines = ["# Pictures of public test suites", "", *textwrap.wrap(made, 110, break_on_hyphens=False), ""]
    lines += [
        "| suite | equal | differ | both refuse | one side takes | pixels |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for suite, r in results.items():
        paths = ", ".join(f"`{path}`" for path in suite.paths)
        name = f"[{suite.title}](https://github.com/{suite.repository}) at `{suite.commit}`: {paths}"
        counts = (r.equal, len(r.differing), r.refused, len(r.one_sided))
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {r.pixels:,} |")
    one_sided = [one for r in results.values() for one in r.one_sided]
    lines += [
        "",
        "## Files that one side takes",
        "",
        "| file | taken by | the other says | why |",
        "|---|---|---|---|",
    ]
    for one in one_sided:
        said = one.said.replace("|", "\\|")
        lines.append(f"| `{one.name}` | {one.taken_by} | {said} | {one.reason or '**unknown**'} |")
    others = sum((r.others for r in results.values()), Counter[str]())
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(others.items()))
    rest = (
        f"{sum(others.values())} files are of formats that the C++ does not read and refuses: {kinds}. "
        "(Pillow's name of each; `no picture`: it knows none, as for the suites' own texts and sources.)"
    )
    lines += ["", "## Other formats", "", *textwrap.wrap(rest, 110), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
