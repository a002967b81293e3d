"""A host that has OpenCV and protobuf beside LibTorch: frames are read where they lie."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, must
from places import SUPPORT

HEADERS = (Path("/usr/include/opencv4/opencv2/core/mat.hpp"), Path("/usr/include/google/protobuf/message.h"))


def test_frames_of_opencv(photo_project: Path, tmp_path: Path) -> None:
    missing = [str(file) for file in HEADERS if not file.is_file()]
    if missing or shutil.which("protoc") is None:
        packages = "apt install libopencv-core-dev libprotobuf-dev protobuf-compiler"
        pytest.skip(f"not here: {', '.join(missing) or 'protoc'} ({packages})")
    host = SUPPORT / "opencv_host"
    arguments = ["-S", host, "-B", tmp_path, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *cmake_arguments()]
    must(cmake(*arguments, f"-DPHOTO={photo_project}"))
    must(cmake("--build", tmp_path, "--target", "host"))
    done = subprocess.run([str(tmp_path / "host")], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "0 failed\n"), done.stdout + done.stderr
