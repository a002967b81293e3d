"""Proves a generated project: configure, build, test, parity, consumers, bench."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core import jsonfile
from ..core.backend import Backend, Check, RuntimeOptions
from ..core.errors import EnvironmentLacks, UsageError
from ..core.files import disk_errors
from ..core.progress import Progress
from ..core.spec import ParityResult, StepResult, VerifyReport
from ..core.toolchain import Finished, Toolchain, find_toolchain, first_line, run
from ..project import Manifest, check_assets, check_replaceable, edited_files, replace_text
from . import comparison, parity
from .junit import read_junit

# Last lines of a failed step's log that are shown.
_TAIL = 25

# What a log says, and what to do about it.
_HINTS = (
    (r"No space left on device", "The disk is full: free space and run verify again."),
    (
        r"Killed|internal compiler error|out of memory",
        "The compiler ran out of memory: close other programs, or build with fewer jobs "
        "(CMAKE_BUILD_PARALLEL_LEVEL=1).",
    ),
    (
        r"Could NOT find LibTorch",
        "LibTorch was not found: pip install torch, or set TORCH_ROOT to a downloaded libtorch/.",
    ),
    (
        r"undefined reference to .*__cxx11",
        "LibTorch was built with another C++ ABI than this compiler's: use a current torch.",
    ),
    (r"CXX compiler identification is unknown|is not able to compile", "The C++ compiler does not work."),
    (r"cannot find (\S+); set \S+_ASSETS", "An asset is missing: restore it, or generate the project anew."),
    (
        r"sha256|integrity",
        "An asset is not the one that was generated: restore it, or generate the project anew.",
    ),
)


def verify_project(
    folder: Path, manifest: Manifest, backend: Backend, progress: Progress, options: RuntimeOptions
) -> VerifyReport:
    """Runs every step and writes `folder/verify.json`.

    Raises UsageError when `folder` is no project and EnvironmentLacks when the machine lacks a tool; a
    step that fails is in the report.
    """
    folder = folder.resolve()
    check_assets(folder, manifest.project)
    tools = find_toolchain()
    given = [f.name for f in fields(options) if getattr(options, f.name) is not None]
    if others := [name for name in given if not name.startswith(f"{backend.name}_")]:
        told = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise UsageError(f"{told}: {folder.name} runs on {backend.title}")
    arguments, missing = backend.configure_arguments(manifest.project.name, options)
    if missing:
        raise EnvironmentLacks(f"{backend.title} was not found: {missing}", hint=backend.remedy)
    with disk_errors(folder):
        check_replaceable(folder / "verify.json", ("project", "steps"))
        _empty(folder / "verify")
        verification = _Verification(folder, manifest, backend, options, tools, arguments, progress)
        report = verification.run()
        told = json.dumps(report.to_json(), indent=2, allow_nan=False)
        replace_text(folder / "verify.json", f"{told}\n")
    return report


@dataclass
class _Verification:
    """The steps of one verify, in order; each adds to `steps`."""

    folder: Path
    manifest: Manifest
    backend: Backend
    options: RuntimeOptions
    tools: Toolchain
    arguments: list[str]
    progress: Progress
    steps: list[StepResult] = field(default_factory=list)
    parity: tuple[ParityResult, ...] = ()
    bench: dict[str, Any] = field(default_factory=dict)
    broken: str = ""
    """The step whose failure makes the later ones pointless."""
    lacking: str = ""
    """What this machine lacks to build the model's part of the project."""

    def run(self) -> VerifyReport:
        edited = tuple(
            path if (self.folder / path).is_file() else f"{path} (missing)"
            for path in edited_files(self.folder, self.manifest)
        )
        self._doctor()
        for check in self.backend.checks(self.folder, self.manifest.project):
            self._check(check)
        self._configure()
        self._command("build", [str(self.tools.cmake), "--build", str(self._build)], timeout=3600, vital=True)
        self._tests()
        self._parity()
        self._bench_smoke()
        if self.backend.layer_times:
            self._profile()
        self._consumer("subdirectory", [])
        self._package()
        failed = any(s.status == "failed" for s in self.steps)
        incomplete = any(s.status == "skipped" and s.needed for s in self.steps)
        model = self.manifest.project.model
        warnings = [model.weights.warning] if model.weights.warning else []
        if self.manifest.project.goldens.parity != "strong":
            goldens = self.manifest.project.goldens
            warnings.append(f"parity is {goldens.parity}: {goldens.parity_note}")
        return VerifyReport(
            project=self._name,
            backend=self.manifest.project.backend,
            status="failed" if failed else "incomplete" if incomplete else "passed",
            steps=tuple(self.steps),
            parity=self.parity,
            bench=self.bench,
            edited=edited,
            warnings=tuple(warnings),
        )

    @property
    def _name(self) -> str:
        return self.manifest.project.name

    @property
    def _build(self) -> Path:
        return self.folder / "build"

    @property
    def _environment(self) -> dict[str, str]:
        """This process's, less what would point the programs to other assets."""
        return {k: v for k, v in os.environ.items() if k != f"{self._name.upper()}_ASSETS"}

    def _doctor(self) -> None:
        versions = [
            first_line([str(self.tools.cmake), "--version"]),
            f"ninja {first_line([str(self.tools.ninja), '--version'])}",
            first_line([str(self.tools.compiler), "--version"]),
            *self.arguments,
        ]
        self._log("doctor", "\n".join(versions) + "\n")
        self._add(
            "doctor", "passed", 0.0, reason=", ".join(v for v in versions[:3] if v), log="verify/doctor.log"
        )

    def _configure(self) -> None:
        cache = self._build / "CMakeCache.txt"
        if cache.is_file() and not is_cache_of(cache, self.folder):
            self.progress("the build folder belongs to another place: building afresh")
            shutil.rmtree(self._build)
        argv = [
            str(self.tools.cmake),
            "--preset",
            "release",
            f"-DCMAKE_MAKE_PROGRAM={self.tools.ninja}",
            *self.arguments,
        ]
        finished = self._command("configure", argv, timeout=600, vital=True)
        asked = self.options != RuntimeOptions()  # what was named and is not there is a failure
        if finished is None or finished.code == 0 or asked:
            return
        if why := self.backend.absent(finished.output):
            title = self.backend.title
            self.steps.pop()
            enable = f"To enable it: {self.backend.remedy}"
            self.broken, self.lacking = "", f"needs {title}, which was not found. {enable}"
            (self.folder / "verify" / "configure.log").rename(self.folder / "verify" / "search.log")
            reason = f"{title} was not found: {why} {enable}"
            self._add(f"find {title}", "skipped", finished.seconds, reason=reason, log="verify/search.log")
            cache.unlink(missing_ok=True)
            self._command(
                "configure", [*argv, f"-D{self._name.upper()}_CORE_ONLY=ON"], timeout=600, vital=True
            )
            if not self.broken:
                self.steps[-1] = _with_reason(self.steps[-1], f"only what needs no {title}")

    def _tests(self) -> None:
        junit = self.folder / "verify" / "ctest.xml"
        argv = [
            str(self.tools.ctest),
            "--test-dir",
            str(self._build),
            "--output-on-failure",
            "--no-tests=error",
            "--output-junit",
            str(junit),
        ]
        finished = self._command("test", argv, timeout=3600)
        if finished is None or not junit.is_file():
            return
        summary, failures = read_junit(junit)
        step = self.steps[-1]
        reason = summary if step.status == "passed" else f"{summary}: {', '.join(failures)}. {step.reason}"
        self.steps[-1] = _with_reason(step, reason)

    def _parity(self) -> None:
        if self._skip("parity", needs_model=True):
            return
        self.progress("parity")
        begin = time.monotonic()
        found = parity.compare(
            self.folder, self.manifest.project, lambda argv: run(argv, timeout=600, env=self._environment)
        )
        self.parity = found.results
        self._log("parity", found.log)
        seconds = time.monotonic() - begin
        if found.no_device:
            self._add(
                "parity",
                "skipped",
                seconds,
                reason=self._without_device(found.no_device),
                log="verify/parity.log",
            )
            return
        status = "failed" if found.problem() else "passed"
        reason = found.problem() or found.summary()
        self._add("parity", status, seconds, reason=reason, log="verify/parity.log")

    def _bench_smoke(self) -> None:
        program = self._build / f"{self._name}_bench{_EXE}"
        finished = self._on_device("bench", [str(program), "--json", "--seconds", "1", "--warmup", "3"])
        if finished is None:
            return
        try:
            line = next(x for x in finished.output.splitlines() if x.startswith("{"))
            b = jsonfile.loads(line, "what it printed")
            reason = f"p50 {b['p50_ms']:.2f} ms, batch {b['batch']:.0f}, {b['threads']:.0f} threads"
        except (StopIteration, UsageError, KeyError, TypeError, ValueError) as e:
            told = f"no JSON from the benchmark: {type(e).__name__}: {e}"
            self.steps[-1] = _with_reason(self.steps[-1], told, status="failed")
            return
        self.bench = b
        self.steps[-1] = _with_reason(self.steps[-1], reason)

    def _profile(self) -> None:
        """Time of every layer, by the runtime's own profiler."""
        program = self._build / f"{self._name}_bench{_EXE}"
        file = self.folder / "verify" / "profile.json"
        argv = [str(program), "--iterations", "20", "--exportProfile", str(file)]
        if self._on_device("profile", argv) is None:
            return
        try:
            layers = [x for x in jsonfile.read(file) if "name" in x]
            slowest = max(layers, key=lambda x: float(x["averageMs"]))
            reason = f"{len(layers)} layers, most time in {slowest['name']} ({slowest['percentage']:.0f} %)"
            self.steps[-1] = _with_reason(self.steps[-1], f"{reason}: verify/profile.json")
        except (UsageError, ValueError, KeyError, TypeError) as e:
            reason = f"no profile from the benchmark: {type(e).__name__}: {e}"
            self.steps[-1] = _with_reason(self.steps[-1], reason, status="failed")

    def _on_device(self, name: str, argv: list[str]) -> Finished | None:
        """A run of the model as a step, skipped where there is no device for it; None unless it passed."""
        if self._skip(name, needs_model=True):
            return None
        finished = self._command(name, argv, timeout=600)
        if finished is not None and finished.code == comparison.NO_DEVICE:
            reason = self._without_device(comparison.last_line(finished.output))
            self.steps[-1] = _with_reason(self.steps[-1], reason, status="skipped")
        return finished if finished is not None and finished.code == 0 else None

    def _consumer(self, mode: str, arguments: list[str]) -> None:
        """Configures, builds and runs tests/consumer in one of its two modes, as one step."""
        name = f"consumer-{mode}"
        if self._skip(name, needs_model=True):
            return
        self.progress(name)
        build = self.folder / "verify" / f"build-{name}"
        source = self.folder / "tests" / "consumer"
        commands = [
            [
                str(self.tools.cmake),
                "-S",
                str(source),
                "-B",
                str(build),
                "-G",
                "Ninja",
                "-DCMAKE_BUILD_TYPE=Release",
                f"-DCMAKE_MAKE_PROGRAM={self.tools.ninja}",
                f"-DCONSUMER_MODE={mode}",
                # Headers of TensorRT that configuring downloaded are not downloaded again.
                f"-DFETCHCONTENT_BASE_DIR={self._build / '_deps'}",
                *arguments,
                *self.arguments,
            ],
            [str(self.tools.cmake), "--build", str(build)],
            [str(self.tools.ctest), "--test-dir", str(build), "--verbose", "--no-tests=error"],
        ]
        text = self._sequence(name, commands)
        skipped = re.search(r"skipped: (.*)", text)
        if skipped and self.steps[-1].status == "passed":  # a failure stays one, whatever was printed
            reason = f"built and linked, but not run: {self._without_device(skipped.group(1))}"
            self.steps[-1] = _with_reason(self.steps[-1], reason, status="skipped")
        shutil.rmtree(build, ignore_errors=True)

    def _package(self) -> None:
        """Installs into a scratch prefix and builds the consumer against it by find_package."""
        if self._skip("install", needs_model=True):
            self._skip("consumer-package", needs_model=True)
            return
        prefix = self.folder / "verify" / "prefix"
        argv = [str(self.tools.cmake), "--install", str(self._build), "--prefix", str(prefix)]
        if self._command("install", argv, timeout=600) is not None and self.steps[-1].status == "passed":
            self._consumer("package", [f"-DCMAKE_PREFIX_PATH={prefix}"])
        else:
            self._add("consumer-package", "skipped", 0.0, reason="install did not pass")
        shutil.rmtree(prefix, ignore_errors=True)

    def _sequence(self, name: str, commands: list[list[str]]) -> str:
        """Runs commands until one fails, as one step; gives what they printed."""
        text, seconds, last = "", 0.0, None
        for argv in commands:
            last = run(argv, timeout=3600, env=self._environment, cwd=self.folder)
            text += f"$ {' '.join(argv)}\n{last.output}"
            seconds += last.seconds
            if last.code != 0:
                break
        assert last is not None
        self._log(name, text)
        self._finish(name, last, seconds, text)
        return text

    def _command(self, name: str, argv: list[str], *, timeout: float, vital: bool = False) -> Finished | None:
        """Runs one command as a step; None when an earlier vital step failed."""
        if self._skip(name):
            return None
        self.progress(name)
        try:
            finished = run(argv, timeout=timeout, env=self._environment, cwd=self.folder)
        except OSError as e:
            finished = Finished(
                argv=tuple(argv), code=127, output=f"cannot run {argv[0]}: {e}\n", seconds=0.0
            )
        self._log(name, f"$ {' '.join(argv)}\n{finished.output}")
        self._finish(name, finished, finished.seconds, finished.output)
        if vital and finished.code != 0:
            self.broken = name
        return finished

    def _finish(self, name: str, finished: Finished, seconds: float, text: str) -> None:
        reason = "" if finished.code == 0 else f"exit code {finished.code}\n{_tail(text)}"
        status = "passed" if finished.code == 0 else "failed"
        self._add(name, status, seconds, reason=reason, argv=finished.argv, log=f"verify/{name}.log")

    def _skip(self, name: str, *, needs_model: bool = False) -> bool:
        reason = f"{self.broken} failed" if self.broken else self.lacking if needs_model else ""
        if reason:
            self._add(name, "skipped", 0.0, reason=reason)
        return bool(reason)

    def _without_device(self, message: str) -> str:
        return f"{message.rstrip('.')}. To enable it: run verify on a machine with an NVIDIA GPU."

    def _check(self, check: Check) -> None:
        """A step of the backend's own."""
        self.progress(check.name)
        checked = check.run()
        self._log(check.name, checked.log)
        self._add(
            check.name,
            checked.status,
            checked.seconds,
            reason=checked.reason,
            log=f"verify/{check.name}.log",
            needed=check.needed,
        )

    def _add(
        self,
        name: str,
        status: str,
        seconds: float,
        *,
        reason: str = "",
        argv: tuple[str, ...] = (),
        log: str = "",
        needed: bool = True,
    ) -> None:
        step = StepResult(
            name=name,
            status=status,
            seconds=round(seconds, 3),
            reason=reason,
            argv=argv,
            log=log,
            needed=needed,
        )
        self.steps.append(step)

    def _log(self, name: str, text: str) -> None:
        (self.folder / "verify" / f"{name}.log").write_text(text, encoding="utf-8")


_EXE = ".exe" if os.name == "nt" else ""


def _with_reason(step: StepResult, reason: str, status: str | None = None) -> StepResult:
    return StepResult.from_json({**step.to_json(), "reason": reason, "status": status or step.status})


def _empty(folder: Path) -> None:
    """An empty folder for what verify writes; what it did not write is not deleted."""
    marker = folder / ".written-by-gencpp"
    if os.path.lexists(folder):
        # gencpp 0.1 left no marker, and always this log.
        ours = marker.is_file() or (folder / "doctor.log").is_file()
        if folder.is_symlink() or not folder.is_dir() or not (ours or not any(folder.iterdir())):
            raise UsageError(
                f"{folder} is in the way: verify writes its logs there, and did not write this one",
                hint="Move it, and run verify again.",
            )
        shutil.rmtree(folder)
    folder.mkdir()
    marker.write_text("What `gencpp verify` wrote; the next run deletes this folder.\n", encoding="utf-8")


def is_cache_of(cache: Path, folder: Path) -> bool:
    """Whether a CMakeCache.txt was made for this very folder."""
    match = re.search(
        r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache.read_text(errors="replace"), re.MULTILINE
    )
    return match is not None and Path(match.group(1)) == folder


def _tail(text: str) -> str:
    lines = text.rstrip().splitlines()[-_TAIL:]
    hints = [hint for pattern, hint in _HINTS if re.search(pattern, text)]
    return "\n".join([*lines, *(f"hint: {h}" for h in hints[:1])])
