"""A report of `gencpp bench` written by hand, for tests that measure nothing."""

from __future__ import annotations

from typing import Any

from gencpp.bench.figures import quantiles
from gencpp.bench.measure import ratios

PEERS = {"c++": 2.0, "eager": 4.0, "onnxruntime": 1.6}
"""Subjects, with the p50 of their batch of one."""


def report(*names: str) -> dict[str, Any]:
    """Two batches, one count of threads, three rounds, growth; of every project in `names`."""
    names = names or ("sample",)
    runs = [_run(name, subject, batch) for name in names for batch in (1, 8) for subject in PEERS]
    return {
        "schema": 1,
        "gencpp": "0.0",
        "date": "2026-11-30T23:58:01+00:00",
        "command": "gencpp bench sample --batch 1,8 --path '<b>'",
        "machine": {
            "cpu": "A processor <with> & signs",
            "cores": 2,
            "memory_bytes": 8 << 30,
            "system": "Linux",
            "python": "3.12.0",
            "versions": {"torch": "2.9.0"},
            "load_average": 1.5,
        },
        "options": {
            "rounds": 3,
            "seconds": 1.0,
            "warmup": 10,
            "against": ["eager", "onnxruntime", "openvino"],
        },
        "pinning": [
            {"threads": 1, "processors": [0], "reason": ""},
            {"threads": 2, "processors": [], "reason": "on all 2 processors"},
        ],
        "projects": [
            {
                "name": name,
                "source": "resnet18",
                "backend": "libtorch",
                "weights": "seed 0",
                "artifact": {
                    "format": "torchscript",
                    "method": "script, frozen",
                    "bytes": 46_800_000,
                    "variant": "fused",
                    "tuned_threads": 2,
                },
                "skipped": {"openvino": "openvino is not installed: pip install openvino"},
            }
            for name in names
        ],
        "runs": runs,
        "ratios": ratios(runs),
        "start": [
            {
                "project": n,
                "subject": s,
                "threads": 2,
                "seconds": p / 4,
                "rounds": [p / 4],
                "peak_bytes": 1 << 28,
            }
            for n in names
            for s, p in PEERS.items()
        ],
        "stages": [
            {
                "project": n,
                "subject": s,
                "threads": 2,
                **dict.fromkeys(("decode_ms", "preprocess_ms", "infer_ms", "postprocess_ms"), 0.5),
                "rounds": [],
            }
            for n in names
            for s in ("c++", "eager")
        ],
        "growth": [
            {"project": n, "curves": [_curve("batch"), _curve("loads"), _curve("sizes")], "failed": {}}
            for n in names
        ],
        "warnings": ["The load average was 1.5 on 2 cores at the start: figures of a busy machine."],
    }


def _run(project: str, subject: str, batch: int) -> dict[str, Any]:
    rounds = [{"p50_ms": PEERS[subject] * batch * factor} for factor in (1.0, 1.1, 1.0)]
    p50 = PEERS[subject] * batch
    return {
        "project": project,
        "subject": subject,
        "batch": batch,
        "threads": 2,
        "device": "cpu",
        "p50_ms": p50,
        "p90_ms": 1.2 * p50,
        "p99_ms": 1.5 * p50,
        "throughput_per_s": 1e3 * batch / p50,
        "load_ms": 100.0,
        "peak_bytes": 300 << 20,
        "rounds": rounds,
        "quantiles_ms": quantiles([p50 * (1 + i / 500) for i in range(200)]),
    }


def _curve(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "x_title": name,
        "y_title": "p50 of a run, ms",
        "x": [1, 2, 4, 8],
        "y": [1.0, 4.0, 16.0, 64.0],
        "fit": {"exponent": 2.0, "upper": 2.0},
        "stopped": "",
        "sentence": f"Worse than linear: a sentence on {name}.",
    }
