"""The main job on real input: a pretrained network, real photographs, C++ answers equal to Python's.

    python examples/classify_photo/run.py [--out DIR]

Generates a C++ project for EfficientNet-Lite0 (see lite0.py), verifies it, runs it on photographs that
scikit-image's wheel ships, and compares the top-5 with PyTorch's. Exit code 1 when they differ.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PICTURES = ("chelsea.png", "coffee.png", "rocket.jpg")
TOLERANCE = 0.01  # percentage points


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/classify_photo"), help="folder to write")
    out: Path = parser.parse_args().out

    folder = pictures_folder()
    out.parent.mkdir(parents=True, exist_ok=True)
    labels = out.parent / "imagenet_labels.txt"
    labels.write_text("\n".join(imagenet_labels()) + "\n", encoding="utf-8")

    gencpp(
        *("new", "--model", "lite0:model", "--path", str(HERE), "--backend", "libtorch"),
        *("--input", "inputs:1x3x224x224:float32", "--preprocess", "lite0:transforms"),
        *("--labels", str(labels), "--name", "lite0", str(out)),
    )
    gencpp("verify", str(out))

    files = [readable(folder / name, out) for name in PICTURES]
    program = out / "build" / "lite0"
    run([str(program), *map(str, files)])
    answers = json.loads(run([str(program), "--json", *map(str, files)], quiet=True))
    return compare([entry["top"] for entry in answers["results"]], [folder / name for name in PICTURES])


def compare(ours: list[list[dict[str, object]]], pictures: list[Path]) -> int:
    """Prints C++ beside Python; 1 when a class differs or a probability by more than TOLERANCE."""
    import torch
    from PIL import Image

    sys.path.insert(0, str(HERE))
    import lite0

    model, transforms, labels = lite0.model(), lite0.transforms(), imagenet_labels()
    worst, wrong = 0.0, 0
    print(f"\n{'picture':<12} {'label':<20} {'C++ %':>8} {'Python %':>9} {'difference':>11}")
    for picture, top in zip(pictures, ours, strict=True):
        with torch.inference_mode():
            image = Image.open(picture).convert("RGB")
            best = model(transforms(image)[None]).softmax(1)[0].topk(5)
        for entry, value, index in zip(top, best.values.tolist(), best.indices.tolist(), strict=True):
            mine = 100 * float(str(entry["probability"]))
            difference = abs(mine - 100 * value)
            worst = max(worst, difference)
            wrong += entry["index"] != index or entry["label"] != labels[index] or difference > TOLERANCE
            print(
                f"{picture.name:<12} {entry['label']!s:<20} {mine:8.2f} {100 * value:9.2f} {difference:11.1e}"
            )
    print(f"\nlargest difference {worst:.1e} percentage points; {wrong} answers differ")
    return 1 if wrong else 0


def imagenet_labels() -> list[str]:
    """The 1000 labels in the metadata of torchvision's weights, which needs no download."""
    from torchvision.models import ResNet18_Weights

    return list(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def pictures_folder() -> Path:
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the photographs are scikit-image's: pip install scikit-image")
    return Path(spec.submodule_search_locations[0]) / "data"


def readable(picture: Path, out: Path) -> Path:
    """The picture, or its pixels as .ppm where this machine has no libpng or libjpeg to build with."""
    cache = (out / "build" / "CMakeCache.txt").read_text(encoding="utf-8")
    library = "PNG_LIBRARY_RELEASE" if picture.suffix == ".png" else "JPEG_LIBRARY_RELEASE"
    lines = [line for line in cache.splitlines() if line.startswith(f"{library}:")]
    if lines and not lines[0].endswith("NOTFOUND"):
        return picture
    from PIL import Image

    converted = out.parent / f"{picture.stem}.ppm"
    Image.open(picture).convert("RGB").save(converted)
    print(f"no library for {picture.suffix} on this machine: {picture.name} is read as {converted.name}")
    return converted


def gencpp(*arguments: str) -> None:
    print(f"\n$ gencpp {shlex.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "gencpp", *arguments], check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def run(argv: list[str], *, quiet: bool = False) -> str:
    if not quiet:
        print(f"\n$ {shlex.join(argv)}", flush=True)
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    if not quiet:
        print(done.stdout, end="")
    if done.returncode != 0:
        sys.exit(f"{argv[0]} failed with exit code {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
