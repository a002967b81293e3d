"""Names in other letters than ASCII's: TorchScript refuses them by name, ONNX takes them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Gencpp
from places import SUPPORT
from torch import Tensor, nn

from gencpp.backends.libtorch.script_names import check_names
from gencpp.core.errors import UsageError


class Net(nn.Module):
    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return x


class Größe(Net): ...


def check(module: nn.Module, *, frozen: bool) -> None:
    loaded: Any = SimpleNamespace(module=module, source_text="nets:make")
    check_names(loaded, frozen=frozen)


def test_parts_go_where_the_graph_is_frozen() -> None:
    inner = Net(breite=nn.Linear(2, 2), höhe=Größe())
    check(inner, frozen=True)
    with pytest.raises(UsageError, match=r"only; nets:make has höhe, Größe\n"):
        check(inner, frozen=False)
    with pytest.raises(UsageError, match=r"nets:make has Größe\n"):
        check(Größe(), frozen=True)
    check(Net(a=nn.Linear(2, 2)), frozen=False)


def test_an_argument_in_any_script(gencpp: Gencpp, tmp_path: Path) -> None:
    asked = ("new", "--model", "models.names:size", "--path", SUPPORT, "--input", "größe:1x6")
    done = gencpp(*asked, tmp_path / "out")
    assert done.returncode == 2 and "models.names:size has größe" in done.stderr, done.stderr
    assert "--backend tensorrt" in done.stderr and not (tmp_path / "out").exists()
    done = gencpp(*asked, "--backend", "tensorrt", "--json", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    model = json.loads(done.stdout)["project"]["model"]
    assert [t["name"] for t in (*model["inputs"], *model["outputs"])] == ["größe", "höhe"]
    facts = (tmp_path / "out" / "include" / "size" / "model_info.hpp").read_text(encoding="utf-8")
    assert r'TensorFacts{"gr\303\266\303\237e"' in facts
