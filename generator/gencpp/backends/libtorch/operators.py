"""Operators that an artifact calls and LibTorch alone lacks, found before `new` ends; and who calls them.

A C++ program registers the operators of LibTorch, and neither torchvision's nor those of Python code. So
the artifact is loaded by a process that has imported torch and nothing else (bare_torch.py).
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

from ...core.errors import CheckFailed, EnvironmentLacks
from ...core.loaded import LoadedModel
from ...core.messages import plain, short_place
from ...core.spec import ModelSpec
from ...tensors.stimuli import seeded_inputs
from . import bare_torch

_PLACES = 5
_SEED = 11_003


class _Process:
    """One that answers, forked or started; see bare_torch."""

    def __init__(self, forked: bare_torch.Forked | None) -> None:
        self._started = None if forked is not None else _started()
        if forked is not None:
            self.pid = forked.pid
            self._questions: IO[str] = os.fdopen(forked.questions, "w", encoding="utf-8")
            self._answers: IO[str] = os.fdopen(forked.answers, encoding="utf-8")
        else:
            assert self._started is not None
            assert self._started.stdin is not None and self._started.stdout is not None
            self.pid = self._started.pid
            self._questions, self._answers = self._started.stdin, self._started.stdout

    def ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """Its answer; None when it ended."""
        answer = ""
        with suppress(OSError):
            self._questions.write(json.dumps(question) + "\n")
            self._questions.flush()
            answer = self._answers.readline()
        told: dict[str, Any] | None = json.loads(answer) if answer else None
        return told

    def end(self, *, ended: bool = False) -> str:
        """Ends it, if it has not `ended` by itself: ` by signal 11`, ` with exit code 1`."""
        with suppress(OSError):
            self._questions.close()
        with suppress(OSError):
            self._answers.close()
        if self._started is not None:
            if not ended:
                self._started.kill()  # what it has not been asked by now nobody asks any more
            code = self._started.wait()
        else:
            try:
                if not ended:
                    os.kill(self.pid, signal.SIGKILL)
                code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except (ChildProcessError, ProcessLookupError):  # waited for before
                return ""
        return f" by signal {-code}" if code < 0 else f" with exit code {code}"


_kept: list[_Process] = []
"""The process that the next BareTorch takes: forked after the first import of torch, or used before."""


def keep_bare_torch() -> None:
    """Forks a process for the next BareTorch. For the moment after this process's first `import torch`."""
    if not _kept and (forked := bare_torch.fork()) is not None:
        keep(forked)


def keep(forked: bare_torch.Forked) -> None:
    """The next BareTorch takes this one."""
    _kept.append(_Process(forked))


@atexit.register
def _end_kept() -> None:
    while _kept:
        _kept.pop().end()


class BareTorch:
    """A process that has imported torch and nothing else: the one that was kept, else one that is started."""

    def __init__(self) -> None:
        self._process: _Process | None = _kept.pop() if _kept else _Process(None)
        self._as_new = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        if self._as_new and not _kept:
            _kept.append(self._process)
        else:
            self._process.end()
        self._process = None

    def load(self, file: Path, *, compiled: bool) -> tuple[str, tuple[str, ...]]:
        """(why LibTorch does not load the artifact, operators that it lacks); both empty when it does."""
        self._as_new = self._as_new and not compiled  # the code stays in it
        told = self._ask({"load": str(file), "compiled": compiled})
        return str(told["problem"]), tuple(told["missing"])

    def fused(self, file: Path, inputs: Sequence[Any], *, channels_last: bool) -> str:
        """How the process ended that ran a TorchScript file with oneDNN graph fusion; empty: it lives."""
        import torch

        given = file.with_name(f"{file.name}.inputs")
        try:
            torch.save(list(inputs), given)
            asked = {"fuse": str(file), "inputs": str(given), "channels_last": channels_last}
            return str(self._ask(asked)["problem"])
        finally:
            given.unlink(missing_ok=True)

    def lacks(self, operators: Sequence[str]) -> tuple[str, ...]:
        """Those of `operators` that LibTorch lacks."""
        return tuple(self._ask({"operators": list(operators)})["missing"])

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        told = self._process.ask(question) if self._process is not None else None
        if told is not None:
            return told
        ended = self._process.end(ended=True) if self._process is not None else ""
        self._process = None
        return {"problem": f"the process that tried it ended{ended}", "missing": []}


def _started() -> subprocess.Popen[str]:
    folders = os.pathsep.join(dict.fromkeys((*filter(None, sys.path), sysconfig.get_paths()["purelib"])))
    # Extensions of torch would register themselves; its threads would take those of the export.
    environment = {**os.environ, "TORCH_DEVICE_BACKEND_AUTOLOAD": "0", "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.Popen(
            [sys.executable, "-I", str(bare_torch.__file__), folders],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
            encoding="utf-8",
        )
    except OSError as e:
        raise EnvironmentLacks(
            f"a second Python process cannot be started: {e.strerror or e}",
            hint="Free memory or processes, and run the same command again.",
        ) from None


def check_operators(
    bare: BareTorch, loaded: LoadedModel, spec: ModelSpec, file: Path, *, compiled: bool = False
) -> None:
    """Raises CheckFailed when LibTorch alone cannot load the artifact, with every operator that it lacks."""
    problem, missing = bare.load(file, compiled=compiled)
    if not problem and not missing:
        return
    if not compiled:
        # A loader stops at the first operator that it does not know; here all of them are registered.
        missing = tuple(dict.fromkeys((*missing, *bare.lacks(_all_operators(file)))))
    if not missing:
        raise CheckFailed(
            f"{loaded.source_text}: LibTorch does not load the artifact: {plain(problem)}",
            hint="Use modules, classes and operators of PyTorch itself: the C++ program loads nothing else.",
        )
    callers = _callers(loaded, spec, missing)
    lines = "".join(f"\n  {name}, called by {_told(callers.get(name, ()))}" for name in missing)
    raise CheckFailed(
        f"{loaded.source_text} calls operators that LibTorch does not have:{lines}",
        hint=_remedy(missing),
    )


def _remedy(missing: Sequence[str]) -> str:
    if all(name.startswith("torchvision::") for name in missing):
        return (
            "The C++ program loads no torchvision: let forward return what goes into the operator and "
            "compute the rest in C++, or try --backend tensorrt (gencpp inspect tells what it takes)."
        )
    return (
        "The C++ program loads no Python code and no library besides LibTorch: write the operator with "
        "PyTorch's own ones, or let forward return what goes into it and compute the rest in C++."
    )


def _told(places: Sequence[str]) -> str:
    if not places:
        return "the model"
    more = len(places) - _PLACES
    return ", ".join(places[:_PLACES]) + (f" and {more} more" if more > 0 else "")


def _all_operators(file: Path) -> list[str]:
    """Operators of a TorchScript file, loaded here, where those of the model are registered."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, that TorchScript is deprecated
        try:
            load: Any = torch.jit.load
            module = load(str(file), map_location="cpu")
        except (RuntimeError, UnicodeDecodeError):  # of names that TorchScript cannot read
            return []
    return list(dict.fromkeys(bare_torch.graph_operators(module.inlined_graph)))


def _callers(loaded: LoadedModel, spec: ModelSpec, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By operator: the modules that call it, with their lines; what cannot be found out is left out."""
    import torch

    if isinstance(loaded.module, torch.jit.ScriptModule):
        return _scripted_callers(loaded.module, names)
    return _eager_callers(loaded.module, seeded_inputs(spec.inputs, _SEED), names)


def _eager_callers(module: Any, inputs: Sequence[Any], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    import torch
    from torch.utils import _python_dispatch

    mode: Any = _python_dispatch.TorchDispatchMode
    stack: list[tuple[str, Any]] = []
    found: dict[str, dict[str, None]] = {}

    class Watch(mode):  # type: ignore[misc]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = func._schema.name
            if name in names:
                found.setdefault(name, {})[_caller(stack)] = None
            return func(*args, **(kwargs or {}))

    with suppress(Exception), _module_stack(module, stack), torch.no_grad(), Watch():
        module(*inputs)  # it ran before, so what it raises under the watch concerns the watch
    return {name: tuple(places) for name, places in found.items()}


@contextmanager
def _module_stack(module: Any, stack: list[tuple[str, Any]]) -> Iterator[None]:
    """Keeps in `stack` the (path, module) that are running, the innermost last."""
    handles = []
    for path, part in module.named_modules():

        def enter(part: Any, _: Any, path: str = path) -> None:
            stack.append((path, part))

        def leave(*_: Any) -> None:
            stack.pop()

        handles += [part.register_forward_pre_hook(enter), part.register_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _caller(stack: Sequence[tuple[str, Any]]) -> str:
    """`body.head (Head, detector.py:31)`: the innermost module that runs, and its line."""
    if not stack:
        return "the model"
    path, module = stack[-1]
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_locals.get("self") is not module:
        frame = frame.f_back
    inner = frame
    while inner is not None and inner.f_code.co_name == "_call_impl":  # torch's own part of a call
        inner = inner.f_back
    line = f", {short_place(inner.f_code.co_filename, inner.f_lineno)}" if inner is not None else ""
    return f"{path or 'the model itself'} ({type(module).__name__}{line})"


def _scripted_callers(module: Any, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for path, part in module.named_modules():
        graph = getattr(part, "graph", None)
        for node in graph.nodes() if graph is not None else ():
            for inner in _nodes(node):
                if str(inner.kind()) in names:
                    kind = getattr(part, "original_name", type(part).__name__)
                    place = f"{path or 'the model itself'} ({kind})"
                    found.setdefault(str(inner.kind()), {})[place] = None
    return {name: tuple(places) for name, places in found.items()}


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for block in node.blocks():
        for inner in block.nodes():
            yield from _nodes(inner)
