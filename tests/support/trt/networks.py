"""Projects whose network is C++: rendered from plans, compiled against real headers, run on the double."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import building
from building import STRICT, must
from fakes.double import SANITIZE, Double, cuda_include
from fakes.network_record import Record, read_record
from fakes.plan_table import write_plan_table
from samples import tensorrt
from writing import texts_of

from gencpp.backends.tensorrt.spec import EngineSpec
from gencpp.core import files
from gencpp.core.spec import Dim, FileFacts, ProjectSpec, TensorSpec
from gencpp.core.toolchain import find_toolchain
from gencpp.network.calls.calls import calls
from gencpp.network.emit import network_cpp, weights_info_header
from gencpp.network.emit.references import layer_references_header
from gencpp.network.plan import NetworkPlan, PlanTensor
from gencpp.network.references import LayerReference
from gencpp.network.weights_file import write

from .plans import Network

NAME = "sample"
DRIVER = Path(__file__).resolve().parent / "network_driver.cpp"
VARYING = Dim(min=1, opt=2, max=8)
BESIDE = ("build", "logger", "handles", "cache")
"""src/tensorrt/trt_*.cpp that building an engine needs beside the network's own sources."""
CORE = (
    *(f"src/assets/{s}.cpp" for s in ("integrity", "embedded", "input_file")),
    *("src/tensor/tensor.cpp", "src/facts.cpp", "src/tensorrt/engine_facts.cpp"),
)
OF_THE_MODEL = re.compile(r"\b(kInputs|kOutputs|kWeights|kProfiles|define_layers\(Layers)\b")
"""What a source says that was generated for one model: the other object files are all models' own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a build of the network on the double ended."""

    code: int
    output: str
    record: Record | None
    """None when there was no network; without weights when no engine was built."""


def project_spec(plan: NetworkPlan) -> ProjectSpec:
    """Facts of a project with this network; what tests do not look at is made up."""
    made = tensorrt(NAME)
    described = {t.name: t for t in plan.tensors}
    inputs = tuple(_tensor_spec(t) for t in plan.inputs)
    outputs = tuple(_tensor_spec(described[o]) for o in plan.outputs)
    return replace(
        made,
        model=replace(made.model, inputs=inputs, outputs=outputs),
        artifact=replace(made.artifact, file="weights.bin", format="network", external=None),
        runtime=EngineSpec(
            api="network",
            tensorrt_min="8.5",
            opset=18,
            profiles=(tuple(t.dims for t in inputs),),
        ),
    )


def _tensor_spec(tensor: PlanTensor) -> TensorSpec:
    dims = tuple(VARYING if d == -1 else Dim.fixed(d) for d in tensor.dims)
    return TensorSpec(name=tensor.name, dtype=tensor.dtype, dims=dims)


def write_project(network: Network, folder: Path) -> Path:
    """The project's sources, its weights and the double's table; gives the folder."""
    (folder / "assets").mkdir(parents=True)
    weights = folder / "assets" / "weights.bin"
    write(weights, network.weights, network.plan.weights)
    write_plan_table(network.plan, folder / "table")
    return write_sources(network, folder, files.file_facts(weights))


def write_sources(network: Network, folder: Path, weights: FileFacts | None = None) -> Path:
    """Only what compiles."""
    plan = network.plan
    spec = project_spec(plan)
    if weights is not None:
        facts = dataclasses.asdict(weights)
        spec = replace(spec, artifact=replace(spec.artifact, **facts))
    code = {
        "src/network.cpp": network_cpp(NAME, plan),
        "src/weights_info.hpp": weights_info_header(NAME, plan),
        "src/layer_references.hpp": layer_references_header(NAME, [_reference(plan)], ["none.npy"]),
    }
    for path, text in texts_of(spec, code).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    return folder


def _reference(plan: NetworkPlan) -> LayerReference:
    """Of a layer that there is: nothing here runs `<name>_diff`."""
    layer = calls(plan, 1013)[-1].name
    return LayerReference(layer=layer, output=0, elements=1, stride=1, begin=0, count=1, largest=1.0)


def compile_object(folder: Path, source: str, include: Path, out: Path, *flags: str) -> Path:
    """One source of a project as an object file, with the warnings of the dev preset as errors."""
    cuda = cuda_include()
    assert cuda is not None
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        argv = ["-std=c++17", *STRICT, *SANITIZE, *flags]
        argv += ["-isystem", str(include), "-isystem", str(cuda), f'-D{NAME.upper()}_NETWORK_CODE="test"']
        must(building.compile_object(folder, source, out, *argv, "-Iinclude", "-Isrc"))
    return out


def build_driver(folder: Path, double: Double, shared: Path) -> Path:
    """The program that builds the engine of a project on a double. `shared`: object files for all models."""
    include, own = double.root / "include", folder / f"build-{double.version}"
    listed = (folder / "cmake" / "network_source.cmake").read_text(encoding="utf-8")
    sources = [*re.findall(r"src/[\w/]+\.cpp", listed), *(f"src/tensorrt/trt_{s}.cpp" for s in BESIDE), *CORE]

    def compiled(source: str) -> Path:
        of_the_model = OF_THE_MODEL.search((folder / source).read_text(encoding="utf-8"))
        into = own if of_the_model else shared / double.version
        fast = ("-O2",) if source == "src/assets/integrity.cpp" else ()  # sha256 of hundreds of megabytes
        return compile_object(folder, source, include, into / f"{Path(source).stem}.o", *fast)

    shutil.copyfile(DRIVER, folder / DRIVER.name)
    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, dict.fromkeys([*sources, DRIVER.name])))
    argv = [str(find_toolchain().compiler), *SANITIZE, *map(str, objects)]
    for place in (double.root / "lib", double.root / "cuda"):
        argv += [f"-L{place}", f"-Wl,-rpath,{place}"]
    argv += ["-lnvinfer", "-lcudart", "-ldl", "-pthread", "-o", str(own / "driver")]
    must(subprocess.run(argv, capture_output=True, text=True, check=False))
    return own / "driver"


def run_driver(driver: Path, folder: Path, env: Mapping[str, str] | None = None) -> Outcome:
    record = driver.parent / "record"
    record.unlink(missing_ok=True)
    done = subprocess.run(
        [str(driver), str(folder / "assets" / "weights.bin")],
        capture_output=True,
        text=True,
        check=False,
        env={
            "GENCPP_DOUBLE_MODEL": str(folder / "table"),
            "GENCPP_DOUBLE_RECORD": str(record),
            "GENCPP_DOUBLE_LEAKS": "1",
            **(env or {}),
        },
        timeout=120,
    )
    return Outcome(
        code=done.returncode,
        output=done.stdout + done.stderr,
        record=read_record(record) if record.is_file() else None,
    )
