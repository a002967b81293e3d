"""The Python side of image_to_top5.py: `image_peer.py JOB FILE...` prints the best classes of each picture.

One line a picture, as soon as it is known: JSON [[class, probability], ...].
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gencpp.core.spec import PreprocessSpec
from gencpp.model.transforms import reference_tensor


def main(argv: Sequence[str]) -> int:
    import torch

    job = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    # A picture a thread leaves one thread for each run.
    torch.set_num_threads(1 if job["apart"] else job["threads"])
    spec = PreprocessSpec.from_json(job["preprocess"])
    if job["torchscript"]:
        model: Any = torch.jit.load(job["model"], map_location="cpu")
    else:  # the file was written a moment ago, by the benchmark
        model = torch.load(job["model"], weights_only=False)
    classify = _classifier(spec, model.eval())
    for best in _answers(classify, argv[2:], job["threads"] if job["apart"] else 0):
        sys.stdout.write(json.dumps(best) + "\n")
        sys.stdout.flush()
    return 0


def _classifier(spec: PreprocessSpec, model: Any) -> Callable[[str], list[tuple[int, float]]]:
    import torch
    from PIL import Image

    def classify(file: str) -> list[tuple[int, float]]:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        batch = torch.from_numpy(reference_tensor(spec, image))[None]  # what torchvision's presets do
        with torch.inference_mode():
            best = torch.topk(torch.softmax(model(batch), 1), 5)
        return list(zip(best.indices[0].tolist(), best.values[0].tolist(), strict=True))

    return classify


def _answers(
    classify: Callable[[str], list[tuple[int, float]]], files: Sequence[str], threads: int
) -> Iterator[list[tuple[int, float]]]:
    if not threads:
        yield from map(classify, files)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(classify, files)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
