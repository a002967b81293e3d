"""Reads an ONNX file with all its weights, checked: what is wrong with it is told before anything runs it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from ..core.messages import first_line
from .names import all_nodes

_STANDARD = ("", "ai.onnx")


_INVALID = "export the file anew: onnx.checker.check_model says the same of it."


def read_onnx(path: Path) -> Any:
    """The ModelProto with all its weights, checked; raises UsageError."""
    import onnx

    example = "name an .onnx file, as torch.onnx.export writes it."
    if path.is_dir():
        raise UsageError(f"{path.name} is a folder", hint=example)
    if path.exists() and not path.is_file():
        raise UsageError(f"{path.name} is not a regular file", hint=example)  # a pipe would be waited for
    try:
        model = onnx.load(str(path), load_external_data=False)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file", hint="check the path.") from None
    except OSError as e:
        raise UsageError(f"{path}: {e.strerror or e}") from None
    except Exception:  # noqa: BLE001 - protobuf raises kinds of its own
        raise UsageError(f"{path.name} is not an ONNX file, or is damaged", hint=example) from None
    if not model.ir_version or not model.graph.node:
        raise UsageError(f"{path.name} is not an ONNX file: it has no operators", hint=example)
    _refuse_missing_data(path, model)
    try:
        onnx.checker.check_model(str(path))
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as e:  # noqa: BLE001 - the checker and the reader raise many kinds
        raise UsageError(f"{path.name} is not valid ONNX: {first_line(e)}", hint=_INVALID) from None
    return model


def _refuse_missing_data(path: Path, model: Any) -> None:
    """Weights in files that are not there, all named at once."""
    wanted = set()
    for tensor in model.graph.initializer:
        if tensor.data_location == tensor.EXTERNAL:
            wanted |= {e.value for e in tensor.external_data if e.key == "location"}
    missing = sorted(n for n in wanted if not (path.parent / n).is_file())
    if missing:
        raise UsageError(
            f"{path.name}: its weights are in {', '.join(missing[:5])}, which is not beside it",
            hint="copy that file too; its name is written in the model and must stay.",
        )


def refuse_foreign_operators(path: Path, model: Any) -> None:
    """Raises UsageError that names every operator outside the ONNX standard."""
    own = {f.domain for f in model.functions}
    foreign = Counter(
        f"{n.domain}::{n.op_type}" for n in all_nodes(model.graph) if n.domain not in (*_STANDARD, *own)
    )
    if foreign:
        told = ", ".join(f"{name} ({n})" for name, n in sorted(foreign.items()))
        raise UsageError(
            f"{path.name} has operators outside the ONNX standard: {told}",
            hint="export it without them (not from an optimised ONNX Runtime session, no custom operators).",
        )
