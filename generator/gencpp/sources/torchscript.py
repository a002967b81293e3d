"""TorchScript archives: told from pickled checkpoints by their structure, loaded without unpickling code."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

from ..core.errors import GencppError, UsageError
from ..core.files import is_file
from ..core.spec import Dim, TensorSpec
from ..tensors.module import dtype_of, forward_arguments


def load_archive(path: Path) -> Any:
    """The ScriptModule in a file, on the CPU; raises UsageError for any other or damaged file."""
    import torch

    _refuse_other_files(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.jit")
            warnings.filterwarnings("ignore", message=r".*torch\.jit.*", category=FutureWarning)
            warnings.filterwarnings("ignore", message=r".*torch\.jit.*", category=DeprecationWarning)
            load: Any = torch.jit.load
            module = load(str(path), map_location="cpu")
    except Exception as e:  # noqa: BLE001 - torch raises many kinds
        lines = [line for line in str(e).strip().splitlines() if line.strip()] or [type(e).__name__]
        raise UsageError(
            f"{path.name} is a damaged TorchScript file, or needs operators that this torch lacks:"
            f" {lines[0][:300]}",
            hint="save it again: torch.jit.save(torch.jit.script(model), FILE).",
        ) from None
    return module


_KINDS = (
    "A model is a torchvision name, module:factory, a TorchScript file (torch.jit.save) or, for TensorRT, an"
    " ONNX file that ends in .onnx."
)


def _refuse_other_files(path: Path) -> None:
    """Looks at the file's structure only: nothing is unpickled here."""
    if not is_file(path):
        told = f"{path} is a folder" if os.path.isdir(path) else f"{path}: there is no such file"  # noqa: PTH112
        raise UsageError(told, hint=_KINDS)
    way_out = (
        "A pickled checkpoint holds no program and is never unpickled. Write a factory that builds the model,"
        f" and pass the weights: --model module:factory --state-dict {path.name}"
    )
    try:
        with path.open("rb") as f:
            head = f.read(2)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as z:
                names = z.namelist()
        elif head[:1] == b"\x80":
            raise UsageError(f"{path.name} is a pickled checkpoint, not a TorchScript file", hint=way_out)
        elif head == b"PK":
            raise UsageError(f"{path.name} is a truncated archive", hint="copy or save the file again.")
        else:
            raise UsageError(f"{path.name} is not a TorchScript file", hint=_KINDS)
    except zipfile.BadZipFile:
        raise UsageError(f"{path.name} is a damaged archive", hint="copy or save the file again.") from None
    except OSError as e:
        raise UsageError(f"{path}: {e.strerror or e}") from None
    inner = {n.partition("/")[2] for n in names}
    if "constants.pkl" in inner and any(n.startswith("code/") for n in inner):
        return
    if "data.pkl" in inner:
        raise UsageError(f"{path.name} is a pickled checkpoint, not a TorchScript file", hint=way_out)
    raise UsageError(f"{path.name} is a zip archive, but not a TorchScript file", hint=way_out)


def traced_inputs(module: Any) -> tuple[TensorSpec, ...]:
    """The example inputs that torch.jit.trace stored in the file; empty when it stored none."""
    import torch

    try:
        stored = module._c._retrieve_traced_inputs().get("forward", [])
        names = forward_arguments(module)[0]
        tensors = [t for t in stored if isinstance(t, torch.Tensor)]
        if not tensors or len(tensors) != len(stored) or len(names) != len(tensors):
            return ()
        return tuple(
            TensorSpec(name=n, dtype=dtype_of(t, n), dims=tuple(Dim.fixed(s) for s in t.shape))
            for n, t in zip(names, tensors, strict=True)
        )
    except (GencppError, RuntimeError, AttributeError):
        return ()
