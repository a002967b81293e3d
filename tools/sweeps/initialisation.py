"""Do random weights, initialised from data, give outputs that differ? A table; exit code 1 if not.

    python tools/sweeps/initialisation.py [NAME ...] [--all] [--seed 0]

Three seeded inputs; the smallest difference of any two, relative to the larger's max |output| (wanted:
0.1, which is 1000 tolerances), and how far float64 lies from float32 (wanted: 1e-5, a tenth of the
tolerance). Models above 150 million parameters are skipped without --all.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

LIMIT = 150_000_000


def main() -> int:
    import torch
    from torchvision.models import get_model_weights, list_models

    from gencpp.sources.torchvision import build, group_of
    from gencpp.tensors.difference import difference
    from gencpp.tensors.stimuli import seeded_inputs

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true", help="also above 150 million parameters")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = options.names or [n for n in list_models() if group_of(n) == "classification"]
    print(f"{'model':24} {'seconds':>8} {'max':>9} {'difference':>11} {'float64':>9}")
    failed, skipped = [], []
    for name in names:
        parameters = get_model_weights(name)["DEFAULT"].meta["num_params"]
        if parameters > LIMIT and not options.all:
            skipped.append(name)
            continue
        start = time.perf_counter()
        built = build(name, "none", options.seed, 0.0, print)
        seconds = time.perf_counter() - start
        inputs = [seeded_inputs(built.inputs, 1000 * options.seed + i) for i in range(3)]
        with torch.inference_mode():
            outputs = [built.module(*x) for x in inputs]
            exact = built.module.double()(*[t.double() for t in inputs[0]])
        pairs = combinations(outputs, 2)
        least = min(float((a - b).abs().max() / max(a.abs().max(), b.abs().max())) for a, b in pairs)
        largest = max(float(o.abs().max()) for o in outputs)
        off = difference(exact, outputs[0]).relative
        good = all(bool(torch.isfinite(o).all()) for o in outputs) and least >= 0.1 and off <= 1e-5
        verdict = "" if good else "  FAILED"
        print(f"{name:24} {seconds:8.2f} {largest:9.3g} {least:11.3g} {off:9.1e}{verdict}", flush=True)
        if not good:
            failed.append(name)
        del built, outputs, exact
    print(f"{len(names) - len(skipped)} models, {len(failed)} failed: {', '.join(failed) or 'none'}")
    if skipped:
        print(f"skipped above {LIMIT:,} parameters: {', '.join(skipped)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
