"""Writes stubs of TensorRT's interfaces for the fault double, from the real headers.

    python generate_stubs.py INCLUDE_FOLDER STUBS_HPP

TensorRT's public classes are shells around `nvinfer1::apiv::V*` (NvInferImpl.h), hundreds of pure virtual
functions that differ from version to version. Each becomes one that ends the process with its name, so
that the double overrides what it implements and nothing passes unseen. Nothing of the headers is kept in
the repository: the stubs are written at test time.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

PARSER_CLASSES = ("IParserError", "IParser")
ENUMS = (
    *("BoundingBoxFormat", "FillOperation"),
    *("ActivationType", "DataType", "ElementWiseOperation", "GatherMode", "InterpolationMode"),
    *("MatrixOperation", "PaddingMode", "PoolingType", "ReduceOperation", "ResizeCoordinateTransformation"),
    *("ResizeRoundMode", "ResizeSelector", "SampleMode", "ScaleMode", "TopKOperation", "UnaryOperation"),
)
"""Those that layers have as attributes: each gets a `name_of` that says an enumerator's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A pure virtual function: `virtual RESULT NAME(PARAMETERS) QUALIFIERS = 0`."""

    result: str
    name: str
    parameters: str
    qualifiers: str
    """const, noexcept or both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A class with pure virtual functions, as it is called inside its namespace."""

    name: str
    functions: tuple[Function, ...]


def read_interfaces(text: str, wanted: str) -> tuple[Interface, ...]:
    """The classes of a header whose names match `wanted`, in their order."""
    text = without_comments(text)
    found = []
    for match in re.finditer(rf"\bclass\s+({wanted})\s*(?::\s*public\s+\w+\s*)?\{{", text):
        body = text[match.end() : closing(text, match.end() - 1)]
        found.append(Interface(name=match[1], functions=tuple(pure_functions(body))))
    return tuple(found)


def without_comments(text: str) -> str:
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*#[^\n]*$", "", text, flags=re.MULTILINE)


def closing(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed."""
    pairs = {"{": "}", "(": ")"}
    opening, end = text[start], pairs[text[start]]
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == opening) - (text[i] == end)
        if depth == 0:
            return i
    raise ValueError(f"unclosed {opening} at {start}")


def pure_functions(body: str) -> list[Function]:
    functions = []
    for match in re.finditer(r"\bvirtual\b([^;(]*?)(\w+)\s*\(", body):
        end = closing(body, match.end() - 1)
        tail = re.split(r"[;{]", body[end + 1 :], maxsplit=1)[0]
        if re.fullmatch(r"[\w\s]*=\s*0\s*", tail) is None:
            continue  # a destructor, or a function with a body
        functions.append(
            Function(
                result=" ".join(match[1].split()),
                name=match[2],
                parameters=" ".join(body[match.end() : end].split()),
                qualifiers=" ".join(tail.split("=")[0].split()),
            )
        )
    return functions


def stub(interface: Interface) -> str:
    lines = [f"class Stub{interface.name} : public {interface.name} {{", " public:"]
    for f in interface.functions:
        qualifiers = f" {f.qualifiers}" if f.qualifiers else ""
        lines.append(
            f"  {f.result} {f.name}({f.parameters}){qualifiers} override "
            f'{{ ::gencpp_double::not_implemented("{interface.name}::{f.name}"); }}'
        )
    return "\n".join([*lines, "};", ""])


def enumerators(text: str, enum: str) -> tuple[str, ...]:
    """The names of an enumeration's values; of several for one value, the first is the one that counts."""
    found = re.search(rf"\benum\s+class\s+{enum}\s*:\s*\w+\s*\{{([^}}]*)\}}", without_comments(text))
    return tuple(re.findall(r"\b(k\w+)\b[^,]*", found[1])) if found else ()


def name_of(include: Path) -> list[str]:
    text = "".join(f.read_text(encoding="utf-8") for f in sorted(include.glob("NvInfer*.h")))
    lines = []
    for enum in ENUMS:
        names = enumerators(text, enum)
        if not names:
            raise ValueError(f"{include}: no enumeration {enum}")
        lines.append(f"inline const char* name_of(nvinfer1::{enum} value) {{")
        lines += [f'  if (value == nvinfer1::{enum}::{n}) return "{n[1:]}";' for n in names]
        lines += ["  return nullptr;", "}"]
    return lines


def stubs(include: Path) -> str:
    """The text of stubs.hpp for the headers in a folder."""
    implementation = (include / "NvInferImpl.h").read_text(encoding="utf-8")
    interfaces = read_interfaces(implementation, r"V(?!Root\b)\w+")
    parser = read_interfaces(
        (include / "NvOnnxParser.h").read_text(encoding="utf-8"), "|".join(PARSER_CLASSES)
    )
    if len(interfaces) < 50 or len(parser) != len(PARSER_CLASSES):
        raise ValueError(f"{include}: {len(interfaces)} interfaces and {len(parser)} of the parser found")
    count = sum(len(i.functions) for i in interfaces)
    return "\n".join(
        [
            f"// Written by generate_stubs.py: {len(interfaces)} interfaces, {count} pure virtual functions.",
            "#pragma once",
            "#pragma GCC system_header",
            "#include <NvInfer.h>",
            "#include <NvOnnxParser.h>",
            "",
            "namespace gencpp_double {",
            "[[noreturn]] void not_implemented(const char* function);",
            *name_of(include),
            "}",
            "",
            "namespace nvinfer1::apiv {",
            *map(stub, interfaces),
            "}  // namespace nvinfer1::apiv",
            "",
            "namespace nvonnxparser {",
            *map(stub, parser),
            "}  // namespace nvonnxparser",
            "",
        ]
    )


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(stubs(Path(sys.argv[1])), encoding="utf-8")
