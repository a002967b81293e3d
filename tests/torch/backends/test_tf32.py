"""TF32 is off while something is compiled for a GPU, and afterwards what it was, however it was set."""

from __future__ import annotations

import json
import subprocess
import sys

from places import ROOT

SCRIPT = """
import json, os, sys
import torch
from gencpp.backends.libtorch.tf32 import without_tf32

backends = torch.backends
newer = [backends.cuda.matmul, *(getattr(backends.cudnn, n, None) for n in ("conv", "rnn"))]
newer = [place for place in newer if hasattr(place, "fp32_precision")]

def asked(ask):
    try:
        return ask()
    except RuntimeError:  # the two kinds of switches do not agree
        return "mixed"

def state():
    older = [torch.get_float32_matmul_precision, lambda: backends.cudnn.allow_tf32]
    older.append(lambda: backends.cuda.matmul.allow_tf32)
    return [asked(ask) for ask in older] + [place.fp32_precision for place in newer]

cases = {
    "default": lambda: None,
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "older": lambda: setattr(backends.cuda.matmul, "allow_tf32", True),
}
if newer:
    cases |= {
        "newer": lambda: setattr(backends.cuda.matmul, "fp32_precision", "tf32"),
        "newer for all": lambda: setattr(backends, "fp32_precision", "tf32"),
        "newer for some": lambda: setattr(backends.cudnn.conv, "fp32_precision", "ieee"),
    }
for name, change in cases.items():
    sys.stdout.flush()
    if os.fork() == 0:  # none sees what another one set
        change()
        before = state()
        with without_tf32():
            inside = state()
        print(json.dumps({"name": name, "before": before, "inside": inside, "after": state()}), flush=True)
        os._exit(0)
    os.wait()
"""


def test_tf32_is_off_inside_and_as_before_afterwards() -> None:
    argv = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) >= 4 and {case["name"] for case in found} >= {"default", "high", "medium"}, done.stderr
    for case in found:
        assert case["after"] == case["before"], case
        assert case["inside"][:3] == ["highest", False, False], case
        assert set(case["inside"][3:]) <= {"ieee"}, case
    assert any(True in case["before"] for case in found)
