"""What the manifest keeps of a TensorRT project's runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...core.errors import UsageError
from ...core.spec import ModelSpec, Precision, Profiles, RuntimeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec(RuntimeSpec):
    """What a TensorRT engine is built from, besides the artifact."""

    backend: ClassVar[str] = "tensorrt"
    api: str = "parser"
    """`parser`: TensorRT's ONNX parser reads the artifact. `network`: C++ defines it, with these weights."""
    precision: Precision = Precision.fp32
    tf32: bool = False
    """Whether float32 operands may be rounded to TF32."""
    tensorrt_min: str
    """The oldest version that the artifact is made for: `10.0`."""
    opset: int
    """Of the ONNX file, or of the ONNX graph that became C++."""
    profiles: Profiles

    def check(self, model: ModelSpec) -> None:
        """Raises UsageError where a profile is not of the model's inputs."""
        for profile in self.profiles:
            if [len(dims) for dims in profile] != [len(t.dims) for t in model.inputs]:
                raise UsageError("engine: a profile is not of the model's inputs")
