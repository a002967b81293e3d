"""Shell completion, `-h` and `-V`, without torch."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from places import PACKAGE
from typer.testing import CliRunner

from gencpp import __version__
from gencpp.cli.main import app

COMMANDS = ("new", "tune", "verify", "bench", "inspect", "models", "doctor")


@pytest.mark.parametrize(
    ("typed", "offered", "left_out"),
    [
        (["new", "--backend", ""], {"libtorch", "tensorrt"}, "onnx"),
        (["new", "--model", "resnet1"], {"resnet18", "resnet101", "resnet152"}, "alexnet"),
        (["inspect", "quantized_mobilenet_v2"], {"quantized_mobilenet_v2"}, "mobilenet_v2"),
        (["models", "--task", "seg"], {"segmentation"}, "detection"),
        (["new", "--precision", ""], {"fp32", "fp16", "bf16"}, "int8"),
        (["new", "--artifact", "a"], {"aoti", "aoti-autotuned"}, "torchscript"),
        (["new", "--trt-api", ""], {"parser", "network"}, "onnx"),
        (["new", "--device", "c"], {"cpu", "cuda"}, "gpu"),
        (["bench", "--against", "eager,o"], {"eager,onnxruntime", "eager,openvino"}, "eager,eager"),
        (["verify", "--only", "build,p"], {"build,parity", "build,profile"}, "parity"),
        (["verify", "nowhere", "--skip", "con"], {"configure", "consumer-package"}, "build"),
        (["mod"], {"models"}, "new"),
    ],
)
def test_the_shell_is_offered(typed: list[str], offered: set[str], left_out: str) -> None:
    """By the program itself, as bash asks it, in a Python that has no torch."""
    code = (
        "import sys\nfor name in ('torch', 'onnx', 'numpy'):\n    sys.modules[name] = None\n"
        "sys.argv = ['gencpp']\nfrom gencpp.cli.main import main\nmain()\n"
    )
    asked = {"COMP_WORDS": " ".join(["gencpp", *typed]), "COMP_CWORD": str(len(typed))}
    env = {**os.environ, **asked, "_GENCPP_COMPLETE": "complete_bash", "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    words = set(done.stdout.split())
    assert offered <= words and left_out not in words, done.stdout + done.stderr


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_h_is_help_and_fits_on_80_columns(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    short, long = (CliRunner().invoke(app, [*command, option]) for option in ("-h", "--help"))
    assert short.exit_code == 0 and short.stdout == long.stdout and "-h, --help" in short.stdout
    assert max(map(len, short.stdout.splitlines())) <= 80
    assert not re.search(r"--\S+ <", short.stdout)  # FILE and N, no Python types
    told = short.stdout.partition("Commands:")[2]
    assert "..." not in told and all(f"  {name}" in told for name in COMMANDS) == (not command)


def test_v_is_the_version() -> None:
    done = CliRunner().invoke(app, ["-V"])
    assert (done.exit_code, done.stdout) == (0, f"gencpp {__version__}\n")


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in CliRunner().invoke(app, ["-h"]).stdout
