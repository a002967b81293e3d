"""The threads of `run_async`, by themselves: bounds, waiting, and ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from building import compile_object
from places import SUPPORT
from samples import classifier
from writing import texts_of

from gencpp.core.toolchain import find_toolchain


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_run_queue(sanitizer: str, tmp_path: Path) -> None:
    for path, data in texts_of(classifier()).items():
        if path.parts[0] in ("include", "src") and path.suffix in (".hpp", ".cpp"):
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    (tmp_path / "main.cpp").write_bytes((SUPPORT / "queue" / "run_queue_test.cpp").read_bytes())
    flags = ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude", "-Isrc"]
    flags += [f"-fsanitize={sanitizer}", "-fno-sanitize-recover", "-pthread"]
    for source in ("main.cpp", "src/run_queue.cpp"):
        done = compile_object(tmp_path, source, tmp_path / f"{Path(source).stem}.o", *flags)
        assert done.returncode == 0, done.stderr[-3000:]
    program = tmp_path / "run_queue_test"
    argv = [str(find_toolchain().compiler), *flags, "main.o", "run_queue.o", "-o", str(program)]
    subprocess.run(argv, cwd=tmp_path, check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "0 failed\n"), done.stdout + done.stderr[-4000:]
