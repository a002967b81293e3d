"""A TensorRT project with everything but a model: it compiles, links, starts, and finds its artifact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from samples import tensorrt

from generator import artifacts, project


def write(folder: Path, name: str = "sample") -> Path:
    """Renders the project `name` into `folder`; its ONNX file is of no use, but is the one it was made for."""
    assets = folder / "assets"
    assets.mkdir(parents=True)
    (assets / "model.onnx").write_bytes(b"not a graph")
    facts = artifacts.file_facts(assets / "model.onnx")
    spec = tensorrt(name)
    artifact = replace(
        spec.artifact,
        size=facts.size,
        sha256=facts.sha256,
        head_tail_sha256=facts.head_tail_sha256,
        external=None,
    )
    for path, text in project.render(replace(spec, artifact=artifact)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    return folder
