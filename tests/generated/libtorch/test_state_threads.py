"""Models with state, run from many threads at sizes of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import cmake, cmake_arguments, must
from conftest import ON_CPU
from places import SUPPORT

KINDS_BUILT = ("Cached", pytest.param("KeyValues", marks=pytest.mark.full("a third kind of state")), "Tied")
TRIES = 20


@pytest.mark.parametrize("name", KINDS_BUILT)
def test_threads_of_different_sizes(name: str, tmp_path: Path, gencpp: Callable[..., Any]) -> None:
    """The generated threads test; and that it fails where runs share what they change.

    The project has the name of others, with which it shares objects.
    """
    folder = tmp_path / "state"
    made = gencpp(
        *("new", *ON_CPU, "--model", f"models.stateful:{name}", "--path", SUPPORT, "--input", "x:1x5x8"),
        *("--dynamic", "x:1=2:5:32", "--dynamic", "x:0=1:1:4", "--name", "photo", folder),
    )
    assert made.returncode == 0, made.stderr
    assert "forward changes" in made.stdout or "take turns" in made.stdout
    build = tmp_path / "build"
    options = [*cmake_arguments(), "-DPHOTO_BUILD_BENCH=OFF"]

    def made_again() -> None:
        must(cmake("-S", folder, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options))
        must(cmake("--build", build, "--target", "photo_test_threads", "photo_app"))

    def threads() -> subprocess.CompletedProcess[str]:
        program = build / "tests" / "photo_test_threads"
        return subprocess.run([program, "12", "20", "9"], capture_output=True, text=True, check=False)

    made_again()
    done = threads()
    assert done.returncode == 0, done.stdout + done.stderr
    told = subprocess.run([build / "photo", "--info"], capture_output=True, text=True, check=False).stdout
    assert ("one run at a time: front" if name == "Tied" else "its own copy of: ") in told
    info = folder / "src" / "libtorch_info.hpp"
    text = info.read_text()
    start = text.index("inline constexpr std::array<ChangedAttribute")
    end = text.index("// Whether the artifact holds")
    info.write_text(
        text[:start]
        + "inline constexpr std::array<ChangedAttribute, 0> kChanged{};\n"
        + 'inline constexpr const char* kSerialised = "";\n'
        + text[end:]
    )
    made_again()
    # Two runs have to meet, which on a busy machine they may not do the first time.
    assert any(threads().returncode != 0 for _ in range(TRIES)), "runs that share what they change pass"
