"""The ways in which LibTorch can run one model on the CPU. Which is fastest differs by model and machine."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.errors import UsageError


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
    max_autotune: bool = False


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

DEFAULT = "fused-channels-last"
"""Without --tune: see docs/results/speed.md for the measurements."""

UNFUSED = "channels-last"
"""Where fusion cannot run the model."""

ARTIFACTS = {"torchscript": DEFAULT, "aoti": "aoti"}
"""What --artifact calls a variant, besides the variants' own names."""


DEVICES = ("cpu", "cuda")
"""What --device takes: where compiled code is to run."""


def variant_named(name: str) -> Variant:
    """The variant of `--artifact NAME`; raises UsageError for a name that there is not."""
    found = VARIANTS.get(ARTIFACTS.get(name, name))
    if found is None:
        names = ", ".join(dict.fromkeys((*ARTIFACTS, *VARIANTS)))
        raise UsageError(f"there is no artifact '{name}'", hint=f"Choose from: {names}.")
    return found
