"""Text of whole projects, compared with those that are kept: --update-golden writes them anew."""

from __future__ import annotations

import re
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

TREES = {"classifier": classifier, "tensors_only": tensors_only, "tensorrt": tensorrt}
LISTING = "listing.txt"
"""All paths of a tree whose files are not all kept."""
NAMES = {"name", "NAME"}
NONSENSE = "zqxv7"


@pytest.mark.parametrize("tree", TREES)
def test_tree_is_the_golden_one(tree: str, request: pytest.FixtureRequest) -> None:
    """The example is kept whole; of the others what is more than a template with the project's name."""
    rendered = {str(p): d for p, d in texts_of(TREES[tree]()).items()}
    folder = GENERATED if tree == "classifier" else GOLDEN / tree
    if tree != "classifier":
        listing = "".join(f"{path}\n" for path in sorted(rendered)).encode()
        common = {str(p): d for p, d in texts_of(classifier()).items()}  # what is equal is kept once
        plain = {
            path for path, template in templates_of(TREES[tree]()).items() if placeholders(template) <= NAMES
        }
        rendered = {p: d for p, d in rendered.items() if common.get(p) != d and p not in plain}
        rendered[LISTING] = listing
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        for path, data in rendered.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    kept = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert sorted(kept) == sorted(rendered)
    different = [path for path in sorted(kept) if kept[path] != rendered[path]]
    assert not different, "rendered otherwise than it is kept (--update-golden writes it anew)"


@pytest.mark.parametrize("tree", TREES)
def test_templates_are_only_filled_in(tree: str) -> None:
    """What stands between the placeholders arrives as it is, and a project's name comes from nowhere else."""
    spec = TREES[tree](NONSENSE)
    rendered = {str(p): d.decode() for p, d in texts_of(spec).items()}
    templates = templates_of(spec)
    assert len(templates) > 100 and set(templates) < set(rendered)
    for path, template in templates.items():
        literal, *rest = re.split(r"\{= *\w+ *=\}", template)
        pattern = re.escape(literal) + "".join(f"(.*?){re.escape(part)}" for part in rest)
        found = re.fullmatch(pattern, rendered[path], re.DOTALL)
        assert found, f"{path} is not its template, filled in"
        names = re.findall(r"\{= *(\w+) *=\}", template)
        for name, value in zip(names, found.groups(), strict=True):
            if name in NAMES:
                assert value == (NONSENSE.upper() if name == "NAME" else NONSENSE), f"{path}: {name}"


@pytest.mark.parametrize("tree", TREES)
def test_no_name_but_the_project_s_own_is_in_it(tree: str) -> None:
    """A project of another name is the same text with that name."""
    other = {str(p).replace(NONSENSE, "sample"): d for p, d in texts_of(TREES[tree](NONSENSE)).items()}
    own = {str(p): d for p, d in texts_of(TREES[tree]("sample")).items()}
    assert sorted(own) == sorted(other)
    for path, data in own.items():
        renamed = other[path].decode().replace(NONSENSE, "sample").replace(NONSENSE.upper(), "SAMPLE")
        assert renamed == data.decode(), path
        leaks = re.search(rb"(?i)sample(::|_core|_lib|_app|_bench|_assets|-config|/)", other[path])
        assert leaks is None, (path, leaks)


def templates_of(project: ProjectSpec) -> dict[str, str]:
    """Path in the project -> text of the template that it is made from."""
    root = templates_root()
    layers = ("common", TASKS[project.model.task].layer, *BACKENDS[project.backend].template_layers(project))
    return {
        path.replace("__name__", project.name): (root / layer / path).read_text()
        for layer in layers
        for path in own_files(root / layer)
    }


def placeholders(template: str) -> set[str]:
    return set(re.findall(r"\{= *(\w+) *=\}", template))


def test_layers_add_files_and_replace_none() -> None:
    """What is written twice is mended once."""
    root = templates_root()
    for project in (make() for make in TREES.values()):
        task, backend = TASKS[project.model.task], BACKENDS[project.backend]
        layers = ["common", task.layer, *backend.template_layers(project)]
        files = [path for layer in layers for path in own_files(root / layer)]
        assert sorted(files) == sorted(set(files)), layers


def own_files(layer: Path) -> list[str]:
    """Without those of layers of their own inside it."""
    every = (p.relative_to(layer).as_posix() for p in layer.rglob("*") if p.is_file())
    return [path for path in every if not path.startswith(f"{SUBLAYERS}/")]


@pytest.mark.parametrize("name", ["sample", "z", "a_very_long_project_name_that_changes_every_line_break"])
@pytest.mark.parametrize("tree", TREES)
def test_cpp_is_clang_format_clean(tree: str, name: str, tmp_path: Path) -> None:
    spec = TREES[tree](name)
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
