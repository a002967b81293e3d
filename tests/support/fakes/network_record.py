"""What a program made of a network on the double, and how it differs from the calls of a plan."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gencpp.core.spec import DType
from gencpp.network.calls.call import Call, CallWeights, index_type
from gencpp.network.calls.calls import calls
from gencpp.network.calls.recorder import TYPES
from gencpp.network.plan import NetworkPlan

MAX_LISTED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The lines that fake_record.cpp writes, and the bytes of all weights."""

    inputs: tuple[dict[str, Any], ...]
    layers: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    weights: bytes


def read_record(file: Path) -> Record:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    kinds = {kind: tuple(x for x in lines if kind in x) for kind in ("input", "layer", "output")}
    weights = file.with_name(file.name + ".weights").read_bytes()
    return Record(inputs=kinds["input"], layers=kinds["layer"], outputs=kinds["output"], weights=weights)


def differences(plan: NetworkPlan, weights: Mapping[str, Any], api: int, record: Record) -> list[str]:
    """A line each: the layer, what of it, what the plan's calls say, what the program did."""
    expected = calls(plan, api)
    makers = _makers(plan, expected)
    layers = _Layers(weights, record, expected, makers)
    found: list[str] = []
    for i in range(max(len(expected), len(record.layers))):
        if i >= len(record.layers):
            found.append(f"layer {i}: expected {_title(expected[i])}, found none")
        elif i >= len(expected):
            found.append(f"layer {i}: expected none, found {_found_title(record.layers[i])}")
        elif _title(expected[i]) != _found_title(record.layers[i]):
            found.append(f"layer {i}: expected {_title(expected[i])}, found {_found_title(record.layers[i])}")
            break  # one layer more or less: what follows differs too
        else:
            found += layers.differences(i)
    found += _border(plan, api, record, makers)
    return found[:MAX_LISTED]


def _title(call: Call) -> str:
    return f"{call.method} {call.name!r}"


def _found_title(layer: dict[str, Any]) -> str:
    return f"{layer['method']} {layer['layer']!r}"


def _makers(plan: NetworkPlan, expected: tuple[Call, ...]) -> dict[str, Any]:
    """Where each tensor comes from, as the record says it: the input's name, or [layer, output]."""
    made: dict[str, Any] = {t.name: t.name for t in plan.inputs}
    for i, call in enumerate(expected):
        made.update({tensor: [i, o] for o, tensor in enumerate(call.outputs)})
    return {**made, "": None}


@dataclass(frozen=True, slots=True)
class _Layers:
    weights: Mapping[str, Any]
    record: Record
    expected: tuple[Call, ...]
    makers: dict[str, Any]

    def differences(self, i: int) -> Iterator[str]:
        call, layer = self.expected[i], self.record.layers[i]
        pairs: list[tuple[str, Any, Any]] = [
            ("inputs", [self.makers[tensor] for tensor in call.inputs], layer["inputs"]),
            ("number of outputs", len(call.outputs), layer["outputs"]),
        ]
        names = {*call.attributes, *layer["attributes"]}
        for name in sorted(names):
            value = call.attributes.get(name)
            pairs.append((name, value, layer["attributes"].get(name)))
        for what, wanted, given in pairs:
            if not same(wanted, given):
                yield f"layer {i} {call.name!r}: {what}: expected {wanted!r}, found {given!r}"
        if layer["weights"] is None:
            return  # no engine was built, so nobody knows whether their memory is still there
        roles = dict(call.weights)
        for role in sorted({*roles, *layer["weights"]}):
            where = f"layer {i} {call.name!r}: weights {role}"
            if role not in roles or role not in layer["weights"]:
                yield f"{where}: only {'expected' if role in roles else 'found'}"
            elif problem := self.weights_differ(roles[role], layer["weights"][role]):
                yield f"{where} ({roles[role].name or 'in the code'}): {problem}"

    def weights_differ(self, wanted: CallWeights, given: dict[str, Any]) -> str:
        if TYPES[wanted.dtype] != given["dtype"]:
            return f"expected {TYPES[wanted.dtype]}, found {given['dtype']}"
        expected = weight_bytes(wanted, self.weights)
        found = self.record.weights[given["begin"] : given["begin"] + given["bytes"]]
        size = ITEM_BYTES[wanted.dtype]
        if len(expected) != len(found) or given["count"] * size != len(found):
            return f"expected {len(expected) // size} values, found {given['count']}"
        if expected == found:
            return ""
        at = next(i for i in range(0, len(found), size) if expected[i : i + size] != found[i : i + size])
        return (
            f"value {at // size} of {len(found) // size}: "
            f"expected bytes {expected[at : at + size].hex()}, found {found[at : at + size].hex()}"
        )


ITEM_BYTES = {
    DType.float32: 4,
    DType.float16: 2,
    DType.bfloat16: 2,
    DType.int8: 1,
    DType.uint8: 1,
    DType.int32: 4,
    DType.int64: 8,
    DType.bool_: 1,
}


def weight_bytes(wanted: CallWeights, weights: Mapping[str, Any]) -> bytes:
    """As TensorRT has to get them, little-endian."""
    import numpy as np

    if wanted.name:
        array = weights[wanted.name]
        if array.dtype == np.int64 and wanted.dtype is DType.int32:
            array = array.astype(np.int32)
        return bytes(np.ascontiguousarray(array).tobytes())
    if wanted.dtype is DType.bfloat16:
        import torch

        raw = torch.tensor(wanted.values, dtype=torch.float32).to(torch.bfloat16).view(torch.int16)
        return bytes(raw.numpy().tobytes())
    return bytes(np.array(wanted.values, np.dtype(wanted.dtype.value)).tobytes())


def same(wanted: Any, given: Any) -> bool:
    """Types count: 1 is not true. Floats are the same when their bits are."""
    if isinstance(wanted, tuple):
        return (
            isinstance(given, list)
            and len(wanted) == len(given)
            and all(same(a, b) for a, b in zip(wanted, given, strict=True))
        )
    if isinstance(wanted, float):
        assert struct.unpack("<f", float_bits(wanted))[0] == wanted or wanted != wanted, wanted
        return isinstance(given, float) and float_bits(wanted) == float_bits(given)
    return type(wanted) is type(given) and bool(wanted == given)


def float_bits(value: float) -> bytes:
    """Of the nearest float of C++."""
    return struct.pack("<f", value)


def _border(plan: NetworkPlan, api: int, record: Record, makers: dict[str, Any]) -> Iterator[str]:
    def as_here(dtype: DType) -> str:
        return TYPES[index_type(api) if dtype is DType.int64 else dtype]

    wanted_inputs = [(t.name, as_here(t.dtype), list(t.dims)) for t in plan.inputs]
    given_inputs = [(x["input"], x["dtype"], x["dims"]) for x in record.inputs]
    if wanted_inputs != given_inputs:
        yield f"network inputs: expected {wanted_inputs}, found {given_inputs}"
    wanted_outputs = [(o, makers[o]) for o in plan.outputs]
    given_outputs = [(x["output"], x["of"]) for x in record.outputs]
    if wanted_outputs != given_outputs:
        yield f"network outputs: expected {wanted_outputs}, found {given_outputs}"
