"""`gencpp bench`: a table, and the files that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import completion
from .options import Json, typed
from .show import on_terminal, print_groups, print_json, print_table, print_text, progressing, shown, warn


def bench(
    context: typer.Context,
    out: Annotated[list[Path], typer.Argument(help="Folders that `gencpp new` wrote.", show_default=False)],
    against: Annotated[
        str,
        typer.Option(
            help="Python peers, or none; those that are not installed are skipped.",
            autocompletion=completion.peers,
        ),
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
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="Python code that may run to make a model again: nets:make, nets.py:make."
        ),
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
    """Measure projects beside Python peers that run the same model.

    Prints a table, and writes bench.json and a page with plots.
    """
    from ..bench import options, page, run, summary

    asked = options.Options(
        folders=tuple(out),
        against=options.names(against),
        batches=options.counts(batch, "--batch"),
        threads=options.counts(threads, "--threads"),
        rounds=rounds,
        seconds=seconds,
        path=tuple(str(Path(p).resolve()) for p in path or ()),
        models=tuple(model or ()),
        growth=options.Growth(
            batch=growth_batch, megapixels=growth_megapixels, loads=growth_loads, runs=growth_runs
        )
        if growth
        else None,
        baseline=baseline,
        command=typed(context),
        max_regression=max_regression,
    )
    file = run.target(to or out[0], "bench.json")
    with progressing(quiet=as_json) as progress:
        report = run.bench(asked, progress, keep=lambda so_far: run.write(so_far, file))
    run.write(report, file)
    paper = html or file.with_name("bench.html")
    paged = page.available()
    if paged:
        page.write(report, paper)
    if as_json:
        print_json(report)
    else:
        warn(tuple(report["warnings"]))
        print_text(f"{summary.headline(report)}\n")
        if on_terminal():
            print_groups(summary.groups(report))
            print()
        else:
            for rows in (summary.table(report), summary.start_table(report)):
                print_table(rows)
                print()
        for line in summary.remarks(report):
            print_text(line)
        print(f"figures: {shown(file.resolve())}")
        print(f"page: {shown(paper.resolve())}" if paged else f"page: needs plotly: {page.INSTALL}")
    if run.failures(report):
        raise typer.Exit(1)
