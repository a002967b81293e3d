"""Columns that lack a member, as mypy sees them: no test, and never run.

mypy is told to expect each error, and complains of one that does not come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencpp.backends.libtorch.backend import LibTorch
from gencpp.core.backend import Backend
from gencpp.tasks import TaskColumn
from gencpp.tasks.generic import Generic


class WithoutChecks:
    """All of LibTorch but `checks`."""

    name, title, remedy = LibTorch.name, LibTorch.title, LibTorch.remedy
    own_options, on_cpu, layer_times = LibTorch.own_options, LibTorch.on_cpu, LibTorch.layer_times
    precisions: Mapping[Any, float] = {}
    excluded = LibTorch.excluded
    check, export, tried, facts = LibTorch.check, LibTorch.export, LibTorch.tried, LibTorch.facts
    measured, check_tunable = LibTorch.measured, LibTorch.check_tunable
    template_layers, generated_files = LibTorch.template_layers, LibTorch.generated_files
    template_names, absent = LibTorch.template_names, LibTorch.absent
    configure_arguments = LibTorch.configure_arguments


class WithoutGolden:
    """All of a generic task but `golden`."""

    layer, api, proof = Generic.layer, Generic.api, Generic.proof
    named, check, postprocess = Generic.named, Generic.check, Generic.postprocess
    check_golden, difference = Generic.check_golden, Generic.difference
    generated_files = Generic.generated_files


def use(backend: Backend, task: TaskColumn) -> None:
    pass


use(LibTorch(), Generic())
use(WithoutChecks(), Generic())  # type: ignore[arg-type]
use(LibTorch(), WithoutGolden())  # type: ignore[arg-type]
