"""tools/gpu/run.sh: the dry run, TensorRT's part on the double, and what the kit says of what went wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.double import Double, write_table
from fakes.harness import take_runtime
from places import ROOT

from gencpp.project import read_manifest

GPU = ROOT / "tools" / "gpu"
RUN = GPU / "run.sh"


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    argv = ["bash", str(RUN), *map(str, arguments)]
    environment = {**os.environ, "PYTHON": sys.executable, **(env or {})}
    return subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module", autouse=True)
def kit_is_importable() -> Iterator[None]:
    sys.path.insert(0, str(GPU))
    yield
    sys.path.remove(str(GPU))


def rtx_packages() -> list[str]:
    """--rtx with this Python's own packages, where they are."""
    found = [p for p in sys.path if (Path(p) / "tensorrt_rtx_libs").is_dir()]
    return ["--rtx", found[0]] if found else []


@pytest.mark.full("the GPU proof kit")
@pytest.mark.compile
def test_the_dry_run_goes_through_every_part(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("--dry-run", "--budget-minutes", "40", "--out", out, *rtx_packages())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DRY RUN" in done.stdout and str(out) in done.stdout
    files = list(out.iterdir())
    assert len(files) <= 8 and all(f.stat().st_size < 16e6 for f in files)
    found = json.loads((out / "results.json").read_text())
    parts = {p["number"]: p for p in found["parts"]}
    assert found["dry_run"] is True and set(parts) == {1, 2, 3, 4}
    checks = {c["name"]: c["status"] for c in parts[1]["checks"]}
    for key in ("mobilenet_v3_small_fp32", "photo_fp16_aoti"):
        for what in ("generated and built", "parity with PyTorch on the same device"):
            assert checks[f"{key}: {what}"] == "passed", parts[1]["checks"]
    assert checks["mobilenet_v3_small_fp32: its own tests"] == "passed", parts[1]["checks"]
    timed = {
        (t["model"], t["precision"], t["subject"], t["batch"]) for t in parts[1]["timings"] if t["p50_ms"]
    }
    for batch in (1, 4):
        for subject in ("eager", "torchscript", "c++ graph", "c++ plain"):
            assert ("mobilenet_v3_small", "fp32", subject, batch) in timed
        assert ("photo", "fp16", "c++ aoti", batch) in timed
    assert parts[1]["figures"] == []  # nobody's figures are reached on a CPU
    statuses = {n: {c["status"] for c in parts[n]["checks"]} for n in (2, 3, 4)}
    packing = {c["name"]: c["status"] for c in parts[2]["checks"]}
    assert packing == {"TensorRT packed, carried and unpacked": "passed", "TensorRT": "skipped"}
    assert statuses[4] == {"skipped"}
    assert statuses[3] == ({"passed", "skipped"} if rtx_packages() else {"skipped"}), parts[3]
    # A dry run never gets into the repository's table.
    done = run("--report", out / "results.json")
    assert done.returncode == 2 and "dry run" in done.stderr


@pytest.mark.full("the GPU proof kit")
@pytest.mark.compile
@pytest.mark.trt
def test_tensorrts_part_on_the_double(
    doubles: Callable[[str], Double], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step of part 2, on a double that answers with the goldens; its times mean nothing.

    The parser's project is run as beside stand-ins for cuBLAS and cuDNN. verify on the double is tested in
    test_verify_tensorrt.
    """
    from kit import measure, part_tensorrt, projects
    from kit.clock import Clock, Log
    from kit.results import PASSED, Part

    double = doubles("8.5")  # the version that a machine without internet gets, and the one with most limits
    build, run_program = projects.Maker.build, Clock.run
    tables: dict[Path, str] = {}

    def on_the_double(self: projects.Maker, folder: Path, clock: Clock, more: tuple[str, ...] = ()) -> None:
        """The double's CUDA runtime takes the place of the real one."""
        tables[folder] = str(write_table(folder, folder.with_name(f"{folder.name}.table")))
        take_runtime(folder, double)
        build(self, folder, clock, more)

    def with_table(self: Clock, argv: list[str | Path], *given: object, **named: Any) -> object:
        """Every project's programs get its own table."""
        for folder, table in tables.items():
            if any(folder in Path(a).parents for a in argv):
                named["env"] = {**(named.get("env") or {}), "GENCPP_DOUBLE_MODEL": table}
        return run_program(self, argv, *given, **named)

    wanted = part_tensorrt.wanted(double.root, dry_run=True)
    assert [(w.trt_api, w.precision, w.tensorrt_min) for w in wanted] == [
        *(("network", "fp32", "8.5"), ("network", "fp16", "8.5"), ("parser", "fp32", "8.5")),
        ("parser", "fp16", "8.5"),
    ]
    no_libraries = (part_tensorrt.NO_LIBRARIES,)
    monkeypatch.setattr(
        part_tensorrt, "tactics", lambda made, _: no_libraries if made.wanted.trt_api == "parser" else ()
    )
    monkeypatch.setattr(Clock, "run", with_table)
    # The project's own tests are run where verify, which has them too, cannot be.
    monkeypatch.setattr(part_tensorrt, "old_pillow", lambda: True)
    # The double knows the goldens only.
    monkeypatch.setattr(measure, "further_size", lambda *_: 0)
    # The double knows the answers of the model's outputs only, not of its layers.
    monkeypatch.setattr(part_tensorrt, "by_layer", lambda part, *_: part.add("layers", "skipped", "a double"))
    monkeypatch.setattr(projects.Maker, "build", on_the_double)
    monkeypatch.setattr(part_tensorrt, "wanted", lambda root, dry_run: [wanted[0], wanted[2]])
    monkeypatch.setattr(part_tensorrt, "_LIMIT", 3600.0)  # of a machine that is slow or busy, too
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'generator'}{os.pathsep}{GPU}")
    setup = projects.Setup(work=tmp_path, device="cpu", dry_run=True, seconds=0.05, threads=2)
    made: list[projects.Made] = []
    part, log = Part(number=2, title="TensorRT"), Log(tmp_path / "log")
    part_tensorrt.run(part, setup, Clock.of(3600), log, lambda: None, made, double.root)
    assert [m.wanted.key for m in made] == ["photo_fp32_network", "photo_fp32_parser"], part.checks
    status = {c.name: c.status for c in part.checks}
    assert set(status.values()) <= {PASSED, "skipped"}, part.checks
    for key in ("photo_fp32_network", "photo_fp32_parser"):
        for what in ("generated and built", "engine cache", "profile", "8 callers at once"):
            assert status[f"{key}: {what}"] == PASSED
        assert status[f"{key}: parity with PyTorch on the same device"] == PASSED
        assert status[f"{key}, graph: run() over a bare enqueueV3 loop"] == PASSED
    assert "they take turns" in next(c.detail for c in part.checks if "8 callers" in c.name)
    details = {c.name: c.detail for c in part.checks}
    assert status["photo_fp32_network: its own tests"] == PASSED, details
    assert "Pillow is older" in details["photo_fp32_network: gencpp verify"]
    assert "stand-ins" in details["photo_fp32_parser: gencpp verify"]
    subjects = {(t.subject, t.batch) for t in part.timings if t.p50_ms}
    assert {("tensorrt network graph", 4), ("tensorrt parser plain", 1), ("eager", 1)} <= subjects


def test_the_rehearsal_of_packing_sees_what_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pack_tensorrt
    from kit import rehearsal
    from kit.projects import Failed

    for _ in range(2):  # the second in a folder that is kept
        assert "byte for byte" in rehearsal.packing(tmp_path / "a")
    unpack = pack_tensorrt.unpack

    def loses_a_byte(store: Path, to: Path) -> list[str]:
        made = unpack(store, to)
        file = to / made[0]
        file.write_bytes(file.read_bytes()[:-1])
        return made

    monkeypatch.setattr(pack_tensorrt, "unpack", loses_a_byte)
    with pytest.raises(Failed, match=r"lib/libnvinfer\.so\.8: not what was packed"):
        rehearsal.packing(tmp_path / "b")
    monkeypatch.setattr(pack_tensorrt, "missing", lambda store: [])
    with pytest.raises(Failed, match="after 1 parts it misses none"):
        rehearsal.packing(tmp_path / "c")


def test_a_run_in_which_nothing_ran_says_so(tmp_path: Path) -> None:
    done = run("--dry-run", "--parts", "3,4", "--out", tmp_path / "out")
    assert done.returncode == 4 and "nothing was proven" in done.stderr, done.stderr
    assert (tmp_path / "out" / "results.json").is_file()


def test_the_steps_of_verify_become_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit import part_tensorrt
    from kit.clock import Clock, Log
    from kit.projects import Made, Wanted
    from kit.results import Part

    made = Made(wanted=Wanted(model="photo"), folder=tmp_path, project=None, seconds=0.0)  # type: ignore[arg-type]
    program = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(program))

    def checks(text: str) -> list[tuple[str, str, str]]:
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit 1\n")
        program.chmod(0o755)
        part = Part(number=2, title="")
        part_tensorrt.verify(part, made, Clock.of(60), Log(tmp_path / "log"), tmp_path)
        return [(c.name, c.status, c.detail) for c in part.checks]

    steps = [
        {"name": n, "status": s, "reason": f"{n} it is", "seconds": 1.0}
        for n, s in (("a", "passed"), ("b", "failed"))
    ]
    assert checks(f"a warning\n{json.dumps({'steps': steps})}") == [
        ("photo_fp32: gencpp verify, a", "passed", "a it is"),
        ("photo_fp32: gencpp verify, b", "failed", "b it is"),
    ]
    assert checks("it broke") == [("photo_fp32: gencpp verify", "failed", "exit code 1: it broke")]


def test_layers_that_depart_fail(photo_project: Path, tmp_path: Path) -> None:
    from kit import part_tensorrt
    from kit.clock import Clock, Log
    from kit.projects import NAME, Made, Setup, Wanted
    from kit.results import Part

    project = read_manifest(photo_project).project
    made = Made(wanted=Wanted(model="photo"), folder=tmp_path, project=project, seconds=0.0)
    setup = Setup(work=tmp_path, device="cpu", dry_run=True, seconds=0.1, threads=1)
    program = tmp_path / "build" / f"{NAME}_diff"
    program.parent.mkdir()
    for code, status in ((0, "passed"), (1, "failed"), (3, "skipped"), (-6, "failed")):
        end = "kill -6 $$" if code < 0 else f"exit {code}"
        program.write_text(f"#!/bin/sh\necho 'photo_diff: what it found'; {end}\n")
        program.chmod(0o755)
        part = Part(number=2, title="")
        part_tensorrt.by_layer(part, made, setup, Clock.of(60), Log(tmp_path / "log"))
        assert part.checks[0].status == status and "what it found" in part.checks[0].detail


def test_stand_ins_turn_tactics_off_for_the_parser_only(tmp_path: Path) -> None:
    from kit import part_tensorrt
    from kit.projects import Made, Wanted

    (tmp_path / "lib").mkdir()
    parser, network = (
        Made(wanted=Wanted(model="resnet50", trt_api=api), folder=tmp_path, project=None, seconds=0.0)  # type: ignore[arg-type]
        for api in ("parser", "network")
    )
    assert part_tensorrt.tactics(parser, tmp_path) == ()
    (tmp_path / "lib" / "libcudnn.so.8").touch()
    assert part_tensorrt.tactics(parser, tmp_path) == (part_tensorrt.NO_LIBRARIES,)
    assert part_tensorrt.tactics(network, tmp_path) == ()


def test_a_wrong_answer_fails(photo_project: Path, tmp_path: Path) -> None:
    """A program that answers otherwise than PyTorch."""
    import numpy as np
    from kit.clock import Clock, Log
    from kit.measure import check_answers
    from kit.projects import Made, Setup, Wanted
    from kit.results import Part

    project = read_manifest(photo_project).project
    case = project.goldens.cases[0]
    answers = tmp_path / "answers"
    answers.mkdir()
    shape = [2, 3]
    for c in project.goldens.cases:
        for i in range(len(c.outputs)):
            np.save(answers / f"{c.name}-{i}.npy", np.ones(shape, np.float32))
    made = Made(wanted=Wanted(model="resnet50"), folder=tmp_path, project=project, seconds=0.0)
    made.program.parent.mkdir(parents=True)
    made.program.write_text(
        f"#!{sys.executable}\nimport sys, numpy as np\n"
        "for a, b in zip(sys.argv, sys.argv[1:]):\n"
        "    if a == '--output': np.save(b, np.full((2, 3), float(sys.argv[1]), np.float32))\n"
    )
    made.program.chmod(0o755)
    setup = Setup(work=tmp_path, device="cpu", dry_run=True, seconds=0.1, threads=1)

    def checked(value: str, compare: int = 0) -> Part:
        part, log = Part(number=1, title=""), Log(tmp_path / "log")
        check_answers(part, made, setup, Clock.of(120), log, answers, (value,), compare=compare)
        return part

    assert checked("1").status == "passed"
    wrong = checked("1.001").checks[0]
    assert wrong.status == "failed" and f"{case.name}/" in wrong.detail and "differs by 0.001" in wrong.detail
    assert "not finite" in checked("nan").checks[0].detail
    # What is timed at another size is compared at it, too.
    np.save(answers / "batch-of-4-0.npy", np.ones(shape, np.float32))
    made.program.write_text(
        made.program.read_text().replace("float(sys.argv[1])", "1 + ('batch-of-4-input-0' in str(sys.argv))")
    )
    assert checked("1").status == "passed"
    assert "batch-of-4/" in checked("1", compare=4).checks[0].detail
    assert checked("1", compare=9).status == "passed"  # more than the model takes
    made.program.write_text("#!/bin/sh\necho it broke; exit 5\n")
    assert "exit code 5: it broke" in checked("1").checks[0].detail


def test_a_program_ends_with_its_time_and_all_that_it_started(tmp_path: Path) -> None:
    from kit.clock import Clock, Log, NoTime

    log = Log(tmp_path / "log")
    began = time.monotonic()
    ran = Clock.of(60).run(["bash", "-c", "echo begun; sleep 100 & wait"], log, limit=0.5)
    assert ran.code == 124 and "begun" in ran.output and time.monotonic() - began < 30
    assert "[exit code 124" in log.file.read_text()
    with pytest.raises(NoTime, match="no time left for bash"):
        Clock.of(0).run(["bash", "-c", "true"])
    with pytest.raises(NoTime, match="bash was stopped after"):  # by the part's time, not by its own limit
        Clock.of(0.3).run(["bash", "-c", "sleep 100"])
    missing = Clock.of(60).run([tmp_path / "nothing"])
    assert missing.code == 127 and "No such file" in missing.output


def test_a_part_that_breaks_does_not_take_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kit import __main__ as main
    from kit import part_libtorch

    def broken(*_: object) -> list[object]:
        raise RuntimeError("the driver went away")

    monkeypatch.setattr(part_libtorch, "run", broken)
    for name in ("XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR"):
        monkeypatch.setenv(name, "")
    out = tmp_path / "out"
    assert main.main(["--dry-run", "--out", str(out)]) == 1
    found = json.loads((out / "results.json").read_text())
    assert found["parts"][0]["checks"][0]["detail"] == "RuntimeError: the driver went away"
    assert [p["number"] for p in found["parts"]] == [1, 2, 3, 4]
    assert "the driver went away" in capsys.readouterr().out


def test_what_answers_wrongly_is_timed_in_no_round(
    photo_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though another project of the same model is; and PyTorch is timed once for both kinds of artifact."""
    from kit import part_libtorch
    from kit.clock import Clock, Log
    from kit.measure import Subject, keep, timing_of
    from kit.projects import Made, Setup, Wanted
    from kit.results import Part

    project = read_manifest(photo_project).project
    right, wrong, compiled = (
        Made(wanted=w, folder=tmp_path, project=project, seconds=0.0)
        for w in (
            Wanted(model="resnet50"),
            Wanted(model="resnet50", precision="fp16"),
            Wanted(model="resnet50", artifact="aoti"),
        )
    )
    asked: list[tuple[str, str]] = []
    times = {"p50_ms": 1.0, "p99_ms": 1.0}

    def peers(part: Part, made: Made, *given: object, compare: int = 0) -> Path:
        for batch in given[-1]:  # type: ignore[attr-defined]
            asked.append((made.wanted.key, "eager"))
            keep(part, timing_of(part, made, "eager", batch), times)
        return tmp_path

    def timed(self: Subject, *_: object) -> dict[str, float]:
        asked.append((self.made.wanted.key, self.name))
        return times

    monkeypatch.setattr(part_libtorch, "make_all", lambda *_: [right, wrong, compiled])
    monkeypatch.setattr(part_libtorch, "peers", peers)
    monkeypatch.setattr(part_libtorch, "check_answers", lambda _, made, *more, **named: made is not wrong)
    monkeypatch.setattr(part_libtorch, "ctest", lambda *_: True)
    monkeypatch.setattr(Subject, "time", timed)
    setup = Setup(work=tmp_path, device="cuda", dry_run=False, seconds=0.1, threads=1)
    part = Part(number=1, title="")
    made: list[Made] = []
    part_libtorch.run(part, setup, Clock.of(600), Log(tmp_path / "log"), lambda: None, made)
    assert made == [right, wrong, compiled]
    rounds, sizes = part_libtorch.ROUNDS, len(part_libtorch.BATCHES)
    assert asked.count(("resnet50_fp32", "c++ graph")) == rounds * sizes
    assert asked.count(("resnet50_fp32_aoti", "c++ aoti")) == rounds * sizes
    assert asked.count(("resnet50_fp32", "eager")) == rounds * sizes
    assert asked.count(("resnet50_fp16", "eager")) == sizes  # its answers are what was compared
    for name in ("c++ graph", "c++ plain"):
        assert ("resnet50_fp16", name) not in asked
    assert ("resnet50_fp32_aoti", "eager") not in asked


def test_a_step_that_fails_takes_no_other_with_it() -> None:
    from kit.clock import NoTime
    from kit.projects import Failed
    from kit.results import Part
    from kit.steps import guarded

    def raises(error: Exception) -> Callable[[], None]:
        def step() -> None:
            raise error

        return step

    part = Part(number=1, title="")
    assert guarded(part, "fine", lambda: None) and guarded(part, "true", lambda: True)
    assert not guarded(part, "false", lambda: False) and part.checks == []
    for name, error in (("a", NoTime("late")), ("b", Failed("broke")), ("c", KeyError("p50_ms"))):
        assert not guarded(part, name, raises(error))
    assert [(c.name, c.status, c.detail) for c in part.checks] == [
        ("a", "skipped", "late"),
        ("b", "failed", "broke"),
        ("c", "failed", "KeyError: 'p50_ms'"),
    ]


def test_what_is_made_already_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the project's arguments and gencpp are the same."""
    from kit import projects
    from kit.clock import Clock, Log

    asked: list[str] = []

    def do(self: projects.Maker, step: str, argv: list[str | Path], *_: object, **__: object) -> None:
        asked.append(step)
        Path(argv[-1]).mkdir(exist_ok=True)
        (Path(argv[-1]) / "gencpp.json").write_text("{}")

    monkeypatch.setattr(projects.Maker, "_do", do)
    setup = projects.Setup(work=tmp_path, device="cuda", dry_run=False, seconds=1, threads=1)
    maker, wanted = projects.Maker(setup, Log(tmp_path / "log")), projects.Wanted(model="resnet50")
    for _ in range(2):
        assert maker.generate(wanted, Clock.of(9)) == tmp_path / "libtorch_resnet50_fp32"
    assert asked == ["gencpp new"]
    monkeypatch.setattr(projects, "source_hash", lambda: "of another gencpp")
    maker.generate(wanted, Clock.of(9))
    assert len(asked) == 2


def test_only_some_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit import part_libtorch, projects
    from kit.clock import Clock, Log, Skipped
    from kit.results import Part

    done = run("--dry-run", "--only", "resnet50_fp32,resnet5")
    assert done.returncode == 2 and "there is no resnet5; there are" in done.stderr

    def make(self: projects.Maker, wanted: projects.Wanted, *_: object) -> projects.Made:
        if wanted.precision == "fp16":
            raise KeyError("name")
        return projects.Made(wanted=wanted, folder=tmp_path, project=project, seconds=0.0)

    class project:
        class artifact:
            method = "traced"

    monkeypatch.setattr(projects.Maker, "make", make)

    def made(*only: str) -> tuple[list[str], Part]:
        setup = projects.Setup(work=tmp_path, device="cuda", dry_run=False, seconds=1, threads=1, only=only)
        part, maker = Part(number=1, title=""), projects.Maker(setup, Log(tmp_path / "log"))
        found = projects.make_all(part, maker, part_libtorch.ALL, Clock.of(9), 9)
        return [m.wanted.key for m in found], part

    found, part = made("resnet50_fp16", "resnet50_fp32_frozen", "vit_b_16_fp32")
    assert found == ["resnet50_fp32_frozen", "vit_b_16_fp32"]  # in the kit's order
    assert (part.checks[0].status, part.checks[0].detail) == ("failed", "KeyError: 'name'")
    assert len(made()[0]) == sum(one.precision == "fp32" for one in part_libtorch.ALL)
    with pytest.raises(Skipped, match="none of its projects"):
        made("resnet50_fp32_network")


def test_where_aotinductor_finds_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch would take the toolkit beside nvcc's name on the PATH, and has no libcuda.so to link."""
    from kit import machine

    toolkit, driver = tmp_path / "cuda-13.0", tmp_path / "libcuda.so.1"
    (toolkit / "include").mkdir(parents=True)
    (toolkit / "include" / "cuda.h").touch()
    driver.touch()
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("CUDA_PATH", str(toolkit))
    monkeypatch.setenv("LIBRARY_PATH", "/before")
    monkeypatch.setattr(machine, "_loaded", lambda name: str(driver))
    found = machine.compiler_environment(tmp_path / "work")
    link = tmp_path / "work" / "link"
    assert found["CUDA_HOME"] == str(toolkit) and (link / "libcuda.so").resolve() == driver
    assert found["LIBRARY_PATH"] == f"{link}:{toolkit / 'lib64' / 'stubs'}:/before"
    assert machine.compiler_environment(tmp_path / "work") == found  # a second run in the same folder
    monkeypatch.undo()
    assert "libc" in machine._loaded("libc.so") and machine._loaded("libnothing.so") == ""
    monkeypatch.setenv("GENCPP_COMMIT", "0123456")
    assert machine.commit(tmp_path) == "0123456"


@pytest.mark.parametrize(
    ("code", "said", "status", "detail"),
    [
        (0, "========= ERROR SUMMARY: 0 errors", "passed", "0 errors"),
        (86, "========= Device not supported. Please refer to", "skipped", "cannot work here"),
        (1, "some error of the program", "failed", "some error of the program"),
        (0, "nothing", "failed", "nothing"),
        # The tool works, so what the program says of its GPU is no excuse.
        (
            3,
            "========= ERROR SUMMARY: 0 errors\nnot supported on this GPU",
            "failed",
            "not supported on this",
        ),
        # Stopped before there was a summary.
        (
            124,
            "========= Invalid __global__ read of size 4\n=========     at f",
            "failed",
            "read of size 4 at f",
        ),
        (
            # The kernel that was caught ends, and the program ends with an error of its own.
            86,
            "========= Invalid __global__ write of size 4 bytes\n=========     at scale(float *)+0x80\n"
            "========= Target application returned an error\n========= ERROR SUMMARY: 5 errors",
            "failed",
            "5 errors; the first: Invalid __global__ write of size 4 bytes at scale",
        ),
    ],
)
def test_what_the_sanitizer_says(
    photo_project: Path, tmp_path: Path, code: int, said: str, status: str, detail: str
) -> None:
    from kit import part_sanitizer
    from kit.clock import Clock, Log
    from kit.projects import Made, Setup, Wanted
    from kit.results import Part

    tool = tmp_path / "compute-sanitizer"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit {code}\n")
    tool.chmod(0o755)
    project = read_manifest(photo_project).project
    made = Made(wanted=Wanted(model="photo"), folder=photo_project, project=project, seconds=0.0)
    setup = Setup(work=tmp_path, device="cuda", dry_run=False, seconds=0.1, threads=1)
    part = Part(number=4, title="")
    part_sanitizer._memcheck(part, setup, Clock.of(60), Log(tmp_path / "log"), tool, made, ())
    assert part.checks[0].status == status and detail in part.checks[0].detail


def test_a_torchscript_that_fails_costs_nothing_else(photo_copy: Path, tmp_path: Path) -> None:
    project = read_manifest(photo_copy).project
    (photo_copy / "assets" / project.artifact.file).write_bytes(b"broken")
    job = {"folder": str(photo_copy), "device": "cpu", "precision": "fp32", "batches": [1], "seconds": 0.01}
    job |= {
        "warmup": 1,
        "threads": 1,
        "path": [str(ROOT / "tests" / "support" / "models")],
        "answers": str(tmp_path),
    }
    job |= {"further": 4, "torchscript": True, "profile": True}
    (tmp_path / "job.json").write_text(json.dumps(job))
    argv = [sys.executable, "-m", "kit.peer", tmp_path / "job.json"]
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'generator'}{os.pathsep}{GPU}"}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert list(told["timings"]) == ["eager 1"] and "Error" in told["problems"]["TorchScript in Python"]
    assert told["profile"]["kernels_ms"] > 0
    assert (tmp_path / "batch-of-4-input-0.npy").is_file() and (tmp_path / "batch-of-4-0.npy").is_file()


def test_what_ctest_says(photo_project: Path, tmp_path: Path) -> None:
    from kit.clock import Clock, Log
    from kit.measure import ctest
    from kit.projects import Made, Setup, Wanted
    from kit.results import Part

    project = read_manifest(photo_project).project
    made = Made(wanted=Wanted(model="photo"), folder=photo_project, project=project, seconds=0.0)
    setup = Setup(work=tmp_path, device="cuda", dry_run=False, seconds=0.1, threads=1)
    program = tmp_path / "ctest"
    program.parent.mkdir(exist_ok=True)

    def said(text: str, code: int = 0) -> tuple[str, str]:
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n")
        program.chmod(0o755)
        part = Part(number=1, title="")
        ctest(part, made, setup, Clock.of(60), Log(tmp_path / "log"), program, "tests")
        return part.checks[0].status, part.checks[0].detail

    skipped = " 1/17 Test  #1: photo.threads ......***Skipped   0.2 sec\n"
    whole = "100% tests passed, 0 tests failed out of "
    assert said(f"{skipped}{whole}17") == ("passed", f"{whole}17, 1 skipped")
    assert said(f"{skipped}{whole}1") == ("skipped", f"{whole}1, 1 skipped")
    lost = " 3/17 Test  #3: photo.core .......***Failed   0.2 sec\n94% tests passed, 1 tests failed out of 17"
    assert said(lost, 8) == ("failed", "94% tests passed, 1 tests failed out of 17: photo.core")


def test_a_project_that_hangs_is_no_lack_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit import projects
    from kit.clock import Clock, Log, NoTime

    def hangs(self: projects.Maker, wanted: projects.Wanted, clock: Clock) -> Path:
        clock.run(["sleep", "100"])
        return tmp_path

    monkeypatch.setattr(projects.Maker, "generate", hangs)
    setup = projects.Setup(work=tmp_path, device="cuda", dry_run=False, seconds=1, threads=1)
    maker, wanted = projects.Maker(setup, Log(tmp_path / "log")), projects.Wanted(model="resnet50")
    with pytest.raises(projects.Failed, match=r"not done within 0 s: sleep was stopped"):
        maker.make(wanted, Clock.of(60), 0.3)
    with pytest.raises(NoTime):
        maker.make(wanted, Clock.of(0.3), 60)


def test_time_is_not_kept_for_what_will_be_skipped() -> None:
    from kit import __main__ as main

    def share(*argv: str) -> float:
        weights = main.shares(main._arguments([*argv, "--dry-run"]))
        return weights[1] / sum(weights.values())

    assert share() > 0.99
    assert 0.45 < share("--tensorrt", "somewhere") < 0.55
    assert share("--tensorrt", "somewhere", "--only", "photo_fp16_aoti") > 0.95
    assert share("--tensorrt", "somewhere", "--only", "photo_fp32_network") < 0.05


def test_wrong_usage_and_a_machine_without_a_gpu(tmp_path: Path) -> None:
    done = run("--parts", "1,9")
    assert done.returncode == 2 and "--parts: numbers from 1 to 4" in done.stderr
    done = run("--budget-minutes", "0")
    assert done.returncode == 2 and "above 0" in done.stderr
    import torch

    if not torch.cuda.is_available():
        done = run("--out", tmp_path / "out")
        assert done.returncode == 3 and "sees no GPU" in done.stderr and "--dry-run" in done.stderr
        assert not (tmp_path / "out").exists()
    done = run("--report", tmp_path / "nothing.json")
    assert done.returncode == 2 and "No such file" in done.stderr


def test_the_page_is_what_the_results_in_the_repository_make() -> None:
    from kit import report

    assert report.PAGE.read_text(encoding="utf-8") == report.page(), "run tools/gpu/run.sh --report"


def test_a_run_becomes_a_table_with_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit import part_libtorch, report
    from kit.results import Part, Results, Timing

    part = Part(number=1, title="LibTorch on the GPU")
    part.add("resnet50_fp32: its own tests", "passed", "17 | 17", 3.0)
    for precision, subject, p50 in (
        ("fp32", "eager", 6.0),
        ("fp32", "c++ graph", 2.0),
        ("fp16", "c++ graph", 1.0),
    ):
        part.timings.append(
            Timing(
                model="resnet50", precision=precision, subject=subject, batch=1, p50_ms=[p50], p99_ms=[p50]
            )
        )
    part.timings[0].stages_ms["kernels"] = 1.5
    part.figures = part_libtorch.figures(part)
    assert [(f.value, f.reached) for f in part.figures] == [(3.0, False), (6.0, True)]
    assert "of which kernels and copies 1.500" in part.figures[0].reason
    machine = {"gpu": {"name": "GPU", "driver_version": "1"}, "cuda": "13.0", "cores": 1, "cpu": "CPU"}
    machine |= {"python": "3.12", "versions": {"torch": "2.11"}}
    results = Results(
        date="2026-01-02 03:04 UTC",
        dry_run=False,
        commit="abc",
        machine=machine,
        budget_minutes=9,
        parts=[part],
    )
    results.write(tmp_path / "run.json")
    assert Results.read(tmp_path / "run.json") == results
    page = report.page(tmp_path)
    assert "No run on a GPU exists yet" not in page and "## 2026-01-02 03:04 UTC, GPU" in page
    assert "| resnet50 | fp32 | 1 | c++ graph | 2.000 | 2.000 | 3.00 |" in page
    assert "MISSED" in page and "reached" in page and "17 / 17" in page
    monkeypatch.setattr(report, "STORE", tmp_path / "store")
    for _ in range(2):  # the same run twice is one
        report.keep([tmp_path / "run.json"])
    results.budget_minutes = 5
    results.write(tmp_path / "other.json")
    with pytest.raises(ValueError, match="which is another run"):
        report.keep([tmp_path / "other.json"])
    assert len(list((tmp_path / "store").iterdir())) == 1
    (tmp_path / "other.json").unlink()
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match=r"bad\.json is no results\.json"):
        report.page(tmp_path)
