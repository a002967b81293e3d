"""One process of a Python peer: `peer.py JOB` loads the model, does one thing with it, prints JSON.

Only what the peer itself needs is imported, so that start-up and memory are the peer's.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Model = Callable[[Sequence[Any]], Sequence[Any]]
"""NumPy arrays in and out, in the order of the project's inputs and outputs."""


def main(argv: Sequence[str]) -> int:
    """Runs the job: `check`, `time`, `start` or `stages`."""
    job = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    begin = time.perf_counter()
    prepare, run = _LOADERS[job["peer"]](job)
    load_ms = 1e3 * (time.perf_counter() - begin)
    told = _MODES[job["mode"]](job, prepare, run)
    sys.stdout.write(json.dumps({**told, "load_ms": load_ms}) + "\n")
    sys.stdout.flush()
    return 0


# Loaders give (prepare, run): what is done once with the inputs, and what is timed.

_Loaded = tuple[Callable[[Sequence[Any]], Any], Callable[[Any], Sequence[Any]]]


def _torch(job: Mapping[str, Any], load: Callable[[Any], Any]) -> _Loaded:
    import torch

    torch.set_num_threads(job["threads"])
    torch.set_num_interop_threads(1)
    model = load(torch)

    def run(tensors: Any) -> Sequence[Any]:
        with torch.inference_mode():
            return [tensor.numpy() for tensor in _flat(model(*tensors))]

    return lambda arrays: [torch.from_numpy(a) for a in arrays], run


def _eager(job: Mapping[str, Any]) -> _Loaded:
    # The file was written a moment ago by this very run, in a folder that only it may read.
    return _torch(job, lambda torch: torch.load(job["model"], weights_only=False).eval())


def _torchscript(job: Mapping[str, Any]) -> _Loaded:
    return _torch(job, lambda torch: torch.jit.load(job["model"], map_location="cpu"))


def _onnxruntime(job: Mapping[str, Any]) -> _Loaded:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return lambda arrays: dict(zip(names, arrays, strict=True)), lambda feeds: session.run(None, feeds)


def _openvino(job: Mapping[str, Any]) -> _Loaded:
    import openvino

    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": job["threads"],
        "NUM_STREAMS": 1,
        # Else a CPU with bfloat16 computes in it, which the others do not.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(core.read_model(job["model"]), "CPU", settings)
    request = compiled.create_infer_request()
    outputs = range(len(compiled.outputs))

    def run(feeds: Any) -> Sequence[Any]:
        request.infer(feeds, share_inputs=True)
        return [request.get_output_tensor(i).data for i in outputs]

    return lambda arrays: dict(enumerate(arrays)), run


_LOADERS = {
    "eager": _eager,
    "torchscript": _torchscript,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}


def _flat(value: Any) -> list[Any]:
    """The tensors of what a module returns, in order: tensors.module.flatten_outputs without its names."""
    if hasattr(value, "numpy"):
        return [value]
    items = value.values() if isinstance(value, Mapping) else value
    return [tensor for item in items if item is not None for tensor in _flat(item)]


def _check(job: Mapping[str, Any], prepare: Callable[..., Any], run: Model) -> dict[str, Any]:
    """The goldens' outputs, written beside the job."""
    import numpy as np

    for case in job["cases"]:
        inputs = [np.load(file, allow_pickle=False) for file in case["inputs"]]
        for file, value in zip(case["outputs"], run(prepare(inputs)), strict=True):
            np.save(file, value)
    return {}


def _start(job: Mapping[str, Any], prepare: Callable[..., Any], run: Model) -> dict[str, Any]:
    import numpy as np

    outputs = run(prepare([np.load(file, allow_pickle=False) for file in job["inputs"]]))
    return {"answered": [list(o.shape) for o in outputs]}


def _time(job: Mapping[str, Any], prepare: Callable[..., Any], run: Model) -> dict[str, Any]:
    inputs = prepare([_random(spec) for spec in job["tensors"]])
    for _ in range(job["warmup"]):
        run(inputs)
    samples = []
    begin = now = time.perf_counter()
    while now - begin < job["seconds"]:
        start = time.perf_counter()
        run(inputs)
        now = time.perf_counter()
        samples.append(1e3 * (now - start))
    return {"times_ms": samples, "wall_s": now - begin}


def _stages(job: Mapping[str, Any], prepare: Callable[..., Any], run: Model) -> dict[str, Any]:
    """Medians of the way from a file's bytes to the best classes, with Pillow and torchvision."""
    import io
    import statistics

    import torch
    from PIL import Image

    from ..core.spec import PreprocessSpec, Task
    from ..model.transforms import reference_tensor
    from ..tasks import TASKS

    spec, task = PreprocessSpec.from_json(job["preprocess"]), TASKS[Task(job["task"])]
    data = Path(job["picture"]).read_bytes()
    stages: dict[str, list[float]] = {n: [] for n in ("decode", "preprocess", "infer", "postprocess")}
    for i in range(-3, job["iterations"]):
        times = [time.perf_counter()]
        with Image.open(io.BytesIO(data)) as opened:
            image = opened.convert("RGB")
        times.append(time.perf_counter())
        inputs = prepare([reference_tensor(spec, image)[None]])
        times.append(time.perf_counter())
        outputs = run(inputs)
        times.append(time.perf_counter())
        task.postprocess([torch.from_numpy(o) for o in outputs])
        times.append(time.perf_counter())
        if i >= 0:
            for name, (a, b) in zip(stages, itertools.pairwise(times), strict=True):
                stages[name].append(1e3 * (b - a))
    return {f"{name}_ms": statistics.median(values) for name, values in stages.items()}


def _random(spec: Mapping[str, Any]) -> Any:
    """As the C++ benchmark: uniform in the input's range, or a golden's elements, repeated."""
    import numpy as np

    if spec["golden"]:
        return np.resize(np.load(spec["golden"], allow_pickle=False), spec["shape"])
    generator = np.random.default_rng(0)
    low, high = spec["bounds"]
    if spec["dtype"].startswith("float"):
        share = generator.uniform(0, 1, spec["shape"])
        return (low * (1 - share) + high * share).astype(spec["dtype"])
    return generator.integers(low, high, spec["shape"], endpoint=True).astype(spec["dtype"])


_MODES = {"check": _check, "start": _start, "time": _time, "stages": _stages}


if __name__ == "__main__":
    code = main(sys.argv)
    sys.stdout.flush()
    os._exit(code)  # what libraries do at exit is not measured, and some of them do it badly
