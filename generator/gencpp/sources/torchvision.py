"""Builds torchvision's models with the weights that were asked for."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import EnvironmentLacks, GencppError, UsageError
from ..core.files import is_file
from ..core.progress import Progress
from ..core.spec import Dim, DType, Task, TensorSpec, WeightsInfo
from ..tensors.module import forward_arguments
from .initialisation import BATCH, initialise_from_data, seeded
from .names import GROUPS
from .weights import (
    apply_state_dict,
    how_to_get,
    load_state_dict_file,
    obtain,
    published,
    weights_only_builders,
)

_TASKS = {"classification": Task.classification, "video": Task.classification}
"""By torchvision's group of builders."""

_FRAMES = 16
"""Frames of a video input."""

_SEGMENTATION_SIZE = 224
"""Goldens of dense outputs grow with it; --input takes another size."""
_FLOW_SIZE = 128
_BATCH_ELEMENTS = BATCH * 3 * 224 * 224
"""The batch that weights are initialised from is smaller for larger inputs, and never below 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A torchvision model with what its metadata tells."""

    module: Any
    weights: WeightsInfo
    transforms: Any
    transforms_where: str
    labels: tuple[str, ...]
    task: Task
    inputs: tuple[TensorSpec, ...]
    notes: tuple[str, ...]


def group_of(name: str) -> str:
    """One of GROUPS.

    Raises UsageError with near names when torchvision has no such model.
    """
    from torchvision.models import get_model_builder, list_models

    names = list_models()
    if name not in names:
        near = difflib.get_close_matches(name.lower(), names, n=5, cutoff=0.5)
        raise UsageError(
            f"torchvision has no model {name!r}",
            hint=(f"did you mean {', '.join(near)}? " if near else "")
            + "`gencpp models` lists all of them. Else name module:factory, or a TorchScript or ONNX file.",
        )
    group = get_model_builder(name).__module__.removeprefix("torchvision.models.").split(".")[0]
    return group if group in GROUPS else "classification"


def refuse_unsupported(name: str) -> None:
    """Raises UsageError for unknown models and for those that no backend can take yet."""
    group = group_of(name)
    if group == "detection":
        raise UsageError(
            f"{name} is a detection model (lists of tensors in, dicts out), which is not supported yet",
            hint="classification, segmentation, video and optical-flow models are.",
        )
    if group == "quantization":
        raise UsageError(
            f"{name} is a quantized model, which is not supported",
            hint=f"use the float model: {name.removeprefix('quantized_')}.",
        )


def build(
    name: str,
    weights: str,
    seed: int,
    timeout: float,
    progress: Progress,
    given: Sequence[TensorSpec] = (),
) -> Built:
    """The model `name` in eval mode; `weights` is auto, none, DEFAULT, a name of its weights, or a file.

    `given`: inputs whose values random weights are initialised for.
    """
    refuse_unsupported(name)
    entry, file = _choose(name, weights)
    random_reason = ""
    info: WeightsInfo | None = None
    notes: list[str] = []
    module: Any = None
    if file is not None:
        module, info, notes, entry = _from_file(name, entry, file, seed)
    elif weights == "none":
        random_reason = "--weights none was given"
    else:
        try:
            module, info = _pretrained(name, entry, seed, timeout, progress)
        except EnvironmentLacks as e:
            if weights != "auto":
                raise
            random_reason = e.message
    if module is None or info is None:
        module = _construct(name, entry, seed)
        info = WeightsInfo(
            kind="random",
            detail=f"seed {seed}, initialised from data",
            warning=f"RANDOM WEIGHTS (seed {seed}): the answers mean nothing, because {random_reason}. "
            + how_to_get(published(entry.url)),
        )
        stimulus = _with_values(input_specs(name, entry, module), given)
        initialise_from_data(module, stimulus, seed, _data_batch(name, entry, module))
    group = group_of(name)
    task = _TASKS.get(group, Task.generic)
    labels = tuple(entry.meta.get("categories", ())) if task is Task.classification else ()
    custom = [n for n in notes if "classes" in n]
    return Built(
        module=module,
        weights=info,
        transforms=entry.transforms(),
        transforms_where=str(entry),
        labels=() if custom else labels,
        task=task,
        inputs=input_specs(name, entry, module),
        notes=tuple(notes),
    )


def _with_values(inputs: Sequence[TensorSpec], given: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """`inputs`, drawn from what the user gave for those of the same name, type and rank."""
    said = {(t.name, t.dtype, len(t.dims)): t.values for t in given}
    return tuple(replace(t, values=said.get((t.name, t.dtype, len(t.dims)))) for t in inputs)


def input_specs(name: str, entry: Any, module: Any) -> tuple[TensorSpec, ...]:
    """What the model takes, by its weights' metadata: one item, float32."""
    group = group_of(name)
    required, _ = forward_arguments(module)
    shape: tuple[int, ...]
    if group == "video":
        height, width = entry.transforms().crop_size
        shape = (1, 3, max(_FRAMES, entry.meta.get("min_temporal_size", 1)), height, width)
    elif group == "optical_flow":
        shape = (1, 3, _FLOW_SIZE, _FLOW_SIZE)
    else:
        crop = getattr(entry.transforms(), "crop_size", None)
        side = crop[0] if crop else _SEGMENTATION_SIZE
        shape = (1, 3, side, side)
    dims = tuple(Dim.fixed(s) for s in shape)
    return tuple(TensorSpec(name=n, dtype=DType.float32, dims=dims) for n in required or ["x"])


def _choose(name: str, weights: str) -> tuple[Any, Path | None]:
    """(entry of the model's weights, file or None); the entry also tells labels and transforms."""
    from torchvision.models import get_model_weights

    entries: Any = get_model_weights(name)
    members = dict(entries.__members__)
    if weights in ("auto", "none", "DEFAULT"):
        return entries["DEFAULT"], None
    short = weights.removeprefix(entries.__name__ + ".")
    if short in members:
        return entries[short], None
    path = Path(weights)
    if is_file(path):
        same = [e for e in entries if published(e.url).file == path.name]
        return (same[0] if same else entries["DEFAULT"]), path
    if path.suffix or os.sep in weights:
        raise UsageError(f"--weights {weights}: there is no such file")
    raise UsageError(
        f"{name} has no weights named {weights!r}",
        hint="it has: " + ", ".join([*members, "auto", "none"]) + "; or pass a file with a state dict.",
    )


def _pretrained(
    name: str, entry: Any, seed: int, timeout: float, progress: Progress
) -> tuple[Any, WeightsInfo]:
    wanted = published(entry.url)
    note = obtain(wanted, timeout, progress)
    try:
        module = _construct(name, entry, seed, pretrained=True)
    except GencppError:
        raise
    except Exception:  # noqa: BLE001 - whatever a damaged file makes torch raise
        raise EnvironmentLacks(
            f"the cached weights {wanted.target_text} cannot be loaded: damaged or of another model",
            hint=f"delete that file: it is then downloaded again. {how_to_get(wanted)}",
        ) from None
    if note:
        progress(f"warning: {note}")
        detail = f"{wanted.file} (cached, not as published)"
        return module, WeightsInfo(kind="user", detail=detail, warning=note)
    return module, WeightsInfo(kind="pretrained", detail=str(entry))


def _from_file(name: str, entry: Any, file: Path, seed: int) -> tuple[Any, WeightsInfo, list[str], Any]:
    module = _construct(name, entry, seed)
    state, notes = load_state_dict_file(file, module.state_dict())
    info = WeightsInfo(kind="user", detail=file.name)
    said = list(notes)
    classes = _other_classes(module, state)
    if classes is not None:
        module = _construct(name, entry, seed, num_classes=classes)
        said.append(
            f"{file.name} has {classes} classes: torchvision's labels do not apply; pass --labels FILE."
        )
    elif published(entry.url).file == file.name:
        module = _construct(name, entry, seed, pretrained=True, state=state)
        return module, info, said, entry
    apply_state_dict(module, state, file.name)
    return module, info, said, entry


def _other_classes(module: Any, state: dict[str, Any]) -> int | None:
    """The number of classes in `state` when that alone makes it differ from `module`."""
    own = module.state_dict()
    if set(own) - set(state) or set(state) - set(own):
        return None
    pairs = {
        (tuple(own[k].shape)[:1], tuple(state[k].shape)[:1])
        for k in own
        if tuple(own[k].shape) != tuple(state[k].shape) and own[k].dim()
    }
    if len(pairs) != 1:
        return None
    ((_, found),) = pairs
    return int(found[0]) if found else None


def _construct(
    name: str,
    entry: Any,
    seed: int,
    *,
    pretrained: bool = False,
    state: dict[str, Any] | None = None,
    num_classes: int | None = None,
) -> Any:
    """The same architecture with and without published weights; the caller's random state is kept."""
    from torchvision.models import get_model, get_model_builder

    builder = get_model_builder(name)
    options: dict[str, Any] = {"weights": entry if pretrained else None, "progress": False}
    own = inspect.signature(builder).parameters
    if "weights_backbone" in own:
        options["weights_backbone"] = None
    if name == "inception_v3" or (name == "googlenet" and not pretrained):
        options["aux_logits"] = False
    if not pretrained:
        if name in ("googlenet", "inception_v3"):
            options |= {"transform_input": True, "init_weights": False}
        if name.startswith("vit_"):
            options["image_size"] = entry.meta["min_size"][0]
        if "aux_loss" in own:
            options["aux_loss"] = True
        if num_classes is not None:
            options["num_classes"] = num_classes
    with seeded(seed), weights_only_builders(state):
        return get_model(name, **options).eval()


def _data_batch(name: str, entry: Any, module: Any) -> int:
    elements = 1
    for d in input_specs(name, entry, module)[0].dims:
        elements *= d.opt
    return max(2, min(BATCH, _BATCH_ELEMENTS // elements))
