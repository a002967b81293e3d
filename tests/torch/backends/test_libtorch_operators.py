"""Operators that LibTorch lacks: named by `new` and `inspect`, with who calls them and what to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inspecting import inspected
from places import SUPPORT

from gencpp.backends import backend_named
from gencpp.backends.libtorch.export import export_libtorch
from gencpp.backends.libtorch.operators import BareTorch, check_operators
from gencpp.backends.libtorch.variants import VARIANTS
from gencpp.core.errors import CheckFailed

Gencpp = Callable[..., subprocess.CompletedProcess[str]]
DETECTOR = ("models.operators:detector", "image:1x3x64x64")
CUSTOM = ("models.operators:custom", "x:1x6")


@pytest.fixture(scope="module")
def bare() -> Iterator[BareTorch]:
    with BareTorch() as process:
        yield process


def test_what_libtorch_has(bare: BareTorch) -> None:
    """torchvision is imported here, and not there; what torch defines in Python is in no library."""
    import torch
    import torchvision  # noqa: F401

    names = ["aten::relu", "aten::add", "quantized::add", "prims::abs", "torchvision::nms", "no::such"]
    assert torch.ops.torchvision.nms is not None and torch.ops.prims.abs is not None
    assert bare.lacks(names) == ("prims::abs", "torchvision::nms", "no::such")


@pytest.mark.parametrize("variant", ["plain", "channels-last", "fused"])
def test_a_detector_of_torchvision(variant: str, tmp_path: Path) -> None:
    loaded, spec = inspected(*DETECTOR)
    with pytest.raises(CheckFailed) as e:
        export_libtorch(loaded, spec, tmp_path, VARIANTS[variant], lambda _: None)
    assert "calls operators that LibTorch does not have:\n  torchvision::nms, called by" in e.value.message
    assert "the model itself (Detector, operators.py:" in e.value.message
    assert e.value.hint is not None and "compute the rest in C++" in e.value.hint
    assert "--backend tensorrt" in e.value.hint and "plugin" not in e.value.hint


def test_operators_of_python_are_named_with_their_module(tmp_path: Path) -> None:
    loaded, spec = inspected(*CUSTOM)
    with pytest.raises(CheckFailed) as e:
        export_libtorch(loaded, spec, tmp_path, VARIANTS["frozen"], lambda _: None)
    assert "\n  gencpptest::leaky, called by act (Activation, operators.py:" in e.value.message
    assert "\n  prims::abs, called by the model itself (Custom, operators.py:" in e.value.message
    assert e.value.hint is not None and "PyTorch's own ones" in e.value.hint


def test_a_torchscript_file(bare: BareTorch, tmp_path: Path) -> None:
    """Of a scripted module the graph tells who calls."""
    import torch
    from models.operators import Activation, Custom

    class Outer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = torch.nn.Sequential(torch.nn.Linear(6, 6), Activation())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x)

    assert Custom
    file = tmp_path / "outer.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jit: Any = torch.jit
        jit.save(jit.trace(Outer().eval(), torch.zeros(1, 6)), str(file))
        loaded, spec = inspected(str(file), "x:1x6")
    with pytest.raises(CheckFailed, match=r"gencpptest::leaky, called by body\.1 \(Activation\)"):
        check_operators(bare, loaded, spec, file)


def test_compiled_code(bare: BareTorch, tmp_path: Path) -> None:
    """An AOTInductor package calls what it did not compile through the dispatcher."""
    loaded, spec = inspected(*CUSTOM)
    with pytest.raises(CheckFailed, match="gencpptest::leaky, called by act"):
        export_libtorch(loaded, spec, tmp_path, VARIANTS["aoti"], lambda _: None)


def test_what_loads_is_left_alone(bare: BareTorch, tmp_path: Path) -> None:
    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    artifact, _, _ = export_libtorch(loaded, spec, tmp_path, VARIANTS["frozen"], lambda _: None)
    assert bare.load(tmp_path / artifact.file, compiled=False) == ("", ())


def test_a_process_that_dies_is_told(tmp_path: Path) -> None:
    with BareTorch() as process:
        assert process._process is not None
        os.kill(process._process.pid, signal.SIGKILL)
        problem, missing = process.load(tmp_path / "none.pt", compiled=False)
    assert "ended by signal 9" in problem and missing == ()


def test_a_process_is_used_again() -> None:
    """`--tune` asks for every variant."""
    with BareTorch() as first:
        assert first._process is not None and first.lacks(["aten::relu"]) == ()
        pid = first._process.pid
    with BareTorch() as second:
        assert second._process is not None and second._process.pid == pid


def test_the_process_is_forked_where_nothing_else_was_imported() -> None:
    """Another torch would cost every `new` the seconds of its import."""
    program = (
        "import sys; from gencpp.backends.libtorch import operators as lo, options as o; o.need_torch();"
        "forked = list(lo._kept); import torchvision\n"
        "with lo.BareTorch() as bare: print(len(forked), bare.lacks(['torchvision::nms', 'aten::relu']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ("1" if sys.platform == "linux" else "0") + " ('torchvision::nms',)\n"


def test_new_and_inspect_say_it(gencpp: Gencpp, tmp_path: Path) -> None:
    """At commit ce7dfb6 `new` ended with exit code 0, and the program with "Unknown builtin op"."""
    model, shape = DETECTOR
    options = ("--path", SUPPORT, "--input", shape)
    done = gencpp("new", "--model", model, *options, tmp_path / "out")
    assert done.returncode == 1 and "torchvision::nms" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    shown = gencpp("inspect", model, *options)
    assert shown.returncode == 0 and "libtorch    no: " in shown.stdout
    assert "torchvision::nms" in shown.stdout and backend_named("libtorch").name in shown.stdout
