"""The built wheel, installed elsewhere, renders a project."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from places import ROOT, SUPPORT


def test_the_wheel_carries_the_templates_and_renders(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "gencpp/templates/common/CMakeLists.txt" in names
    assert "gencpp/templates/common/.clang-format" in names
    assert "gencpp/templates/cpp_ts/src/libtorch/backend.cpp" in names
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)  # what `pip install --target` does with a pure wheel

    code = (
        "import gencpp, sys\n"
        f"assert gencpp.__file__.startswith({str(site)!r}), gencpp.__file__\n"
        f"sys.path.append({str(SUPPORT)!r})\n"
        "from samples import classifier\n"
        "from gencpp.backends import backend_named\n"
        "from gencpp.project import render, templates_root\n"
        f"assert str(templates_root()).startswith({str(site)!r})\n"
        "print(len(render(classifier(), backend_named('libtorch'))))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40
