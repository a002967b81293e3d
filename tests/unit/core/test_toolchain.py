"""Programs that are run: their lines as they come, their end, and the end of their time."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from gencpp.core.toolchain import run

SLOW = "import time; print('first', flush=True); time.sleep(60)"
CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


def test_both_streams_are_one_text_and_each_line_is_told() -> None:
    code = "import sys; print('a', flush=True); print('b', file=sys.stderr, flush=True); print('c', end='')"
    told: list[str] = []
    done = run([sys.executable, "-c", f"{code}; sys.exit(5)"], timeout=60, told=told.append)
    assert (done.code, done.output, told) == (5, "a\nb\nc", ["a", "b", "c"])


def test_a_line_is_told_while_the_program_runs() -> None:
    class Seen(Exception):
        pass

    def see(line: str) -> None:
        raise Seen(line)

    begin = time.monotonic()
    with pytest.raises(Seen, match="first"):  # and the program is ended with what was interrupted
        run([sys.executable, "-c", SLOW], timeout=300, told=see)
    assert time.monotonic() - begin < 50


def test_what_was_printed_until_the_time_was_over() -> None:
    partial = SLOW.replace("'first'", "'first\\nrest', end=''")
    done = run([sys.executable, "-c", partial], timeout=3)
    assert (done.code, done.output) == (124, "first\nrest\n[stopped after 3 s]\n")


def test_the_time_is_over_for_one_that_prints_faster_than_it_is_told() -> None:
    done = run([sys.executable, "-uc", "while True: print(1)"], timeout=1, told=lambda _: time.sleep(0.002))
    assert done.code == 124 and done.output.endswith("[stopped after 1 s]\n")


def test_what_a_program_started_is_ended_with_it() -> None:
    """Such as the compilers of a build that ran out of time."""
    done = run([sys.executable, "-c", PARENT], timeout=3)
    pid, told = done.output.split("\n", 1)
    assert (done.code, told) == (124, "\n[stopped after 3 s]\n")
    assert _ends(int(pid))


def test_what_left_the_group_is_not_waited_for() -> None:
    begin = time.monotonic()
    done = run(
        [sys.executable, "-c", PARENT.replace("run([", "run(start_new_session=True, args=[")], timeout=3
    )
    assert done.code == 124 and time.monotonic() - begin < 50
    os.kill(int(done.output.split("\n")[0]), signal.SIGKILL)


def _ends(pid: int) -> bool:
    """Whether a process is gone, or only waits to be counted, within some seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.is_file() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_bytes_that_are_no_text_are_replaced() -> None:
    done = run([sys.executable, "-c", "import os; os.write(1, b'\\xff\\n')"], timeout=60)
    assert done.output == "\ufffd\n"


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        run(["/nowhere/program"], timeout=1)
