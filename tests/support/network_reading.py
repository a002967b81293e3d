"""Runs an emitted network.cpp without a compiler: its few constructs read as Python, its calls recorded.

What it cannot read is a syntax error or an unknown name, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gencpp.network import plan as p
from gencpp.network.emit.layers import expression
from gencpp.network.emit.steps import LayerStep
from gencpp.network.emit.values import holes

_ASSIGNMENT = r"(?:ITensor\* |const TopK |auto \[|std::tie\()?([\w, ]+)[\])]? = (.*);"
_STRING = r'"(?:[^"\\]|\\.)*"'


@dataclass(frozen=True)
class Tensor:
    number: int


@dataclass
class Recorder:
    """`net`: every call of a method with its arguments, in the order in which they are made."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    tensors: int = 0

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.calls.append((method, *arguments))
            if method == "output":
                return None
            made = [Tensor(self.tensors + i) for i in range(2 if method == "top_k" else 1)]
            self.tensors += len(made)
            return TopK(*made) if method == "top_k" else made[0]

        return call


@dataclass(frozen=True)
class TopK:
    values: Tensor
    indices: Tensor

    def __iter__(self) -> Any:
        return iter((self.values, self.indices))


class Window:
    """Also equal when options are set to what they are anyway: the C++ type cannot tell either."""

    def __init__(self, size: Any = 1) -> None:
        self.set = {"size": size}

    def __getattr__(self, option: str) -> Callable[..., Window]:
        def change(*values: Any) -> Window:
            made = Window()
            both = values * 2 if option == "padding" and len(values) == 1 else values
            made.set = {**self.set, option: both}
            return made

        return change

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and self._plain() == other._plain()

    def __repr__(self) -> str:
        return f"Window({self._plain()})"

    def _plain(self) -> dict[str, Any]:
        usual = {"stride": (1,), "dilation": (1,), "groups": (1,), "padding": (0, 0)}
        return {k: v for k, v in self.set.items() if usual.get(k) != v}


_NAMES = {
    "Window": Window,
    "Dims": lambda *sizes: ("Dims", *sizes),
    "Reshuffle": lambda *parts: ("Reshuffle", *parts),
    "Interpolation": lambda *parts: ("Interpolation", *parts),
    "make_tuple": lambda *values: values,
    "enumerator": str,
    "nullptr": None,
    "infinity": lambda: float("inf"),
    "quiet_NaN": lambda: float("nan"),
}


def calls_of(cpp: str) -> list[tuple[Any, ...]]:
    """What define_layers asks of the network."""
    net = Recorder()
    names: dict[str, Any] = dict(_NAMES)
    exec(_python(cpp), names)
    names["define_layers"](net)
    return [_settled(call) for call in net.calls]


def calls_expected(plan: p.NetworkPlan) -> list[tuple[Any, ...]]:
    """The plan's layers one by one, under their whole names."""
    table = {w.name: w for w in plan.weights}
    net = Recorder()
    made = {t.name: net.input(t.name) for t in plan.inputs}
    for layer in plan.layers:
        step = LayerStep(layer=layer, values=holes(layer, "", table), inputs=(), outputs=())
        texts = [f"t[{made[i].number}]" if i else "" for i in layer.inputs]
        scope = {"net": net, "t": {t.number: t for t in made.values()}}
        found = eval(_expression(expression(step, texts)), dict(_NAMES), scope)
        results = tuple(found) if isinstance(found, TopK) else (found,)
        made.update(zip(layer.outputs, results, strict=True))
    for name in plan.outputs:
        net.output(made[name], name)
    return [_settled(call) for call in net.calls]


def _settled(call: Sequence[Any]) -> tuple[Any, ...]:
    """A default argument is the same as a call without it."""
    done = tuple(tuple(a) if isinstance(a, list) else a for a in call)
    return done[:-1] if done[-1] == Window() and done[0].endswith("convolution") else done


def _python(cpp: str) -> str:
    lines: list[str] = []
    blocks: list[int] = []  # depths of braces that only bound names
    for statement in _statements(cpp):
        code = statement.strip()
        depth = (len(statement) - len(statement.lstrip())) // 2
        while blocks and blocks[-1] >= depth:
            blocks.pop()
        pad = "  " * (depth - len(blocks))
        if code == "{":
            blocks.append(depth)
        if not code or code.startswith(("#", "namespace", "//", "}", "{")):
            continue
        if head := re.fullmatch(r"(?:ITensor\*|void|std::tuple<[^>]*>) (\w+)\((.*)\) \{", code):
            parameters = ", ".join(part.split()[-1].strip("*&") for part in head[2].split(","))
            lines.append(f"def {head[1]}({parameters}):")
        elif branch := re.fullmatch(r"if \((\w+)\) \{", code):
            lines.append(f"{pad}if {branch[1]}:")
        elif loop := re.fullmatch(r"for \(int i = (\d+); i < (\d+); \+\+i\) \{", code):
            lines.append(f"{pad}for i in range({loop[1]}, {loop[2]}):")
        elif assigned := re.fullmatch(_ASSIGNMENT, code):
            lines.append(f"{pad}{assigned[1]} = {_expression(assigned[2])}")
        elif returned := re.fullmatch(r"return (.*);", code):
            lines.append(f"{pad}return {_expression(returned[1])}")
        else:
            assert re.fullmatch(r"(?:net\.\w+|\w+)\(.*\);", code), code
            lines.append(f"{pad}{_expression(code[:-1])}")
    return "\n".join(lines)


def _statements(cpp: str) -> list[str]:
    """Lines without comments, those that go on put together."""
    made: list[str] = []
    for line in cpp.splitlines():
        code = re.sub(rf"({_STRING})|//.*", lambda m: m[1] or "", line).rstrip()
        if made and made[-1].endswith(","):
            made[-1] += " " + code.strip()
        else:
            made.append(code)
    return made


def _expression(code: str) -> str:
    """Strings are left alone but for octal digits, which Python reads as characters, not as bytes."""
    strings: list[str] = []

    def kept(found: re.Match[str]) -> str:
        text = found[0][1:-1].replace("\\?", "?").encode().decode("unicode_escape")
        strings.append(repr(text.encode("latin-1").decode("utf-8")))
        return f"\0{len(strings) - 1}\0"

    code = re.sub(_STRING, kept, code)
    code = re.sub(r"/\*\w+=\*/", "", code)
    code = code.replace("std::to_string(", "str(").replace("std::make_tuple", "make_tuple")
    code = re.sub(r"std::numeric_limits<\w+>::(\w+)", r"\1", code)
    code = re.sub(r"(nvinfer1::\w+::k\w+|kIndexType)", r"enumerator('\1')", code)
    code = re.sub(r"\b(true|false)\b", lambda m: m[1].capitalize(), code)
    code = re.sub(r"(?<=\d)F\b|(?<=\.)F\b", "", code)
    code = _braces(code)
    return re.sub(r"\0(\d+)\0", lambda m: strings[int(m[1])], code)


def _braces(code: str) -> str:
    """`Dims{1, 2}` -> Dims(1, 2), `{a, b}` -> [a, b]."""
    made: list[str] = []
    closing: list[str] = []
    for char in code:
        if char == "{":
            typed = bool(made) and made[-1].isalnum()
            made.append("(" if typed else "[")
            closing.append(")" if typed else "]")
        else:
            made.append(closing.pop() if char == "}" else char)
    return "".join(made)


def functions_of(cpp: str) -> Mapping[str, str]:
    """Every function's text by its name."""
    found = re.findall(r"^(?:ITensor\*|void|std::tuple<[^>]*>) (\w+)\((?:.|\n)*?^\}", cpp, re.MULTILINE)
    texts = re.findall(r"^(?:ITensor\*|void|std::tuple<[^>]*>) \w+\((?:.|\n)*?^\}", cpp, re.MULTILINE)
    return dict(zip(found, texts, strict=True))
