"""The version of a C++ project: what is asked for, and what a manifest says, which may be anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from samples import classifier
from writing import texts_of

from gencpp.core.errors import UsageError
from gencpp.core.recipe import ProjectRecipe
from gencpp.core.request import Request


@pytest.mark.parametrize("version", ["2.1.0", "0.0.1", "9999.10.3"])
def test_it_is_the_project_s_in_every_place(version: str) -> None:
    spec = classifier()
    recipe = replace(spec.recipe, project=replace(spec.recipe.project, project_version=version))
    texts = {str(p): d.decode() for p, d in texts_of(replace(spec, recipe=recipe)).items()}
    assert f"project(sample VERSION {version} " in texts["CMakeLists.txt"]
    assert f'#define SAMPLE_VERSION "{version}"' in texts["include/sample/version.hpp"]


def test_without_one_it_is_the_first() -> None:
    assert classifier().version == "1.0.0"


@pytest.mark.parametrize(
    "version",
    [
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "v1.2.3",
        "01.2.3",
        "1.2.3-rc1",
        "10000.0.0",
        "1.2.3)",
        "1.2.3\n",
        "\u0661.0.0",
    ],
)
def test_another_text_is_refused_before_the_work(version: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a version"):
        Request(source="resnet18", backend="libtorch", out=tmp_path, project_version=version)
    with pytest.raises(UsageError, match="is not a version"):
        ProjectRecipe.from_json({"backend": "libtorch", "project_version": version})
