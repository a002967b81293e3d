"""Wall times of the commands: best and median of a few runs, beside what is wanted.

    python tools/benchmarks/timings.py [--repeat 3] [--model resnet18] [--skip verify] [--json FILE]

`verify` starts without a build folder each time. Exit code 0 unless a command fails: times are not judged.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WANTED = {"help": 0.3, "new": 15.0, "verify": 120.0}  # seconds; verify on 2 cores


class Failure(Exception):
    """A command that did not work."""


def gencpp() -> list[str]:
    """The installed command of this Python, else the checkout's module."""
    command = shutil.which("gencpp", path=sysconfig.get_path("scripts"))
    return [command] if command else [sys.executable, "-m", "gencpp"]


def seconds_of(arguments: list[str]) -> float:
    argv = [*gencpp(), *arguments]
    begin = time.perf_counter()
    done = subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT, check=False
    )
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        output = (done.stdout + done.stderr)[-4000:]
        raise Failure(f"{' '.join(argv)}\nexited with {done.returncode}:\n{output}")
    return seconds


def repeated(count: int, arguments: list[str], before: Callable[[], None]) -> list[float]:
    samples = []
    for _ in range(count):
        before()
        samples.append(seconds_of(arguments))
    return samples


def remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def figures(name: str, command: str, samples: list[float], load: float) -> dict[str, Any]:
    best, middle, wanted = min(samples), statistics.median(samples), WANTED[name]
    verdict = "met" if middle <= wanted else "MISSED"
    print(f"{command:46} {best:8.2f} {middle:8.2f} {wanted:8.1f} {verdict:>7} {load:6.1f}", flush=True)
    return {
        "name": name,
        "command": command,
        "best_s": best,
        "median_s": middle,
        "wanted_s": wanted,
        "samples_s": samples,
        "load_before": load,
    }


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--skip", choices=tuple(WANTED), nargs="*", default=[])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cpus, {options.repeat} runs each, seconds")
    print(f"{'command':46} {'best':>8} {'median':>8} {'wanted':>8} {'':>7} {'load':>6}")
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "out"
        making = ["new", "--model", options.model, "--weights", "none"]
        commands: dict[str, tuple[list[str], Callable[[], None]]] = {
            "help": (["--help"], lambda: None),
            "new": ([*making, str(out)], lambda: remove(out)),
            "verify": (["verify", str(out)], lambda: remove(out / "build", out / "verify")),
        }
        try:
            if "new" in options.skip and "verify" not in options.skip:
                seconds_of([*making, str(out)])
            for name, (arguments, before) in commands.items():
                if name not in options.skip:
                    load = os.getloadavg()[0]
                    samples = repeated(options.repeat, arguments, before)
                    command = " ".join(["gencpp", *arguments]).replace(str(out), "OUT")
                    rows.append(figures(name, command, samples, load))
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
    if options.json:
        content = {"schema": 1, "cpus": os.cpu_count(), "repeat": options.repeat, "commands": rows}
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
