"""LibTorch: TorchScript artifacts, run by the libraries of an installed torch or a downloaded LibTorch."""

from __future__ import annotations

import importlib.util
import os

from .. import cpp
from ..spec import LibTorchSpec, ProjectSpec
from .base import RuntimeOptions

_NEEDS = """\
LibTorch is taken from `-DTorch_ROOT=DIR` (a downloaded libtorch/ or site-packages/torch), from
`CMAKE_PREFIX_PATH`, or from the `torch` package of the `python3` on the PATH; a CUDA build of torch needs no
CUDA toolkit here."""


class LibTorch:
    """`--backend libtorch`."""

    name = "libtorch"
    title = "LibTorch"
    artifact_format = "torchscript"
    remedy = "pip install torch, or set TORCH_ROOT to a downloaded libtorch/ folder."

    def template_layers(self, project: ProjectSpec) -> tuple[str, ...]:
        """One folder."""
        return ("cpp_ts",)

    def generated_files(self, project: ProjectSpec) -> dict[str, str]:
        """src/libtorch_info.hpp."""
        spec = project.libtorch or LibTorchSpec()
        return {"src/libtorch_info.hpp": cpp.libtorch_info_header(project.name, spec)}

    def template_names(self, project: ProjectSpec) -> dict[str, str]:
        """Names for the templates."""
        return {"backend_title": self.title, "readme_needs": _NEEDS, "readme_runtime": ""}

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
