"""What `gencpp bench` is asked for, checked before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UsageError
from ..core.processors import available_processors
from ..core.python_file import as_module, refuse_two_of_one_name

PEERS = {
    "eager": "torch",
    "torchscript": "torch",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
}
"""Names of --against, with the Python package that each needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How far the curves go."""

    batch: int = 64
    megapixels: float = 50.0
    loads: int = 1000
    runs: int = 100_000

    def __post_init__(self) -> None:
        if self.batch < 1 or self.megapixels < 0.1 or self.loads < 1 or self.runs < 1:
            raise UsageError("--growth: batch, loads and runs are 1 or more, megapixels 0.1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Of one `gencpp bench`."""

    folders: tuple[Path, ...]
    against: tuple[str, ...] = tuple(PEERS)
    batches: tuple[int, ...] = ()
    """Empty: what each model is tuned for."""
    threads: tuple[int, ...] = ()
    """Empty: one setting, all cores that this process may use."""
    rounds: int = 5
    seconds: float = 1.0
    """Of one process; loading and warm-up come on top."""
    warmup: int = 10
    path: tuple[str, ...] = ()
    """Folders of the Python model's code and files."""
    models: tuple[str, ...] = ()
    """Python code that may run to make a project's model again: `nets:make`."""
    growth: Growth | None = None
    baseline: Path | None = None
    command: str = ""
    """As it was typed, for those who read the report."""
    max_regression: float = 0.10

    def __post_init__(self) -> None:
        refuse_two_of_one_name(list(self.models))
        named = [as_module(text) for text in self.models]
        object.__setattr__(self, "models", tuple(text for text, _ in named))
        object.__setattr__(self, "path", (*(f for _, folders in named for f in folders), *self.path))
        if not self.folders:
            raise UsageError("no project to measure", hint="Name folders that `gencpp new` wrote.")
        if len({f.resolve() for f in self.folders}) != len(self.folders):
            raise UsageError("a project is named twice")
        unknown = [name for name in self.against if name not in PEERS]
        if unknown:
            raise UsageError(
                f"--against: there is no {', '.join(map(repr, unknown))}",
                hint=f"Choose from: {', '.join(PEERS)}; or none.",
            )
        if self.rounds < 1:
            raise UsageError(f"--rounds {self.rounds}: at least one is needed")
        if self.seconds <= 0:
            raise UsageError(f"--seconds {self.seconds:g}: a time above 0 is needed")
        if self.warmup < 0:
            raise UsageError(f"warmup {self.warmup}: 0 or more runs")
        if self.max_regression < 0:
            raise UsageError("--max-regression is 0 or more")


def names(text: str) -> tuple[str, ...]:
    """`eager,onnxruntime`; `none` and nothing are no names."""
    given = [part.strip() for part in text.split(",")]
    return tuple(dict.fromkeys(n for n in given if n and n != "none"))


def counts(text: str, option: str) -> tuple[int, ...]:
    """`1,8` as numbers, in order, once each; raises UsageError."""
    try:
        found = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = [0]
    if any(n < 1 for n in found):
        raise UsageError(f"{option} {text}: expected numbers of 1 or more, as in 1,8")
    return tuple(dict.fromkeys(found))


def cores() -> int:
    """Cores that this process may keep busy: threads of one run where nobody says how many."""
    return available_processors()
