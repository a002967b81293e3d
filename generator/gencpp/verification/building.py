"""Steps that build a project in its own folder, and run its tests."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

from ..core.backend import RuntimeOptions
from ..core.progress import step as told_step
from ..core.spec import StepResult
from ..core.toolchain import first_line
from .junit import read_junit
from .proof import Proof
from .running import look_for_model


def doctor(proof: Proof) -> StepResult:
    """The versions of what builds."""
    versions = [
        first_line([str(proof.tools.cmake), "--version"]),
        f"ninja {first_line([str(proof.tools.ninja), '--version'])}",
        first_line([str(proof.tools.compiler), "--version"]),
    ]
    log = proof.log("doctor", "\n".join(versions) + "\n")
    return StepResult(name="doctor", status="passed", seconds=0.0, reason="; ".join(versions), log=log)


def configure(proof: Proof) -> StepResult:
    """Configures by the preset `release`; where the runtime is missing, what needs none of it."""
    cache = proof.build / "CMakeCache.txt"
    if cache.is_file() and not is_cache_of(cache, proof.folder):
        proof.progress("the build folder belongs to another place: building afresh")
        shutil.rmtree(proof.build)
    argv = [
        str(proof.tools.cmake),
        "--preset",
        "release",
        f"-DCMAKE_MAKE_PROGRAM={proof.tools.ninja}",
        *proof.arguments,
    ]
    finished, step = proof.command("configure", argv)
    asked = proof.runtime != RuntimeOptions()  # what was named and is not there is a failure
    if finished.code == 0 or asked or not (why := proof.backend.absent(finished.output)):
        return step
    title = proof.backend.title
    enable = f"To enable it: {proof.backend.remedy}"
    proof.no_model = f"needs {title}, which was not found. {enable}"
    (proof.logs / "configure.log").rename(proof.logs / "search.log")
    proof.steps.append(
        replace(
            step,
            name=f"find {title}",
            status="skipped",
            reason=f"{title} was not found: {why} {enable}",
            argv=(),
            log="verify/search.log",
        )
    )
    cache.unlink(missing_ok=True)
    told_step(proof.progress, f"{proof.label}: {title} was not found; building what needs none")
    core_only = f"-D{proof.project.name.upper()}_CORE_ONLY=ON"
    finished, step = proof.command("configure", [*argv, core_only])
    return replace(step, reason=f"only what needs no {title}") if finished.code == 0 else step


def build(proof: Proof) -> StepResult:
    """Builds everything that was configured."""
    return proof.command("build", proof.build_command(proof.build), timeout=3600)[1]


def test(proof: Proof) -> StepResult:
    """Runs the project's own tests; where some fail, it looks whether the model can be loaded at all."""
    junit = proof.logs / "ctest.xml"
    argv = [
        str(proof.tools.ctest),
        "--test-dir",
        str(proof.build),
        "--output-on-failure",
        "--no-tests=error",
        "--output-junit",
        str(junit),
        *(["--parallel", str(proof.jobs)] if proof.jobs else []),
    ]
    step = proof.command("test", argv, timeout=3600)[1]
    if step.status == "failed":
        look_for_model(proof)
    if not junit.is_file():
        return step
    summary, failures = read_junit(junit)
    if step.status == "passed":
        return replace(step, reason=summary)
    return replace(step, reason=f"{summary}: {', '.join(failures)}. {step.reason}")


def is_cache_of(cache: Path, folder: Path) -> bool:
    """Whether a CMakeCache.txt was made for this very folder."""
    match = re.search(
        r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache.read_text(errors="replace"), re.MULTILINE
    )
    return match is not None and Path(match.group(1)) == folder
