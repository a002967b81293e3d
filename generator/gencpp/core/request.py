"""What `gencpp new` is asked for."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UsageError
from .python_file import as_module, refuse_two_of_one_name
from .values import without_folder

if TYPE_CHECKING:
    from .loaded import LoadOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `gencpp new` is asked for."""

    source: str
    """`resnet18`, `nets:make`, `nets.py:make`, `model.pt`, `model.onnx`"""
    backend: str
    out: Path
    name: str | None = None
    force: bool = False
    dynamic: tuple[str, ...] = ()
    """`input:dimension=min:opt:max`, further profiles after commas"""
    precision: str | None = None
    device: str | None = None
    """`cpu`, `cuda`: what code is compiled for (--artifact aoti only)"""
    tf32: bool = False
    tensorrt_min: str | None = None
    """The oldest TensorRT that the artifact is made for: `10.0`."""
    trt_api: str | None = None
    """`parser`, `network`"""
    artifact: str | None = None
    """`torchscript`, `aoti`, or a variant of backends/libtorch/variants.py (libtorch only)"""
    tune: bool = False
    """Whether the variant and the threads are chosen by measuring (libtorch only)"""
    tune_rounds: int = 5
    weights: str = "auto"
    seed: int = 0
    path: tuple[str, ...] = ()
    state_dict: str | None = None
    inputs: tuple[str, ...] = ()
    preprocess: str | None = None
    labels: str | None = None

    def __post_init__(self) -> None:
        """Code that is named by its file becomes the module that it is, in a folder of `path`."""
        for name in ("path", "inputs", "dynamic"):
            if isinstance(getattr(self, name), str):
                raise UsageError(f"{name}: a sequence of texts is wanted, not one text")
        object.__setattr__(self, "out", Path(self.out))
        texts = [str(self.source), *([self.preprocess] if self.preprocess else [])]
        refuse_two_of_one_name(texts)
        source, folders = as_module(texts[0])
        preprocess, more = as_module(self.preprocess) if self.preprocess else (self.preprocess, ())
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "preprocess", preprocess)
        object.__setattr__(self, "path", tuple(dict.fromkeys((*folders, *more, *self.path))))

    def load_options(self) -> LoadOptions:
        """The part that loading a source needs."""
        from .loaded import LoadOptions

        return LoadOptions(
            weights=self.weights,
            seed=self.seed,
            path=self.path,
            state_dict=self.state_dict,
            inputs=self.inputs,
            preprocess=self.preprocess,
            labels=self.labels,
        )


def check_path(folder: Path) -> None:
    """Raises UsageError for characters that CMake cannot handle in the path of a project."""
    if bad := sorted(set(str(folder)) & set(';"\\\n\r')):
        raise UsageError(
            f"OUT has characters that CMake cannot handle in a path: {' '.join(map(repr, bad))}",
            hint="Choose another name.",
        )


def resolve_out(out: Path) -> Path:
    """`out` as an absolute path; raises UsageError for the root."""
    check_path(out)
    try:
        resolved = out.resolve()
    except (OSError, RuntimeError) as e:  # RuntimeError: a loop of links, before Python 3.13
        raise UsageError(f"OUT {out}: {getattr(e, 'strerror', None) or e}") from None
    if resolved == resolved.parent:
        raise UsageError("OUT must not be the root of the file system", hint="Name a folder inside it.")
    return resolved


def options_of(request: Request) -> dict[str, str]:
    """The request without folders of this machine."""

    def last(path: str | None) -> str:
        return Path(path).name if path else ""

    options = {
        "model": last(request.source) if "/" in request.source else request.source,
        "weights": last(request.weights) if "/" in request.weights else request.weights,
        "seed": str(request.seed),
        "state_dict": last(request.state_dict),
        "input": shlex.join(without_folder(text) for text in request.inputs),
        "dynamic": " ".join(request.dynamic),
        "precision": request.precision or "",
        "tf32": "yes" if request.tf32 else "",
        "tensorrt_min": request.tensorrt_min or "",
        "trt_api": request.trt_api or "",
        "artifact": request.artifact or "",
        "device": request.device or "",
        "tune": "yes" if request.tune else "",
        "preprocess": last(request.preprocess)
        if "/" in (request.preprocess or "")
        else request.preprocess or "",
        "labels": last(request.labels),
    }
    return {key: value for key, value in options.items() if value}
