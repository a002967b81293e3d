"""Every precision has its row, and backends say which of them they have: none has another's name."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from samples import tensorrt

from gencpp.backends import BACKENDS, check
from gencpp.backends.tensorrt.facts import engine_info_header
from gencpp.backends.tensorrt.onnx_export import CONVERTERS
from gencpp.backends.tensorrt.operators import PRECISIONS_SINCE
from gencpp.backends.tensorrt.spec import EngineSpec
from gencpp.core import tolerances
from gencpp.core.errors import UsageError
from gencpp.core.precision import PRECISIONS, Precision, PrecisionRow
from gencpp.core.request import Request
from gencpp.project import templates_root

ENUM = re.compile(r"enum class Precision[^{]*\{([^}]*)\}")


def enumerators() -> set[str]:
    """Of Precision in the C++ of TensorRT projects."""
    found = ENUM.search((templates_root() / "cpp_trt" / "src" / "tensorrt" / "engine_facts.hpp").read_text())
    assert found
    return {name for name in re.split(r"[,\s]+", found.group(1)) if name}


def holes(rows: dict[Precision, PrecisionRow]) -> list[str]:
    """What a table of precisions lacks."""
    found = [f"{p} has no row" for p in Precision if p not in rows]
    for p, row in rows.items():
        found += [f"{p} has no {field}" for field in PrecisionRow.__slots__ if not getattr(row, field)]
        if row.cpp not in enumerators():
            found.append(f"{p} has no C++ name")
        if not any(p in backend.precisions for backend in BACKENDS.values()):
            found.append(f"no backend has {p}")
    return found


def test_no_precision_has_a_hole() -> None:
    assert holes(PRECISIONS) == []
    names = [(row.cpp, row.torch, row.onnx, row.title) for row in PRECISIONS.values()]
    assert all(len(set(column)) == len(names) for column in zip(*names, strict=True))


def test_a_row_without_a_cpp_name_is_found() -> None:
    for name in ("", "int4"):
        found = holes({**PRECISIONS, Precision.fp16: replace(PRECISIONS[Precision.fp16], cpp=name)})
        assert "fp16 has no C++ name" in found
    assert "bf16 has no row" in holes({p: r for p, r in PRECISIONS.items() if p is not Precision.bf16})


def test_tensorrt_s_tables_are_of_the_same_precisions() -> None:
    tables = (tolerances.TENSORRT, tolerances.ONNX, tolerances.ONNX_INTEGERS, CONVERTERS, PRECISIONS_SINCE)
    assert all(set(table) == set(BACKENDS["tensorrt"].precisions) for table in tables)


@pytest.mark.parametrize("asked", Precision)
def test_the_cpp_has_the_precision_s_own_name(asked: Precision) -> None:
    engine = replace(EngineSpec.of(tensorrt()), precision=asked)
    text = engine_info_header("sample", engine)
    assert f"kPrecision = Precision::{asked.value};" in text
    assert f'kPrecisionName = "{asked.value}";' in text
    assert f"kTolerance = {tolerances.TENSORRT[asked]!r};" in text


def test_no_cpp_names_a_precision_by_a_choice_of_two() -> None:
    """`== fp16 ? "fp16" : "fp32"` calls a third one by the name of the second."""
    for file in templates_root().rglob("*.[ch]pp"):
        assert not re.search(r"fp\d\d[^;\n]*\?", file.read_text()), file


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_unknown_precision_is_an_error(backend: str) -> None:
    with pytest.raises(UsageError, match=f"no precision 'fp4' for {backend}") as caught:
        check(Request(source="resnet18", backend=backend, out="out", precision="fp4"))  # type: ignore[arg-type]
    assert caught.value.hint == f"Choose from: {', '.join(BACKENDS[backend].precisions)}."
    with pytest.raises(UsageError, match="fp4"):
        EngineSpec.from_json({**EngineSpec.of(tensorrt()).to_json(), "precision": "fp4"})
