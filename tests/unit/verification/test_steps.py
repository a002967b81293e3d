"""The steps of verify: what each runs, what stops which, and what is told meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_machine import CANNOT, Machine, fake_machine

from gencpp.core.errors import UsageError
from gencpp.core.spec import StepResult, VerifyReport
from gencpp.verification import verify
from gencpp.verification.choice import Chosen
from gencpp.verification.steps import Step

STEPS = (
    *("doctor", "configure", "build", "test", "parity", "bench"),
    *("consumer-subdirectory", "install", "consumer-package"),
)
OF_THE_MODEL = STEPS[4:]
CHAIN: tuple[tuple[str, tuple[str, ...]], ...] = (("a", ()), ("b", ("a",)), ("c", ("b",)))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return fake_machine(tmp_path, monkeypatch)


def results(report: VerifyReport) -> dict[str, StepResult]:
    return {step.name: step for step in report.steps}


def statuses(machine: Machine, **options: Any) -> dict[str, str]:
    return {step.name: step.status for step in machine.verify(**options).steps}


def test_every_step_runs_in_its_order_and_is_told(machine: Machine) -> None:
    machine.answers["build"] = (0, "[1/2] Building CXX object a.cpp.o\nnote\n[2/2] Linking\n")
    report = machine.verify()
    assert report.status == "passed" and [step.name for step in report.steps] == list(STEPS)
    assert json.loads((machine.folder / "verify.json").read_text()) == report.to_json()
    assert all((machine.folder / step.log).is_file() for step in report.steps)
    told = [f"step: [{i}/9] {name}" for i, name in enumerate(STEPS, 1)]
    assert [line for line in machine.progress if ": " not in line[6:] and line.startswith("step: ")] == told
    assert machine.progress[4:8] == [
        "step: [3/9] build",
        "[3/9] build [1/2] Building CXX object a.cpp.o",
        "[3/9] build [2/2] Linking",
        "step: [3/9] build: passed after 1.2 s",
    ]
    assert not (machine.folder / "verify" / "prefix").exists()


def test_jobs_are_those_of_every_build_and_of_the_tests(machine: Machine) -> None:
    machine.verify(jobs=3)
    commands = [name for name, argv in machine.ran if argv[-2:] == ["--parallel", "3"]]
    assert commands == ["build", "test", "consumer-subdirectory build", "consumer-package build"]
    machine.ran.clear()
    machine.verify()
    assert not [argv for _, argv in machine.ran if "--parallel" in argv]


def test_what_fails_stops_what_needs_it_with_the_first_cause(machine: Machine) -> None:
    machine.answers["configure"] = (1, "CMake Error")
    report = machine.verify()
    assert report.status == "failed" and [name for name, _ in machine.ran] == ["configure"]
    after = report.steps[2:]
    assert {(s.status, s.reason) for s in after} == {("skipped", "configure failed")} and len(after) == 7
    assert machine.progress[-1] == "step: [2/9] configure: failed after 1.2 s (exit code 1)"


def test_tests_that_fail_do_not_stop_a_model_that_loads(machine: Machine) -> None:
    machine.answers["test"] = (8, "")
    found = statuses(machine)
    assert found.pop("test") == "failed" and set(found.values()) == {"passed"}
    assert machine.named("info") == [[str(machine.folder / "build" / "sample"), "--info", "--check", "full"]]


@pytest.mark.parametrize(
    ("code", "output", "why"),
    [
        (1, f"sample: WARNING: random weights\n{CANNOT}", CANNOT.removeprefix("sample: ").strip()),
        (1, "sample: no model.pt. Looked for:\n  here\n", "no model.pt. Looked for:\n  here"),
        (-11, "", "the program was ended by SIGSEGV"),
    ],
)
def test_a_model_that_does_not_load_stops_what_needs_it(
    machine: Machine, code: int, output: str, why: str
) -> None:
    """Found by the tests: nothing of it is run, and no host is built."""
    machine.answers |= {"test": (8, ""), "info": (code, output)}
    report = machine.verify()
    assert report.status == "failed"
    found = results(report)
    assert {(found[s].status, found[s].reason) for s in OF_THE_MODEL} == {
        ("skipped", f"the model cannot be loaded: {why}")
    }
    assert [name for name, _ in machine.ran] == ["configure", "build", "test", "info"]


def test_parity_finds_a_model_that_does_not_load(machine: Machine) -> None:
    machine.answers |= {"app": (1, CANNOT), "info": (1, CANNOT)}
    found = results(machine.verify(skip=("test",)))
    assert found["parity"].status == "failed" and "is not the artifact" in found["parity"].reason
    assert {found[s].status for s in OF_THE_MODEL[1:]} == {"skipped"}
    assert found["bench"].reason.startswith("the model cannot be loaded: assets/model.pt is not the artifact")
    assert not machine.named("bench") and not machine.named("consumer-subdirectory configure")


@pytest.mark.parametrize("info", [(0, ""), (3, "sample: no GPU"), (2, "sample: unknown option --check")])
def test_answers_that_differ_stop_nothing(machine: Machine, info: tuple[int, str]) -> None:
    machine.answers |= {"app": (1, "sample: run failed"), "info": info}
    found = statuses(machine)
    assert found.pop("parity") == "failed" and set(found.values()) == {"passed"}


def test_without_a_device_hosts_are_built_nevertheless(machine: Machine) -> None:
    none = "sample: no CUDA device"
    machine.answers |= {"app": (3, none), "bench": (3, none)}
    for mode in ("subdirectory", "package"):
        machine.answers[f"consumer-{mode} test"] = (0, "1: skipped: no CUDA device\n")
    report = machine.verify()
    found = results(report)
    enable = "no CUDA device. To enable it: run verify on a machine with an NVIDIA GPU."
    assert report.status == "incomplete" and found["install"].status == "passed"
    assert found["parity"].reason == found["bench"].reason == enable
    assert found["consumer-package"].reason == f"built and linked, but not run: {enable}"
    assert found["consumer-package"].status == "skipped"


def test_the_host_takes_objects_of_the_build(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a launcher in front of the user's own; the host of the package has the user's alone."""
    monkeypatch.setenv("CMAKE_CXX_COMPILER_LAUNCHER", "ccache;wrapper")
    run = machine.run

    def building(argv: list[str], **more: Any) -> Any:
        if argv[1] == "--build" and "consumer-subdirectory" in argv[2]:
            Path(argv[2]).mkdir(parents=True)
            (Path(argv[2]) / "objects.txt").write_text("taken\ncompiled\ntaken\n")
        return run(argv, **more)

    monkeypatch.setattr("gencpp.verification.proof.run", building)
    report = machine.verify()
    host, package = (machine.named(f"consumer-{m} configure")[0] for m in ("subdirectory", "package"))
    (launcher,) = (word for word in host if word.startswith("-DCMAKE_CXX_COMPILER_LAUNCHER="))
    assert launcher.endswith(f"same_object.py;{machine.folder / 'build'};ccache;wrapper")
    assert not any("LAUNCHER" in word for word in package)
    assert results(report)["consumer-subdirectory"].reason == "2 of 3 objects are those of the build"
    assert results(report)["consumer-package"].reason == ""
    assert not (machine.folder / "verify" / "build-consumer-subdirectory").exists()


def test_a_consumer_that_fails_is_not_taken_for_skipped(machine: Machine) -> None:
    """Its output may hold the word, in a line of the compiler's for example."""
    machine.answers["consumer-subdirectory build"] = (1, "skipped: no driver\n")
    found = statuses(machine)
    assert found["consumer-subdirectory"] == "failed" and found["consumer-package"] == "passed"
    assert not machine.named("consumer-subdirectory test")


def test_a_program_that_is_not_there_is_a_failed_step(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = machine.run

    def lacking(argv: list[str], **more: Any) -> Any:
        if argv[0].endswith("sample"):
            raise FileNotFoundError(2, "No such file or directory")
        return run(argv, **more)

    monkeypatch.setattr("gencpp.verification.proof.run", lacking)
    found = results(machine.verify())
    assert found["parity"].status == "failed" and "cannot run" in found["parity"].reason
    assert found["bench"].status == "passed"  # a program that is missing says nothing of the model


def test_only_runs_what_a_step_needs_and_says_so(machine: Machine) -> None:
    report = machine.verify(only=("parity",))
    assert report.status == "incomplete" and report.parity[0].passed
    assert [name for name, _ in machine.ran] == ["configure", "build", "app"]
    assert machine.progress[:2] == [
        "notice: configure, build run, too: parity needs them",
        "step: [1/3] configure",
    ]
    left = [s for s in report.steps if s.status == "skipped"]
    assert {s.reason for s in left} == {"left out by --only parity"} and len(left) == 6


def test_skip_leaves_out_what_needs_the_step(machine: Machine) -> None:
    report = machine.verify(skip=("install",))
    assert report.status == "incomplete"
    left = [(s.name, s.reason) for s in report.steps if s.status == "skipped"]
    assert left == [(name, "left out by --skip install") for name in ("install", "consumer-package")]
    assert machine.progress[0] == "step: [1/7] doctor"


def test_an_unknown_step_ends_it_before_anything_runs(machine: Machine) -> None:
    with pytest.raises(UsageError, match="--only: there is no step 'parrity'") as caught:
        machine.verify(only=("parrity",))
    assert caught.value.hint == f"The steps of this project: {', '.join(STEPS)}."
    assert not machine.ran and not (machine.folder / "verify.json").exists()


@pytest.mark.parametrize(("needed", "status"), [(True, "incomplete"), (False, "passed")])
def test_a_lesser_step_may_be_left_out(
    machine: Machine, needed: bool, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as rtx-builder."""
    passed = StepResult(name="extra", status="passed", seconds=0)
    extra = Step(name="extra", run=lambda _: passed, needed=needed)
    of_all = verify.steps_of
    monkeypatch.setattr(verify, "steps_of", lambda *given: (extra, *of_all(*given)))
    assert machine.verify(skip=("extra",)).status == status


def test_one_cause_goes_through_a_chain_of_needs(tmp_path: Path) -> None:
    proof: Any = SimpleNamespace(steps=[], progress=lambda _: None, logs=tmp_path, no_model="", label="")
    failed = StepResult(name="a", status="failed", seconds=0)
    chain = [Step(name=name, run=lambda _: failed, needs=needs) for name, needs in CHAIN]
    verify.prove(proof, chain, Chosen(names=("a", "b", "c")))
    assert [s.reason for s in proof.steps] == ["", "a failed", "a failed"]
