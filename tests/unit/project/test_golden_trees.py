"""Text of whole projects, compared with those that are kept: --update-golden writes them anew."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import GENERATED, GOLDEN
from samples import classifier, tensorrt, tensors_only
from writing import texts_of

from gencpp.backends import BACKENDS
from gencpp.core.spec import ProjectSpec
from gencpp.project import templates_root
from gencpp.project.render import SUBLAYERS
from gencpp.tasks import TASKS

TREES = {"classifier": classifier(), "tensors_only": tensors_only(), "tensorrt": tensorrt()}


@pytest.mark.parametrize("tree", TREES)
def test_tree_is_the_golden_one(tree: str, request: pytest.FixtureRequest) -> None:
    rendered = {str(p): d for p, d in texts_of(TREES[tree]).items()}
    if tree != "classifier":  # what is equal is kept once
        common = {str(p): d for p, d in texts_of(TREES["classifier"]).items()}
        rendered = {p: d for p, d in rendered.items() if common.get(p) != d}
    folder = GENERATED if tree == "classifier" else GOLDEN / tree
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        for path, data in rendered.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    kept = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert sorted(kept) == sorted(rendered)
    different = [path for path in sorted(kept) if kept[path] != rendered[path]]
    assert not different, "rendered otherwise than it is kept (--update-golden writes it anew)"


def test_layers_add_files_and_replace_none() -> None:
    """What is written twice is mended once."""
    root = templates_root()
    for project in TREES.values():
        task, backend = TASKS[project.model.task], BACKENDS[project.backend]
        layers = ["common", task.layer, *backend.template_layers(project)]
        files = [path for layer in layers for path in own_files(root / layer)]
        assert sorted(files) == sorted(set(files)), layers


def own_files(layer: Path) -> list[str]:
    """Without those of layers of their own inside it."""
    every = (p.relative_to(layer).as_posix() for p in layer.rglob("*") if p.is_file())
    return [path for path in every if not path.startswith(f"{SUBLAYERS}/")]


@pytest.mark.parametrize("name", ["sample", "z", "a_very_long_project_name_that_changes_every_line_break"])
@pytest.mark.parametrize("make", [classifier, tensors_only, tensorrt])
def test_cpp_is_clang_format_clean(make: object, name: str, tmp_path: Path) -> None:
    spec: ProjectSpec = make(name)  # type: ignore[operator]
    files = []
    for path, data in texts_of(spec).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
        if path.suffix in (".cpp", ".hpp"):
            files.append(str(tmp_path / path))
    assert len(files) > 20
    program = shutil.which("clang-format", path=str(Path(sys.executable).parent)) or shutil.which(
        "clang-format"
    )
    assert program, "pip install clang-format"
    done = subprocess.run(
        [program, "--dry-run", "-Werror", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:3000]
