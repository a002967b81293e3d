"""The command line: parse, call the pipeline, print, exit. The only module that prints."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from . import __version__
from .errors import GencppError

if TYPE_CHECKING:
    from .pipeline import Generated, Request
    from .spec import VerifyReport

_INTERRUPTED = 130

app = typer.Typer(
    name="gencpp",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn a trained PyTorch model into a complete C++ project that is proven to compute the same.",
    epilog="Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input, 3 something is missing here.",
)

Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="A torchvision name (resnet18), package.module:factory, a TorchScript file, or (TensorRT) an "
        "ONNX file.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Weights = Annotated[
    str,
    typer.Option(
        help="Torchvision: auto (pretrained when cached or downloadable within 60 s, else random), none, "
        "DEFAULT, a name such as IMAGENET1K_V1, or a state dict file."
    ),
]
Seed = Annotated[int, typer.Option(help="Of random weights and golden inputs.", min=0, max=2**32 - 1)]
ImportPath = Annotated[list[str] | None, typer.Option("--path", help="Folder to add to the import path.")]
StateDict = Annotated[
    str | None, typer.Option(help="Weights for a factory's model, loaded with weights_only.")
]
Input = Annotated[
    list[str] | None,
    typer.Option("--input", help="An input that the source does not tell: name:1x3x224x224:float32."),
]


@app.command()
def new(
    out: Annotated[Path, typer.Argument(help="Folder to write.", show_default=False)],
    model: Model,
    backend: Annotated[str, typer.Option("--backend", "-b", help="libtorch, tensorrt")] = "libtorch",
    name: Annotated[
        str | None, typer.Option(help="Name in C++ and CMake (default: from the source).")
    ] = None,
    weights: Weights = "auto",
    seed: Seed = 0,
    path: ImportPath = None,
    state_dict: StateDict = None,
    input_: Input = None,
    dynamic: Annotated[
        list[str] | None,
        typer.Option(
            "--dynamic",
            help="Bounds of a dimension (0: the batch): INPUT:DIMENSION=MIN:OPT:MAX; more profiles for "
            "TensorRT after commas.",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Of weights and arithmetic: fp32 (default), fp16, bf16 (LibTorch only).", show_default=False
        ),
    ] = None,
    tf32: Annotated[bool, typer.Option("--tf32", help="TensorRT: float32 may be rounded to TF32.")] = False,
    tensorrt_min: Annotated[
        str | None,
        typer.Option(
            help="The oldest TensorRT that the model must run on: 8.5, 8.6, 10.0 (default), ...",
            show_default=False,
        ),
    ] = None,
    trt_api: Annotated[
        str | None,
        typer.Option(
            help="TensorRT: parser (default; its ONNX parser reads the model), network (C++ defines it).",
            show_default=False,
        ),
    ] = None,
    artifact: Annotated[
        str | None,
        typer.Option(
            help="LibTorch: torchscript (default), aoti (code compiled for this machine), or one of the "
            "variants that the error for another name lists.",
            show_default=False,
        ),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="LibTorch: build the program, measure the variants and thread counts, and keep the fastest "
            "that passes (minutes).",
        ),
    ] = False,
    preprocess: Annotated[
        str | None,
        typer.Option(help="Transforms, where they are not torchvision's preset: module:attr or JSON."),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="File with one class label a line.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite edited files of an existing project.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a C++ project for a model."""
    from .pipeline import generate

    request = _request(
        source=model,
        backend=backend,
        out=out,
        name=name,
        force=force,
        dynamic=tuple(dynamic or ()),
        precision=precision,
        tf32=tf32,
        tensorrt_min=tensorrt_min,
        trt_api=trt_api,
        artifact=artifact,
        tune=tune,
        weights=weights,
        seed=seed,
        path=tuple(path or ()),
        state_dict=state_dict,
        inputs=tuple(input_ or ()),
        preprocess=preprocess,
        labels=labels,
    )
    with _progress(quiet=as_json) as progress, _stdout_is_ours():
        made = generate(request, progress)
    _print_made(made, as_json)


@app.command()
def tune(
    out: Annotated[
        Path, typer.Argument(help="A LibTorch project that `gencpp new` wrote.", show_default=False)
    ],
    path: ImportPath = None,
    rounds: Annotated[int, typer.Option(help="In each, all candidates take their turn.", min=1)] = 5,
    force: Annotated[bool, typer.Option("--force", help="Overwrite edited files.")] = False,
    as_json: Json = False,
) -> None:
    """Measure a project's variants and thread counts here, and write it anew with the fastest.

    Modules and files that `gencpp new` was given are looked for in the folders of --path.
    """
    from . import pipeline

    with _progress(quiet=as_json) as progress, _stdout_is_ours():
        made = pipeline.tune_project(out, tuple(path or ()), rounds, force=force, progress=progress)
    _print_made(made, as_json)


@app.command()
def verify(
    out: Annotated[Path, typer.Argument(help="Folder that `gencpp new` wrote.", show_default=False)],
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Exit 0 when a needed step was skipped.")
    ] = False,
    tensorrt_root: Annotated[
        Path | None,
        typer.Option(help="TensorRT's folder (default: TENSORRT_ROOT, the system, pip packages)."),
    ] = None,
    tensorrt_headers: Annotated[
        Path | None,
        typer.Option(help="Folder with NvInfer.h, for TensorRT libraries that came without headers."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a project, test it, and compare its answers with the Python model's."""
    from . import pipeline
    from .backends import RuntimeOptions

    options = RuntimeOptions(tensorrt_root=tensorrt_root, tensorrt_headers=tensorrt_headers)
    with _progress(quiet=as_json) as progress:
        report = pipeline.verify(out, progress, options)
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        _print_report(report, out)
    if report.status == "failed":
        raise typer.Exit(1)
    if report.status == "incomplete" and not allow_incomplete:
        raise typer.Exit(3)


@app.command()
def bench(
    out: Annotated[list[Path], typer.Argument(help="Folders that `gencpp new` wrote.", show_default=False)],
    against: Annotated[
        str, typer.Option(help="Python peers, or none; those that are not installed are skipped.")
    ] = "eager,torchscript,onnxruntime,openvino",
    batch: Annotated[
        str, typer.Option(help="Batch sizes: 1,8 (default: what each model is tuned for).")
    ] = "",
    threads: Annotated[str, typer.Option(help="Threads of one run: 1,2 (default: all cores).")] = "",
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.")] = 5,
    seconds: Annotated[float, typer.Option(help="Time of one process, without loading and warm-up.")] = 1.0,
    path: Annotated[
        list[str] | None, typer.Option("--path", help="Folder of the Python model's code or files.")
    ] = None,
    growth: Annotated[
        bool, typer.Option("--growth", help="Also curves: batch, threads, picture size, loads, runs.")
    ] = False,
    growth_batch: Annotated[int, typer.Option(help="--growth: the largest batch.")] = 64,
    growth_megapixels: Annotated[float, typer.Option(help="--growth: the largest picture.")] = 50.0,
    growth_loads: Annotated[int, typer.Option(help="--growth: loads of the model.")] = 1000,
    growth_runs: Annotated[int, typer.Option(help="--growth: runs of the model.")] = 100_000,
    baseline: Annotated[
        Path | None, typer.Option(help="An earlier bench.json; exit code 1 when the C++ became slower.")
    ] = None,
    max_regression: Annotated[float, typer.Option(help="--baseline: the share that is allowed.")] = 0.10,
    to: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for bench.json and bench.html (default: the first OUT)."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="File for the page.")] = None,
    as_json: Json = False,
) -> None:
    """Measure projects beside Python peers that run the same model; a table, JSON and a page with plots."""
    from .bench import options, page, run, summary

    asked = options.Options(
        folders=tuple(out),
        against=options.names(against),
        batches=options.counts(batch, "--batch"),
        threads=options.counts(threads, "--threads"),
        rounds=rounds,
        seconds=seconds,
        path=tuple(str(Path(p).resolve()) for p in path or ()),
        growth=options.Growth(
            batch=growth_batch, megapixels=growth_megapixels, loads=growth_loads, runs=growth_runs
        )
        if growth
        else None,
        baseline=baseline,
        max_regression=max_regression,
    )
    file = run.target(to or out[0], "bench.json")
    with _progress(quiet=as_json) as progress:
        report = run.bench(asked, progress)
    run.write(report, file)
    shown = html or file.with_name("bench.html")
    paged = page.available()
    if paged:
        page.write(report, shown)
    if as_json:
        print(json.dumps(report))
    else:
        _warn(tuple(report["warnings"]))
        print(f"{summary.headline(report)}\n")
        for rows in (summary.table(report), summary.start_table(report)):
            _print_table(rows)
            print()
        for line in summary.remarks(report):
            print(line)
        print(f"figures: {_shown(file.resolve())}")
        print(f"page: {_shown(shown.resolve())}" if paged else f"page: needs plotly: {page.INSTALL}")
    if report.get("baseline", {}).get("regressed"):
        raise typer.Exit(1)


@app.command()
def inspect(
    source: Annotated[str, typer.Argument(help="As --model of `gencpp new`.", show_default=False)],
    weights: Weights = "none",
    seed: Seed = 0,
    path: ImportPath = None,
    state_dict: StateDict = None,
    input_: Input = None,
    as_json: Json = False,
) -> None:
    """Show a model's inputs, outputs, size, work and operators, and what each backend can do with it."""
    from . import pipeline, readme
    from .backends import BACKENDS

    request = _request(
        source=source,
        backend="libtorch",
        out=Path(),
        weights=weights,
        seed=seed,
        path=tuple(path or ()),
        state_dict=state_dict,
        inputs=tuple(input_ or ()),
    )
    with _progress(quiet=as_json) as progress, _stdout_is_ours():
        found = pipeline.inspect(request, progress)
    spec, work, status = found.model, found.work, found.backends
    if as_json:
        data = {
            "model": spec.to_json(),
            "multiply_adds": work.multiply_adds,
            "parameter_bytes": work.parameter_bytes,
            "operators": dict(work.operators),
            "backends": status,
            "onnx_operators": [
                {"operator": name, "nodes": count, "tensorrt_since": since or None}
                for name, count, since in found.onnx_operators
            ],
        }
        print(json.dumps(data, indent=2))
        return
    print(f"{spec.source}: {spec.task.value}")
    for kind, tensors in (("input", spec.inputs), ("output", spec.outputs)):
        for tensor in tensors:
            print(f"  {kind:<11} {tensor.name}: {tensor.dtype.value} {readme.shape_text(tensor)}")
    print(f"  parameters  {spec.parameters:,} ({_scaled(work.parameter_bytes)}B)")
    print(f"  work        {_scaled(work.multiply_adds)} multiply-adds a run")
    print(f"  operators   {', '.join(f'{name} {count}' for name, count in work.operators)}")
    if spec.preprocess:
        steps = ", ".join(readme.step_text(s) for s in spec.preprocess.geometry) or "no resize or crop"
        print(f"  preprocess  {spec.preprocess.source}: {steps}")
    print(f"  labels      {len(spec.labels) or 'none'}")
    for note in spec.notes:
        print(f"  note        {note}")
    for key, text in status.items():
        print(f"  {key:<11} {text}")
    if found.onnx_operators:
        print("ONNX operators, and the first TensorRT whose parser takes them")
        rows = [("operator", "nodes", "since")]
        rows += [(name, str(count), since or "none") for name, count, since in found.onnx_operators]
        _print_table(rows)
    assert set(status) >= set(BACKENDS)


@app.command()
def models(as_json: Json = False) -> None:
    """List the torchvision builders with task, input, weights, and what the backends can do with them."""
    from .catalog import torchvision_models

    with _progress(quiet=as_json) as progress:
        progress("importing torchvision")
        rows = torchvision_models()
    if as_json:
        print(json.dumps([row.to_json() for row in rows], indent=2))
        return
    table = [("model", "task", "input", "weights", "libtorch", "tensorrt")]
    table += [(r.name, r.task, r.input, ", ".join(r.weights) or "none", r.libtorch, r.tensorrt) for r in rows]
    _print_table(table)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Show what this machine has for building and running generated projects."""
    from .doctor import examine

    findings = examine()
    missing = any(f.status == "missing" for f in findings)
    if as_json:
        print(json.dumps({"findings": [f.to_json() for f in findings]}, indent=2))
    else:
        table = [("", "status", "found")]
        for f in findings:
            table.append((f.name, f.status, f.detail + (f" -> {f.remedy}" if f.remedy else "")))
        _print_table(table)
    if missing:
        raise typer.Exit(3)


def _print_made(made: Generated, as_json: bool) -> None:
    project = made.project
    if as_json:
        print(
            json.dumps({"out": str(made.out), "warnings": list(made.warnings), "project": project.to_json()})
        )
        return
    _warn(made.warnings)
    made_artifact = project.artifact
    size, reason = f"{made_artifact.size / 1e6:.1f} MB", made_artifact.reason
    print(f"{project.name}: {project.model.source} on {project.backend}, {size}")
    print(f"  artifact  {made_artifact.method}{f' ({reason})' if reason else ''}")
    print(f"  weights   {project.model.weights.detail}")
    for note in project.model.notes:
        print(f"  note      {note}")
    if project.libtorch is not None and project.libtorch.tuning:
        from .readme import tuning_table

        _print_table(tuning_table(project.libtorch))
    print(f"  folder    {_shown(made.out)}")
    print(f"next: gencpp verify {shlex.quote(_shown(made.out))}")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gencpp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """The command `gencpp`: every error is one message on standard error and its exit code."""
    # Ended by a signal from outside, a half-written folder is removed as after Ctrl-C.
    with contextlib.suppress(ValueError, AttributeError):
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
    try:
        code = app(standalone_mode=False) or 0
        if code == _INTERRUPTED:  # typer takes a KeyboardInterrupt for itself, and says nothing
            raise KeyboardInterrupt
    except GencppError as e:
        _fail(e.message, e.hint)
        sys.exit(e.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        wrote = sys.argv[1:2] in (["verify"], ["bench"])
        _fail("interrupted" if wrote else "interrupted; nothing was written", "")
        # An interrupt that passed through an exec() of a string leaves a mark in CPython, which would end
        # this process by the signal instead of the exit code; another exec() takes the mark away.
        exec("")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as e:
        _fail(f"{_shortened(str(e.filename))}: {e.strerror}" if e.filename else str(e), "")
        sys.exit(2)
    except Exception as e:  # noqa: BLE001 - the last place where an error can become one message
        if show := getattr(e, "format_message", None):  # a usage error of the command line's own parser
            if type(e).__name__ == "NoArgsIsHelpError":
                print(show())
                sys.exit(2)
            context = getattr(e, "ctx", None)
            _fail(show(), f"Try: {context.command_path if context else 'gencpp'} --help")
            sys.exit(2)
        _report_bug(e)
        sys.exit(e.exit_code if isinstance(e, GencppError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _report_bug(error: Exception) -> None:
    """One message for what nobody foresaw; the traceback goes to a file that can be sent with a report."""
    told = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    with tempfile.NamedTemporaryFile("w", prefix="gencpp-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    _fail(f"{told} (this is a bug of gencpp)", f"Please report it with {file.name}")


@contextlib.contextmanager
def _stdout_is_ours() -> Iterator[None]:
    """Sends what the user's model prints, from Python or C++, to standard error."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def _scaled(count: int) -> str:
    """`1.814 G`, `12.3 k`: three or four digits with a decimal prefix."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= factor:
            return f"{count / factor:.3f} {prefix}"
    return f"{count} "


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2e}"


_interrupts: list[int] = []
"""Signals that came: a library's bare `except:` may swallow the exception, so each step looks here."""


def _interrupt(number: int, _: Any) -> None:
    _interrupts.append(number)
    raise KeyboardInterrupt


def _request(**options: Any) -> Request:
    from .pipeline import Request

    return Request(**options)


def _fail(message: str, hint: str) -> None:
    print(f"gencpp: error: {message}", file=sys.stderr)
    if hint:
        print(hint, file=sys.stderr)


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:100]}...{text[-60:]}"


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A status line on a terminal, nothing in a pipe."""

    def step(text: str) -> None:
        if _interrupts:
            raise KeyboardInterrupt
        show(text)

    show: Callable[[str], object] = lambda _: None  # noqa: E731
    if quiet or not sys.stderr.isatty():
        yield step
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        show = status.update
        yield step


def _warn(warnings: tuple[str, ...]) -> None:
    """Warnings that cannot be missed: framed on a terminal, on standard error everywhere."""
    if not warnings:
        return
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.panel import Panel
        from rich.text import Text

        for warning in warnings:
            Console(stderr=True).print(Panel(Text(warning), title="WARNING", border_style="yellow"))
        return
    for warning in warnings:
        print(f"gencpp: WARNING: {warning}", file=sys.stderr)


def _print_report(report: VerifyReport, out: Path) -> None:
    _warn(report.warnings)
    rows = [("step", "status", "seconds", "")]
    for step in report.steps:
        rows.append(
            (
                step.name,
                step.status,
                f"{step.seconds:.1f}",
                step.reason.splitlines()[0] if step.reason else "",
            )
        )
    _print_table(rows)
    if report.parity:
        print()
        table = [("parity", "output", "max |diff|", "relative", "allowed", "")]
        for p in report.parity:
            numbers = (_number(p.max_abs_diff), _number(p.max_rel_diff), f"{p.tolerance:.0e}")
            table.append((p.case, p.output, *numbers, "passed" if p.passed else "FAILED"))
        _print_table(table)
    for path in report.edited:
        print(f"edited since generation: {path}")
    for step in report.steps:
        if step.status == "failed":
            print(f"\n{step.name} failed; its log is {_shown(out.resolve() / step.log)}", file=sys.stderr)
            print("\n".join(f"  {line}" for line in step.reason.splitlines()), file=sys.stderr)
    print(f"\n{report.project}: {report.status}; report in {_shown(out.resolve() / 'verify.json')}")


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns on a terminal through rich; plain columns, never wrapped or cut, in a pipe."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in rows[0]:
            table.add_column(title, overflow="fold")
        styles = {"passed": "green", "ok": "green", "failed": "red", "FAILED": "red", "missing": "red"}
        styles |= {"skipped": "yellow", "absent": "yellow"}
        for row in rows[1:]:
            table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
        Console().print(table)
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())
