"""Makes backends/tensorrt/operator_table.py anew: which TensorRT first imports which ONNX operator.

    git clone --bare https://github.com/onnx/onnx-tensorrt
    git clone --bare https://github.com/NVIDIA/TensorRT
    python tools/sweeps/trt_operator_table.py --mirror onnx-tensorrt.git --mirror TensorRT.git [--check]

Read are, for every version, the importers of the parser that TensorRT's release branch names (its submodule
parsers/onnx), or the parser's own branch for that release. Where a mirror has neither, what CHANGELOG.md of
TensorRT says of the parser ("Added support for ..."). `--check` compares and writes nothing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "generator" / "gencpp" / "backends" / "tensorrt" / "operator_table.py"

FIRST = (8, 5)
SKIPPED = {9}
"""Major versions without a release for everybody."""

READ_BY_HAND = {"10.15": 24, "11.1": 24}
"""Newest opset, from docs/operators.md of the parser, for versions that a mirror may lack."""

IMPORTER = re.compile(r"^DEFINE_BUILTIN_OP_IMPORTER\((\w+)\)", re.MULTILINE)
OPSET = re.compile(
    r"TensorRT [\d.]+ supports operators (?:in the inclusive range of opset \d+ to|up to) opset (\d+)",
    re.IGNORECASE,
)
SOURCES = ("onnxOpImporters.cpp", "builtin_op_importers.cpp")

Version = tuple[int, int]


@dataclass
class Found:
    """What was read, and from where."""

    since: dict[str, Version] = field(default_factory=dict)
    opsets: dict[Version, int] = field(default_factory=dict)
    read: dict[Version, str] = field(default_factory=dict)


class Mirror:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / ".git" if (folder / ".git").exists() else folder

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", f"--git-dir={self.folder}", *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    def file(self, commit: str, path: str) -> str:
        return self.git("show", f"{commit}:{path}")

    def has(self, commit: str) -> bool:
        return self.git("cat-file", "-t", commit).strip() == "commit"

    def branch(self, name: str) -> str:
        """The commit of a branch, in a bare or in an ordinary clone."""
        return next(
            (
                c
                for r in (name, f"origin/{name}")
                if (c := self.git("rev-parse", "--verify", "-q", r).strip())
            ),
            "",
        )

    def releases(self) -> dict[Version, str]:
        """Version -> commit of TensorRT's release branches."""
        found = {}
        for line in self.git("for-each-ref", "--format=%(refname:short)").splitlines():
            match = re.fullmatch(r"(?:origin/)?release/(\d+)\.(\d+)", line)
            if match and (v := (int(match[1]), int(match[2]))) >= FIRST and v[0] not in SKIPPED:
                found[v] = self.branch(line)
        return dict(sorted(found.items()))


def told(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def standard_operators() -> set[str]:
    import onnx

    return {s.name for s in onnx.defs.get_all_schemas_with_history() if s.domain == ""}


def read(parser: Mirror, tensorrt: Mirror) -> Found:
    standard = standard_operators()
    changes = parser_changes(tensorrt)
    found = Found()
    for version, commit in tensorrt.releases().items():
        where = tensorrt.git("ls-tree", commit, "parsers/onnx").split()
        submodule = where[2] if len(where) > 2 else ""
        place = (
            submodule if submodule and parser.has(submodule) else parser.branch(f"release/{told(version)}-GA")
        )
        if place:
            source = next(text for name in SOURCES if (text := parser.file(place, name)))
            operators = set(IMPORTER.findall(source)) & standard
            lost = sorted(set(found.since) - operators)
            if lost:
                print(f"warning: {told(version)} lost {', '.join(lost)}")
            found.read[version] = f"importers of onnx-tensorrt {place[:10]}"
            if match := OPSET.search(parser.file(place, "docs/operators.md")):
                found.opsets[version] = int(match[1])
        else:
            operators = {name for line in changes.get(version, []) for name in quoted(line)} & standard
            found.read[version] = "CHANGELOG.md of TensorRT"
        for name in operators:
            found.since.setdefault(name, version)
        newest = max(found.opsets.values())
        found.opsets.setdefault(version, READ_BY_HAND.get(told(version), newest))
    return found


def parser_changes(tensorrt: Mirror) -> dict[Version, list[str]]:
    """Version -> lines of its section on the parser that add an operator."""
    newest = list(tensorrt.releases().values())[-1]
    found: dict[Version, list[str]] = {}
    version: Version | None = None
    inside = False
    for line in tensorrt.file(newest, "CHANGELOG.md").splitlines():
        if match := re.match(r"## \[?(\d+)\.(\d+)", line):
            version = (int(match[1]), int(match[2]))
        elif line.startswith("-"):
            inside = "arser" in line
        elif version and inside and "Added support for" in line:
            found.setdefault(version, []).append(line)
    return found


def quoted(line: str) -> list[str]:
    """Names between backticks of a line that adds operators, not attributes or modes of one."""
    return [] if " in `" in line else re.findall(r"`(\w+)`", line)


def render(found: Found) -> str:
    lines = [
        '"""Which TensorRT first imports which ONNX operator: made by tools/sweeps/trt_operator_table.py."""',
        "",
        "from __future__ import annotations",
        "",
        "OPSETS = {",
        *(f'    "{told(v)}": {n},' for v, n in sorted(found.opsets.items())),
        "}",
        '"""The newest opset that the parser of each version takes."""',
        "",
        "SOURCES = {",
        *(f'    "{told(v)}": "{text}",' for v, text in sorted(found.read.items())),
        "}",
        '"""What the entries of each version were read from."""',
        "",
        "SINCE = {",
        *(f'    "{name}": "{told(v)}",' for name, v in sorted(found.since.items())),
        "}",
        '"""Operator -> the first version that imports it (8.5: or an earlier one)."""',
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, action="append", required=True)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    mirrors = [Mirror(folder) for folder in options.mirror]
    onnx_tensorrt = next((m for m in mirrors if m.branch("release/8.5-GA")), None)
    tensorrt = next((m for m in mirrors if m is not onnx_tensorrt and m.releases()), None)
    if onnx_tensorrt is None or tensorrt is None:
        print("name a mirror of onnx/onnx-tensorrt and one of NVIDIA/TensorRT")
        return 2
    text = render(read(onnx_tensorrt, tensorrt))
    same = TABLE.exists() and TABLE.read_text() == text
    if not options.check and not same:
        TABLE.write_text(text)
    print(
        f"{TABLE.relative_to(ROOT)}: " + ("as it was" if same else "differs" if options.check else "written")
    )
    return 1 if options.check and not same else 0


if __name__ == "__main__":
    sys.exit(main())
