"""Frames where they lie (any format, with padding between rows) against an RGB picture; one thread, in pairs.

    python tools/benchmarks/frames.py [--size 1920x1080] [--pairs 300] [--table docs/results/frames.md]

Each pair is one run of either, in turn, by one Preprocessor; told are medians, and the median of the pairs'
ratios. That the bits are equal is a test of every project (tests/test_frames.cpp). Times are not judged.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE.parents[1] / "generator"),
    str(HERE.parent / "pixels"),
    str(HERE.parents[1] / "tests" / "support"),
]

import pixel_parity  # noqa: E402 - below the path
from provenance import write_page  # noqa: E402

from gencpp.bench.machine import machine  # noqa: E402
from gencpp.core.other_work import Watch  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="1920x1080", help="WIDTHxHEIGHT")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--table", type=Path, help="markdown file to write")
    options = parser.parse_args()
    width, height = options.size.split("x")
    with tempfile.TemporaryDirectory() as folder:
        program, _ = pixel_parity.build_tool(Path(folder), ["-O3"], main=HERE / "frames_bench.cpp")
        watch = Watch()
        argv = [str(program), width, height, str(options.pairs)]
        told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        others = watch.other_work()
    busy = "unknown" if others is None else f"{100 * others.share:.0f} %"
    lines = [
        "# Frames where they lie",
        "",
        f"A frame of {options.size} on one thread of {machine()['cpu']}, against RGB without padding",
        f"between its rows; {options.pairs} pairs of runs. Work of others took {busy} of the processors.",
        "",
        "| preprocessing | format | padding, bytes | RGB, ms | frame, ms | frame / RGB |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for row in told.splitlines():
        name, form, padding, rgb, frame, ratio = row.split("\t")
        cells = (name, form, padding, f"{float(rgb):.3f}", f"{float(frame):.3f}", f"**{float(ratio):.2f}**")
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join([*lines, ""])
    print(text)
    if options.table:
        write_page(options.table, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
