"""torchvision's published weights: cached, downloaded within a time limit, or not to be had."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ..core.errors import EnvironmentLacks, UsageError
from ..core.progress import Progress
from ..core.words import an

_HASH = re.compile(r"-([a-f0-9]{8,})\.")
_SHOWN = 10

_CHILD = """
import socket, sys, urllib.parse, urllib.request
url, file, prefix = sys.argv[1:]
parts = urllib.parse.urlparse(url)
if parts.hostname and parts.scheme not in urllib.request.getproxies():
    try:  # at once without a network, before the second that importing torch takes
        socket.getaddrinfo(parts.hostname, parts.port or 443)
    except OSError as e:
        sys.exit(f"{parts.hostname} cannot be reached: {e.strerror}")
import torch.hub
torch.hub.download_url_to_file(url, file, prefix or None, progress=False)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A file of published weights, and where torch.hub caches it."""

    url: str
    file: str
    target: Path
    """In torch.hub's folder on this machine."""
    target_text: str
    """The same without a folder of this machine: `$TORCH_HOME/hub/checkpoints/...`."""

    @property
    def hash_prefix(self) -> str:
        """Start of the sha256 that the file's name promises; empty when it promises none."""
        found = _HASH.search(self.file)
        return found.group(1) if found else ""


def published(url: str) -> Published:
    """Where the weights of this URL are cached (TORCH_HOME and XDG_CACHE_HOME are honoured)."""
    import torch

    file = Path(urlparse(url).path).name
    if os.environ.get("TORCH_HOME"):
        text = "$TORCH_HOME/hub/checkpoints"
    elif os.environ.get("XDG_CACHE_HOME"):
        text = "$XDG_CACHE_HOME/torch/hub/checkpoints"
    else:
        text = "~/.cache/torch/hub/checkpoints"
    target = Path(torch.hub.get_dir()) / "checkpoints" / file
    return Published(url=url, file=file, target=target, target_text=f"{text}/{file}")


def obtain(wanted: Published, timeout: float, progress: Progress) -> str:
    """Makes sure that the file is cached, by download within `timeout` seconds in all.

    Returns a note, empty when the file is as published. torch itself does not check the hash of a
    cached file; here a file whose hash differs is used, and the note says so. Raises EnvironmentLacks
    when the file cannot be had, leaving nothing half-written behind.
    """
    if not wanted.target.is_file():
        progress(f"downloading {wanted.url} (at most {timeout:g} s)")
        _download(wanted, timeout)
        return ""
    if not wanted.hash_prefix:
        return ""
    with wanted.target.open("rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    if digest.startswith(wanted.hash_prefix):
        return ""
    return (
        f"{wanted.target_text} is not the published file: its sha256 starts with"
        f" {digest[: len(wanted.hash_prefix)]}, not {wanted.hash_prefix}"
        f" (delete it to get the published one from {wanted.url})"
    )


def _download(wanted: Published, timeout: float) -> None:
    folder = wanted.target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".gencpp-", dir=folder))
    except OSError as e:
        raise EnvironmentLacks(
            f"cannot write weights to {wanted.target_text}: {e.strerror or type(e).__name__}",
            hint="set TORCH_HOME to a folder that can be written.",
        ) from None
    try:
        part = scratch / wanted.file
        code = _CHILD
        argv = [sys.executable, "-P", "-c", code, wanted.url, str(part), wanted.hash_prefix]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise EnvironmentLacks(
                f"downloading {wanted.url} took longer than {timeout:g} s", hint=how_to_get(wanted)
            ) from None
        if done.returncode != 0 or not part.is_file():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise EnvironmentLacks(f"downloading {wanted.url} failed: {last}", hint=how_to_get(wanted))
        part.replace(wanted.target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def how_to_get(wanted: Published) -> str:
    """What to do to have these weights."""
    return (
        f"To get real weights: download {wanted.url} to {wanted.target_text}"
        " and pass --weights DEFAULT, or pass --weights FILE with a state dict of your own."
    )


@contextlib.contextmanager
def weights_only_builders(state: Mapping[str, Any] | None = None) -> Iterator[None]:
    """torchvision's builders load published weights with weights_only=True inside, or take `state`."""
    import torch
    from torchvision.models import WeightsEnum

    def load(self: Any, *args: Any, **kwargs: Any) -> Any:
        if state is not None:
            return dict(state)
        return torch.hub.load_state_dict_from_url(
            self.url, map_location="cpu", progress=False, weights_only=True
        )

    original = WeightsEnum.get_state_dict
    WeightsEnum.get_state_dict = load
    try:
        yield
    finally:
        WeightsEnum.get_state_dict = original


def load_state_dict_file(
    path: str | Path, own: Collection[str] = ()
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(state dict, notes) of a file of tensors; code in it is never run (weights_only=True).

    Undoes the nestings `state_dict`, `model_state_dict` and `model`, and prefixes of wrappers, unless
    they are in `own`, the model's keys; the notes say so.
    """
    file = Path(path)
    data = _load(file)
    notes = []
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(data, Mapping) and isinstance(data.get(key), Mapping):
            data = data[key]
            notes.append(f"{file.name}: the weights were taken from its entry {key!r}.")
    if not isinstance(data, Mapping) or not data or not all(isinstance(k, str) for k in data):
        raise UsageError(
            f"{file.name} holds {an(type(data).__name__)}, not a state dict",
            hint="save it by torch.save(model.state_dict(), FILE).",
        )
    found = True
    while found:
        found = False
        for prefix, wrapper in _PREFIXES.items():
            if all(k.startswith(prefix) for k in data) and not any(k.startswith(prefix) for k in own):
                data = {k.removeprefix(prefix): v for k, v in data.items()}
                notes.append(f"{file.name}: the prefix {prefix!r} of its keys was removed ({wrapper}).")
                found = True
    return dict(data), tuple(notes)


_PREFIXES = {"module.": "DataParallel", "_orig_mod.": "torch.compile", "model.": "Lightning"}


def _load(file: Path) -> Any:
    """What torch.save wrote, tensors only; raises UsageError for all else."""
    import torch

    way_out = "save only the tensors: torch.save(model.state_dict(), FILE)."
    try:
        exists = file.is_file()
    except OSError:  # such as a name that is too long
        exists = False
    if not exists:
        raise UsageError(f"{file}: there is no such file", hint="pass a state dict saved by torch.save.")
    if _is_torchscript(file):
        raise UsageError(
            f"{file.name} is a TorchScript file, not a state dict",
            hint=f"it is a model by itself (--model {file.name}); or {way_out}",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as e:  # noqa: BLE001 - torch.load raises many kinds
        name = re.search(r"GLOBAL ([\w.]+\w)", str(e))
        if name or "Unsupported class" in str(e):
            told = f" ({name.group(1)})" if name else ""
            raise UsageError(
                f"{file.name} holds Python objects{told} besides tensors and is not unpickled",
                hint="save model.state_dict() instead: torch.save(model.state_dict(), FILE).",
            ) from None
        raise UsageError(
            f"{file.name} is not a file that torch.save wrote, or it is damaged", hint=way_out
        ) from None


def _is_torchscript(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as z:
            inner = {n.partition("/")[2] for n in z.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    return "constants.pkl" in inner and any(n.startswith("code/") for n in inner)


def apply_state_dict(module: Any, state: Mapping[str, Any], where: str) -> None:
    """Loads strictly; raises UsageError that lists missing, unexpected and misshapen keys."""
    import torch

    own = module.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in state if k not in own]
    misshapen = [
        f"{k}: {_shape(state[k])} in the file, {_shape(own[k])} in the model"
        for k in own
        if k in state and _shape(state[k]) != _shape(own[k])
    ]
    lines = []
    for title, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen)):
        if keys:
            lines.append(f"{len(keys)} {title}:")
            lines += [f"  {k}" for k in keys[:_SHOWN]]
            lines += [f"  ... and {len(keys) - _SHOWN} more"] if len(keys) > _SHOWN else []
    if lines:
        raise UsageError(
            f"the state dict {where} does not fit the model:\n" + "\n".join(lines),
            hint="pass the weights of this very architecture; for another one (such as another number of"
            " classes), write a factory: --model module:factory --state-dict FILE.",
        )
    with torch.no_grad():
        module.load_state_dict(dict(state), strict=False)


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if hasattr(value, "shape") else type(value).__name__
