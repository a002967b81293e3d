"""The table of global names has what this machine's compiler takes."""

from __future__ import annotations

import platform
import re

import pytest
from sweeps import global_names

from gencpp.core.project_name import problem
from gencpp.core.toolchain import find_compiler


@pytest.mark.compile
def test_what_the_c_library_takes_here_is_in_the_table() -> None:
    """Of another C library, or a newer one, it says what to do."""
    compiler = find_compiler()
    assert compiler is not None
    found = global_names.taken(compiler, [f"{name}.h" for name in global_names.C_POSIX])
    assert {"index", "time", "signal", "random", "select", "log", "exp", "system", "read", "link"} <= found
    missing = sorted(name for name in found if not problem(name))
    made_with = re.search(r"glibc (\d+)\.(\d+)", global_names.TABLE.read_text())
    library, version = platform.libc_ver()
    if missing and (library != "glibc" or version.split(".") > list(made_with.groups() if made_with else ())):
        pytest.skip(f"{library} {version} has more: python tools/sweeps/global_names.py: {missing[:20]}")
    assert missing == []
