"""What flows between the stages: frozen values with a lossless JSON round trip.

No value here holds C++ text, a torch object or an absolute path.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

from . import tolerances
from .errors import UnknownBackend, UsageError
from .json_value import IN_MEMORY
from .json_value import JsonValue as JsonValue
from .names import check_file_name, check_identifier, check_relative_path
from .precision import Precision as Precision
from .preprocess import COLOURS as COLOURS
from .preprocess import CropStep as CropStep
from .preprocess import GeometryStep as GeometryStep
from .preprocess import GrayscaleStep as GrayscaleStep
from .preprocess import Interpolation as Interpolation
from .preprocess import PadMode as PadMode
from .preprocess import PadStep as PadStep
from .preprocess import PreprocessSpec as PreprocessSpec
from .preprocess import Resampling as Resampling
from .preprocess import Rescale as Rescale
from .preprocess import ResizeStep as ResizeStep
from .preprocess import channels_text as channels_text
from .recipe import Recipe

FIRST_VERSION = "1.0.0"
"""Of a project whose version nobody gave."""

VERIFY_SCHEMA = 1
"""Number of verify.json's schema."""

_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?(e[+-]?\d{1,3})?")
"""As Python writes finite ones."""


class DType(enum.StrEnum):
    """Element types that cross the C++ API."""

    float32 = "float32"
    float64 = "float64"
    float16 = "float16"
    bfloat16 = "bfloat16"
    int8 = "int8"
    uint8 = "uint8"
    int16 = "int16"
    int32 = "int32"
    int64 = "int64"
    bool_ = "bool"

    @property
    def itemsize(self) -> int:
        """Size of one element in bytes."""
        return _ITEMSIZE[self]


_ITEMSIZE = {
    DType.float32: 4,
    DType.float64: 8,
    DType.float16: 2,
    DType.bfloat16: 2,
    DType.int8: 1,
    DType.uint8: 1,
    DType.int16: 2,
    DType.int32: 4,
    DType.int64: 8,
    DType.bool_: 1,
}


class Task(enum.StrEnum):
    """What the outputs mean, and so which postprocessing is generated."""

    classification = "classification"
    generic = "generic"


UNBOUNDED = 2**63 - 1
"""`Dim.max` of an output's dimension whose largest size is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dim(JsonValue):
    """One dimension: fixed when min == opt == max, else dynamic within [min, max], tuned for opt."""

    min: int
    opt: int
    max: int
    of_values: bool = False
    """Of outputs only: the size depends on the inputs' values, not on their sizes alone. Then min may be 0
    (an empty output), opt is one size that was seen, and max is UNBOUNDED where no bound is known."""

    def __post_init__(self) -> None:
        least = 0 if self.of_values else 1
        if not least <= self.min <= self.opt <= self.max:
            raise UsageError(
                f"dimension {self.min}:{self.opt}:{self.max} must be {least} <= min <= opt <= max"
            )

    def to_json(self) -> dict[str, Any]:
        """As every value; `of_values` is written only where it is true: other manifests stay as they were."""
        data = JsonValue.to_json(self)
        if not self.of_values:
            del data["of_values"]
        return data

    @classmethod
    def fixed(cls, size: int) -> Dim:
        """A dimension of exactly `size`."""
        return cls(min=size, opt=size, max=size)

    @property
    def dynamic(self) -> bool:
        """Whether more than one size is allowed."""
        return self.of_values or self.min != self.max


Profiles = tuple[tuple[tuple[Dim, ...], ...], ...]
"""Optimisation profiles: for each the dimensions of every input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values(JsonValue):
    """What the elements of an input are drawn from; numbers are text, so that none is rounded.

    `each`: given values, one fills the input (of each item of a batch), the next the next. Else `file`: an
    .npy file with such inputs. Else all from `low` to `high`, both included, which the others have too.
    """

    low: str
    high: str
    """Largest finite value; `inf` and `nan` may be in a file."""
    each: tuple[str, ...] = ()
    file: str = ""
    """Its name without folders."""
    sha256: str = ""
    """Of the file's elements."""
    examples: int = 1
    """How many inputs the file holds, one after the other along the first dimension."""
    kinds: tuple[str, ...] = ()
    """How masks of low and high are laid out, of stimuli.MASKS; empty: in every way."""
    guessed: bool = False
    """Whether nobody gave them."""
    array: Any = dataclasses.field(default=None, compare=False, repr=False, metadata={IN_MEMORY: True})
    """The file's elements (NumPy); None where a manifest was read, and the range stands for them."""

    def __post_init__(self) -> None:
        for text in (self.low, self.high, *self.each):
            if not _NUMBER.fullmatch(text):
                raise UsageError(f"values: {text[:80]!r} is not a number")
        if self.examples < 1 or "/" in self.file or "\\" in self.file:
            raise UsageError(f"values: {self.examples} examples of a file {self.file[:80]!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec(JsonValue):
    """An input or output: name, element type, dimensions (outermost first)."""

    name: str
    dtype: DType
    dims: tuple[Dim, ...]
    values: Values | None = None
    """Of an input; None: floating-point numbers of about unit standard deviation."""
    batch_axis: int | None = 0
    """Index of the dimension that counts the items of a batch; None: it has none, whatever else varies."""

    def __post_init__(self) -> None:
        if self.batch_axis is not None and not 0 <= self.batch_axis < max(1, len(self.dims)):
            raise UsageError(f"{self.name}: there is no dimension {self.batch_axis} for the batch")

    def to_json(self) -> dict[str, Any]:
        """As every value; `batch_axis` only where it is not 0: other manifests stay as they were."""
        data = JsonValue.to_json(self)
        if self.batch_axis == 0:
            del data["batch_axis"]
        return data

    @property
    def batch_at(self) -> int | None:
        """`batch_axis` where that dimension varies, and values do not decide it; else None."""
        if self.batch_axis is None or not self.dims:
            return None
        dim = self.dims[self.batch_axis]
        return self.batch_axis if dim.dynamic and not dim.of_values else None

    @property
    def batch(self) -> Dim | None:
        """The dimension that counts the items of a batch, where it varies; else None."""
        return None if self.batch_at is None else self.dims[self.batch_at]

    @property
    def other_dims(self) -> tuple[Dim, ...]:
        """All dimensions but the one that counts the items of a batch."""
        return tuple(d for i, d in enumerate(self.dims) if i != self.batch_axis)

    def with_dim(self, index: int, dim: Dim) -> TensorSpec:
        """The same with another dimension."""
        return dataclasses.replace(self, dims=(*self.dims[:index], dim, *self.dims[index + 1 :]))

    def with_batch(self, dim: Dim) -> TensorSpec:
        """The same with another batch, where it has a dimension for it that values do not decide."""
        axis = self.batch_axis
        if axis is None or not self.dims or self.dims[axis].of_values:
            return self
        return self.with_dim(axis, dim)

    def shape(self, batch: int | None = None) -> tuple[int, ...]:
        """The `opt` sizes, with the batch at `batch` items where it varies."""
        varied = self if batch is None or self.batch is None else self.with_batch(Dim.fixed(batch))
        return tuple(d.opt for d in varied.dims)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsInfo(JsonValue):
    """Which weights the artifact carries. `warning` is empty unless they are random or not as published."""

    kind: str
    """`pretrained`, `random`, `user`"""
    detail: str
    """`ResNet18_Weights.IMAGENET1K_V1`, `seed 0, initialised from data`, a file's name"""
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec(JsonValue):
    """What the model is, whatever the backend."""

    source: str
    """As the user named it, without folders."""
    task: Task
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    labels: tuple[str, ...] = ()
    preprocess: PreprocessSpec | None = None
    weights: WeightsInfo
    parameters: int
    """Count of parameter elements."""
    notes: tuple[str, ...] = ()
    """What a user should know, one sentence each."""

    @property
    def batched_input(self) -> TensorSpec:
        """The first input with a batch that varies; the first input where none has one."""
        return next((t for t in self.inputs if t.batch is not None), self.inputs[0])

    @property
    def batch(self) -> Dim:
        """How many items a run takes; one where nothing counts them."""
        tensor = self.batched_input
        if tensor.batch_axis is None or not tensor.dims:
            return Dim.fixed(1)
        return tensor.dims[tensor.batch_axis]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts(JsonValue):
    """A file of the project's assets/ folder, by which it is recognised."""

    file: str
    size: int
    """Bytes."""
    sha256: str
    head_tail_sha256: str
    """As in Artifact."""
    fletcher4: str = ""
    """As in Artifact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedAttribute(JsonValue):
    """An attribute of a TorchScript module that its forward changes."""

    path: str
    """From the module down: `encoder.cache`"""
    in_place: bool
    """Whether its memory is written; else the attribute gets another value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact(JsonValue):
    """The file that the C++ program loads, relative to the project's assets/ folder."""

    file: str
    format: str
    """`torchscript`, `aoti`, `onnx`, `network`"""
    size: int
    """Bytes."""
    sha256: str
    head_tail_sha256: str
    """sha256 of the first and the last 64 KiB together (of the whole file when it is below 128 KiB)."""
    fletcher4: str = ""
    """The checksum of every byte that programs verify at each load; see core/checksum.py."""
    method: str
    """`script`, `trace`, `given`, with `frozen` where it was: `script, frozen`."""
    reason: str = ""
    """Why this method: `traced: scripting failed at ...`."""
    warnings: tuple[str, ...] = ()
    """What the exporter reported, such as branches that depend on data."""
    untaken: tuple[str, ...] = ()
    """Sides of branches that no compared input took, and that the artifact may lack: `nets.py:71: ...`."""
    external: FileFacts | None = None
    """A second file with the weights of an ONNX model that is too large for one."""
    changed: tuple[ChangedAttribute, ...] = ()
    """What a run of TorchScript changes of the module: each run gets its own, as the file has it."""
    serialised: str = ""
    """Why runs of TorchScript take turns: they share what no run can have for itself. Empty: they do not."""

    def __post_init__(self) -> None:
        for facts in (self, self.external):
            if facts is not None:
                check_file_name(facts.file, "artifact")

    @property
    def how(self) -> str:
        """The method, with its reason."""
        return self.method + (f" ({self.reason})" if self.reason else "")


class RuntimeSpec(JsonValue):
    """How a program runs its artifact, besides what is in the artifact: a class for each backend.

    Each lies in its backend's folder. JSON names the backend; importing `gencpp.backends` makes all known.
    """

    __slots__ = ()
    backend: ClassVar[str]
    """The backend's name."""
    precision: Precision
    """Of the weights and the arithmetic; inputs and outputs stay as they are."""
    _kinds: ClassVar[dict[str, type[RuntimeSpec]]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        RuntimeSpec._kinds[cls.backend] = cls

    def to_json(self) -> dict[str, Any]:
        """As every value, with the backend's name in front."""
        return {"backend": self.backend, **JsonValue.to_json(self)}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The value of the class that the JSON names; raises UsageError for a backend that is not known."""
        if not isinstance(data, dict) or not isinstance(data.get("backend"), str):
            raise UsageError("runtime: it names no backend")
        kind = cls._kinds.get(data["backend"])
        if kind is None or not issubclass(kind, cls):
            if not cls._kinds:
                raise RuntimeError("import gencpp.backends before a manifest is read")
            known = ", ".join(sorted(n for n, k in cls._kinds.items() if issubclass(k, cls)))
            raise UnknownBackend(
                f"there is no backend {ascii(data['backend'])[:40]}: this gencpp has {known}"
            )
        rest = {name: value for name, value in data.items() if name != "backend"}
        return cast(Self, JsonValue.from_json.__func__(kind, rest))  # type: ignore[attr-defined]

    @classmethod
    def of(cls, project: ProjectSpec) -> Self:
        """That of a project of this backend; raises UsageError for one of another."""
        if not isinstance(project.runtime, cls):
            raise UsageError(f"{project.name} runs on {project.backend}, not on {cls.backend}")
        return project.runtime

    @property
    def way(self) -> str:
        """How the program runs its artifact, by the name that --artifact has for it; empty: one way only."""
        return ""

    def check(self, model: ModelSpec) -> None:
        """Raises UsageError where this and the model do not belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenOutput(JsonValue):
    """One reference output of a golden case."""

    name: str
    file: str
    """.npy under assets/goldens/"""
    max_abs: float
    """max |reference|; the allowed difference is `tolerance` times this."""
    tolerance: float = tolerances.PARITY

    def __post_init__(self) -> None:
        check_file_name(self.file, "golden")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCase(JsonValue):
    """Inputs with the outputs that the Python model gave for them.

    A picture case has `images` (the same picture in several formats), the uint8 pixels after resize
    and crop (HWC .npy, one per image because JPEG loses), and the task's answer for the first image.
    """

    name: str
    kind: str
    """`seeded`, `batch`, `sizes`, `picture`"""
    inputs: tuple[str, ...]
    """.npy files under assets/goldens/, in the order of the model's inputs"""
    outputs: tuple[GoldenOutput, ...]
    image: str = ""
    pixels: str = ""
    answer: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What the task makes of the outputs, as plain JSON; empty: nothing."""

    def __post_init__(self) -> None:
        for name in (self.name, *self.inputs, *filter(None, (self.image, self.pixels))):
            check_file_name(name, "golden")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelCase(JsonValue):
    """A picture and the uint8 pixels that the reference preprocessing gives for it."""

    name: str
    image: str
    pixels: str
    """HWC uint8 .npy under assets/goldens/"""
    tensor: str
    """1xCxHxW float32 .npy under assets/goldens/"""
    decoded: bool = False
    """`pixels` are the picture as it is decoded, before any resize or crop"""
    tolerance: int = 0
    """Units of 8 bits that a pixel may differ by: 1 where the reference resized in float32."""

    def to_json(self) -> dict[str, Any]:
        """As every value; `decoded` and `tolerance` are written only where they say something."""
        data = JsonValue.to_json(self)
        return {k: v for k, v in data.items() if v or k not in ("decoded", "tolerance")}

    def __post_init__(self) -> None:
        for name in (self.name, self.image, self.pixels, *filter(None, (self.tensor,))):
            check_file_name(name, "pixel case")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goldens(JsonValue):
    """All reference data of a project."""

    cases: tuple[GoldenCase, ...]
    pixel_cases: tuple[PixelCase, ...] = ()
    parity: str = "strong"
    """`strong`: any two goldens differ by 1000 tolerances or more, and they hold all sizes to be compared and
    take every branch by a value; `partial`: some size, or a branch of the Python code, is missing; `weak`:
    two goldens are too near (a user's weights), or a branch of the artifact is not taken."""
    parity_note: str = ""
    notes: tuple[str, ...] = ()
    """What the user should know, one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSpec(JsonValue):
    """Everything that rendering needs: the manifest's body."""

    name: str
    runtime: RuntimeSpec
    model: ModelSpec
    artifact: Artifact
    goldens: Goldens
    recipe: Recipe
    """What `gencpp new` was asked."""
    versions: dict[str, str]
    """gencpp, torch, torchvision, pillow, numpy, python that made the artifact and the goldens."""

    def __post_init__(self) -> None:
        check_identifier(self.name, "project")
        self.runtime.check(self.model)

    @property
    def backend(self) -> str:
        """The name of the backend that runs it."""
        return self.runtime.backend

    @property
    def version(self) -> str:
        """Of the C++ project; its first number is that of the shared library (SOVERSION)."""
        return self.recipe.project.project_version or FIRST_VERSION

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know, one sentence each."""
        return (*self.model.notes, *self.goldens.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult(JsonValue):
    """One step of verify."""

    name: str
    status: str
    """`passed`, `failed`, `skipped`"""
    seconds: float
    reason: str = ""
    argv: tuple[str, ...] = ()
    log: str = ""
    """Path relative to the project."""
    needed: bool = True
    """Whether the proof needs this step: a needed step that was skipped makes the whole incomplete."""

    def __post_init__(self) -> None:
        if self.log:
            check_relative_path(self.log, "log")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityResult(JsonValue):
    """C++ against Python for one output of one golden case."""

    case: str
    output: str
    max_abs_diff: float | None
    """None: shapes or types differ, or a value is not finite."""
    max_rel_diff: float | None
    """max |difference| / max |reference|; None as above, or where the reference is 0"""
    tolerance: float
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport(JsonValue):
    """What `gencpp verify` found; also OUT/verify.json."""

    schema: int = VERIFY_SCHEMA
    project: str
    backend: str
    status: str
    """`passed`, `failed`, `incomplete`"""
    steps: tuple[StepResult, ...]
    parity: tuple[ParityResult, ...] = ()
    bench: dict[str, Any] = dataclasses.field(default_factory=dict)
    edited: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
