"""What a host's process has: threads, advice, memory. The machine's answers are put in by the linker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, must
from places import SUPPORT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's memory, and GNU ld's --wrap")

CHOSEN = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def test_configure_process_and_memory(photo_project: Path, tmp_path: Path) -> None:
    host = SUPPORT / "process_host"
    arguments = ["-S", host, "-B", tmp_path, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *cmake_arguments()]
    must(cmake(*arguments, f"-DPHOTO={photo_project}"))
    must(cmake("--build", tmp_path, "--target", "host"))
    environment = {k: v for k, v in os.environ.items() if k not in CHOSEN}
    argv = [str(tmp_path / "host")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert (done.returncode, done.stdout) == (0, "0 failed\n"), done.stdout + done.stderr
