"""What decides how a program's threads wait, and how many there are: C++ that is compiled without torch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from building import STRICT, compile_program, must
from cgroups import CASES, write
from once import Once
from samples import classifier
from writing import texts_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="affinity, cgroups and libgomp are Linux's")

CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
COUNT = r"""
#include <cstdio>
#include <string>
#include "sample/processors.hpp"
#include "libtorch/wait_policy.hpp"
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::printf("%d ", sample::available_processors(argv[i]));
    std::printf("%d ", sample::online_processors(argv[i]));
    std::printf("%s\n", sample::waiting_advice(2, argv[i]).c_str());
  }
}
"""
TELL = r"""
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <omp.h>
#include <unistd.h>
int main(int argc, char** argv) {
  if (std::strcmp(argv[argc - 1], "raise") == 0) { std::raise(SIGTERM); }
  struct sigaction usr1 {};
  sigaction(SIGUSR1, nullptr, &usr1);
  std::printf("%d\n%d\n", static_cast<int>(getpid()), omp_get_max_threads());
  std::printf("%s\n", usr1.sa_handler == SIG_IGN ? "ignored" : "not ignored");
  std::ifstream comm("/proc/self/comm");
  std::printf("%s\n", std::string(std::istreambuf_iterator<char>(comm), {}).c_str());
  for (int i = 0; i < argc; ++i) { std::printf("%s", argv[i]); std::putchar('\0'); }
  std::putchar('\n');
  for (int c = std::getchar(); c != EOF; c = std::getchar()) { std::putchar(c); }
  return std::strcmp(argv[argc - 1], "seven") == 0 ? 7 : 0;
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the rendered sources: `count` tells what it found below its arguments, `tell` how it was started."""

    def make(folder: Path) -> None:
        for path, data in texts_of(classifier()).items():
            if path.suffix in (".cpp", ".hpp"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)
        (folder / "count.cpp").write_text(COUNT)
        (folder / "tell.cpp").write_text(TELL)
        flags = ("-std=c++17", "-Iinclude", "-Isrc", *STRICT)
        counting = ("count.cpp", "src/processors.cpp", "src/libtorch/wait_policy.cpp")
        compile_program(folder, "count", counting, *flags)
        telling = ("tell.cpp", "src/libtorch/passive_start.cpp")
        compile_program(folder, "tell", telling, *flags, "-fopenmp", link=["-fopenmp"])

    return Once.of(tmp_path_factory).folder("processors-cpp", make)


def environment(**more: str) -> dict[str, str]:
    """This one without what the suite or a user chose, with libgomp's own account of it."""
    return {k: v for k, v in os.environ.items() if k not in CHOSEN} | {"OMP_DISPLAY_ENV": "verbose", **more}


def on(processors: Sequence[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, processors)


def test_quotas_count_in_the_program_as_in_the_package(programs: Path, tmp_path: Path) -> None:
    allowed = len(os.sched_getaffinity(0))
    roots = [write(tmp_path / str(i), files) for i, (files, _) in enumerate(CASES.values())]
    done = must(
        subprocess.run([programs / "count", *roots], capture_output=True, text=True, check=False)
    ).stdout
    found = [int(line.split(" ")[0]) for line in done.splitlines()]
    wanted = [allowed if quota is None else min(allowed, quota) for _, quota in CASES.values()]
    assert dict(zip(CASES, found, strict=True)) == dict(zip(CASES, wanted, strict=True))


def test_the_advice_is_for_threads_that_spin_where_others_work(programs: Path, tmp_path: Path) -> None:
    """A machine of 64 processors, of which this process may use what it has here: its threads spin."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("with one processor nothing spins")
    (root := tmp_path / "root").mkdir()
    write(root, {"sys/devices/system/cpu/online": "0-31,64-95\n"})

    def advice(**more: str) -> str:
        argv = [programs / "count", root]
        done = subprocess.run(argv, env=environment(**more), capture_output=True, text=True, check=False)
        count, online, text = must(done).stdout.rstrip("\n").split(" ", 2)
        assert (int(count), int(online)) == (len(os.sched_getaffinity(0)), 64)
        return text

    assert "of 64 processors" in advice() and "OMP_WAIT_POLICY=passive" in advice()
    assert [advice(**{name: "1"}) for name in CHOSEN] == ["", "", "", ""]


@pytest.fixture
def tell(programs: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def run(*arguments: bytes | str, first: str = "", **more: object) -> subprocess.CompletedProcess[bytes]:
        argv = [first or str(programs / "tell"), *arguments]
        options = {"env": environment(), "input": b"", **more}
        return subprocess.run(argv, executable=programs / "tell", capture_output=True, check=False, **options)  # type: ignore[call-overload]

    return run


def spin_count(done: subprocess.CompletedProcess[bytes]) -> str:
    """As libgomp tells it when it is loaded."""
    (line,) = [x for x in done.stderr.decode().splitlines() if "GOMP_SPINCOUNT" in x]
    return line.partition("=")[2].strip(" '")


def needs_two_processors() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("with one processor the program leaves it to libgomp")


def test_libgomp_lets_the_programs_threads_sleep(
    tell: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    """libgomp's account comes from its constructor: once, in the process that main() runs in."""
    needs_two_processors()
    done = tell()
    assert done.returncode == 0 and spin_count(done) == "0"
    assert done.stderr.count(b"OPENMP DISPLAY ENVIRONMENT BEGIN") == 1


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({"OMP_WAIT_POLICY": "active"}, "30000000000"),
        ({"GOMP_SPINCOUNT": "1234"}, "1234"),
        ({"KMP_BLOCKTIME": "0"}, "300000"),
        ({"KMP_LIBRARY": "throughput"}, "300000"),
    ],
)
def test_what_the_user_chose_wins(
    chosen: dict[str, str], count: str, tell: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    assert spin_count(tell(env=environment(**chosen))) == count


def test_one_processor_is_left_alone(tell: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    """libgomp shortens the spinning itself where there are more threads than processors."""
    done = tell(preexec_fn=on(sorted(os.sched_getaffinity(0))[:1]))
    assert spin_count(done) == "300000" and done.stdout.splitlines()[1] == b"1"


def test_the_process_is_the_one_that_was_started(programs: Path) -> None:
    """Its number, name, arguments (also bytes that are no text), standard input and ignored signals."""
    arguments = [b"", b"with space", b"\xff\xfe", b"'\"$HOME*"]
    process = subprocess.Popen(
        [b"another name", *arguments],
        executable=programs / "tell",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN) and None,
    )
    out, _ = process.communicate(b"input\n")
    assert process.returncode == 0
    pid, _, usr1, name, _, rest = out.split(b"\n", 5)
    assert (int(pid), usr1, name) == (process.pid, b"ignored", b"tell")
    assert rest == b"\0".join([b"another name", *arguments]) + b"\0\ninput\n"


def test_exit_codes_and_signals_reach_the_caller(
    tell: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    assert tell("seven").returncode == 7
    assert tell("raise").returncode == -signal.SIGTERM


def test_an_argument_of_the_dynamic_loader_runs_as_it_is(programs: Path) -> None:
    """/proc/self/exe is the loader then: it would be started with the program's arguments."""
    (loader,) = {
        Path(line.rpartition(" ")[2])
        for line in Path("/proc/self/maps").read_text().splitlines()
        if "/ld-" in line and ".so" in line
    }
    argv = [loader, programs / "tell", "seven"]
    done = subprocess.run(argv, env=environment(), input=b"", capture_output=True, check=False)
    assert done.returncode == 7, done.stderr.decode()
    assert done.stdout.split(b"\n", 5)[5].startswith(b"%s\0seven\0" % os.fsencode(programs / "tell"))
