"""Steps that use the project as a host does: by add_subdirectory, and by find_package after an install."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ..core.spec import StepResult
from . import same_object
from .proof import Proof, without_device


def subdirectory(proof: Proof) -> StepResult:
    """tests/consumer with the project as a part of it."""
    return _consumer(proof, "subdirectory", _launcher(proof))


def install(proof: Proof) -> StepResult:
    """Installs into a prefix of verify's own."""
    argv = [str(proof.tools.cmake), "--install", str(proof.build), "--prefix", str(prefix(proof))]
    return proof.command("install", argv)[1]


def package(proof: Proof) -> StepResult:
    """tests/consumer against what was installed."""
    return _consumer(proof, "package", [f"-DCMAKE_PREFIX_PATH={prefix(proof)}"])


def prefix(proof: Proof) -> Path:
    """Where `install` puts the project: it goes when verify ends."""
    return proof.logs / "prefix"


def _consumer(proof: Proof, mode: str, arguments: list[str]) -> StepResult:
    """Configures, builds and runs tests/consumer in one of its two modes, as one step."""
    name = f"consumer-{mode}"
    build = proof.logs / f"build-{name}"
    commands = [
        [
            str(proof.tools.cmake),
            "-S",
            str(proof.folder / "tests" / "consumer"),
            "-B",
            str(build),
            "-G",
            "Ninja",
            "-DCMAKE_BUILD_TYPE=Release",
            f"-DCMAKE_MAKE_PROGRAM={proof.tools.ninja}",
            f"-DCONSUMER_MODE={mode}",
            # Headers of TensorRT that configuring downloaded are not downloaded again.
            f"-DFETCHCONTENT_BASE_DIR={proof.build / '_deps'}",
            *arguments,
            *proof.arguments,
        ],
        proof.build_command(build),
        [str(proof.tools.ctest), "--test-dir", str(build), "--verbose", "--no-tests=error"],
    ]
    finished, step = proof.commands(name, commands)
    told = _objects(build / same_object.LOG)
    shutil.rmtree(build, ignore_errors=True)
    if step.status != "passed":  # a failure stays one, whatever was printed
        return step
    if skipped := re.search(r"skipped: (.*)", finished.output):
        reason = f"built and linked, but not run: {without_device(skipped[1])}"
        return replace(step, status="skipped", reason=reason)
    return replace(step, reason=told)


def _launcher(proof: Proof) -> list[str]:
    """Arguments that let the host take objects from the project's build; see same_object.py."""
    own = [sys.executable, "-I", "-S", str(Path(same_object.__file__)), str(proof.build)]
    users = os.environ.get("CMAKE_CXX_COMPILER_LAUNCHER", "")
    return [
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
        f"-DCMAKE_CXX_COMPILER_LAUNCHER={';'.join([*own, *filter(None, [users])])}",
    ]


def _objects(log: Path) -> str:
    """How many objects were those of the project's build; empty: nobody asked."""
    if not log.is_file():
        return ""
    found = Counter(log.read_text(encoding="utf-8").split())
    whole = found.total()
    return f"{found[same_object.TAKEN]} of {whole} objects are those of the build"
