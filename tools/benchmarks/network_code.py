"""What a network that is C++ costs over the parser's way: time to generate it, its size, time to compile it.

    python tools/benchmarks/network_code.py [--model resnet50] [--headers DIR] [--repeat 3]

`new` runs with `--trt-api parser` and `--trt-api network` in turns; the difference is what lowering, its
check and the C++ take beyond the export. The compiler sees network.cpp alone, without optimisation and with
-O2, against real headers (default: the newest below $GENCPP_TENSORRT_HEADERS). Times are not judged.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]


def seconds_of(argv: list[str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise SystemExit(
            f"{' '.join(argv)}\nexited with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}"
        )
    return time.perf_counter() - begin


def main() -> int:
    from fakes.double import cuda_include, header_folders

    from gencpp.core.toolchain import find_toolchain

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--headers", type=Path, help="folder with NvInfer.h")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    folders = header_folders()
    newest = max(folders, key=lambda v: tuple(map(int, v.split("."))), default=None)
    include = options.headers or (folders[newest] if newest else None)
    cuda = cuda_include()
    with tempfile.TemporaryDirectory(prefix="gencpp-") as scratch:
        times: dict[str, list[float]] = {"parser": [], "network": []}
        for i in range(options.repeat):
            for api, samples in times.items():
                out = Path(scratch) / f"{api}-{i}"
                argv = [
                    sys.executable,
                    "-m",
                    "gencpp",
                    "new",
                    "--model",
                    options.model,
                    "--weights",
                    "none",
                ]
                samples.append(seconds_of([*argv, "--backend", "tensorrt", "--trt-api", api, str(out)]))
        medians = {api: statistics.median(samples) for api, samples in times.items()}
        for api, samples in times.items():
            print(f"new --trt-api {api:8} {medians[api]:6.1f} s  ({min(samples):.1f} to {max(samples):.1f})")
        print(f"network over parser    {medians['network'] - medians['parser']:6.1f} s")
        source = Path(scratch) / "network-0" / "src" / "network.cpp"
        print(f"network.cpp            {len(source.read_text().splitlines()):6} lines")
        if include is None or cuda is None:
            print("not compiled: no headers of TensorRT below GENCPP_TENSORRT_HEADERS, or none of CUDA")
            return 0
        argv = [str(find_toolchain().compiler), "-std=c++17", "-c", str(source), "-o", f"{scratch}/network.o"]
        argv += ["-isystem", str(include), "-isystem", str(cuda), f"-I{source.parents[1] / 'include'}"]
        for flag in ("-O0", "-O2"):
            samples = [seconds_of([*argv, flag]) for _ in range(options.repeat)]
            print(f"compiled with {flag}      {statistics.median(samples):6.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
