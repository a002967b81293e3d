"""Each C++ file that computes with floating point is guarded against -ffast-math, or need not be."""

from __future__ import annotations

import re
from fnmatch import fnmatch

from places import ROOT

TEMPLATES = ROOT / "templates"
GUARD = '#include "exact_math.hpp"'
FLOATS = re.compile(r"\b(float|double)\b|\bstd::(isnan|isfinite|isinf|exp|fma)\b")

UNGUARDED = {
    "common/include/*": "declares, and computes nothing",
    "common/src/image/image_pnm.cpp": "says why it computes in integers",
    "common/src/image/resize*.hpp": "declare what resize*.cpp compute",
    "common/app/console.hpp": "shows how far loading is",
    "common/app/json.hpp": "prints, and tells numbers from others by their text",
    "common/bench/*": "times, and random inputs",
    "common/tests/test_bad_input.cpp": "names a callback of progress",
    "tasks/*/app/task.cpp": "prints",
    "tasks/*/include/*": "declares",
    "common/src/model.cpp": "tells how far loading is",
    "cpp_ts/src/libtorch/*": "times, and how far loading is; LibTorch computes",
    "cpp_trt/bench/*": "times",
    "cpp_trt/src/tensorrt/*": "times, sizes, tolerances and progress; TensorRT computes",
    "cpp_trt/tools/build_engine.cpp": "prints sizes",
    "cpp_trt/api/network/src/network/trt_layers.hpp": "declares",
    "cpp_trt/api/network/src/network/trt_layers_*.cpp": "hands constants on as they are written",
    "cpp_trt/api/network/tools/diff.cpp": "reads a tolerance",
    "cpp_trt/api/network/tools/diff_run.cpp": "copies values",
    "cpp_trt/api/network/tools/diff_*.hpp": "declares",
}
"""Files with floating point that promise no bits and look at no NaN, and why."""


def _computing() -> list[str]:
    files = [f for kind in ("*.cpp", "*.hpp") for f in TEMPLATES.rglob(kind)]
    return sorted(str(f.relative_to(TEMPLATES)) for f in files if FLOATS.search(f.read_text()))


def test_every_file_that_computes_is_guarded() -> None:
    files = _computing()
    guarded = {f for f in files if GUARD in (TEMPLATES / f).read_text()}
    unknown = [f for f in files if f not in guarded and not any(fnmatch(f, p) for p in UNGUARDED)]
    assert not unknown, f"guard these by {GUARD}, or say in UNGUARDED why they need none: {unknown}"
    assert {
        *(f"common/src/{name}.cpp" for name in ("image/preprocess", "image/resize_axis", "tensor/tensor")),
        *("tasks/classification/src/classify.cpp", "common/tests/test_golden.cpp"),
    } <= guarded
    idle = [p for p in UNGUARDED if not any(fnmatch(f, p) for f in files)]
    assert not idle, f"UNGUARDED names what there is no more: {idle}"
    both = [f for f in guarded for p in UNGUARDED if fnmatch(f, p) and "*" not in p]
    assert not both
