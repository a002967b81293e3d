"""A machine whose programs only say that they ran: what verify asks of them, in which order."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import samples

from gencpp.backends import backend_named
from gencpp.core.backend import RuntimeOptions
from gencpp.core.spec import VerifyReport
from gencpp.core.toolchain import Finished, Toolchain
from gencpp.project import Manifest
from gencpp.verification import building, proof, verify
from gencpp.verification.choice import VerifyOptions

JUNIT = '<testsuite><testcase name="sample.core" status="run">{}</testcase></testsuite>'
BENCH = '{"p50_ms": 1.5, "batch": 1, "threads": 2}\n'
CANNOT = (
    "sample: assets/model.pt is not the artifact of this project (sha256 expected a, found b): it was cut.\n"
)


@dataclass
class Machine:
    """The fake programs; `answers` are exit code and output of those that are told to do otherwise."""

    folder: Path
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    ran: list[tuple[str, list[str]]] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)

    def named(self, name: str) -> list[list[str]]:
        return [argv for program, argv in self.ran if program == name]

    def run(self, argv: list[str], told: Callable[[str], None] | None = None, **_: Any) -> Finished:
        name = self._name(argv)
        self.ran.append((name, argv))
        code, output = self.answers.get(name, (0, BENCH if name == "bench" else ""))
        for line in output.splitlines() if told else []:
            told(line)
        if name == "test":
            failed = "" if code == 0 else "<failure/>"
            Path(argv[argv.index("--output-junit") + 1]).write_text(JUNIT.format(failed))
        if name == "app" and code == 0:
            outputs = [argv[i + 1] for i, word in enumerate(argv) if word == "--output"]
            shutil.copy(self.folder / "assets" / "goldens" / "seeded-0-output-0.npy", outputs[0])
        return Finished(argv=tuple(argv), code=code, output=output, seconds=1.25)

    def _name(self, argv: list[str]) -> str:
        """`build`, or `consumer-package build`, as verify means it."""
        program = Path(argv[0]).name
        hosts = [word.rpartition("/build-")[2] for word in argv if "/verify/build-consumer" in word]
        host = f"{hosts[0]} " if hosts else ""
        if program == "cmake":
            how = {"--build": "build", "--install": "install"}.get(argv[1], "configure")
        else:
            app = "info" if "--info" in argv else "app"
            how = {"ctest": "test", "sample": app, "sample_bench": "bench"}[program]
        return host + how

    def verify(self, **options: Any) -> VerifyReport:
        project = samples.classifier("sample")
        project = replace(
            project,
            goldens=replace(project.goldens, cases=project.goldens.cases[:1], pixel_cases=()),
        )
        return verify.verify_project(
            self.folder,
            Manifest(project=project, files={}),
            backend_named("libtorch"),
            self.progress.append,
            RuntimeOptions(),
            VerifyOptions(**options),
        )


def fake_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """In place of the machine's own programs, for a project in `folder`."""
    goldens = folder / "assets" / "goldens"
    goldens.mkdir(parents=True)
    for name in ("input", "output"):
        np.save(goldens / f"seeded-0-{name}-0.npy", np.array([[0.5, -4.0, 1.0]], np.float32))
    made = Machine(folder)
    programs = {name: Path(f"/fake/{name}") for name in ("cmake", "ctest", "ninja", "compiler")}
    monkeypatch.setenv("TORCH_ROOT", "/fake/torch")
    monkeypatch.setattr(verify, "find_toolchain", lambda: Toolchain(**programs))
    monkeypatch.setattr(building, "first_line", lambda argv: f"{Path(argv[0]).name} 1.0")
    monkeypatch.setattr(proof, "run", made.run)
    return made
