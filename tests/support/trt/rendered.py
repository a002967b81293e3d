"""A project with everything but a model: it compiles, links, starts, and finds its artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from samples import tensorrt
from writing import texts_of

from gencpp.core import files
from gencpp.core.spec import ProjectSpec


def write(folder: Path, name: str = "sample", make: Callable[[str], ProjectSpec] = tensorrt) -> Path:
    """Renders the project `name` into `folder`; its artifact is no model, but passes for the right one."""
    spec = make(name)
    artifact_file = folder / "assets" / spec.artifact.file
    artifact_file.parent.mkdir(parents=True)
    artifact_file.write_bytes(b"not a model")
    facts = files.file_facts(artifact_file)
    artifact = replace(
        spec.artifact,
        size=facts.size,
        sha256=facts.sha256,
        head_tail_sha256=facts.head_tail_sha256,
        fletcher4=facts.fletcher4,
        external=None,
    )
    for path, text in texts_of(replace(spec, artifact=artifact)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    return folder
