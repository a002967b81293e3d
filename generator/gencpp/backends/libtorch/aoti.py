"""LoadedModel + ModelSpec -> an AOTInductor package: code that torch compiled for this machine."""

from __future__ import annotations

import contextlib
import copy
import platform
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core import tolerances
from ...core.errors import CheckFailed, EnvironmentLacks, UsageError
from ...core.files import disk_errors, file_facts
from ...core.loaded import LoadedModel
from ...core.messages import details, export_problem, last_line, quiet_compiler
from ...core.progress import Progress
from ...core.spec import Artifact, ModelSpec
from ...model.history import between, counted, counted_notes, counted_untaken
from ...model.sizes.answers import Answers, answers_for
from ...model.sizes.bounding import Bounded, bounded, compared_sizes, refuse_asked, refuse_fixed, with_note
from ...tensors.compare import check_repeatable, compared_with_answers, fix_batch
from ...tensors.draws import RandomDraw
from ...tensors.dynamic_shapes import dynamic_shapes
from ...tensors.export_guards import guards_of
from ...tensors.fast_path import fast_path_off
from ...tensors.stimuli import seeded_inputs
from .spec import CompiledFor
from .stateless_program import stateless_program
from .tf32 import without_tf32
from .variants import Variant

ARTIFACT = "model.pt2"

_SEEDS = (11_003, 11_017)
_WHAT = "what AOTInductor compiled"

# Instruction sets that a compiler may use without being asked; other flags of /proc/cpuinfo are not code.
_INSTRUCTIONS = re.compile(
    r"(pni|s?sse\d\w*|popcnt|movbe|aes|pclmulqdq|avx\w*|f16c|fma4?|bmi[12]|abm|adx|sha_ni|xop|tbm|gfni|"
    r"vaes|vpclmulqdq|amx_\w+|rdrand|rdseed|fsgsbase|clwb|clflushopt|rdpid)$"
)


def export_aoti(
    loaded: LoadedModel,
    spec: ModelSpec,
    directory: Path,
    variant: Variant,
    progress: Progress,
    device: str = "cpu",
    answers: Answers | None = None,
) -> tuple[Artifact, ModelSpec, CompiledFor]:
    """Writes directory/model.pt2; gives the spec back with the batch bounded where the export needs it.

    The package is compared with the eager module before it is taken, for two seeds and at the sizes of
    `answers`. Takes from 20 s to minutes. Raises CheckFailed when the model cannot be exported or answers
    otherwise, EnvironmentLacks without a C++ compiler, or for `cuda` without a GPU.
    """
    if device == "cuda":
        check_gpu()
    if loaded.scripted:
        raise UsageError(
            f"{loaded.source_text}: AOTInductor compiles Python models, not TorchScript files",
            hint="Name the Python model (module:factory), or leave --artifact aoti out.",
        )
    inputs = seeded_inputs(spec.inputs, _SEEDS[0])
    names = [t.name for t in spec.inputs]
    others = between(spec.inputs, _SEEDS[1])
    where, of_file = loaded.source_text, loaded.of_file
    if changed := check_repeatable(loaded.module, where, inputs, names, others, of_file=of_file):
        raise UsageError(
            f"{loaded.source_text}: forward changes its input {', '.join(changed)} in place, which compiled "
            "code would do to the caller's memory",
            hint="Leave --artifact aoti out.",
        )
    counts = counted(loaded.module, inputs)
    spec = replace(spec, notes=(*spec.notes, *counted_notes(counts)))
    # Compiled code calls cuDNN and cuBLAS, whose TF32 would cost float32 more than the tolerance.
    with without_tf32() if device == "cuda" else contextlib.nullcontext():
        known = answers_for(loaded, answers)
        artifact, spec, compiled = _export(
            loaded, spec, directory / ARTIFACT, variant, progress, device, known
        )
        return replace(artifact, untaken=counted_untaken(counts)), spec, compiled


def _export(
    loaded: LoadedModel,
    spec: ModelSpec,
    path: Path,
    variant: Variant,
    progress: Progress,
    device: str,
    answers: Answers,
) -> tuple[Artifact, ModelSpec, CompiledFor]:
    """Compiles and compares; see export_aoti."""
    import torch

    loaded = _moved(loaded, device)
    made = spec
    reason, said = _compile(loaded, made, path, variant, progress, device, answers)
    if reason and spec.batch.dynamic:
        refuse_fixed(answers, spec, reason, _WHAT)
        made = fix_batch(spec)
        note = f"The batch is fixed at {spec.batch.opt}: {reason}."
        made = replace(made, notes=(*spec.notes, note))
        reason, said = _compile(loaded, made, path, variant, progress, device, answers)
    if reason:
        raise CheckFailed(
            f"{loaded.source_text} cannot be compiled by AOTInductor: {reason}",
            hint="Leave --artifact aoti out: TorchScript takes more models.",
            details=said,
        )
    worst, found = _compare(loaded, made, path, device, answers)
    if found is not None:
        refuse_asked(answers, made, found, _WHAT)
        made = with_note(made, found, _WHAT)
        progress(made.notes[-1])
    facts = file_facts(path)
    progress(
        f"{ARTIFACT}: {facts.size / 1e6:.1f} MB, differs from eager by {worst:.1e} of the largest output"
    )
    artifact = Artifact(
        file=ARTIFACT,
        format="aoti",
        size=facts.size,
        sha256=facts.sha256,
        head_tail_sha256=facts.head_tail_sha256,
        fletcher4=facts.fletcher4,
        method="torch.export, AOTInductor, frozen" + (", max-autotune" if variant.max_autotune else ""),
    )
    return (
        artifact,
        made,
        this_machine(torch.__version__, torch.get_num_threads(), device),
    )


def check_gpu() -> None:
    """Raises EnvironmentLacks where this torch has no GPU to compile for."""
    import torch

    if torch.cuda.is_available():
        return
    why = "it is a CPU build" if torch.version.cuda is None else "there is no NVIDIA GPU or driver"
    raise EnvironmentLacks(
        "--device cuda compiles on the GPU that the code is for, and "
        f"torch {torch.__version__} sees none: {why}",
        hint="Run gencpp on the machine with the GPU; TorchScript (without --artifact aoti) runs on both.",
    )


def _moved(loaded: LoadedModel, device: str) -> LoadedModel:
    """`loaded` with a copy of its module on `device`; answers are compared with the given one's."""
    if device == "cpu":
        return loaded
    return replace(loaded, module=copy.deepcopy(loaded.module).to(device), reference=loaded.eager)


def this_machine(torch: str, threads: int, device: str = "cpu") -> CompiledFor:
    """What code that is compiled here needs of the machine that runs it."""
    gpu, capability = _this_gpu() if device == "cuda" else ("", "")
    flags: list[str] = []
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
        line = next((line for line in file if line.startswith("flags")), ":")
        flags = sorted(f for f in line.partition(":")[2].split() if _INSTRUCTIONS.match(f))
    return CompiledFor(
        architecture=platform.machine(),
        cpu_flags=tuple(flags),
        torch=torch.partition("+")[0],
        threads=threads,
        gpu=gpu,
        capability=capability,
    )


def _this_gpu() -> tuple[str, str]:
    import torch

    major, minor = torch.cuda.get_device_capability()
    return torch.cuda.get_device_name(), f"{major}.{minor}"


def _compile(
    loaded: LoadedModel,
    spec: ModelSpec,
    path: Path,
    variant: Variant,
    progress: Progress,
    device: str,
    answers: Answers,
) -> tuple[str, str]:
    """Writes `path`, or says why not, in one line and at length; `answers` learns what the code holds for."""
    import torch

    progress("compiling with AOTInductor (from 20 s to minutes)")
    options = {"freezing": True, "max_autotune": variant.max_autotune}
    # Of the opt sizes: weights are packed for what the example has, and packed anew in every run of another.
    examples = [x.to(device) for x in seeded_inputs(spec.inputs, _SEEDS[0])]
    try:
        with quiet_compiler(), torch.no_grad(), fast_path_off(), _ones_may_vary():
            program = stateless_program(
                loaded.module, tuple(examples), dynamic_shapes(spec.inputs), loaded.source_text
            )
            answers.learn(guards_of(program, spec.inputs).conditions)
            with disk_errors(path):
                torch._inductor.aoti_compile_and_package(
                    program, package_path=str(path), inductor_configs=options
                )
    except (EnvironmentLacks, RandomDraw, KeyboardInterrupt):
        raise
    except Exception as e:  # noqa: BLE001 - exporting and compiling raise many kinds
        if type(e).__name__ == "InvalidCxxCompiler":
            raise EnvironmentLacks(
                f"AOTInductor found no C++ compiler: {last_line(e)}",
                hint="Install g++, or name a compiler in the environment variable CXX.",
            ) from None
        path.unlink(missing_ok=True)
        return export_problem(e), details(e)
    return "", ""


def _compare(
    loaded: LoadedModel, spec: ModelSpec, path: Path, device: str, answers: Answers
) -> tuple[float, Bounded | None]:
    """Largest relative difference from eager, and the bounds within which it is right where they are narrower
    than the spec's; raises CheckFailed beyond the goldens' tolerance at the opt sizes."""
    import torch

    with quiet_compiler():
        package: Any = torch._inductor.aoti_load_package(str(path))

    def run(*inputs: Any) -> Any:
        return _on_cpu(package(*[x.to(device) for x in inputs]))

    def check(inputs: Sequence[Any], reference: Sequence[tuple[str, Any]]) -> tuple[str, float]:
        return compared_with_answers(run, reference, inputs, tolerances.LIBTORCH[loaded.precision])

    worst = 0.0
    for seed in _SEEDS:
        problem, relative = check(*answers.of(spec.inputs, seed))
        if problem:
            raise CheckFailed(
                f"{loaded.source_text}: what AOTInductor compiled is not the model: {problem}",
                hint="Leave --artifact aoti out.",
            )
        worst = max(worst, relative)
    sizes, relative = compared_sizes(answers, spec, check)
    return max(worst, relative), None if sizes is None else bounded(answers, spec, check, sizes)


def _on_cpu(value: Any) -> Any:
    """The tensors of a module's return value, on the CPU, in the same structure."""
    import torch.utils._pytree as pytree

    return pytree.tree_map(lambda x: x.cpu() if hasattr(x, "cpu") else x, value)


def _ones_may_vary() -> contextlib.AbstractContextManager[Any]:
    """torch.export takes a dimension of 1 for a constant unless it is told not to look at sizes."""
    import torch.fx.experimental._config as config

    if not hasattr(config, "backed_size_oblivious"):
        return contextlib.nullcontext()
    patched: contextlib.AbstractContextManager[Any] = config.patch(backed_size_oblivious=True)  # type: ignore[attr-defined]
    return patched
