"""TensorRT: an ONNX file or a network that is C++, built into an engine on the machine that runs it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core import tolerances
from ...core.backend import Check, Exported, Folders, Inspection, RuntimeOptions, Tried
from ...core.errors import UsageError
from ...core.precision import PRECISIONS
from ...core.progress import Progress
from ...core.recipe import ProjectRecipe
from ...core.request import Request
from ...core.spec import Dim, Precision, ProjectSpec
from . import checks, facts
from . import options as asked
from .spec import EngineSpec

_WRITTEN = ", written into the model, with inputs and outputs in float32"

_NEEDS = """\
TensorRT {minimum} or later is taken from `-DTensorRT_ROOT=DIR` or `TENSORRT_ROOT` (NVIDIA's archive,
unpacked), from the system, or from the pip package `tensorrt` of the `python3` on the PATH, whose missing
headers are fetched from the public repository, or taken from `-D{NAME}_TENSORRT_HEADERS=DIR`. The CUDA
runtime comes from a toolkit or from the pip packages `nvidia-cuda-runtime` and `nvidia-cuda-crt`. An NVIDIA
GPU is needed to run it, not to build it."""

_CODE = """\
## The network

`src/network.cpp` defines the network layer by layer, with the names of the PyTorch model;
`src/network/trt_layers.hpp` has what it is written with. Edit it like any other file: the engine is built
anew when it changes. The weights are in `assets/weights.bin`, which is mapped; `src/weights_info.hpp` says
where each array lies, with its sha256. No ONNX parser is linked, so that on TensorRT 8 neither cuBLAS nor
cuDNN is needed (their tactics are off; `--tacticSources +CUDNN,+CUBLAS` brings them back).

    build/{name}_diff

runs the network with every layer marked as an output and names the first layer that departs from what
PyTorch computed for it (`assets/layers.npy` has samples of each). `network.json` is the plan that the
code was written from.

"""

_RUNTIME = """\
## The engine

TensorRT compiles {source} for the GPU that it runs on: at the first `load()`, which takes from seconds
to minutes, or ahead by

    build/{name}_build_engine --help

The engine is kept in `$XDG_CACHE_HOME/{name}/` (or `~/.cache/{name}/`, or `LoadOptions::cache_dir`) and built
anew when the model, an option, the GPU or TensorRT changes. A host that must not wait sets
`LoadOptions::build_engine = {name}::BuildEngine::never`: `load()` then fails at once when there is no engine.
`LoadOptions::engine` has the options of the build and of the runs; `LoadOptions::artifact` may name a plan
that was built elsewhere (`.engine`, `.plan`).

Precision: {precision}; TF32 is {tf32}. Shapes lie in an optimisation profile:

{profiles}
`run()` takes host memory, or device memory with no copy (`TensorView::device`); each caller has an
execution context and a stream of its own. `build/{name} --info` lists the bindings;
`build/{name}_bench --help` says what can be timed. `build/{name}_bench_bare` times `run()` against a bare
loop of TensorRT calls, and `-D{NAME}_NVTX=ON` marks runs for NVIDIA's profilers.

"""


def _profile_text(project: ProjectSpec, profile: tuple[tuple[Dim, ...], ...]) -> str:
    """`x: 1x3x224x224 to 8x3x224x224, built for 1x3x224x224`"""
    parts = []
    for tensor, dims in zip(project.model.inputs, profile, strict=True):
        low, opt, high = ("x".join(str(getattr(d, b)) for d in dims) for b in ("min", "opt", "max"))
        parts.append(
            f"{tensor.name}: {low}" if low == high else f"{tensor.name}: {low} to {high}, tuned for {opt}"
        )
    return "; ".join(parts)


class TensorRT:
    """`--backend tensorrt`."""

    name = "tensorrt"
    title = "TensorRT"
    layer_times = True
    own_options = ("tf32", "tensorrt_min", "trt_api")
    remedy = (
        "pip install tensorrt (with --tensorrt-headers DIR where the machine has no internet), or unpack "
        "NVIDIA's archive and give --tensorrt-root DIR."
    )

    @property
    def precisions(self) -> Mapping[Precision, float]:
        """What it computes in, with the tolerance of the goldens."""
        return tolerances.TENSORRT

    def on_cpu(self, project: ProjectSpec) -> bool:
        """Never."""
        return False

    def excluded(self, given: Mapping[str, Any], recipe: ProjectRecipe) -> tuple[str, ...]:
        """None."""
        return ()

    def check(self, request: Request) -> None:
        """Of options.py."""
        asked.check(request)

    def export(
        self, request: Request, inspected: Inspection, folders: Folders, progress: Progress
    ) -> Exported:
        """Of options.py."""
        return asked.export(request, inspected, folders, progress)

    def tried(self, inspected: Inspection, scratch: Path, progress: Progress) -> Tried:
        """Of options.py."""
        return asked.tried(inspected, scratch, progress)

    def facts(self, project: ProjectSpec) -> dict[str, Any]:
        """Nothing that its users compare."""
        return {"variant": None, "tuned_threads": None}

    def measured(self, project: ProjectSpec) -> list[tuple[str, ...]]:
        """Nothing: engines are built and timed where they run."""
        return []

    def check_tunable(self, project: ProjectSpec) -> None:
        """Never."""
        raise UsageError(
            f"{project.name} runs on {self.name}, whose engines are tuned where they are built",
            hint="gencpp tune is for LibTorch projects.",
        )

    def template_layers(self, project: ProjectSpec) -> tuple[str, ...]:
        """What all projects have, and where the network comes from."""
        return ("cpp_trt", "cuda", f"cpp_trt/api/{EngineSpec.of(project).api}")

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """src/engine_info.hpp."""
        return {"src/engine_info.hpp": facts.engine_info_header(project.name, EngineSpec.of(project))}

    def template_names(self, project: ProjectSpec) -> dict[str, str]:
        """Names for the templates."""
        engine = EngineSpec.of(project)
        facts = {
            "name": project.name,
            "NAME": project.name.upper(),
            "minimum": engine.tensorrt_min,
            "precision": PRECISIONS[engine.precision].title + _WRITTEN * (engine.precision != Precision.fp32),
            "tf32": "on" if engine.tf32 else "off",
            "source": "the network" if engine.api == "network" else "the ONNX file",
            "profiles": "".join(f"    {_profile_text(project, p)}\n" for p in engine.profiles),
        }
        return {
            "backend_title": self.title,
            "readme_needs": _NEEDS.format(**facts),
            "readme_runtime": (_CODE if engine.api == "network" else "").format(**facts)
            + _RUNTIME.format(**facts),
        }

    def configure_arguments(self, name: str, options: RuntimeOptions) -> tuple[list[str], str]:
        """What the user says, and this Python, whose packages are looked at where nothing was said."""
        arguments = [f"-DTensorRT_PYTHON={sys.executable}", f"-D{name.upper()}_CORE_ONLY=OFF"]
        if options.tensorrt_root is not None:
            arguments.append(f"-DTensorRT_ROOT={options.tensorrt_root.resolve()}")
        if options.tensorrt_headers is not None:
            arguments.append(f"-D{name.upper()}_TENSORRT_HEADERS={options.tensorrt_headers.resolve()}")
        return arguments, ""

    def absent(self, log: str) -> str:
        """CMake's own reason why TensorRT was not found."""
        text = " ".join(log.split())
        found = re.search(
            r"Could NOT find TensorRT:? ?(.*?)(?= Call Stack| -- Configuring| CMake Error|$)", text
        )
        if found is None:
            return ""
        reason = re.sub(r"\(missing: [^)]*\)|Reason given by package:", "", found.group(1)).strip()
        return reason or "CMake did not find it"

    def checks(self, folder: Path, project: ProjectSpec) -> tuple[Check, ...]:
        """What TensorRT is given, computed without it, and parsed or called in TensorRT-RTX."""
        name = "plan" if project.artifact.format == "network" else "onnxruntime"
        return (
            Check(name=name, run=lambda: checks.goldens(folder, project)),
            # Evidence for the graph, not for TensorRT: a lesser step, so skipping it leaves the status alone.
            Check(name="rtx-builder", run=lambda: checks.rtx_builder(folder, project), needed=False),
        )
