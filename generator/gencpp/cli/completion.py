"""What the shell offers behind an option. It asks at each press of a key: nothing here imports torch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

Words = Callable[[str], list[str]]
"""From what was typed so far to the words that begin with it."""


def _offered(words: Callable[[], Iterable[str]]) -> Words:
    def begun(incomplete: str) -> list[str]:
        return [word for word in words() if word.startswith(incomplete)]

    return begun


def _models() -> Iterable[str]:
    from ..sources.names import registered_names

    return registered_names()


def _tasks() -> Iterable[str]:
    from ..sources.names import GROUPS

    return GROUPS


def _backends() -> Iterable[str]:
    from ..backends import BACKENDS

    return BACKENDS


def _artifacts() -> Iterable[str]:
    from ..backends.libtorch.variants import ARTIFACTS, VARIANTS

    return dict.fromkeys((*ARTIFACTS, *VARIANTS))


def _devices() -> Iterable[str]:
    from ..backends.libtorch.spec import RunsOn

    return tuple(RunsOn)


def _precisions() -> Iterable[str]:
    from ..core.precision import PRECISIONS

    return map(str, PRECISIONS)


def _trt_apis() -> Iterable[str]:
    from ..backends.tensorrt.options import TRT_APIS

    return TRT_APIS


models = _offered(_models)
tasks = _offered(_tasks)
backends = _offered(_backends)
artifacts = _offered(_artifacts)
devices = _offered(_devices)
precisions = _offered(_precisions)
trt_apis = _offered(_trt_apis)
weights = _offered(lambda: ("auto", "none", "DEFAULT"))


def peers(incomplete: str) -> list[str]:
    """Of the list that --against takes."""
    from ..bench.options import PEERS

    return _last_of_list(incomplete, PEERS if "," in incomplete else (*PEERS, "none"))


def steps(context: typer.Context, incomplete: str) -> list[str]:
    """Of the project in the folder that was typed before; without one, what every project has."""
    from .. import project
    from ..backends import backend_named
    from ..core.errors import GencppError
    from ..verification.steps import names_for_all, steps_of

    names = names_for_all()
    folder = context.params.get("out")
    with contextlib.suppress(GencppError, OSError):
        if folder is not None:
            of = project.read_manifest(Path(folder)).project
            names = tuple(step.name for step in steps_of(backend_named(of.backend), Path(folder), of))
    return _last_of_list(incomplete, names)


def _last_of_list(incomplete: str, words: Iterable[str]) -> list[str]:
    """Of a list with commas, its last word."""
    before, comma, last = incomplete.rpartition(",")
    given = before.split(",")
    return [before + comma + word for word in words if word.startswith(last) and word not in given]
