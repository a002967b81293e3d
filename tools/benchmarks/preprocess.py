"""Resize, crop and normalise in C++ against torchvision on PIL, one thread each; ratios of medians.

    python tools/benchmarks/preprocess.py [--rounds 7] [--seconds 0.5] [--sizes 4000x3000,500x375]
        [--table docs/results/preprocess.md]

Rounds alternate between processes of the two. The picture is synthetic (noise over gradients), decoded in
memory on both sides: decoding is not timed. Also says how many values of the tensors differ, which must be 0;
exit code 1 if any does. Times are not judged.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "pixels"), str(HERE.parents[1] / "tests" / "support")]

from provenance import write_page  # noqa: E402 - below the path

HEAD = ("picture", "C++", "C++ ms", "torchvision ms", "ratio", "ratios of rounds")

PYTHON = """
import sys, time
import numpy as np, torch
from PIL import Image
from torchvision import transforms as T
torch.set_num_threads(1)
image = Image.open(sys.argv[1]).convert("RGB")
image.load()
run = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(),
                 T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
end = time.perf_counter() + float(sys.argv[2])
while True:
    begin = time.perf_counter()
    tensor = run(image).unsqueeze(0)
    now = time.perf_counter()
    print(f"{now - begin:.9f}")
    if now >= end:
        break
np.save(sys.argv[3], tensor.numpy())
"""


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each round and side")
    parser.add_argument("--sizes", default="4000x3000,500x375", help="WIDTHxHEIGHT,...")
    parser.add_argument("--table", type=Path, help="markdown file to write")
    options = parser.parse_args()
    import numpy as np

    differing = 0
    with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
        folder = Path(scratch)
        program = build(folder / "core")
        print(" | ".join(HEAD))
        rows = []
        for size in options.sizes.split(","):
            picture = folder / f"{size}.ppm"
            write_picture(picture, *map(int, size.split("x")))
            arguments = [str(picture), str(options.seconds)]
            theirs = [sys.executable, "-c", PYTHON, *arguments, str(folder / "theirs.npy")]
            ours = [str(program), *arguments, str(folder / "ours.npy")]
            ways = {"preprocess()": ours, "Preprocessor": [*ours, "kept"]}
            samples: dict[str, list[float]] = {"theirs": [], **{way: [] for way in ways}}
            for _ in range(options.rounds):
                samples["theirs"].append(median_of(theirs))
                for way, argv in ways.items():
                    samples[way].append(median_of(argv))
                    found, wanted = (np.load(folder / f"{side}.npy") for side in ("ours", "theirs"))
                    differing += int((found != wanted).sum()) if found.shape == wanted.shape else wanted.size
            reference = statistics.median(samples["theirs"])
            for way in ways:
                median = statistics.median(samples[way])
                ratios = [b / a for a, b in zip(samples[way], samples["theirs"], strict=True)]
                row = (size, way, f"{median * 1e3:.3f}", f"{reference * 1e3:.3f}")
                rows.append((*row, f"{reference / median:.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"))
                print(" | ".join(rows[-1]))
    print(f"differing values: {differing}")
    if options.table:
        write_page(options.table, table(rows, differing, options))
    return 1 if differing else 0


def table(rows: list[tuple[str, ...]], differing: int, options: argparse.Namespace) -> str:
    from gencpp.bench.machine import machine

    about = machine()
    named = ("torchvision", "pillow")
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items() if k in named)
    lines = [
        "# Resize, crop and normalise",
        "",
        f"On {about['cores']} cores of {about['cpu']}",
        f"({versions}): one thread, synthetic pictures in memory, medians of {options.rounds}",
        "interleaved rounds. Ratios are torchvision's time on a PIL image to that of the C++ code: above 1",
        "the C++ code is faster.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---|---|--:|--:|--:|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        f"Values of the tensors that differ: {differing}. `Preprocessor` keeps its tables and buffers from",
        "picture to picture.",
        "",
    ]
    return "\n".join(lines)


def median_of(argv: list[str]) -> float:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{argv[0]} exited with {done.returncode}:\n{done.stderr[-3000:]}")
    return statistics.median(map(float, done.stdout.split()))


def build(folder: Path) -> Path:
    """The templates' picture code with the timing program, as a project's release preset compiles it."""
    import pixel_parity

    return pixel_parity.build_tool(folder, ["-O3"], main=HERE / "preprocess_bench.cpp")[0]


def write_picture(file: Path, width: int, height: int) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=-1)
    pixels = np.clip(base + rng.integers(-40, 41, base.shape), 0, 255).astype(np.uint8)
    file.write_bytes(b"P6 %d %d 255\n" % (width, height) + pixels.tobytes())


if __name__ == "__main__":
    sys.exit(main())
