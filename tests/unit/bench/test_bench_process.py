"""The processes of `gencpp bench`: what is measured of them is theirs alone."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from gencpp.bench import pictures, processors
from gencpp.bench.process import environment, spawn

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gencpp bench does not run on Windows")


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


def test_a_process_answers() -> None:
    ran = spawn(
        python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), {}, timeout=60
    )
    assert (ran.code, ran.output, ran.errors, ran.problem()) == (3, "out\n", "err\n", "err")
    silent = spawn(python("import sys; sys.exit(5)"), {}, timeout=60)
    assert silent.first_output_s is None and silent.problem() == "exit code 5"


def test_the_peak_is_the_processs_own_and_not_its_parents() -> None:
    held = bytearray(os.urandom(1) * (400 << 20))
    small = spawn(python("print(1)"), {}, timeout=60)
    large = spawn(python("x = bytearray(b'x' * (200 << 20)); print(len(x))"), {}, timeout=60)
    assert len(held) > 0
    assert small.peak_bytes is not None and small.peak_bytes < 50 << 20
    assert large.peak_bytes is not None and 200 << 20 < large.peak_bytes < 500 << 20


def test_start_up_ends_with_the_first_byte() -> None:
    code = "import time; time.sleep(0.3); print('a', flush=True); time.sleep(0.7)"
    begin = time.monotonic()
    ran = spawn(python(code), {}, timeout=60)
    whole = time.monotonic() - begin
    assert ran.first_output_s is not None and 0.3 <= ran.first_output_s <= whole - 0.7


def test_time_runs_out_for_what_it_started_too(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"import time; time.sleep(2); open({str(mark)!r}, 'w')"
    ran = spawn(python(code), {}, timeout=0.5)
    assert ran.code == 124 and "stopped after" in ran.errors
    time.sleep(2)
    assert not mark.exists()


def test_a_program_that_is_not_there() -> None:
    ran = spawn(["/nowhere/program"], {}, timeout=60)
    assert ran.code == 127 and "/nowhere/program" in ran.problem()


pins = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes")


@pins
def test_a_process_runs_where_it_is_told() -> None:
    here = sorted(os.sched_getaffinity(0))
    code = "import os; print(sorted(os.sched_getaffinity(0)))"
    assert spawn(python(code), {}, timeout=60, processors=here[-1:]).output == f"{here[-1:]}\n"
    assert spawn(python(code), {}, timeout=60).output == f"{here}\n"


@pins
def test_fewer_threads_than_processors_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4, 7})
    assert len(processors.pinned(2)) == 2 and set(processors.pinned(2)) <= {3, 4, 7}
    assert processors.pinned(3) == processors.pinned(9) == ()
    rows = processors.described((3, 1, 1))
    assert [(r["threads"], len(r["processors"]), r["reason"]) for r in rows] == [
        (1, 1, ""),
        (3, 0, "on all 3 processors"),
    ]
    monkeypatch.delattr(os, "sched_setaffinity")
    assert processors.pinned(1) == ()
    assert processors.line(processors.described((1,))) == "1 thread: not pinned, because this system cannot"


def test_cores_of_their_own_come_first() -> None:
    assert processors.spread((0, 1, 2, 3), lambda p: p // 2) == (0, 2, 1, 3)
    assert processors.spread((0, 1, 2, 3), lambda p: p % 2) == (0, 1, 2, 3)


def test_the_environment_pins_pools_and_hides_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_ASSETS", "/elsewhere")
    env = environment(3, ("/models",), without=("PHOTO_ASSETS",))
    assert {env[k] for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"3"}
    assert "PHOTO_ASSETS" not in env and "/models" in env["PYTHONPATH"].split(os.pathsep)


@pytest.mark.parametrize("suffix", [".jpg", ".ppm"])
def test_pictures_are_written(tmp_path: Path, suffix: str) -> None:
    from PIL import Image

    file = tmp_path / f"picture{suffix}"
    pictures.write(file, 64, 48)
    with Image.open(file) as image:
        assert image.size == (64, 48) and len(image.convert("RGB").getcolors(1 << 16) or ()) > 100
