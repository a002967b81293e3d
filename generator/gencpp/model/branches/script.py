"""Which branches by values a TorchScript file takes: a copy of its graph says where it is, run on inputs.

TorchScript has no counters of its own; what prints in a copy of the graph is seen exactly.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .text import Branch, binary, call

_MARK = "gencpp-branch"
_SAID = re.compile(_MARK + r" (\d+) (\d+)")

_OF_TYPE = frozenset(
    """
    aten::dim prim::dtype prim::device prim::layout aten::is_floating_point aten::is_complex prim::is_cuda
    prim::is_cpu prim::requires_grad aten::__is__ aten::__isnot__ prim::is_nested prim::ndim prim::itemsize
    aten::get_device aten::element_size prim::is_quantized prim::is_sparse aten::isinstance prim::isinstance
    aten::zeros_like aten::ones_like aten::empty_like
    """.split()  # noqa: SIM905
)
"""What depends on no element and no size."""

_OF_SIZE = frozenset(
    """
    aten::size aten::numel aten::len aten::stride aten::storage_offset aten::is_contiguous prim::shape
    aten::sym_size aten::is_same_size aten::new_zeros aten::new_ones aten::new_empty
    """.split()  # noqa: SIM905
)

_SIZED_BY_VALUES = frozenset(
    """
    aten::nonzero aten::nonzero_numpy aten::masked_select aten::unique_dim aten::_unique2 aten::index
    aten::unique_consecutive aten::repeat_interleave aten::bincount torchvision::nms aten::argwhere
    """.split()  # noqa: SIM905
)

_SAME = ("Bool", "Int", "Float", "item", "IntImplicit", "FloatImplicit", "ScalarImplicit", "to", "clone")
_BINARY = {
    **{"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "sub": "-"},
    **{"mul": "*", "div": "/", "remainder": "%", "__and__": "and", "__or__": "or"},
}

Bits = tuple[bool, bool]
"""Whether the elements, and whether the size, depend on the elements of the inputs."""


def script_branches(source: Path | Any, names: Sequence[str], runs: Sequence[Sequence[Any]]) -> list[Branch]:
    """Every branch by a value, with whether one of `runs` took it; raises what torch raises.

    `source`: a file, or a ScriptModule. `names`: of the inputs, for the conditions' text.
    """
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        jit: Any = torch.jit
        module = jit.load(str(source), map_location="cpu") if isinstance(source, Path) else source
        if hasattr(module, "training"):
            module = jit.freeze(module.eval())  # one graph, without calls
    graph = module.graph.copy()
    left_out = [a.default_value for a in module.forward.schema.arguments[1 + len(names) :]]
    found = _found(graph, names)
    if not found:
        return []
    for number, (node, _) in enumerate(found):
        for side, block in enumerate(node.blocks()):
            _mark(graph, block, f"{_MARK} {number} {side}")
    inputs = list(graph.inputs())
    alone = not list(inputs[0].uses())
    if alone:
        graph.eraseInput(0)
    function = torch._C._create_function_from_graph("gencpp_branches", graph)
    taken = set()
    for run in runs:
        said = io.StringIO()
        with warnings.catch_warnings(), torch.inference_mode(), contextlib.redirect_stdout(said):
            warnings.simplefilter("ignore")
            function(*([] if alone else [module]), *[t.clone() for t in run], *left_out)
        taken |= {(int(a), int(b)) for a, b in _SAID.findall(said.getvalue())}
    return [
        branch for number, (node, text) in enumerate(found) for branch in _branches(node, text, number, taken)
    ]


def _branches(node: Any, text: str, number: int, taken: set[tuple[int, int]]) -> Iterator[Branch]:
    """The sides of an If that do not raise, if it was come to at all; whether a loop was entered."""
    blocks = list(node.blocks())
    if node.kind() == "prim::Loop":
        yield Branch(text=f"the loop over {text} is never entered", taken=(number, 0) in taken)
        return
    if not any((number, side) in taken for side in range(len(blocks))):
        return  # it lies in a branch that is named, or behind one that raises
    for side, word in enumerate(("true", "false")):
        if not _raises(blocks[side]):
            yield Branch(text=f"{text} is never {word}", taken=(number, side) in taken)


def _raises(block: Any) -> bool:
    return any(node.kind() == "prim::RaiseException" for node in block.nodes())


def _mark(graph: Any, block: Any, text: str) -> None:
    """Lets the block print `text` first."""
    first = next(iter(block.nodes()), None)
    graph.setInsertPoint(block if first is None else first)
    graph.insertNode(graph.create("prim::Print", [graph.insertConstant(text)], 0))


def _found(graph: Any, names: Sequence[str]) -> list[tuple[Any, str]]:
    """(node, condition) of every If and Loop that depends on the elements of the inputs."""
    inputs = list(graph.inputs())
    bits: dict[str, Bits] = {i.debugName(): (False, False) for i in inputs}  # such as what has its default
    bits |= {i.debugName(): (True, False) for i in inputs[1 : 1 + len(names)]}
    known = {i.debugName(): n for i, n in zip(inputs[1:], names, strict=False)}
    found: dict[str, tuple[Any, Any]] = {}
    _walk(graph, bits, found)
    return [(node, f"`{_text(value, known)}`") for node, value in found.values()]


def _walk(block: Any, bits: dict[str, Bits], found: dict[str, tuple[Any, Any]]) -> None:
    for node in block.nodes():
        given = [bits.get(i.debugName(), (False, False)) for i in node.inputs()]
        kind = node.kind()
        if kind in ("prim::If", "prim::Loop"):
            made = _control(node, given, bits, found)
        else:
            made = [_bits(node, given)] * node.outputsSize()
        for output, b in zip(node.outputs(), made, strict=True):
            bits[output.debugName()] = b
        if kind.endswith("_") and given and any(b[0] for b in given):  # in place: its own first input, too
            bits[next(iter(node.inputs())).debugName()] = (True, given[0][1])


def _control(
    node: Any, given: list[Bits], bits: dict[str, Bits], found: dict[str, tuple[Any, Any]]
) -> list[Bits]:
    blocks, inputs = list(node.blocks()), list(node.inputs())
    place = f"{node.kind()} {[o.debugName() for o in node.outputs()]} {[i.debugName() for i in inputs]}"
    if node.kind() == "prim::If":
        for b in blocks:
            _walk(b, bits, found)
        if given[0][0]:
            found.setdefault(place, (node, inputs[0]))
        sides = [[bits.get(r.debugName(), (False, False)) for r in b.outputs()] for b in blocks]
        return [_or(a, b, (given[0][0], given[0][0])) for a, b in zip(*sides, strict=True)]
    body = blocks[0]
    carried = given[2:]
    first, *rest = list(body.inputs())
    depends = given[0][0] or given[1][0]
    for _ in range(len(carried) + 2):  # what one turn makes, the next takes
        bits[first.debugName()] = (depends, False)
        for value, b in zip(rest, carried, strict=True):
            bits[value.debugName()] = b
        _walk(body, bits, found)
        condition, *after = [bits.get(r.debugName(), (False, False)) for r in body.outputs()]
        depends = depends or condition[0]
        grown = [_or(a, b, (depends, depends)) for a, b in zip(carried, after, strict=True)]
        if grown == carried:
            break
        carried = grown
    if depends:
        again = next(iter(body.outputs()))
        found.setdefault(place, (node, inputs[0] if given[0][0] else inputs[1] if given[1][0] else again))
    return carried


def _bits(node: Any, given: list[Bits]) -> Bits:
    kind = node.kind()
    if kind in _OF_TYPE:
        return False, any(s for _, s in given) and kind.endswith("_like")
    if kind in _OF_SIZE:
        return any(s for _, s in given), False
    values, sizes = any(v for v, _ in given), any(s for _, s in given)
    plain = (str(i.type()) for i in node.inputs())
    by_number = any(v and not t.startswith("Tensor") for (v, _), t in zip(given, plain, strict=True))
    return values, sizes or by_number or (kind in _SIZED_BY_VALUES and values)


def _or(*bits: Bits) -> Bits:
    return any(v for v, _ in bits), any(s for _, s in bits)


def _text(value: Any, known: dict[str, str], depth: int = 5) -> str:
    """A condition as people would write it."""
    if value.debugName() in known:
        return known[value.debugName()]
    node = value.node()
    kind = node.kind().split("::")[-1]
    inputs = list(node.inputs())
    if kind == "Constant":
        return _constant(node)
    if depth == 0 or not inputs or kind in ("If", "Loop", "Param"):
        return "..."
    if kind in _SAME:
        return _text(inputs[0], known, depth)
    if kind in _BINARY and len(inputs) > 1:
        return binary(_text(inputs[0], known, depth - 1), _BINARY[kind], _text(inputs[1], known, depth - 1))
    if kind in ("__not__", "logical_not", "bitwise_not"):
        return f"not {_text(inputs[0], known, depth - 1)}"
    return call(kind, [_text(inputs[0], known, depth - 1)])


def _constant(node: Any) -> str:
    import torch

    value = node.output().toIValue()
    if isinstance(value, torch.Tensor):
        return str(value.item()) if value.numel() == 1 else "weights"
    return repr(value)[:40]
