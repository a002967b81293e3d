"""The ways in which LibTorch can run one model on the CPU. Which is fastest differs by model and machine."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.errors import CheckFailed, UsageError

FEATURES = {"channels_last": "channels-last order", "fusion": "oneDNN graph fusion"}
"""What some models cannot be run with, by a variant's field: what people call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How the artifact is made and run."""

    name: str
    what: str
    """For people."""
    compiled: bool = False
    """An AOTInductor package instead of TorchScript."""
    freeze: bool = True
    fusion: bool = False
    """oneDNN graph fusion, a switch of the process."""
    channels_last: bool = False
    """4-D weights and inputs lie in channels-last order."""
    max_autotune: bool = False

    @property
    def features(self) -> frozenset[str]:
        """What of FEATURES it has."""
        return frozenset(name for name in FEATURES if getattr(self, name))


VARIANTS = {
    v.name: v
    for v in (
        Variant(name="plain", what="TorchScript as saved", freeze=False),
        Variant(name="frozen", what="TorchScript, frozen"),
        Variant(name="channels-last", what="TorchScript, frozen, channels-last", channels_last=True),
        Variant(name="fused", what="TorchScript, frozen, oneDNN graph fusion", fusion=True),
        Variant(
            name="fused-channels-last",
            what="TorchScript, frozen, oneDNN graph fusion, channels-last",
            fusion=True,
            channels_last=True,
        ),
        Variant(name="aoti", what="AOTInductor, frozen", compiled=True),
        Variant(name="aoti-autotuned", what="AOTInductor, max-autotune", compiled=True, max_autotune=True),
    )
}

DEFAULTS = ("fused-channels-last", "channels-last", "fused", "frozen")
"""Without --tune, best first (docs/results/speed.md has the measurements). A model that cannot be run with a
feature of one gets the next that lacks it. (One that cannot be frozen stays as it is in each.)"""

DEFAULT = DEFAULTS[0]


def defaults_without(features: frozenset[str]) -> tuple[str, ...]:
    """Of DEFAULTS those that have none of these FEATURES; the last has none at all."""
    return tuple(name for name in DEFAULTS if not VARIANTS[name].features & features)


UNFUSED = defaults_without(frozenset({"fusion"}))[0]
"""What to name in other precisions than float32, which fusion is not for."""

ARTIFACTS = {"torchscript": DEFAULT, "aoti": "aoti"}
"""What --artifact calls a variant, besides the variants' own names."""


class Unsuited(CheckFailed):
    """A model that cannot be run with `feature` (of FEATURES), or is another model with it."""

    def __init__(self, message: str, *, feature: str, hint: str = "", details: str = "") -> None:
        other = defaults_without(frozenset({feature}))[0]
        own = f"use --artifact {other}, or leave --artifact out: both do without {FEATURES[feature]}"
        hint = f"{hint.rstrip('.')}; or {own}." if hint else f"{own}."
        super().__init__(message, hint=hint, details=details)
        self.feature = feature


def variant_named(name: str) -> Variant:
    """The variant of `--artifact NAME`; raises UsageError for a name that there is not."""
    found = VARIANTS.get(ARTIFACTS.get(name, name))
    if found is None:
        names = ", ".join(dict.fromkeys((*ARTIFACTS, *VARIANTS)))
        raise UsageError(f"there is no artifact '{name}'", hint=f"Choose from: {names}.")
    return found
