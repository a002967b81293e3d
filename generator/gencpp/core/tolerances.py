"""How far two answers may lie apart: largest |difference| / max |reference|, with no absolute floor.

Tables are by precision (core/precision.py): a backend has those that its table has.
"""

from __future__ import annotations

from .precision import Precision

PARITY = 1e-4
"""A program in float32 and its goldens, where nothing below says otherwise."""

LIBTORCH = {Precision.fp32: PARITY, Precision.fp16: 1e-2, Precision.bf16: 8e-2}
"""The same on LibTorch: bf16 has 8 bits, three less than fp16, so eight times its tolerance."""

TENSORRT = {Precision.fp32: 1e-3, Precision.fp16: 1e-2, Precision.bf16: 8e-2}
"""The same on TensorRT, which fuses layers and sums in another order; fp16 has 11 bits, bf16 8."""

TORCHSCRIPT = 1e-5
"""TorchScript and the eager model. The same kernels run in both; what is left is the rounding of folded
BatchNorm and of fused operators."""

ONNX = {Precision.fp32: 1e-4, Precision.fp16: 1e-2, Precision.bf16: 8e-2}
"""An ONNX file in ONNX Runtime and the model. In fp32 both compute the same sums in another order: measured
are 1e-7 to 1e-5. In fp16 every value between two operators has 11 bits: one rounding is 5e-4, and a deep
network adds them up to some 1e-3. In bf16, with 8 bits, all of that is eight times as much."""

ONNX_INTEGERS = {Precision.fp32: 0.0, Precision.fp16: 1e-2, Precision.bf16: 8e-2}
"""Share of the elements of an integer output (classes, indices) that may differ: rounding decides ties."""

REPEATED = 1e-5
"""Two runs of a model on equal inputs: threads may add in another order, random numbers differ by more."""

BATCH_ITEM = 1e-3
"""An item alone and the same item in a batch: as far apart as this, the items influence each other."""

DISTINCT = 1000
"""How many PARITY any two goldens lie apart at least: else a wrong answer could pass for a right one."""
