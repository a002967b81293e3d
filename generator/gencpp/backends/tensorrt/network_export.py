"""LoadedModel + ModelSpec -> a network plan and its weights, compared with the model first."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import CheckFailed, UsageError
from ...core.files import disk_errors, file_facts
from ...core.loaded import LoadedModel
from ...core.progress import Progress
from ...core.spec import Artifact, ModelSpec, Precision, ProjectSpec
from ...core.words import counted
from ...model.sizes.answers import Answers, answers_for
from ...network.emit import network_cpp, weights_info_header
from ...network.emit.references import layer_references_header
from ...network.lower.lowering import Uncovered, lower
from ...network.plan import NetworkPlan
from ...network.references import sampled
from ...network.weights_file import write
from .answers import NETWORK_PLAN
from .onnx_export import ARTIFACT, OnnxOptions, export_onnx
from .onnx_parity import parity_of

WEIGHTS = "weights.bin"
SAMPLES = "layers.npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkExport:
    """What was written, the plan, and the model as the plan has it."""

    artifact: Artifact
    model: ModelSpec
    opset: int
    """Of the ONNX graph that was lowered."""
    plan: NetworkPlan
    weights: Mapping[str, Any]
    """numpy arrays by PlanWeight.name"""


def export_network(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    options: OnnxOptions,
    progress: Progress,
    answers: Answers | None = None,
) -> NetworkExport:
    """Writes directory/weights.bin.

    The model is exported as ONNX (which is not kept), lowered, and the plan's answers, computed by
    PyTorch call by call, are compared with the module's for two seeds and at the sizes of `answers`. Raises
    UsageError with every operator that lowering does not cover, CheckFailed when the answers differ.
    """
    import onnx

    answers = answers_for(loaded, answers)
    with disk_errors(directory):
        directory.mkdir(exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix=".network-", dir=directory)
    with scratch:
        unparsed = replace(options, parser=False)
        exported = export_onnx(loaded, spec, Path(scratch.name), unparsed, progress, answers)
        model = onnx.load(Path(scratch.name) / ARTIFACT)
    progress("lowering to a network definition")
    lowered = _lowered(loaded, model)
    del model
    worst = _checked(lowered.plan, lowered.weights, answers, exported.model, options, exported.artifact)
    with disk_errors(directory / WEIGHTS):
        write(directory / WEIGHTS, lowered.weights, lowered.plan.weights)
    facts = file_facts(directory / WEIGHTS)
    progress(
        f"{counted(len(lowered.plan.layers), 'layer')}, {WEIGHTS} of {facts.size / 1e6:.1f} MB,"
        f" differs from eager by {worst:.1e} of the largest output"
    )
    return NetworkExport(
        artifact=replace(
            exported.artifact,
            file=facts.file,
            format="network",
            size=facts.size,
            sha256=facts.sha256,
            head_tail_sha256=facts.head_tail_sha256,
            fletcher4=facts.fletcher4,
            method=f"{exported.artifact.method}, lowered to {counted(len(lowered.plan.layers), 'layer')}",
            external=None,
        ),
        model=exported.model,
        opset=exported.opset,
        plan=lowered.plan,
        weights=lowered.weights,
    )


def lowered_layers(loaded: LoadedModel, directory: Path) -> int:
    """How many layers directory/model.onnx becomes; raises UsageError with what is not covered."""
    import onnx

    return len(_lowered(loaded, onnx.load(directory / ARTIFACT)).plan.layers)


def network_files(project: ProjectSpec, network: NetworkExport, assets: Path) -> dict[str, str]:
    """The network's C++, its table of weights and the plan, by path; writes assets/layers.npy."""
    import numpy as np

    case = project.goldens.cases[0]
    feeds = {
        tensor.name: np.load(assets / "goldens" / file, allow_pickle=False)
        for tensor, file in zip(project.model.inputs, case.inputs, strict=True)
    }
    references, samples = sampled(network.plan, network.weights, feeds)
    with disk_errors(assets):
        np.save(assets / SAMPLES, samples)
    return {
        "src/network.cpp": network_cpp(project.name, network.plan),
        "src/weights_info.hpp": weights_info_header(project.name, network.plan),
        "src/layer_references.hpp": layer_references_header(project.name, references, case.inputs),
        NETWORK_PLAN: json.dumps(network.plan.to_json(), indent=1) + "\n",
    }


def _lowered(loaded: LoadedModel, model: Any) -> Any:
    try:
        return lower(model, _modules(loaded))
    except Uncovered as e:
        raise UsageError(
            f"{loaded.source_text} has operators that network-definition code does not cover:"
            + "".join(f"\n  {problem}" for problem in e.problems),
            hint="use --trt-api parser, or "
            + ("export the file anew without them." if loaded.of_file else "change those modules."),
        ) from None


def _modules(loaded: LoadedModel) -> dict[str, str]:
    """Class of every module by its path; of none for an ONNX file."""
    if loaded.onnx is not None:
        return {}
    return {
        name: str(getattr(module, "original_name", type(module).__name__))
        for name, module in loaded.module.named_modules()
    }


def _checked(
    plan: NetworkPlan,
    weights: Mapping[str, Any],
    answers: Answers,
    spec: ModelSpec,
    options: OnnxOptions,
    artifact: Artifact,
) -> float:
    """The largest relative difference; raises CheckFailed where the plan is not the model."""
    compared = parity_of(
        PlanRunner(plan, weights, [t.name for t in spec.inputs]),
        answers,
        spec,
        options.precision,
        more=bool(artifact.warnings),
    )
    if compared.problem:
        hint = "use --trt-api parser, and report the model: this is a mistake of gencpp's."
        if options.precision is not Precision.fp32:
            hint = "use --precision fp32, or --trt-api parser."
        raise CheckFailed(
            f"{answers.loaded.source_text}: the network definition is not the model: {compared.problem}",
            hint=hint,
        )
    return compared.worst


class PlanRunner:
    """A plan as a function: the outputs by name for the inputs in the model's order, as torch tensors."""

    def __init__(self, plan: NetworkPlan, weights: Mapping[str, Any], inputs: Sequence[str]) -> None:
        self._plan, self._weights, self._inputs = plan, weights, tuple(inputs)

    def __call__(self, *tensors: Any) -> dict[str, Any]:
        """Runs the plan with PyTorch."""
        import torch

        from ...network.interpret.interpreter import run

        if len(tensors) != len(self._inputs):
            raise TypeError(f"takes {counted(len(self._inputs), 'input')}, not {len(tensors)}")
        feeds = {n: t.detach().numpy() for n, t in zip(self._inputs, tensors, strict=True)}
        found = run(self._plan, self._weights, feeds)
        return {name: torch.from_numpy(found[name]) for name in self._plan.outputs}
