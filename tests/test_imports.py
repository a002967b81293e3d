"""The rules of the flow: imports go one way, and rendering and --help need no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "generator" / "gencpp"

# What each module may import of this package. A module that is missing here fails the test.
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "names": {"errors"},
    "jsonfile": {"errors"},
    "progress": set(),
    "spec": {"errors", "names"},
    "cpp": {"errors", "spec", "bench_values"},
    "toolchain": {"errors"},
    "values": {"errors", "spec"},
    "bench_values": {"spec", "values"},
    "fast_path": set(),
    "structure": {"errors", "spec", "values", "fast_path"},
    "stimuli": {"errors", "spec", "values", "structure"},
    "fitting": {"errors", "spec", "values", "structure", "stimuli"},
    "fast_path_check": {"errors", "spec", "fast_path", "structure", "stimuli"},
    "mask_layouts": {"spec", "stimuli"},
    "script_arguments": {"errors"},
    "branch_text": set(),
    "branches_script": {"branch_text"},
    "branches_onnx": {"branch_text", "onnx_graph", "onnx_runtime"},
    "branches": {
        *("spec", "fitting", "branch_text", "branches_script", "branches_onnx", "artifacts", "golden"),
        "sources",
    },
    "archives": {"errors", "spec", "structure"},
    "weights": {"errors", "spec"},
    "lively": {"errors", "spec", "fast_path", "structure", "stimuli"},
    "factories": {"errors", "spec"},
    "builders": {"errors", "spec", "structure", "stimuli", "weights", "lively"},
    "transforms": {"errors", "spec"},
    "sources": {
        *("errors", "jsonfile", "spec", "structure", "stimuli", "archives", "weights", "lively"),
        *("factories", "builders", "transforms", "onnx_source"),
    },
    "onnx_work": {"spec", "onnx_graph", "onnx_source"},
    "flops": set(),
    "inspection": {
        *("errors", "spec", "fast_path", "structure", "stimuli", "fitting", "fast_path_check", "sources"),
        *("transforms", "onnx_work", "flops", "observed", "onnx_value_sizes", "value_sizes"),
    },
    "onnx_value_sizes": {"spec", "onnx_graph", "onnx_names", "onnx_source"},
    "observed": {"flops", "structure"},
    "value_sizes": {"artifacts", "errors", "fast_path", "spec"},
    "size_plan": {"spec"},
    "export_guards": {"spec"},
    "guard_cases": {"export_guards", "size_plan", "spec"},
    "answers": {
        *("artifacts", "errors", "observed", "onnx_work", "size_plan", "sources", "spec", "stimuli"),
        *("structure", "export_guards", "guard_cases"),
    },
    "bounding": {"answers", "errors", "export_guards", "size_plan", "spec"},
    "branch_lines": set(),
    "trace_branches": {"answers", "branch_lines", "fast_path", "spec", "structure"},
    "again": {"errors", "names", "spec", "values"},
    "variants": {"errors"},
    "dynamic_shapes": {"spec", "stimuli"},
    "straight": {"spec", "fast_path", "stimuli", "dynamic_shapes", "export_guards"},
    "export": {
        *("errors", "spec", "fast_path", "structure", "stimuli", "script_arguments", "artifacts"),
        *("sources", "variants", "straight", "draws", "history", "script_state"),
        *("answers", "bounding", "export_guards", "trace_branches"),
    },
    "float32": set(),
    "aoti": {
        *("errors", "spec", "fast_path", "stimuli", "artifacts", "sources", "variants", "dynamic_shapes"),
        *("float32", "draws", "history", "stateless_program", "answers", "bounding", "export_guards"),
    },
    "half": {"errors", "spec", "fast_path", "stimuli", "artifacts", "sources"},
    "bare_torch": set(),
    "libtorch_operators": {"errors", "spec", "structure", "stimuli", "artifacts", "sources", "bare_torch"},
    "libtorch_export": {
        *("errors", "spec", "stimuli", "artifacts", "sources", "variants", "export", "aoti"),
        *("libtorch_operators", "draws", "answers", "bounding", "bench_values", "values"),
    },
    "draws": {"errors", "structure", "onnx_names"},
    "script_graph": {"structure", "draws"},
    "script_state": {"draws", "script_graph"},
    "stateless_program": {"draws"},
    "history": {"fast_path", "spec", "stimuli"},
    "checksum": set(),
    "artifacts": {"errors", "spec", "fast_path", "structure", "checksum", "draws"},
    "dynamic": {"errors", "spec", "structure", "stimuli", "sources"},
    "trt_operator_table": set(),
    "trt_types": {"onnx_names"},
    "trt_operators": {"errors", "spec", "onnx_graph", "trt_operator_table", "trt_types", "onnx_names"},
    "onnx_uint8": {"onnx_graph", "onnx_names"},
    "onnx_names": set(),
    "onnx_graph": {"spec", "onnx_names"},
    "onnx_lower": {"onnx_graph", "onnx_names"},
    "onnx_fp16": {"onnx_graph", "onnx_names"},
    "onnx_runtime": {"spec", "structure", "artifacts"},
    "onnx_source": {"errors", "spec", "onnx_graph", "onnx_runtime", "artifacts", "onnx_names"},
    "onnx_torch": {
        *("spec", "fast_path", "structure", "stimuli", "artifacts", "sources", "dynamic_shapes"),
        "export_guards",
    },
    "onnx_parity": {"answers", "artifacts", "bounding", "onnx_runtime", "size_plan", "spec", "stimuli"},
    "onnx_prepare": {
        *("errors", "spec", "onnx_graph", "artifacts", "trt_types", "onnx_names", "trt_operators"),
        *("onnx_uint8", "onnx_lower", "onnx_torch"),
    },
    "onnx_export": {
        *("errors", "spec", "stimuli", "mask_layouts", "onnx_graph", "onnx_runtime", "artifacts"),
        *("sources", "onnx_source", "trt_operators", "onnx_fp16", "onnx_torch", "onnx_parity"),
        *("onnx_prepare", "draws", "history", "answers", "bounding", "export_guards", "trace_branches"),
    },
    "golden": {
        *("errors", "spec", "structure", "stimuli", "fitting", "sources", "transforms", "pictures"),
        *("answers", "size_plan", "column_scales"),
    },
    "column_scales": {"spec"},
    "pictures": {"errors", "spec"},
    "catalog": {"errors", "spec", "builders"},
    "tensorrt_found": set(),
    "rtx": {"errors", "spec", "onnx_names"},
    "network": {"errors", "jsonfile", "spec", "cpp", "onnx_graph", "onnx_names", "rtx"},
    "network_export": {
        *("errors", "spec", "artifacts", "sources", "onnx_parity", "onnx_export", "network", "parity"),
        "answers",
    },
    "trt_checks": {"spec", "toolchain", "rtx", "network", "parity"},
    "backends": {"errors", "spec", "cpp", "variants"},
    "readme": {"spec", "values"},
    "project": {"errors", "names", "jsonfile", "progress", "spec", "cpp", "backends", "readme"},
    "parity": {"errors", "jsonfile", "spec", "toolchain", "network"},
    "verify": {"errors", "jsonfile", "spec", "toolchain", "parity", "trt_checks", "backends", "project"},
    "tune": {"errors", "jsonfile", "spec", "toolchain", "parity", "backends", "project"},
    "bench": {
        *("__init__", "errors", "jsonfile", "spec", "bench_values", "toolchain", "values", "sources"),
        *("transforms", "again", "onnx_export", "parity", "backends", "project", "verify"),
    },
    "doctor": {"errors", "spec", "toolchain", "tensorrt_found", "backends"},
    "pipeline": {
        *("__init__", "errors", "progress", "spec", "cpp", "values", "branches", "golden", "sources"),
        *("inspection", "again", "variants", "export", "aoti", "half", "bare_torch", "libtorch_operators"),
        *("libtorch_export", "dynamic", "trt_operators", "onnx_export", "network_export", "backends"),
        *("project", "verify", "tune", "answers", "bounding", "size_plan"),
    },
    "cli_show": {"progress"},
    "cli_options": {"pipeline"},
    "cli_new": {"readme", "pipeline", "cli_show", "cli_options"},
    "cli_verify": {"spec", "backends", "pipeline", "cli_show", "cli_options"},
    "cli_bench": {"bench", "cli_show", "cli_options"},
    "cli_tables": {"catalog", "backends", "readme", "doctor", "pipeline", "cli_show", "cli_options"},
    "cli": {"__init__", "errors", "cli_show", "cli_new", "cli_verify", "cli_bench", "cli_tables"},
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
        "import sys\nfrom gencpp import cli\n"
        "sys.argv = ['gencpp', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit as e:\n    assert e.code in (0, None), e.code\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'PIL', 'onnx', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
