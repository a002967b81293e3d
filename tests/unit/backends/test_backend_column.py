"""Every backend fills its column; mypy holds the same (tests/support/typed_columns.py), and types with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from samples import classifier, tensorrt

from gencpp.backends import BACKENDS, check
from gencpp.backends.libtorch.backend import LibTorch
from gencpp.core.backend import Backend
from gencpp.core.errors import UsageError
from gencpp.core.request import Request
from gencpp.core.spec import ProjectSpec, RuntimeSpec

MEMBERS = sorted(name for name in vars(Backend) if not name.startswith("_"))
PROJECTS = {p.backend: p for p in (classifier(), tensorrt())}
"""A sample of each backend: tests/support/samples.py."""


def holes(backends: dict[str, Any]) -> list[str]:
    """What a table of backends lacks."""
    found = []
    for name, backend in backends.items():
        found += [f"{name} has no {member}" for member in MEMBERS if getattr(backend, member, None) is None]
        if backend.name != name:
            found.append(f"{name} calls itself {backend.name}")
        if name not in RuntimeSpec._kinds:
            found.append(f"{name} has no runtime that a manifest can hold")
    return found


def test_no_backend_has_a_hole() -> None:
    assert holes(dict(BACKENDS)) == []
    assert set(PROJECTS) == set(BACKENDS)
    assert len(MEMBERS) > 15 and {"check", "export", "precisions", "facts", "checks"} <= set(MEMBERS)


def test_a_backend_without_checks_is_found() -> None:
    class Opencl(LibTorch):
        name = "opencl"
        checks = None  # type: ignore[assignment]

    assert holes({"opencl": Opencl()}) == [
        "opencl has no checks",
        "opencl has no runtime that a manifest can hold",
    ]


@pytest.mark.parametrize("name", BACKENDS)
def test_a_project_keeps_its_runtime(name: str) -> None:
    project, backend = PROJECTS[name], BACKENDS[name]
    read = ProjectSpec.from_json(json.loads(json.dumps(project.to_json())))
    assert read == project and read.backend == name and type(read.runtime) is type(project.runtime)
    assert json.dumps(backend.facts(project)) and isinstance(backend.measured(project), list)
    other = next(p for n, p in PROJECTS.items() if n != name)
    with pytest.raises(UsageError, match=f"sample runs on {other.backend}, not on {name}"):
        type(project.runtime).of(other)


@pytest.mark.parametrize("name", BACKENDS)
def test_options_of_another_backend_are_refused_by_name(name: str) -> None:
    values: dict[str, Any] = {"tune": True, "tf32": True}
    for other in BACKENDS.values():
        for option in set(other.own_options) - set(BACKENDS[name].own_options):
            asked: Any = {
                "source": "resnet18",
                "backend": name,
                "out": "out",
                option: values.get(option, "x"),
            }
            with pytest.raises(UsageError, match=rf"--{option.replace('_', '-')}: only for") as caught:
                check(Request(**asked))
            assert caught.value.hint == f"Leave it out, or take --backend {other.name}."


@pytest.mark.parametrize("rounds", [0, -1, 10**18])
def test_rounds_that_end_are_asked_for(rounds: int) -> None:
    with pytest.raises(UsageError, match="from 1 to 1000 are measured"):
        check(Request(source="resnet18", backend="libtorch", out="out", tune=True, tune_rounds=rounds))  # type: ignore[arg-type]


def test_an_unknown_backend_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="there is no backend 'opencl'"):
        check(Request(source="resnet18", backend="opencl", out="out"))  # type: ignore[arg-type]
    data = classifier().to_json()
    for runtime, told in (
        ({"backend": "opencl"}, "no backend 'opencl': this gencpp has libtorch, tensorrt"),
        ({}, "names no backend"),
        (5, "names no backend"),
        ({"backend": "libtorch", "precision": "fp4"}, "fp4"),
        ({"backend": "tensorrt"}, "missing fields"),
    ):
        with pytest.raises(UsageError, match=told):
            ProjectSpec.from_json({**data, "runtime": runtime})
