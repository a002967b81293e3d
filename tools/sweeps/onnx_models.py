"""Exports networks to ONNX for several TensorRT versions and precisions; a table, exit code 1 on a failure.

    python tools/sweeps/onnx_models.py [NAME ...] [--min 8.5 8.6 10.0] [--precision fp32 fp16] [--build]

Random weights. `--build` also gives each file to the TensorRT-RTX builder (evidence for the graph, not for
TensorRT), in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "generator"))

NAMES = ("resnet18", "mobilenet_v3_small", "efficientnet_b0", "vit_b_16", "convnext_tiny", "swin_t")


def main() -> int:
    from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
    from gencpp.core.errors import GencppError
    from gencpp.core.loaded import LoadOptions
    from gencpp.core.spec import Precision
    from gencpp.model.inspection import inspect_model
    from gencpp.sources.load import load_source, parse_source

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--min", nargs="*", default=["8.5", "8.6", "10.0"])
    parser.add_argument("--precision", nargs="*", default=["fp32", "fp16"])
    parser.add_argument("--build", action="store_true")
    options = parser.parse_args()
    columns = f"{'opset':>5} {'nodes':>5} {'MB':>7} {'differs':>8} {'s':>5}  TensorRT-RTX"
    print(f"{'model':20} {'min':>5} {'prec':>4} {columns}")
    failed = 0
    for name in options.names:
        load = LoadOptions(weights="none")
        loaded = load_source(parse_source(name), load, lambda _: None)
        spec = inspect_model(loaded, load)
        for version in options.min:
            for precision in options.precision:
                said: list[str] = []
                with tempfile.TemporaryDirectory() as folder:
                    start = time.monotonic()
                    try:
                        made = export_onnx(
                            loaded,
                            spec,
                            Path(folder),
                            OnnxOptions(tensorrt_min=version, precision=Precision(precision)),
                            said.append,
                        )
                    except GencppError as e:
                        failed += 1
                        print(f"{name:20} {version:>5} {precision:>4} failed: {e}", flush=True)
                        continue
                    seconds = time.monotonic() - start
                    built, ok = (
                        build(Path(folder) / "model.onnx", made.model) if options.build else ("", True)
                    )
                failed += not ok
                differs = said[-1].partition("by ")[2].split()[0]
                nodes = sum(n for _, n in made.operators)
                extra = [made.artifact.reason, *made.artifact.warnings]
                print(
                    f"{name:20} {version:>5} {precision:>4} {made.opset:5} {nodes:5}"
                    f" {made.artifact.size / 1e6:7.1f} {differs:>8} {seconds:5.1f}  {built}"
                    f" {'; '.join(filter(None, extra))}",
                    flush=True,
                )
    return 1 if failed else 0


def build(model: Path, spec: object) -> tuple[str, bool]:
    from gencpp.core.spec import ModelSpec

    assert isinstance(spec, ModelSpec)
    profile = {
        t.name: [[d.min for d in t.dims], [d.opt for d in t.dims], [d.max for d in t.dims]]
        for t in spec.inputs
    }
    job = {
        "model": str(model),
        "result": str(model.with_name("result.json")),
        "profiles": [profile],
        "tf32": False,
    }
    asked = model.with_name("job.json")
    asked.write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-m", "gencpp.network.replay.rtx", str(asked)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        return f"exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}", False
    found = json.loads(Path(job["result"]).read_text())
    if found["problems"]:
        return "; ".join(found["problems"])[:400], False
    told = f"{found['engine_bytes'] / 1e6:.1f} MB, {found['layers']} layers, {found['compared']} tensors"
    return f"{told}, {found['seconds']} s", True


if __name__ == "__main__":
    sys.exit(main())
