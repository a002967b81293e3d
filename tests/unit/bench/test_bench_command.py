"""What `gencpp bench` prints and writes, with a report that was measured by nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bench_report import report
from typer.testing import CliRunner

from gencpp.bench import page, run
from gencpp.cli.main import app
from gencpp.core.errors import CheckFailed


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command; `found` is what measuring gives."""

    def invoke(found: dict[str, Any], *arguments: str | Path) -> Any:
        monkeypatch.setattr(run, "bench", lambda options, progress, keep: found)
        return CliRunner().invoke(app, ["bench", *map(str, arguments)])

    return invoke


@pytest.fixture
def no_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "available", lambda: False)


def test_without_plotly_everything_else_is_there(command: Any, no_plotly: None, tmp_path: Path) -> None:
    done = command(report(), tmp_path)
    assert done.exit_code == 0, done.output
    assert "page: needs plotly: pip install 'gencpp[bench]'" in done.output
    assert json.loads((tmp_path / "bench.json").read_text()) == report()
    assert not (tmp_path / "bench.html").exists()


def test_the_table_has_a_row_for_each_subject_and_setting(
    command: Any, no_plotly: None, tmp_path: Path
) -> None:
    lines = command(report(), tmp_path).stdout.splitlines()
    assert lines[0].startswith(
        "sample in C++ on LibTorch is 2.0 times faster than eager and 1.2 times slower"
    )
    titles, *rows = [line.split("\t") for line in lines if line.count("\t") > 8]
    assert titles[:5] == ["project", "subject", "artifact", "batch", "threads"]
    assert titles[-3:] == ["c++ / it", "least", "most"]
    assert ["sample", "c++", "fused", "1", "2", "2", "3", "500", "300", "", "", ""] in rows
    assert ["sample", "eager", "", "1", "2", "4", "6", "250", "300", "0.5", "0.5", "0.5"] in rows
    assert all(len(row) == len(titles) for row in rows) and len(rows) == 6
    starts = [line for line in lines if line.startswith("sample\t") and line.count("\t") < 8]
    assert starts[0] == "sample\tc++\t0.50\t0.5\t0.5\t0.5\t0.5"
    assert starts[2] == "sample\tonnxruntime\t0.40\t\t\t\t"
    assert "skipped: sample, openvino: openvino is not installed: pip install openvino" in lines


def test_files_go_where_they_are_asked_for(
    command: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = []
    monkeypatch.setattr(page, "available", lambda: True)
    monkeypatch.setattr(page, "write", lambda found, file: written.append(file))
    (tmp_path / "there").mkdir()
    assert command(report(), tmp_path, "--out", tmp_path / "there").exit_code == 0
    assert command(report(), tmp_path, "--html", tmp_path / "page.html").exit_code == 0
    assert written == [tmp_path / "there" / "bench.html", tmp_path / "page.html"]
    assert (tmp_path / "there" / "bench.json").is_file() and (tmp_path / "bench.json").is_file()


def test_what_was_measured_before_growth_failed_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def bench(options: Any, progress: Any, keep: Any) -> dict[str, Any]:
        keep(report())
        raise CheckFailed("the machine has no memory left")

    monkeypatch.setattr(run, "bench", bench)
    done = CliRunner().invoke(app, ["bench", str(tmp_path)])
    assert isinstance(done.exception, CheckFailed)
    assert json.loads((tmp_path / "bench.json").read_text()) == report()


@pytest.mark.parametrize(("regressed", "code"), [(False, 0), (True, 1)])
def test_a_regression_is_exit_code_1_and_is_written_too(
    command: Any, no_plotly: None, tmp_path: Path, regressed: bool, code: int
) -> None:
    row = {"project": "sample", "batch": 1, "threads": 2, "device": "cpu", "p50_ms": 2.4, "then_p50_ms": 2.0}
    row |= {"ratio": 1.2, "regressed": regressed}
    found = {**report(), "baseline": {"max_regression": 0.1, "rows": [row], "regressed": regressed}}
    for more in ((), ("--json",)):
        done = command(found, tmp_path, *more)
        assert done.exit_code == code
    assert ("SLOWER" in command(found, tmp_path).stdout) == regressed
    assert json.loads((tmp_path / "bench.json").read_text())["baseline"]["regressed"] == regressed
    assert "1.200 of its p50" in page.render(found, "")


def test_json_is_one_object_and_nothing_else(command: Any, no_plotly: None, tmp_path: Path) -> None:
    assert json.loads(command(report(), tmp_path, "--json").stdout) == report()


def test_the_command_is_in_the_report(
    monkeypatch: pytest.MonkeyPatch, no_plotly: None, tmp_path: Path
) -> None:
    asked = []

    def bench(options: Any, progress: Any, keep: Any) -> dict[str, Any]:
        asked.append(options.command)
        return report()

    monkeypatch.setattr(run, "bench", bench)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").mkdir()
    arguments = ["a b", "-m", "nets:make", "--batch=1,8", "--growth", "--rounds", "3"]
    done = CliRunner().invoke(app, ["bench", *arguments])
    assert done.exit_code == 0, done.output
    assert asked == ["gencpp bench 'a b' --batch 1,8 --rounds 3 --model nets:make --growth"]


def test_no_word_is_cut_on_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a name and variants as long as they are."""
    from gencpp.bench import summary
    from gencpp.cli import show

    found = report("mobilenet_v3_large", "deeplabv3_mobilenet_v3_large")
    found["runs"][0] |= {"p50_ms": 1234.5678, "throughput_per_s": 123456.7, "peak_bytes": 12345 << 20}
    monkeypatch.setattr(show.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    show.print_text(summary.headline(found))
    show.print_groups(summary.groups(found))
    lines = [re.sub(r"\x1b\[\d*m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80
    words = {word for line in lines for word in line.split()}
    assert {"1235", "1.235e+05", "12345", "onnxruntime", "2.0x", "postprocess"} <= words
    assert "deeplabv3_mobilenet_v3_large, batch 8, 2 threads" in lines
