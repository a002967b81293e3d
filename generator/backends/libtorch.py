"""LibTorch: TorchScript artifacts, run by the libraries of an installed torch or a downloaded LibTorch."""

from __future__ import annotations

import importlib.util
import os


class LibTorch:
    """`--backend libtorch`."""

    name = "libtorch"
    title = "LibTorch"
    templates = "cpp_ts"
    artifact_format = "torchscript"

    def template_names(self) -> dict[str, str]:
        """Names for the templates."""
        return {"find_module": "FindLibTorch.cmake", "backend_title": self.title}

    def configure_arguments(self) -> tuple[list[str], str]:
        """`-DTorch_ROOT=` of TORCH_ROOT or of this Python's torch (found, not imported)."""
        for variable in ("Torch_ROOT", "TORCH_ROOT"):
            if chosen := os.environ.get(variable):
                return [f"-DTorch_ROOT={chosen}"], ""
        found = importlib.util.find_spec("torch")
        if found is None or not found.submodule_search_locations:
            return [], "this Python has no torch and TORCH_ROOT is not set"
        return [f"-DTorch_ROOT={found.submodule_search_locations[0]}"], ""
