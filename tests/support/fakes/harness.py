"""Generated projects on the fault double: built with the tests' driver, and run with faults."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from building import STRICT, STRICT_ENV, must

from gencpp.core.toolchain import find_toolchain

from .double import SANITIZE, Double, write_table

FAKES = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a program on the double did."""

    code: int
    output: str
    calls: tuple[str, ...]
    """The double's log, without the process's number."""

    @property
    def error(self) -> str:
        """`CODE: MESSAGE` of the driver, lines joined."""
        found = re.search(r"^error (.*)", self.output, re.MULTILINE | re.DOTALL)
        return " ".join(found[1].split()) if found else ""

    def count(self, call: str) -> int:
        return sum(line == call or line.startswith(call + " ") for line in self.calls)


@dataclass(slots=True, kw_only=True)
class Host:
    """A generated project, built against the double together with tests/support/fakes/host/driver.cpp.in."""

    project: Path
    build: Path
    table: Path
    folder: Path
    """For the files of single runs."""
    runs: int = field(default=0)

    @classmethod
    def built(cls, project: Path, folder: Path, runs: Path) -> Host:
        """What `build_host` made in `folder`, which may be shared; `runs` is not."""
        return cls(project=project, build=folder / "build", table=folder / "table", folder=runs)

    @property
    def driver(self) -> Path:
        return self.build / "driver"

    def start(
        self, *argv: str | Path, fault: str = "", env: dict[str, str] | None = None, **more: Any
    ) -> tuple[subprocess.Popen[str], Path]:
        self.runs += 1
        log = self.folder / f"log-{self.runs}"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GENCPP_DOUBLE", "PHOTO_"))},
            "XDG_CACHE_HOME": str(self.folder / f"cache-{self.runs}"),
            "GENCPP_DOUBLE_MODEL": str(self.table),
            "GENCPP_DOUBLE_LOG": str(log),
            "GENCPP_DOUBLE_LEAKS": "1",
            "GENCPP_DOUBLE_FAULT": fault,
            **(env or {}),
        }
        process = subprocess.Popen(
            [str(a) for a in argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            **more,
        )
        return process, log

    def finish(self, started: tuple[subprocess.Popen[str], Path]) -> Run:
        """Waits; whatever happened, there was no crash, no leak and no misuse of TensorRT or CUDA."""
        process, log = started
        output = process.communicate(timeout=120)[0]
        lines = log.read_text().splitlines() if log.is_file() else []
        calls = tuple(line.partition(" ")[2] for line in lines)
        assert process.returncode in (0, 1, 2, 3), f"exit code {process.returncode}\n{output}\n{calls}"
        assert "DOUBLE:" not in output and "Sanitizer" not in output and "runtime error:" not in output, (
            output
        )
        return Run(code=process.returncode, output=output, calls=calls)

    def run(self, *argv: str | Path, fault: str = "", env: dict[str, str] | None = None, **more: Any) -> Run:
        return self.finish(self.start(*argv, fault=fault, env=env, **more))

    def drive(
        self, command: str, fault: str = "", env: dict[str, str] | None = None, **options: object
    ) -> Run:
        """The driver, with its options; it starts with an empty cache unless `cache` names one."""
        arguments = [f"{name}={value}" for name, value in options.items()]
        return self.run(self.driver, command, *arguments, fault=fault, env=env)

    def passes(self, command: str, **options: Any) -> Run:
        done = self.drive(command, **options)
        assert (done.code, done.error) == (0, ""), done.output
        return done

    def fails(self, command: str, code: str, *parts: str, **options: Any) -> Run:
        """The driver ends with this error code and a message with these parts."""
        done = self.drive(command, **options)
        assert done.error.startswith(f"{code}: "), done.output
        assert done.code == (3 if code == "no_device" else 1)
        for part in parts:
            assert part in done.error, f"'{part}' is not in: {done.error}"
        return done


def build_host(project: Path, double: Double, folder: Path, *targets: str) -> None:
    """The photo project's targets and the driver, by default all; warnings are errors, as with `dev`."""
    tools = find_toolchain()
    argv = [str(tools.cmake), "-G", "Ninja", "-S", str(FAKES / "host"), "-B", str(folder / "build")]
    argv += [f"-DCMAKE_MAKE_PROGRAM={tools.ninja}", f"-DCMAKE_CXX_COMPILER={tools.compiler}"]
    argv += [f"-DPROJECT={project}", "-DNAME=photo", "-DCMAKE_BUILD_TYPE=Release", *double.cmake_arguments]
    argv.append(f"-DCMAKE_CXX_FLAGS={' '.join([*STRICT, *SANITIZE])}")
    build = [str(tools.cmake), "--build", str(folder / "build"), "--target", *(targets or ("all",))]
    for step in (argv, build):
        must(subprocess.run(step, capture_output=True, text=True, check=False))
    write_table(project, folder / "table")


def verify_on(
    double: Double,
    project: Path,
    folder: Path,
    gencpp: Callable[..., subprocess.CompletedProcess[str]],
) -> subprocess.CompletedProcess[str]:
    """`gencpp verify` of a copy of a project, in `folder`, on the double, which answers with its goldens."""
    shutil.copytree(project, folder)
    environment = {
        "GENCPP_DOUBLE_MODEL": str(write_table(folder, folder.with_name("table"))),
        "XDG_CACHE_HOME": str(folder.with_name("cache")),
        "CMAKE_BUILD_PARALLEL_LEVEL": "2",
        **STRICT_ENV,
    }
    take_runtime(folder, double)
    return gencpp("verify", folder, "--tensorrt-root", double.root, env=environment)


def take_runtime(project: Path, double: Double) -> None:
    """The presets and the consumer name the double's CUDA runtime, for which verify has no option."""
    library = double.root / "cuda" / "libcudart.so"
    preset = json.loads((project / "CMakePresets.json").read_text())
    for configure in preset["configurePresets"]:
        configure.setdefault("cacheVariables", {}).update(TensorRT_CUDART_LIBRARY=str(library))
    (project / "CMakePresets.json").write_text(json.dumps(preset))
    consumer = project / "tests" / "consumer" / "CMakeLists.txt"
    consumer.write_text(f'set(TensorRT_CUDART_LIBRARY "{library}")\n' + consumer.read_text())
