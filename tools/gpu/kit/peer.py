"""PyTorch on the same device, as a program: `python -m kit.peer JOB` prints JSON.

It answers the goldens' inputs, times the eager model and the TorchScript file from host memory to host
memory, and tells what the GPU itself spends on a run, by torch's profiler.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_PROFILED_RUNS = 10
_TOP = 5

Run = Callable[[Sequence[Any]], list[Any]]
"""NumPy arrays in and out."""


def main(argv: Sequence[str]) -> int:
    """Runs the job."""
    import numpy as np
    import torch

    from gencpp.bench import remake
    from gencpp.core.messages import last_line
    from gencpp.project import read_manifest

    job = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    folder, device = Path(job["folder"]), torch.device(job["device"])
    # float32 is computed in float32, as in the C++ program.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(job["threads"])
    project = read_manifest(folder).project
    # The kit made this project, of its own models.
    loaded = remake.load_again(project, tuple(job["path"]), (project.recipe.model.source,))
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(job["precision"])
    module = loaded.module.to(device)
    eager = _runner(torch, module if half is None else module.to(half), device, half)
    told: dict[str, Any] = {"timings": {}, "problems": {}}
    shapes = {b: [t.shape(b) for t in project.model.inputs] for b in job["batches"]}
    if job["answers"]:
        _answer(np, eager, project, folder, job)
    for batch, dims in shapes.items():
        told["timings"][f"eager {batch}"] = _times(eager, _random(np, dims), job)
    if job["torchscript"] and shapes:
        try:
            file = folder / "assets" / project.artifact.file
            script = _runner(torch, torch.jit.load(str(file), map_location=device), device, None)
            for batch, dims in shapes.items():
                told["timings"][f"torchscript {batch}"] = _times(script, _random(np, dims), job)
        except Exception as e:  # noqa: BLE001 - what eager gave is worth keeping
            told["problems"]["TorchScript in Python"] = f"{type(e).__name__}: {last_line(e)}"
    if job["profile"]:  # at the end: a profiler may go on costing time
        told["profile"] = _profile(torch, eager, _random(np, shapes[job["batches"][0]]), device)
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _answer(np: Any, eager: Run, project: Any, folder: Path, job: dict[str, Any]) -> None:
    """Saves the outputs for the goldens, and for a further batch size, whose inputs it makes."""
    to, goldens = Path(job["answers"]), folder / "assets" / "goldens"
    asked = {
        case.name: [np.load(goldens / file, allow_pickle=False) for file in case.inputs]
        for case in project.goldens.cases
    }
    if job["further"]:
        name = f"batch-of-{job['further']}"
        asked[name] = _random(np, [t.shape(job["further"]) for t in project.model.inputs])
        for i, array in enumerate(asked[name]):
            np.save(to / f"{name}-input-{i}.npy", array)
    for name, arrays in asked.items():
        for i, output in enumerate(eager(arrays)):
            np.save(to / f"{name}-{i}.npy", output)


def _runner(torch: Any, module: Any, device: Any, half: Any) -> Run:
    """From arrays to arrays; half precision narrows inputs on the device, as the artifact does it."""
    module.eval()

    def run(arrays: Sequence[Any]) -> list[Any]:
        with torch.inference_mode():
            inputs = [torch.from_numpy(a).to(device) for a in arrays]
            if half is not None:
                inputs = [x.to(half) if x.is_floating_point() else x for x in inputs]
            value = module(*inputs)
            leaves = [value] if isinstance(value, torch.Tensor) else list(value)
            return [x.float().cpu().numpy() if x.is_floating_point() else x.cpu().numpy() for x in leaves]

    return run


def _random(np: Any, shapes: Sequence[Sequence[int]]) -> list[Any]:
    generator = np.random.default_rng(0)
    return [generator.uniform(-1, 1, shape).astype("float32") for shape in shapes]


def _times(run: Run, inputs: Sequence[Any], job: dict[str, Any]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    for _ in range(job["warmup"]):
        run(inputs)
    samples = []
    begin = now = time.perf_counter()
    while now - begin < job["seconds"] or len(samples) < 3:
        start = time.perf_counter()
        run(inputs)
        now = time.perf_counter()
        samples.append(1e3 * (now - start))
    samples.sort()
    return {f"p{q}_ms": samples[min(len(samples) - 1, int(q / 100 * len(samples)))] for q in (50, 99)}


def _profile(torch: Any, run: Run, inputs: Sequence[Any], device: Any) -> dict[str, Any]:
    """Milliseconds of kernels in one run, and the kernels that take most; `problem` where it cannot tell."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU]
    try:
        with profile(activities=activities) as seen:
            for _ in range(_PROFILED_RUNS):
                run(inputs)
        times = {
            event.key: float(
                event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total
            )
            for event in seen.key_averages()
        }
    except Exception as e:  # noqa: BLE001 - a profiler that does not work must not cost the times
        return {"problem": f"{type(e).__name__}: {' '.join(str(e).split())[:200]}"}
    if device.type == "cuda" and not sum(times.values()):
        return {"problem": "the profiler saw no kernels"}
    most = sorted(times, key=lambda name: -times[name])[:_TOP]
    return {
        "kernels_ms": sum(times.values()) / 1e3 / _PROFILED_RUNS,
        "most": {name[:80]: times[name] / 1e3 / _PROFILED_RUNS for name in most},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv))
