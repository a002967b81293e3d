"""What the manifest keeps of a LibTorch project's runtime."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ...core.other_work import OtherWork
from ...core.spec import JsonValue, Precision, RuntimeSpec


class RunsOn(StrEnum):
    """Where a project may run; what `--device` takes."""

    cpu = "cpu"
    cuda = "cuda"
    any = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledFor(JsonValue):
    """The machine that an artifact with compiled code was made on; another one refuses it."""

    architecture: str
    """`x86_64`, as the system says it."""
    cpu_flags: tuple[str, ...]
    """Instruction sets that the code may use, by the names of /proc/cpuinfo; empty off x86."""
    torch: str
    """Version of the libraries that it calls: `2.15.0`."""
    threads: int
    """Threads that its weights are packed for: with others it is right, and slower."""
    gpu: str = ""
    """The GPU that it was compiled on, by its driver's name; empty: it runs on the CPU."""
    capability: str = ""
    """That GPU's compute capability: `9.0`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned(JsonValue):
    """One candidate of `--tune`, measured in the generated program."""

    variant: str
    threads: int
    p50_ms: float | None
    """Median over the rounds of the median latency; None: not measured."""
    spread: tuple[float, float] | None
    """Smallest and largest round over that median."""
    max_rel_diff: float | None
    """Against the goldens, the worst of all; None: not compared."""
    problem: str = ""
    """Why it was not taken into account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibTorchSpec(RuntimeSpec):
    """How a LibTorch program runs its artifact, besides what is in the artifact."""

    backend: ClassVar[str] = "libtorch"
    variant: str = "plain"
    """Of backends/libtorch/variants.py."""
    device: RunsOn = RunsOn.any
    """Where it may run; of compiled code, before this was written down, `compiled` alone says it."""
    fusion: bool = False
    """Whether configure_process() turns oneDNN graph fusion on for TorchScript."""
    channels_last: bool = False
    """Whether 4-D inputs are handed over in channels-last order."""
    threads: int = 0
    """Of configure_process(), where the caller says nothing; 0: LibTorch's own choice."""
    precision: Precision = Precision.fp32
    """Of the weights and the arithmetic; inputs and outputs stay as they are."""
    compiled: CompiledFor | None = None
    """Of AOTInductor artifacts only."""
    tuning: tuple[Tuned, ...] = ()
    """What --tune measured."""
    tuning_other_work: OtherWork | None = None
    """What others took of the processors meanwhile; None: not measured, or the system does not tell."""

    @property
    def runs_on(self) -> RunsOn:
        """Where the project may run."""
        if self.compiled is None:
            return self.device
        return RunsOn.cuda if self.compiled.gpu else RunsOn.cpu

    @property
    def way(self) -> str:
        """The variant."""
        return self.variant


def tuning_table(spec: LibTorchSpec) -> list[tuple[str, ...]]:
    """What --tune measured, as rows with a head; the chosen one is marked."""
    plain = next((t.p50_ms for t in spec.tuning if t.variant == "plain" and t.p50_ms is not None), None)
    rows: list[tuple[str, ...]] = [
        ("variant", "threads", "p50 ms", "of plain", "spread", "largest diff.", "")
    ]
    for t in spec.tuning:
        if t.p50_ms is None or t.spread is None:
            rows.append((t.variant, "", "", "", "", "", t.problem))
            continue
        ratio = f"{t.p50_ms / plain:.2f}" if plain else ""
        spread = f"{t.spread[0]:.2f} to {t.spread[1]:.2f}"
        diff = "" if t.max_rel_diff is None else f"{t.max_rel_diff:.1e}"
        chosen = "chosen" if (t.variant, t.threads) == (spec.variant, spec.threads) else ""
        rows.append((t.variant, str(t.threads), f"{t.p50_ms:.2f}", ratio, spread, diff, chosen))
    return rows
