"""Imports and calls what a user names as `module:attr`, and turns every failure into one clear message."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..core.errors import EnvironmentLacks, UsageError
from ..core.words import an

_HERE = str(Path(__file__).parent.parent)


def resolve(module: str, attr: str, path: Sequence[str]) -> Any:
    """The object `module:attr`; `path` and the working folder are searched first, and stay searched."""
    bad = [p for p in path if not Path(p).is_dir()]
    if bad:
        raise UsageError("--path: no such folder: " + ", ".join(bad))
    folders = [str(Path(p).resolve()) for p in path]
    for folder in reversed([*folders, str(Path.cwd())]):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    _make_way(module.partition(".")[0], folders)
    try:
        value: Any = importlib.import_module(module)
    except ModuleNotFoundError as e:
        if e.name and (module == e.name or module.startswith(e.name + ".")):
            raise UsageError(
                f"there is no module {e.name!r} (from {module}:{attr})",
                hint="if it lies in a folder of yours, add that folder: --path FOLDER.",
            ) from None
        raise EnvironmentLacks(
            f"{module} imports {e.name!r}, which is not installed ({_place(e)})",
            hint=f"install what provides {e.name!r} (often: pip install {e.name}), or, when it is your own"
            " module, add its folder: --path FOLDER.",
        ) from None
    except (Exception, SystemExit) as e:  # noqa: BLE001 - the user's code
        raise UsageError(f"importing {module} failed: {_told(e)}") from None
    walked = module
    for part in attr.split("."):
        if not hasattr(value, part):
            near = difflib.get_close_matches(part, [n for n in dir(value) if not n.startswith("_")])
            raise UsageError(
                f"{walked} has no attribute {part!r}",
                hint=f"did you mean {', '.join(near)}?" if near else f"is {part!r} defined at the top level?",
            )
        value = getattr(value, part)
        walked = f"{walked}.{part}"
        if isinstance(value, ModuleType):
            raise UsageError(
                f"{walked} is a module, and not what {module} defines",
                hint=f"name the module itself: {value.__name__}:...",
            )
    return value


_imported: set[str] = set()
"""Modules that were imported from a folder of `path`: another folder's may take their place."""


def _make_way(name: str, folders: Sequence[str]) -> None:
    """For the module or package `name` in the first of `folders` that has it.

    Python keeps what it has imported, and would answer with another module of the same name.
    """
    places = (Path(folder, *part) for folder in folders for part in ((name, "__init__.py"), (f"{name}.py",)))
    wanted = next((place for place in places if place.is_file()), None)
    if wanted is None:
        return
    there = sys.modules.get(name)
    if there is not None and Path(getattr(there, "__file__", None) or "").resolve() != wanted.resolve():
        if name not in _imported:
            raise UsageError(
                f"{wanted} has the name of a module that Python or gencpp itself needs",
                hint="Rename the file.",
            )
        for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[module]
    _imported.add(name)


def call_factory(value: Any, where: str) -> Any:
    """The nn.Module that a factory (or an nn.Module class, or a module itself) gives."""
    from torch import nn

    if isinstance(value, nn.Module):
        return value
    if not callable(value):
        raise UsageError(
            f"{where} is {an(type(value).__name__)}, which cannot be called",
            hint="name a function without arguments that returns an nn.Module.",
        )
    module = call(value, where)
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"{where} returned {an(type(module).__name__)}, not a torch.nn.Module",
            hint="return the model itself (not its weights, a tuple or a function).",
        )
    return module


def call(value: Any, where: str, *args: Any) -> Any:
    """value(*args); what it raises becomes a UsageError with the place in the user's code."""
    try:
        return value(*args)
    except (Exception, SystemExit) as e:
        if isinstance(e, UsageError):
            raise
        if isinstance(e, TypeError) and e.__traceback__ is not None and e.__traceback__.tb_next is None:
            # By the call itself: no line of the user's has run.
            raise UsageError(
                f"{where} cannot be called {'with these' if args else 'without'} arguments: {e}",
                hint="write a function around it that passes them: def make(): return Net(10)",
            ) from None
        raise UsageError(f"{where} raised {_told(e)}") from None


def _told(e: BaseException) -> str:
    if isinstance(e, SyntaxError) and e.filename:
        return f"{type(e).__name__}: {e.msg} ({_relative(e.filename)}:{e.lineno})"
    message = str(e).strip()
    return f"{type(e).__name__}{': ' + message if message else ''} ({_place(e)})"


def _place(e: BaseException) -> str:
    """file:line of the innermost frame of the user's own code."""
    frames = [
        f
        for f in traceback.extract_tb(e.__traceback__)
        if not f.filename.startswith((_HERE, "<frozen")) and f.filename != importlib.__file__
    ]
    libraries = ("site-packages", "dist-packages")
    own = [
        f
        for f in frames
        if not any(x in f.filename for x in libraries) and not f.filename.startswith(sys.base_prefix)
    ]
    if not frames:
        return "no Python frame"
    frame = (own or frames)[-1]
    return f"{_relative(frame.filename)}:{frame.lineno}"


def _relative(file: str) -> str:
    with contextlib.suppress(ValueError):
        return str(Path(file).relative_to(Path.cwd()))
    return file
