"""Control flow by values: the goldens take every branch that an artifact has, or parity is not strong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.loaded import LoadedModel
from ...core.messages import last_line
from ...core.spec import Artifact, Goldens, ModelSpec
from ..fitting import input_text
from ..golden import FOLDER
from .text import Branch

_SHOWN = 5


def with_branches(
    goldens: Goldens, loaded: LoadedModel, spec: ModelSpec, artifact: Artifact, assets: Path
) -> Goldens:
    """`goldens`, called weak where they leave out a branch by a value; the branches are named.

    `assets` holds the artifact and the goldens. Branches that raise are not counted, nor what depends on
    sizes only.
    """
    try:
        found = _branches(artifact, loaded, spec, assets, goldens)
    except Exception as e:  # noqa: BLE001 - torch and ONNX Runtime raise many kinds
        return _weak(goldens, f"which branches the goldens take is not known: {last_line(e)}")
    untaken = list(dict.fromkeys(b.text for b in found if not b.taken))
    if not untaken:
        return goldens
    told = "; ".join(untaken[:_SHOWN]) + (
        f"; and {len(untaken) - _SHOWN} more" if len(untaken) > _SHOWN else ""
    )
    return _weak(
        goldens,
        f"branches of the model were never run by a golden: {told}. "
        f"Give values that take them, such as by {input_text(_named(spec, untaken))}",
    )


def _branches(
    artifact: Artifact, loaded: LoadedModel, spec: ModelSpec, assets: Path, goldens: Goldens
) -> Sequence[Branch]:
    path = assets / artifact.file
    # An exporter drops what raises: of a TorchScript source only its own graph tells which branch that was.
    if artifact.format == "torchscript" or (loaded.scripted and artifact.format == "onnx"):
        from .script import script_branches

        source = path if artifact.format == "torchscript" else loaded.module
        return script_branches(source, [t.name for t in spec.inputs], _runs(assets, goldens))
    if artifact.format == "onnx":
        from .onnx import onnx_branches

        return onnx_branches(path, _runs(assets, goldens))
    return ()  # one straight line: torch.export follows no value, and a network definition has no branches


def _runs(assets: Path, goldens: Goldens) -> list[list[Any]]:
    """The inputs of every golden."""
    import numpy as np
    import torch

    folder = assets / FOLDER
    return [
        [torch.from_numpy(np.load(folder / file, allow_pickle=False)) for file in case.inputs]
        for case in goldens.cases
    ]


def _named(spec: ModelSpec, texts: Sequence[str]) -> Any:
    """The first input that a condition names; else the first of integers, else the first."""
    for t in spec.inputs:
        if any(t.name in text for text in texts):
            return t
    return next((t for t in spec.inputs if "int" in t.dtype.value), spec.inputs[0])


def _weak(goldens: Goldens, note: str) -> Goldens:
    return replace(goldens, parity="weak", parity_note="; ".join(n for n in (goldens.parity_note, note) if n))
