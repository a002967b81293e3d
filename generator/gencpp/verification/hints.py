"""What the log of a failed step says, and what to do about it."""

from __future__ import annotations

import re

_HINTS = (
    (
        r"[:.(] ?No space left on device\)?:?$|^OSError: \[Errno 28\] No space left on device",
        "The disk is full: free space and run verify again.",
    ),
    (
        r"(?:fatal error|internal compiler error|unable to execute command): Killed\b"
        r"|^(?:\S*[/ ])?(?:cc1plus|ld|collect2)\S*: (?:.*: )?(?:out of memory|memory exhausted)"
        r"|^virtual memory exhausted|^LLVM ERROR: out of memory",
        "The compiler ran out of memory: close other programs, or build with fewer jobs (--jobs 1).",
    ),
    (
        r": internal compiler error: ",
        "The compiler itself failed: take another version of it (CXX=g++-13, for example).",
    ),
    (
        r"^\[stopped after \d+ s\]$",
        "It ran out of time: close other programs, and run verify again. What was built is kept.",
    ),
    (
        r"^ *(?:CMake Error.*: *)?Could NOT find LibTorch",
        "LibTorch was not found: pip install torch, or set TORCH_ROOT to a downloaded libtorch/.",
    ),
    (
        r"undefined reference to .*__cxx11",
        "LibTorch was built with another C++ ABI than this compiler's: use a current torch.",
    ),
    (
        r"^-- The CXX compiler identification is unknown$|^ *is not able to compile a simple test program",
        "The C++ compiler does not work.",
    ),
    (
        r"(?:^|: )cannot find \S+; set \w+_ASSETS to the folder that holds it",
        "An asset is missing: restore it, or generate the project anew.",
    ),
    (
        r" is not the artifact of this project \(.* expected .*, found ",
        "An asset is not the one that was generated: restore it, or generate the project anew.",
    ),
)
"""(pattern of one line, as the program that failed writes it; hint). The first that is found is told."""


def hint_for(log: str) -> str:
    """What to do; empty: nothing that is known."""
    for pattern, hint in _HINTS:
        if re.search(pattern, log, re.MULTILINE):
            return hint
    return ""
