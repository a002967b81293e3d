"""A model's source, by kind, and the model that was loaded from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .spec import Precision, Task, TensorSpec, WeightsInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchvisionSource:
    """A name of `torchvision.models.list_models()`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorySource:
    """`module:attr`: a callable that returns an nn.Module; attr may be dotted."""

    module: str
    attr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchScriptSource:
    """A TorchScript archive."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxSource:
    """An ONNX file."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedProgramSource:
    """A torch.export archive (.pt2)."""

    path: Path


Source = TorchvisionSource | FactorySource | TorchScriptSource | OnnxSource | ExportedProgramSource


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How to load a source; the fields are the options of `gencpp new`."""

    weights: str = "auto"
    """`auto`, `none`, `DEFAULT`, a name of the model's weights, or a file (torchvision only)"""
    seed: int = 0
    path: tuple[str, ...] = ()
    """Folders added to the import path."""
    state_dict: str | None = None
    inputs: tuple[str, ...] = ()
    """`name:1x3x224x224:float32`, one an input, in the order of forward's arguments; `=0..1`, `=8000,16000`
    or `=FILE.npy` behind it says what its elements are drawn from"""
    preprocess: str | None = None
    """`module:attr` or a JSON file"""
    labels: str | None = None
    """A UTF-8 file with one label a line."""
    weights_timeout: float = 60.0
    """Seconds for the whole download."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """The source, loaded."""

    module: Any
    """nn.Module in eval mode, or a ScriptModule (`scripted`)."""
    source: Source
    source_text: str
    """As the user named it, without folders."""
    default_name: str
    """A name for the project, not yet a C++ identifier."""
    scripted: bool
    weights: WeightsInfo
    transforms: Any = None
    """A transform object, the dict of a JSON file, or None."""
    transforms_where: str = ""
    transforms_given: bool = False
    """Whether the user named the transforms (--preprocess)."""
    labels: tuple[str, ...] = ()
    task: Task = Task.generic
    inputs: tuple[TensorSpec, ...] = ()
    """What is known of the inputs, as fixed dims: `--input`, or torchvision's; empty when unknown."""
    notes: tuple[str, ...] = ()
    onnx: Path | None = None
    """The file, when the source is an ONNX file; the module then runs it with ONNX Runtime."""
    precision: Precision = Precision.fp32
    """What `module` computes in."""
    reference: Any = None
    """The model that artifacts are compared with, where that is not `module`."""

    @property
    def of_file(self) -> bool:
        """Whether it came as a file (ONNX, TorchScript): the code that it was made from is not here."""
        return self.onnx is not None or isinstance(self.source, TorchScriptSource)

    @property
    def change(self) -> str:
        """What a hint tells people to do where the model itself has to be another."""
        return "export the file anew" if self.of_file else "change forward"

    @property
    def eager(self) -> Any:
        """The module whose answers are right."""
        return self.module if self.reference is None else self.reference


def source_text(source: Source) -> str:
    """As the user named it, without folders."""
    if isinstance(source, TorchvisionSource):
        return source.name
    if isinstance(source, FactorySource):
        return f"{source.module}:{source.attr}"
    return source.path.name


def default_name(source: Source) -> str:
    """A name for the project: the model's, the factory's last attribute, the file's stem."""
    if isinstance(source, TorchvisionSource):
        return source.name
    if isinstance(source, FactorySource):
        return source.attr.rpartition(".")[2]
    return source.path.stem
