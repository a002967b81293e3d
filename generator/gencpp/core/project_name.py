"""A project's name: one C++ namespace, CMake target, program and library, and a folder of headers."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

from .cpp import KEYWORDS
from .errors import UsageError

LONGEST = 64
"""Characters."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_SUFFIX = "_model"

_GLOBAL_NAMES = Path(__file__).with_name("global_names.txt")

OWN = frozenset("app bench detail diff fs gencpp_shared generated test tests trt".split())  # noqa: SIM905
"""Namespaces inside a project's own (tests/unit/core/test_project_name.py finds them in the templates)."""

CALLED = frozenset(
    """
    compare compare_layers engine_origin on_device parse_options run run_once size_of test_damage test_folders
    test_full_disk test_locks test_round_trip test_writers to_string
    """.split()  # noqa: SIM905
)
"""Functions that its programs call outside of its namespace (the same tests find them)."""

FOLDERS = frozenset("assets cmake cmakefiles consumer include lib bin share src testing verify".split())  # noqa: SIM905
"""Folders of a project, of its build, and of what is installed."""

TARGETS = frozenset(
    "all clean core edit_cache gencpp help install list_install_components package rebuild_cache".split()  # noqa: SIM905
)
"""Targets that CMake or ninja makes, and our own."""

NAMESPACES = frozenset(
    """
    at c10 caffe2 cooperative_groups cub cuda cv fmt nvcuda nvinfer1 nvinfer1_tensorrt nvonnxparser nvtx3
    onnx posix std thrust torch
    """.split()  # noqa: SIM905
)
"""Of libraries that a program with the project has beside it: their names would meet its own. `posix`, and
`std` with digits behind it, are reserved ([namespace.posix], [namespace.future])."""

LIBRARIES = frozenset(
    """
    c c10_cuda cudart cudnn dl gcc_s gomp jpeg m nvinfer_plugin nvinfer png png16 pthread rt stdc torch_cpu
    torch_cuda torch_python z
    """.split()  # noqa: SIM905
)
"""Libraries that its programs link: lib<name>.so would be taken for them."""

SYSTEMS = frozenset(
    """
    errno assert stdin stdout stderr main linux unix windows near far small interface min max hyper cdecl
    pascal fortran huge uuid environ strlcpy strlcat arc4random reallocf issetugid
    """.split()  # noqa: SIM905
)
"""Macros and functions of systems that global_names.txt was not made on (Windows' SDK, Apple's and BSD's
libc), and macros that look like functions."""


@cache
def global_names() -> frozenset[str]:
    """What headers of C, POSIX, C++ and LibTorch declare for the whole program."""
    lines = _GLOBAL_NAMES.read_text(encoding="ascii").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def given(name: str) -> str:
    """`name`, which somebody gave; raises UsageError, with a proposal, where it cannot be a project's."""
    if not (why := problem(name)):
        return name
    try:
        proposal = derived(name[: 4 * LONGEST])
    except UsageError:
        proposal = "my_model"
    shown = ascii(name)[1:-1]
    shown = shown if len(shown) <= LONGEST + 16 else f"{shown[:LONGEST]}..."
    raise UsageError(f"--name {shown}: {why}", hint=f"Such as: --name {proposal}")


def derived(text: str) -> str:
    """A project's name after `text`, which names its model; raises UsageError where nothing of it is left."""
    cleaned = _cleaned(text)
    return f"{cleaned[: LONGEST - len(_SUFFIX)].rstrip('_')}{_SUFFIX}" if problem(cleaned) else cleaned


def why_derived(text: str) -> str:
    """Why the project of `text` has the name that derived(text) gives, and not `text`; empty: it has that."""
    return problem(_cleaned(text)) or problem(text)


def _cleaned(text: str) -> str:
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", letters).strip("_").lower()
    if cleaned and cleaned[0].isdigit():
        cleaned = f"m_{cleaned}"
    if not cleaned:
        raise UsageError(
            f"no name for the project can be made of {ascii(text)[:80]}",
            hint="Give one with --name, such as --name my_model.",
        )
    return cleaned[:LONGEST].rstrip("_")


def problem(name: str) -> str:
    """Why a project cannot have this name; empty: it can."""
    if not _NAME.fullmatch(name):
        return (
            "a project's name is a C++ namespace: lower-case letters (a to z), digits and single underscores,"
            " a letter first"
        )
    if len(name) > LONGEST:
        return f"a project's name has at most {LONGEST} characters"
    if name in KEYWORDS:
        return f"{name} is a keyword of C++"
    if name in global_names() or name in SYSTEMS:
        return f"{name} is a global name in headers of the system or of LibTorch, which no namespace can have"
    if name in NAMESPACES or re.fullmatch(r"std\d+", name):
        return f"{name} is the namespace of a library, whose names would meet the project's"
    if name in LIBRARIES:
        return f"lib{name} is a library of the system or of the backend"
    if name in OWN | CALLED | FOLDERS | TARGETS:
        return f"{name} is a part of every project, or of its build"
    return ""
