"""The rooms of the package: imports go down, in no circle; what renders and verifies needs no torch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest
from places import ROOT

GENCPP = ROOT / "generator" / "gencpp"

FLOORS = {
    "cli": 8,
    "pipeline": 7,
    "doctor": 7,
    "bench": 7,
    "backends": 6,
    "sources": 5,
    "model": 5,
    "network": 5,
    "verification": 4,
    "onnx": 4,
    "project": 3,
    "tasks": 2,
    "tensors": 2,
    "core": 1,
}
"""A room imports only from rooms on lower floors. `gencpp` itself, on top of all, is not among them."""
TESTS_OF = (*FLOORS, "support")
"""Folders of tests/unit and tests/torch; `support` tests the tests' own programs."""
RUNTIMES = tuple(
    f"backends.{f.name}" for f in (GENCPP / "backends").iterdir() if (f / "backend.py").is_file()
)
"""None imports another; `backends` has the table of all."""

HEAVY = {"torch", "torchvision", "onnx", "onnxruntime", "tensorrt", "numpy", "PIL"}
NO_TORCH_AT_ALL = ("project", "verification", "doctor", "cli")
NO_TORCH = (
    *("core/cpp.py", "core/spec.py", "core/toolchain.py"),
    *(f"{name.replace('.', '/')}/backend.py" for name in RUNTIMES),
)


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name, less `gencpp.`; the package itself is the empty one."""
    found = {}
    for file in sorted(GENCPP.rglob("*.py")):
        parts = file.relative_to(GENCPP).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """Modules of this package that one imports, anywhere in it; importing `a.b` imports `a`, too."""
    file = modules()[name]
    own = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            whole = [a.name.partition(".")[2] for a in node.names if a.name.split(".")[0] == "gencpp"]
            found |= set(whole)  # of `import gencpp` itself the empty name
            continue
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = [*own[: len(own) - node.level + 1], *(node.module or "").split(".")]
        elif (node.module or "").split(".")[0] == "gencpp":
            base = (node.module or "").split(".")[1:]
        else:
            continue
        module = ".".join(filter(None, base))
        for alias in node.names:
            if not module and alias.name == "__version__":
                continue
            one = f"{module}.{alias.name}".strip(".")
            found.add(one if one in modules() else module)
    parts = [other.split(".") for other in found]
    parents = {".".join(p[:i]) for p in parts for i in range(1, len(p))}
    return frozenset((found | {p for p in parents if not f"{name}.".startswith(f"{p}.")}) - {name})


def room(name: str) -> str:
    return name.split(".")[0]


def arrows() -> Iterator[tuple[str, str]]:
    """(module, module that it imports), less those within one room."""
    for name in modules():
        if name not in ("", "__main__"):
            yield from ((name, other) for other in imports(name) if other and room(other) != room(name))


def test_every_module_is_in_a_room() -> None:
    assert {room(name) for name in modules()} - {"", "__main__"} == set(FLOORS)


def test_tests_are_in_folders_of_rooms() -> None:
    """The pipeline's are those of the command line."""
    folders = {
        f.name for kind in ("unit", "torch") for f in (ROOT / "tests" / kind).iterdir() if any(f.glob("*.py"))
    }
    assert folders <= set(TESTS_OF)
    assert set(FLOORS) - folders == {"pipeline"}


def test_no_room_imports_the_whole() -> None:
    """`gencpp` offers what is on the top floors."""
    assert not [name for name in modules() if name and "" in imports(name)]


def test_imports_go_down() -> None:
    wrong = [f"{a} -> {b}" for a, b in arrows() if FLOORS[room(b)] >= FLOORS[room(a)]]
    assert not wrong, "a room imports only from lower floors: " + ", ".join(wrong)


def test_no_runtime_imports_the_other() -> None:
    assert len(RUNTIMES) > 1
    for own, other in permutations(RUNTIMES, 2):
        for name in modules():
            if name.startswith(own):
                assert not [i for i in imports(name) if i.startswith(other)], name


def test_modules_import_each_other_in_no_circle() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in imports(name):
                visit(other, (*path, name))
            done.add(name)

    for name in modules():
        if name:  # which imports what it offers when that is used
            visit(name, ())


def test_the_picture_in_the_docs_is_this_one() -> None:
    """docs/developing/architecture.md has the table of the rooms, and the arrows that others do not imply."""
    text = (ROOT / "docs" / "developing" / "architecture.md").read_text()
    rows = re.findall(r"^\| (\d) \| (.+?) \|", text, re.MULTILINE)
    told = {name: int(floor) for floor, names in rows for name in re.findall(r"`([a-z]+)(?:\.py|/)?`", names)}
    assert told == FLOORS
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)$", text, re.MULTILINE))
    real = {(room(a), room(b)) for a, b in arrows()}
    assert drawn <= real, "the picture has an arrow that there is not"
    implied = closure(drawn)
    assert real <= implied, f"the picture lacks {real - implied}"
    assert all(arrow not in closure(drawn - {arrow}) for arrow in drawn), (
        "others imply an arrow of the picture"
    )


def closure(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """With every arrow that follows from two."""
    found = arrows
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found = found | more
    return found


@pytest.mark.parametrize("name", [n for n in modules() if n])
def test_heavy_packages_are_imported_inside_functions(name: str) -> None:
    for node in ast.parse(modules()[name].read_text()).body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        assert not {n.split(".")[0] for n in names} & HEAVY


@pytest.mark.parametrize("name", [n for n in modules() if room(n) != "cli"])
def test_only_the_command_line_prints_or_exits(name: str) -> None:
    for node in ast.walk(ast.parse(modules()[name].read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "exit", "quit"), f"{name}:{node.lineno}"


def test_no_torch_in_what_renders_and_verifies() -> None:
    files = [f for n, f in modules().items() if room(n) in NO_TORCH_AT_ALL]
    for file in [*files, *(GENCPP / f for f in NO_TORCH)]:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            heavy = {n.split(".")[0] for n in names} & {"torch", "torchvision", "onnx", "tensorrt"}
            assert not heavy, f"{file.name}: {heavy}"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom gencpp.cli import main as cli\n"
        "sys.argv = ['gencpp', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit as e:\n    assert e.code in (0, None), e.code\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'PIL', 'onnx', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
