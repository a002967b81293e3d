"""Parses a source string into one of five frozen kinds, and loads it."""

from __future__ import annotations

import re
import shlex
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core import jsonfile
from ..core.errors import UsageError
from ..core.files import is_file
from ..core.loaded import (
    ExportedProgramSource,
    FactorySource,
    LoadedModel,
    LoadOptions,
    OnnxSource,
    Source,
    TorchScriptSource,
    TorchvisionSource,
    default_name,
    source_text,
)
from ..core.progress import Progress
from ..core.spec import Task, TensorSpec, WeightsInfo
from ..tensors.module import parse_input
from .drawn_weights import note_of, watching_draws
from .factory import call, call_factory, resolve
from .initialisation import seeded
from .onnx_file import known_inputs, load_onnx
from .torchscript import load_archive, traced_inputs
from .torchvision import build, group_of
from .weights import apply_state_dict, load_state_dict_file

_SCRIPT_SUFFIXES = (".pt", ".pth", ".ts", ".torchscript", ".jit", ".ptl", ".bin", ".ckpt")
_FACTORY = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")


def parse_source(text: str) -> Source:
    """The kind of source that `text` names; no file is opened and nothing is imported."""
    text = text.strip()
    path = Path(text)
    suffix = path.suffix.lower()
    if not text:
        raise UsageError("the model's source is empty", hint="name resnet18, nets:make or model.pt.")
    if suffix == ".onnx":
        return OnnxSource(path=path)
    if suffix == ".pt2":
        return ExportedProgramSource(path=path)
    if suffix in _SCRIPT_SUFFIXES:
        return TorchScriptSource(path=path)
    if _FACTORY.match(text):
        module, attr = text.split(":")
        return FactorySource(module=module, attr=attr)
    file, colon, attr = text.rpartition(":")
    if colon and file.endswith(".py"):  # which a Request has resolved
        script = Path(file)
        raise UsageError(
            f"{text}: name the module, not its file",
            hint=f"use --model {script.stem}:{attr or 'factory'} --path {script.parent}.",
        )
    if "/" in text or "\\" in text or is_file(path):
        return TorchScriptSource(path=path)
    if colon:
        raise UsageError(
            f"{text!r} is not a source", hint="a factory is written package.module:attribute (nets:make)."
        )
    return TorchvisionSource(name=text)


def load_source(source: Source, options: LoadOptions, progress: Progress) -> LoadedModel:
    """Loads the model on the CPU, in eval mode. Raises GencppError subclasses only."""
    given = tuple(parse_input(t) for t in options.inputs)
    _refuse_contradictions(source, options, given)
    if isinstance(source, TorchvisionSource):
        group_of(source.name)
        loaded = _load_torchvision(source, options, given, progress)
    elif isinstance(source, FactorySource):
        loaded = _load_factory(source, options)
    elif isinstance(source, TorchScriptSource):
        loaded = _load_torchscript(source)
    elif isinstance(source, OnnxSource):
        loaded = _load_onnx(source, given)
    else:
        raise UsageError(
            f"{source.path.name}: torch.export archives (.pt2) are not supported yet",
            hint="name the Python model instead (module:factory), or a TorchScript file.",
        )
    if given and loaded.onnx is None:
        loaded = replace(loaded, inputs=given)
    if options.preprocess is not None:
        loaded = replace(
            loaded,
            transforms=_load_transforms(options.preprocess, options.path),
            transforms_where=_without_folder(options.preprocess),
            transforms_given=True,
        )
    if options.labels is not None:
        # Labels make a classifier of a model of which nothing else is known.
        task = Task.classification if loaded.task is Task.generic else loaded.task
        loaded = replace(loaded, labels=read_labels(Path(options.labels)), task=task)
    return loaded


def read_labels(path: Path) -> tuple[str, ...]:
    """One label a line, UTF-8; trailing empty lines are dropped, empty ones between are an error."""
    try:
        text = jsonfile.read_bytes(path, hint="Name a text file with one label a line.").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            f"--labels {path.name}: not UTF-8 text",
            hint=f"Convert it, such as from latin1: iconv -f latin1 -t UTF-8 {shlex.quote(str(path))}"
            f" > {shlex.quote(f'{path.stem}-utf8.txt')}",
        ) from None
    except UsageError as e:
        raise UsageError(f"--labels: {e.message}", hint=e.hint) from None
    labels = tuple(line.strip() for line in text.rstrip().splitlines())
    empty = [str(i) for i, label in enumerate(labels, 1) if not label]
    if not labels or empty:
        raise UsageError(
            f"--labels {path.name}: " + (f"empty lines: {', '.join(empty[:10])}" if labels else "is empty"),
            hint="write one label a line, in the order of the model's classes.",
        )
    return labels


def _refuse_contradictions(source: Source, options: LoadOptions, given: tuple[TensorSpec, ...]) -> None:
    problems = []
    if options.state_dict is not None and not isinstance(source, FactorySource):
        problems.append("--state-dict belongs to module:factory (for torchvision use --weights FILE)")
    if options.weights != "auto" and not isinstance(source, TorchvisionSource):
        problems.append("--weights belongs to torchvision's models (for a factory use --state-dict FILE)")
    names = [s.name for s in given]
    problems += [f"--input {n} is given twice" for n in sorted({n for n in names if names.count(n) > 1})]
    if problems:
        raise UsageError("; ".join(problems))


def _load_torchvision(
    source: TorchvisionSource, options: LoadOptions, given: tuple[TensorSpec, ...], progress: Progress
) -> LoadedModel:
    built = build(source.name, options.weights, options.seed, options.weights_timeout, progress, given)
    return LoadedModel(
        module=_inference_only(built.module),
        source=source,
        source_text=source_text(source),
        default_name=default_name(source),
        scripted=False,
        weights=built.weights,
        transforms=built.transforms,
        transforms_where=built.transforms_where,
        labels=built.labels,
        task=built.task,
        inputs=built.inputs,
        notes=built.notes,
    )


def _load_factory(source: FactorySource, options: LoadOptions) -> LoadedModel:
    import torch

    where = source_text(source)
    value = resolve(source.module, source.attr, options.path)
    with seeded(options.seed), watching_draws() as drawn:
        module = call_factory(value, where)
    note = note_of(drawn, module, where, state_dict=options.state_dict is not None)
    notes: tuple[str, ...] = (note,) if note else ()
    detail = f"as {where} made them, without --state-dict"
    scripted = isinstance(module, torch.jit.ScriptModule)
    if options.state_dict is not None:
        state, notes = load_state_dict_file(options.state_dict, module.state_dict())
        detail = Path(options.state_dict).name
        apply_state_dict(module, state, detail)
    return LoadedModel(
        module=_inference_only(module),
        source=source,
        source_text=where,
        default_name=default_name(source),
        scripted=scripted,
        weights=WeightsInfo(kind="user", detail=detail),
        notes=notes,
    )


def _load_torchscript(source: TorchScriptSource) -> LoadedModel:
    module = load_archive(source.path)
    return LoadedModel(
        module=_inference_only(module),
        source=source,
        source_text=source_text(source),
        default_name=default_name(source),
        scripted=True,
        weights=WeightsInfo(kind="user", detail=source.path.name),
        inputs=traced_inputs(module),
    )


def _load_onnx(source: OnnxSource, given: tuple[TensorSpec, ...]) -> LoadedModel:
    file = load_onnx(source.path)
    return LoadedModel(
        module=_inference_only(file.module),
        source=source,
        source_text=source_text(source),
        default_name=default_name(source),
        scripted=False,
        weights=WeightsInfo(kind="user", detail=source.path.name),
        inputs=known_inputs(source.path.name, file.inputs, given),
        notes=file.notes,
        onnx=source.path,
    )


def _load_transforms(text: str, path: tuple[str, ...]) -> Any:
    """The transform object (what `module:attr` is, or what it returns when called), or a JSON file's dict."""
    file = Path(text)
    if file.suffix == ".json" or is_file(file):
        try:
            data = jsonfile.read(file)
        except UsageError as e:
            raise UsageError(f"--preprocess {e.message}") from None
        if not isinstance(data, dict):
            raise UsageError(f"--preprocess {file.name}: expected an object with `geometry`")
        return data
    if not _FACTORY.match(text):
        raise UsageError(f"--preprocess {text!r} is neither module:attr nor a JSON file that exists")
    module, attr = text.split(":")
    with warnings.catch_warnings():
        # v2.ToTensor is taken: what torchvision would rather have is no news to who runs gencpp.
        warnings.filterwarnings("ignore", message=r".*ToTensor\(\).* is deprecated")
        value = resolve(module, attr, path)
        made = isinstance(value, type) or not type(value).__module__.startswith(("torchvision.", "torch."))
        return call(value, f"--preprocess {text}") if made and callable(value) else value


def _without_folder(text: str) -> str:
    return text if _FACTORY.match(text) else Path(text).name


def _inference_only(module: Any) -> Any:
    """Eval mode, on the CPU, no gradients; a frozen ScriptModule has no mode to change."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        if hasattr(module, "training"):
            module.eval()
        return module
    return module.eval().to("cpu").requires_grad_(False)
