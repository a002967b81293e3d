"""The rules of the flow: imports go one way, and rendering and --help need no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "generator"

# What each module may import of this package. A module that is missing here fails the test.
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "spec": {"errors"},
    "cpp": {"spec", "errors"},
    "toolchain": {"errors"},
    "structure": {"spec", "errors"},
    "stimuli": {"spec", "errors", "structure"},
    "archives": {"spec", "errors", "structure"},
    "weights": {"spec", "errors"},
    "lively": {"spec", "errors", "stimuli", "structure"},
    "factories": {"spec", "errors"},
    "builders": {"spec", "errors", "weights", "lively", "stimuli", "structure"},
    "transforms": {"spec", "errors"},
    "sources": {
        *("spec", "errors", "structure", "stimuli", "weights", "lively", "factories", "builders"),
        *("transforms", "archives", "onnx_source"),
    },
    "onnx_work": {"spec", "onnx_graph", "onnx_source"},
    "flops": set(),
    "inspection": {"sources", "spec", "errors", "flops", "structure", "stimuli", "transforms", "onnx_work"},
    "again": {"spec"},
    "variants": {"errors"},
    "dynamic_shapes": {"spec", "stimuli"},
    "straight": {"dynamic_shapes", "spec", "stimuli"},
    "export": {
        *("artifacts", "sources", "spec", "errors", "straight", "structure", "stimuli", "variants"),
        *("draws", "history", "script_state"),
    },
    "float32": set(),
    "aoti": {
        *("artifacts", "dynamic_shapes", "float32", "sources", "spec", "errors", "stimuli", "variants"),
        *("draws", "history", "stateless_program"),
    },
    "half": {"artifacts", "errors", "sources", "spec", "stimuli"},
    "libtorch_export": {
        *("aoti", "artifacts", "draws", "export", "sources", "spec", "errors", "stimuli", "variants"),
    },
    "draws": {"errors", "onnx_names", "structure"},
    "script_graph": {"draws", "structure"},
    "script_state": {"draws", "script_graph"},
    "stateless_program": {"draws"},
    "history": {"spec", "stimuli"},
    "artifacts": {"spec", "errors", "structure", "draws"},
    "dynamic": {"sources", "spec", "errors", "structure", "stimuli"},
    "trt_operator_table": set(),
    "trt_operators": {"spec", "errors", "onnx_names", "onnx_graph", "trt_operator_table"},
    "onnx_names": set(),
    "onnx_graph": {"onnx_names", "spec"},
    "onnx_lower": {"onnx_names", "onnx_graph"},
    "onnx_fp16": {"onnx_names", "onnx_graph"},
    "onnx_runtime": {"artifacts", "spec", "structure"},
    "onnx_source": {"spec", "errors", "artifacts", "onnx_names", "onnx_graph", "onnx_runtime"},
    "onnx_torch": {"artifacts", "dynamic_shapes", "sources", "spec", "structure", "stimuli"},
    "onnx_parity": {"artifacts", "onnx_runtime", "spec", "stimuli"},
    "onnx_prepare": {
        *("artifacts", "errors", "spec", "trt_operators", "onnx_names", "onnx_graph", "onnx_lower"),
        "onnx_torch",
    },
    "onnx_export": {
        *(
            "draws",
            "history",
            "artifacts",
            "sources",
            "spec",
            "errors",
            "stimuli",
            "trt_operators",
            "onnx_source",
        ),
        *("onnx_graph", "onnx_fp16", "onnx_prepare", "onnx_parity", "onnx_runtime", "onnx_torch"),
    },
    "golden": {"sources", "spec", "errors", "structure", "stimuli", "transforms", "pictures"},
    "pictures": {"spec", "errors"},
    "catalog": {"builders", "spec", "errors"},
    "tensorrt_found": set(),
    "rtx": {"spec", "errors", "onnx_names"},
    "network": {"spec", "errors", "cpp", "onnx_names", "onnx_graph", "rtx"},
    "network_export": {
        *("network", "artifacts", "errors", "onnx_export", "onnx_parity", "sources", "spec", "parity"),
    },
    "trt_checks": {"rtx", "network", "parity", "spec", "toolchain"},
    "backends": {"spec", "cpp", "errors", "variants"},
    "readme": {"spec"},
    "project": {"backends", "cpp", "readme", "spec", "errors"},
    "parity": {"spec", "errors", "toolchain", "network"},
    "verify": {"spec", "errors", "toolchain", "parity", "trt_checks", "project", "backends"},
    "tune": {"spec", "errors", "toolchain", "parity", "project", "backends"},
    "bench": {
        *("again", "backends", "errors", "onnx_export", "parity", "project", "sources", "spec", "toolchain"),
        *("transforms", "verify", "__init__"),
    },
    "doctor": {"spec", "errors", "toolchain", "backends", "tensorrt_found"},
    "pipeline": {
        *(
            "sources",
            "inspection",
            "export",
            "onnx_export",
            "network_export",
            "libtorch_export",
            "half",
            "aoti",
            "again",
            "tune",
            "variants",
            "trt_operators",
            "dynamic",
            "golden",
            "backends",
            "project",
            "verify",
            "cpp",
            "spec",
            "errors",
        ),
        "__init__",
    },
    "cli_show": set(),
    "cli_options": {"pipeline"},
    "cli_new": {"cli_options", "cli_show", "pipeline", "readme"},
    "cli_verify": {"cli_options", "cli_show", "pipeline", "backends", "spec"},
    "cli_bench": {"cli_options", "cli_show", "bench"},
    "cli_tables": {"cli_options", "cli_show", "pipeline", "doctor", "catalog", "readme", "backends"},
    "cli": {"cli_bench", "cli_new", "cli_show", "cli_tables", "cli_verify", "errors", "__init__"},
}

COMMAND_LINE = ("cli", "cli_show", "cli_options", "cli_new", "cli_verify", "cli_bench", "cli_tables")
HEAVY = {"torch", "torchvision", "onnx", "onnxruntime", "tensorrt", "numpy", "PIL"}
NO_TORCH_AT_ALL = (
    *("backends", "project", "readme", "cpp", "verify", "parity", "doctor", "toolchain"),
    *COMMAND_LINE,
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def own_imports(file: Path) -> set[str]:
    """Modules of this package that `file` imports, anywhere in it."""
    inside = file.parent != PACKAGE
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.ImportFrom) or node.level == 0:
            continue
        if inside and node.level == 1:
            continue  # within backends/ or network/
        if node.module:
            found.add(node.module.split(".")[0])
        else:
            names = {alias.name for alias in node.names}
            found |= {"__init__" if n == "__version__" else n for n in names}
    return found


@pytest.mark.parametrize("file", modules(), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_one_way(file: Path) -> None:
    name = module_name(file)
    assert name in ALLOWED, f"{name} is new: say in ALLOWED what it may import"
    extra = own_imports(file) - ALLOWED[name] - {name}
    assert not extra, f"{name} must not import {sorted(extra)}"


def test_the_allowed_imports_have_no_circle() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in ALLOWED[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in ALLOWED:
        visit(name, ())


@pytest.mark.parametrize("file", modules(), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_inside_functions(file: Path) -> None:
    for node in ast.parse(file.read_text()).body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        assert not {n.split(".")[0] for n in names} & HEAVY


@pytest.mark.parametrize("file", modules(), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_only_the_command_line_prints_or_exits(file: Path) -> None:
    if module_name(file) in COMMAND_LINE:
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "exit", "quit"), f"{file.name}:{node.lineno}"


@pytest.mark.parametrize("name", NO_TORCH_AT_ALL)
def test_no_torch_in_what_renders_and_verifies(name: str) -> None:
    files = [f for f in modules() if module_name(f) == name]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert not {n.split(".")[0] for n in names} & {"torch", "torchvision", "onnx", "tensorrt"}


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom generator import cli\n"
        "sys.argv = ['gencpp', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit as e:\n    assert e.code in (0, None), e.code\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'PIL', 'onnx', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
