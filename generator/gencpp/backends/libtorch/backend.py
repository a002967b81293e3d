"""LibTorch: TorchScript artifacts, run by the libraries of an installed torch or a downloaded LibTorch."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core import tolerances
from ...core.backend import Check, Exported, Folders, Inspection, RuntimeOptions, Tried
from ...core.errors import UsageError
from ...core.progress import Progress
from ...core.recipe import ProjectRecipe
from ...core.request import Request
from ...core.spec import Artifact, Precision, ProjectSpec
from ...tensors.flat import without_prefix
from . import facts
from . import options as asked
from .spec import LibTorchSpec, RunsOn, tuning_table
from .variants import VARIANTS

_NEEDS = """\
LibTorch is taken from `-DTorch_ROOT=DIR` (a downloaded libtorch/ or site-packages/torch), from
`CMAKE_PREFIX_PATH`, or from the `torch` package of the `python3` on the PATH; a CUDA build of torch needs no
CUDA toolkit here."""


_FUSION = """\
`configure_process()` turns oneDNN graph fusion on for the process, as the programs here do; a host that
does not call it before `load()` gets answers within the same tolerance, more slowly. The first run with sizes
that are new takes longer.
"""

_HALF = """\
Its weights and its arithmetic are {precision}; inputs and outputs stay float32. That is meant for GPUs: on
a CPU it is right within the tolerance of the tests, and slow.
"""

_COMPILED = """\
The artifact is code that torch compiled for {architecture} with LibTorch {torch}, and for the instruction
sets of the machine it was made on: `load()` checks them and the whole sha256 first, and refuses elsewhere.
Its weights are packed for {threads} threads; with others it is right, and slower.
"""

_COMPILED_GPU = """\
The artifact is code that torch compiled for {architecture}, LibTorch {torch} and a GPU of compute capability
{capability} ({gpu}): `load()` checks them and the whole sha256 first, and refuses elsewhere.
"""

_GPU = """
On an NVIDIA GPU (`--device cuda`, `LoadOptions::device`) each caller has a stream, pinned memory and CUDA
graphs of its own (`LoadOptions::engine` turns graphs off and bounds the callers; `{name} --info` says what is
in use). Graphs are built where CUDA's headers are found: `-D{NAME}_CUDA=ON` insists. `-D{NAME}_NVTX=ON` marks
runs for NVIDIA's profilers.
"""

_CPU = """
It runs on the CPU alone, has no code for GPUs and loads no library of CUDA: `gencpp new --device any` makes
one that runs on both.
"""

_CPU_COMPILED = """
It runs on the CPU alone and has no code for GPUs, though compiled code needs all of LibTorch:
`gencpp new --artifact aoti --device cuda` compiles for a GPU.
"""

_CUDA = """
It runs on a GPU alone, which is the default of `LoadOptions::device`.
"""

_START = """\

A CUDA build of LibTorch brings its CUDA libraries into every start, which costs time and memory where no GPU
is used: `-D{name}_CUDA=OFF` builds a program for the CPU alone.
"""

_TUNED = (
    "`gencpp new --tune` measured these in this program (batch of the opt sizes) and took the fastest:\n\n"
)


_OWN = """\
## State

`forward` changes {names} of the model. Every run starts from a copy of its own, as the artifact has it:
runs are independent of each other, from many threads too, and what one leaves behind is gone.{cost}

"""

_TURNS = """\
## State

`run()` is safe from many threads, but **one run at a time**: the others wait for their turn, because runs
share state of the model that none can have for itself ({why}). To run more at a time, load the model several
times.

"""


def _state(artifact: Artifact) -> str:
    """What runs change of the model, for the project's README; empty where they change nothing."""
    if artifact.serialised:
        return _TURNS.format(why=artifact.serialised)
    if not artifact.changed:
        return ""
    names = ", ".join(f"`{without_prefix(c.path)}`" for c in artifact.changed)
    cost = (
        " That costs a copy of their memory in every run."
        if any(c.in_place for c in artifact.changed)
        else ""
    )
    return _OWN.format(names=names, cost=cost)


def _runtime(name: str, spec: LibTorchSpec) -> str:
    """How the program runs the artifact, for the project's README."""
    text = f"## Speed\n\n{VARIANTS[spec.variant].what} (`{spec.variant}`)"
    text += f", {spec.threads} threads unless the caller says otherwise.\n" if spec.threads else ".\n"
    if spec.fusion:
        text += _FUSION
    if spec.precision is not Precision.fp32:
        text += _HALF.format(precision=spec.precision.value)
    if spec.compiled is not None:
        made = spec.compiled
        text += (_COMPILED_GPU if made.gpu else _COMPILED).format(
            architecture=made.architecture,
            torch=made.torch,
            threads=made.threads,
            gpu=made.gpu,
            capability=made.capability,
        )
    if spec.runs_on is RunsOn.cpu:
        text += _CPU_COMPILED if spec.compiled else _CPU
    else:
        text += _CUDA if spec.runs_on is RunsOn.cuda else ""
        text += _GPU.format(name=name, NAME=name.upper())
    if spec.runs_on is RunsOn.any:
        text += _START.format(name=name.upper())
    if spec.tuning:
        text += "\n" + _TUNED + "".join(f"    {line}\n" for line in _table(spec))
    if spec.runs_on is RunsOn.cuda:
        return text + "\n"
    if spec.precision is not Precision.fp32:
        return text + "\n`gencpp bench` compares with others.\n\n"
    return (
        text
        + "\n`gencpp tune` measures the variants on another machine; `gencpp bench` compares with others.\n\n"
    )


def _table(spec: LibTorchSpec) -> list[str]:
    width = max(len(t.variant) for t in spec.tuning)
    return [
        f"{t.variant:{width}}  {t.threads} threads  p50 {t.p50_ms:.2f} ms"
        if t.p50_ms is not None
        else f"{t.variant:{width}}  {t.problem}"
        for t in spec.tuning
    ]


class LibTorch:
    """`--backend libtorch`."""

    name = "libtorch"
    title = "LibTorch"
    layer_times = False
    own_options = ("artifact", "device", "tune")
    remedy = "pip install torch, or set TORCH_ROOT to a downloaded libtorch/ folder."

    @property
    def precisions(self) -> Mapping[Precision, float]:
        """What it computes in, with the tolerance of the goldens."""
        return tolerances.LIBTORCH

    def on_cpu(self, project: ProjectSpec) -> bool:
        """Unless it is for a GPU alone."""
        return LibTorchSpec.of(project).runs_on is not RunsOn.cuda

    def excluded(self, given: Mapping[str, Any], recipe: ProjectRecipe) -> tuple[str, ...]:
        """--tune chooses the artifact, in float32 on the CPU; not every artifact runs on every device."""
        return asked.excluded(given, recipe)

    def check(self, request: Request) -> None:
        """Of options.py."""
        asked.check(request)

    def export(
        self, request: Request, inspected: Inspection, folders: Folders, progress: Progress
    ) -> Exported:
        """Of options.py."""
        return asked.export(self, request, inspected, folders, progress)

    def tried(self, inspected: Inspection, scratch: Path, progress: Progress) -> Tried:
        """Of options.py."""
        return asked.tried(inspected, scratch, progress)

    def facts(self, project: ProjectSpec) -> dict[str, Any]:
        """The variant, and the threads that --tune chose."""
        spec = LibTorchSpec.of(project)
        return {"variant": spec.variant, "tuned_threads": spec.threads if spec.tuning else None}

    def measured(self, project: ProjectSpec) -> list[tuple[str, ...]]:
        """What --tune measured."""
        spec = LibTorchSpec.of(project)
        return tuning_table(spec) if spec.tuning else []

    def check_tunable(self, project: ProjectSpec) -> None:
        """In float32 and on the CPU only."""
        spec = LibTorchSpec.of(project)
        if spec.runs_on is RunsOn.cuda and spec.compiled is None:
            raise UsageError(
                f"{project.name} is for a GPU alone", hint="gencpp tune measures on the CPU, in float32."
            )
        if project.runtime.precision is not Precision.fp32:
            raise UsageError(
                f"{project.name} computes in {project.runtime.precision}, which is for GPUs",
                hint="gencpp tune measures on the CPU, in float32.",
            )

    def template_layers(self, project: ProjectSpec) -> tuple[str, ...]:
        """What all projects have, and what a GPU needs, where the project may run on one."""
        on_cpu = LibTorchSpec.of(project).runs_on is RunsOn.cpu
        return ("cpp_ts", "cpp_ts/api/cpu") if on_cpu else ("cpp_ts", "cpp_ts/api/cuda", "cuda")

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """src/libtorch_info.hpp and cmake/facts.cmake."""
        spec = LibTorchSpec.of(project)
        return {
            "src/libtorch_info.hpp": facts.libtorch_info_header(project.name, spec, project.artifact),
            "cmake/facts.cmake": facts.facts_cmake(project.name, spec),
        }

    def template_names(self, project: ProjectSpec) -> dict[str, str]:
        """Names for the templates."""
        return {
            "backend_title": self.title,
            "readme_needs": _NEEDS,
            "readme_runtime": _state(project.artifact) + _runtime(project.name, LibTorchSpec.of(project)),
        }

    def configure_arguments(self, name: str, options: RuntimeOptions) -> tuple[list[str], str]:
        """`-DTorch_ROOT=` of TORCH_ROOT or of this Python's torch (found, not imported)."""
        for variable in ("Torch_ROOT", "TORCH_ROOT"):
            if chosen := os.environ.get(variable):
                return [f"-DTorch_ROOT={chosen}"], ""
        found = importlib.util.find_spec("torch")
        if found is None or not found.submodule_search_locations:
            return [], "this Python has no torch and TORCH_ROOT is not set"
        return [f"-DTorch_ROOT={found.submodule_search_locations[0]}"], ""

    def absent(self, log: str) -> str:
        """Nothing: a Python with gencpp has torch, so a LibTorch that is not found is a failure."""
        return ""

    def checks(self, folder: Path, project: ProjectSpec) -> tuple[Check, ...]:
        """None."""
        return ()
