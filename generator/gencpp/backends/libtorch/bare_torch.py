"""A process that has imported torch and nothing else: it has the operators that a C++ program has.

Either this process forks it as soon as torch is imported, before anything else can register operators: that
costs nothing. Or it is run by its path, `python -I bare_torch.py`, and imports torch itself, which takes
seconds. It reads one JSON object a line and answers with one: `{"load": FILE, "compiled": false}` with
`{"problem": "", "missing": []}`, `{"operators": [NAME, ...]}` with `{"missing": [NAME, ...]}`, a fused run,
`{"fuse": FILE, "inputs": FILE, "channels_last": false}`, with `{"problem": ""}`, if it lives.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

_UNKNOWN = re.compile(r"Unknown builtin op: ([\w.]+::\w+)")
_DISPATCHED = re.compile(rb'aoti_torch_call_dispatcher\w*\("(\w+::\w+)"')
_REGISTERED_IN_PYTHON = re.compile(r"^debug: registered at .*\.py:\d+", re.MULTILINE)


def loaded_problem(file: str, compiled: bool) -> tuple[str, list[str]]:
    """(why LibTorch does not load the file, operators that it calls and LibTorch lacks)."""
    import torch

    names: Iterable[str] = ()
    try:
        if compiled:
            names = compiled_operators(file)
            if lacking := missing_of(names):
                return "", lacking
            index = 0 if torch.cuda.is_available() else -1
            aoti: Any = torch._C._aoti
            aoti.AOTIModelPackageLoader(file, "model", False, 1, index)
            return "", []
        load: Any = torch.jit.load
        module = load(file, map_location="cpu")
        return "", missing_of(graph_operators(module.inlined_graph))
    except Exception as e:  # noqa: BLE001 - what the loaders raise is the answer
        unknown = _UNKNOWN.findall(str(e))
        lines = [line.strip() for line in str(e).splitlines() if line.strip()]
        return (lines[0] if lines else type(e).__name__)[:400], unknown


RUNS = 3
"""After which fused code has been compiled and run: the executor profiles, fuses, then runs it."""


def run_fused(file: str, inputs: str, channels_last: bool) -> None:
    """Runs a TorchScript file with oneDNN graph fusion, which may end this process.

    What it raises or answers is not looked at: the process that asked does that once it knows that it lives.
    """
    import torch

    jit: Any = torch.jit
    jit.enable_onednn_fusion(True)
    try:
        tensors = torch.load(inputs, weights_only=True)
        order = torch.channels_last if channels_last else torch.contiguous_format
        given = [t.contiguous(memory_format=order) if t.dim() == 4 else t for t in tensors]
        with torch.inference_mode():
            module = jit.load(file, map_location="cpu")
            for _ in range(RUNS):
                module(*(t.clone() for t in given))
    except Exception:  # noqa: BLE001 - as said
        pass
    finally:
        jit.enable_onednn_fusion(False)


def missing_of(names: Iterable[str]) -> list[str]:
    """Those that LibTorch lacks, in their order: unknown here, or defined by a Python file of torch."""
    return [name for name in dict.fromkeys(names) if not _has(name)]


def _has(name: str) -> bool:
    import torch

    native: Any = torch._C
    schemas = native._jit_get_schemas_for_operator(name)
    for schema in schemas:
        overload = f"{name}.{schema.overload_name}" if schema.overload_name else name
        try:
            registered = str(native._dispatch_dump(overload))
        except RuntimeError:  # an operator of the interpreter only
            registered = ""
        if not _REGISTERED_IN_PYTHON.search(registered):
            return True
    return False


def graph_operators(graph: Any) -> Iterator[str]:
    """Operators of a TorchScript graph and of its blocks; `prim` is the interpreter itself."""
    for node in graph.nodes():
        kind = str(node.kind())
        if not kind.startswith(("prim::", "onnx::")):
            yield kind
        for block in node.blocks():
            yield from graph_operators(block)
        for name in node.attributeNames():
            if node.kindOf(name) == "g":
                yield from graph_operators(node.g(name))


def compiled_operators(file: str) -> list[str]:
    """Operators that an AOTInductor package calls through the dispatcher, told by its own records."""
    found: list[str] = []
    with zipfile.ZipFile(file) as package:
        for name in package.namelist():
            if name.endswith(".json"):
                try:
                    told = json.loads(package.read(name))
                except ValueError:
                    continue
                nodes = told.get("nodes", []) if isinstance(told, dict) else []
                targets = [n["node"].get("target", "") for n in nodes if isinstance(n, dict) and "node" in n]
                # `cases::leaky`, `cases::leaky.default`; before 2.6 `torch.ops.cases.leaky.default`
                plain = [t.removeprefix("torch.ops.") for t in targets]
                found += [t.partition(".")[0] if "::" in t else "::".join(t.split(".")[:2]) for t in plain]
            elif name.endswith((".cpp", ".so")):
                found += [m.decode() for m in _DISPATCHED.findall(package.read(name))]
    return found


def answer(questions: IO[str], answers: IO[str]) -> None:
    """Answers until the questions end."""
    for line in questions:
        asked = json.loads(line)
        if "load" in asked:
            problem, missing = loaded_problem(asked["load"], asked["compiled"])
            told: dict[str, Any] = {"problem": problem, "missing": missing}
        elif "fuse" in asked:
            run_fused(asked["fuse"], asked["inputs"], asked["channels_last"])
            told = {"problem": ""}
        else:
            told = {"missing": missing_of(asked["operators"])}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forked:
    """A process that was forked, and waits: its questions are written, its answers read."""

    pid: int
    questions: int
    answers: int


def alone() -> bool:
    """Whether this process has no threads but Python's own, so that a fork leaves no lock closed.

    For the moment before the first `import torch`, which starts NumPy's: those survive forks.
    """
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == threading.active_count()


def fork() -> Forked | None:
    """Forks the process that answers, right after the first `import torch`; None where there is no fork."""
    questions, ask = os.pipe()
    hear, answers = os.pipe()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 warns of any thread; those here are Python's own
            pid = os.fork()
    except OSError:
        for descriptor in (questions, ask, hear, answers):
            os.close(descriptor)
        return None
    if pid == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, whose end ends this
            os.close(ask)
            os.close(hear)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            answer(os.fdopen(questions, encoding="utf-8"), os.fdopen(answers, "w", encoding="utf-8"))
        finally:
            os._exit(0)
    os.close(questions)
    os.close(answers)
    return Forked(pid=pid, questions=ask, answers=hear)


def main(argv: list[str]) -> int:
    """Imports torch, then answers. argv[1]: folders where this Python's torch may be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what torch prints is no answer
    sys.path.extend(p for p in argv[1].split(os.pathsep) if p and p not in sys.path)
    import torch  # noqa: F401 - before the first question

    answer(sys.stdin, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
