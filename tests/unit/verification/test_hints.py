"""Hints come from the lines that programs write when they fail, and from no name that looks like them."""

from __future__ import annotations

import pytest

from gencpp.verification.counts import count
from gencpp.verification.hints import hint_for

DISK, MEMORY, TIME = "The disk is full", "ran out of memory", "ran out of time"
COMPILER, NONE = "compiler itself failed", "compiler does not work"
TORCH, ABI = "LibTorch was not found", "another C++ ABI"
MISSING, OTHER = "An asset is missing", "An asset is not the one"

LOGS = [
    (DISK, "/tmp/ccX.s: fatal error: error writing to /tmp/ccX.s: No space left on device\n"),
    (DISK, "ninja: fatal: opening build log: No space left on device\n"),
    (DISK, "/usr/bin/ld: final link failed: No space left on device\ncollect2: error: ld returned 1\n"),
    (DISK, "OSError: [Errno 28] No space left on device: '/p/build/x'\n"),
    (DISK, "  file failed to open for writing (No space left on device):\n"),
    (MEMORY, "c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n"),
    (MEMORY, "g++: internal compiler error: Killed (program cc1plus)\n"),
    (MEMORY, "cc1plus: out of memory allocating 65536 bytes after a total of 1048576 bytes\n"),
    (MEMORY, "virtual memory exhausted: Cannot allocate memory\n"),
    (MEMORY, "clang++: error: unable to execute command: Killed\n"),
    (MEMORY, "/usr/bin/ld: out of memory allocating 4096 bytes\n"),
    (COMPILER, "a.cpp:3:1: internal compiler error: Segmentation fault\n"),
    (TIME, "[12/64] Building CXX object a.cpp.o\n\n[stopped after 3600 s]\n"),
    (
        TORCH,
        "CMake Error at /usr/share/cmake/Modules/FindPackageHandleStandardArgs.cmake:230 (message):\n"
        "  Could NOT find LibTorch (missing: LibTorch_ROOT_FOUND)\n",
    ),
    (ABI, "model.cpp:(.text+0x1): undefined reference to `f(std::__cxx11::basic_string<char>)'\n"),
    (NONE, "-- The CXX compiler identification is unknown\n"),
    (NONE, '  The C++ compiler\n\n    "/usr/bin/c++"\n\n  is not able to compile a simple test program.\n'),
    (MISSING, "1: cannot find model.pt; set SAMPLE_ASSETS to the folder that holds it. Looked for:\n"),
    (MISSING, "FAILED: cannot find labels.txt; set SAMPLE_ASSETS to the folder that holds it. Looked for:\n"),
    (
        OTHER,
        "FAILED: /p/model.pt is not the artifact of this project (sha256 expected a, found b): it was\n",
    ),
    (
        OTHER,
        "photo: /p/model.pt is not the artifact of this project (sha256 ab, bytes expected 5, found 4): it\n",
    ),
]


@pytest.mark.parametrize(("hint", "log"), LOGS)
def test_what_a_program_says_has_its_hint(hint: str, log: str) -> None:
    assert hint in hint_for(f"[1/2] Building\n{log}done\n")


COMPILE_ERROR = """[3/64] Building CXX object CMakeFiles/sample_core.dir/src/assets/integrity.cpp.o
FAILED: CMakeFiles/sample_core.dir/src/assets/integrity.cpp.o
/usr/bin/c++ -I/p/src -o CMakeFiles/sample_core.dir/src/assets/integrity.cpp.o -c /p/src/assets/integrity.cpp
/p/src/assets/integrity.cpp:12:1: error: 'sha256' was not declared in this scope
   12 | Result<void> check_integrity(sha256);  // Killed: out of memory
ninja: build stopped: subcommand failed.
"""


@pytest.mark.parametrize(
    "log",
    [
        COMPILE_ERROR,
        "1/9 Test #1: sample.integrity ... Passed\nFAILED: output 'logits' differs from the Python model's\n",
        "FAILED: a file that is cut: the message does not say 'sha256': integrity\n",
        "FAILED: a picture of 3 GB: out of memory was expected, got unsupported\n",
        "error: 'Could' was not declared; // Could NOT find LibTorch is what CMake says\n",
        "undefined reference to `sample::integrity(sample::Sha256)'\n",
        "-- The CXX compiler identification is GNU 12.2.0\n",
        "",
    ],
)
def test_a_name_that_looks_like_an_error_has_none(log: str) -> None:
    assert hint_for(log) == ""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[3/64] Building CXX object a.cpp.o", "[3/64] Building CXX object a.cpp.o"),
        (" 3/25 Test  #3: sample.core ......   Passed    0.02 sec", "[3/25] sample.core"),
        ("10/25 Test #10: sample.golden.seeded-0 ...***Failed", "[10/25] sample.golden.seeded-0"),
        ("      Start  3: sample.core", ""),
        ("note: [3/64]", ""),
        ("[stopped after 3 s]", ""),
    ],
)
def test_how_far_a_program_is(line: str, told: str) -> None:
    assert count(line) == told
