"""The comparison of pixels with Pillow (tools/pixels/pixel_parity.py), as the command that anyone can run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from building import image_libraries
from places import TOOLS

SCRIPT = TOOLS / "pixels" / "pixel_parity.py"


@pytest.mark.parametrize(
    "cases", [8, pytest.param(400, marks=pytest.mark.full("a longer comparison of pixels"))]
)
def test_no_pixel_differs_from_pillow(tmp_path: Path, cases: int) -> None:
    if missing := image_libraries():
        pytest.skip(f"needs the development files of {missing}")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--cases", str(cases), "--build-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    ran = re.findall(r"^instructions: (.*)", done.stdout, re.MULTILINE)
    assert ran[-1] == "none" and len(ran) == len(re.findall(r"\b0 of [\d,]+ pixels", done.stdout))
