"""The generated table of weights, as the compiler sees it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from network_plans import Writer
from places import ROOT

from gencpp.core.toolchain import find_compiler
from gencpp.network.emit import weights_info_header


def test_a_table_of_a_thousand_weights_is_constant(tmp_path: Path) -> None:
    w = Writer()
    for i in range(1000):
        w.weight(f"layer{i}.weight", 8, 8, 3, 3)
    plan = w.plan(w.relu("relu", "x"))
    folder = tmp_path / "include" / "sample"
    folder.mkdir(parents=True)
    for header in (ROOT / "templates" / "common" / "include" / "__name__").glob("*.hpp"):
        text = header.read_text().replace("{= name =}", "sample").replace("{= NAME =}", "SAMPLE")
        (folder / header.name).write_text(text)
    (tmp_path / "weights_info.hpp").write_text(weights_info_header("sample", plan))
    source = tmp_path / "main.cpp"
    source.write_text(
        '#include "weights_info.hpp"\n'
        "static_assert(sample::kWeights.size() == 1000);\n"
        "static_assert(sample::kWeights[999].offset == 999 * 64);\n"
        'static_assert(sample::kWeights[7].name == "layer7.weight");\n'
        "static_assert(sample::kWeights[7].dims[3] == 3);\n"
    )
    compiler = find_compiler()
    assert compiler is not None
    flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    command = [str(compiler), *flags, f"-I{tmp_path / 'include'}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[:3000]
