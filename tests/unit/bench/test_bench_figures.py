"""The statistics, options and baseline of `gencpp bench`: no model, no time."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench_report import report
from samples import classifier

from gencpp.bench import baseline, figures, growth, machine, measure, options, pictures, run, summary
from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.spec import Dim, DType, TensorSpec


class Failing:
    """A program whose loads fail, and which grows linearly else; it takes no pictures."""

    class built:
        key = "sample"

    def memory(self, setting: object, of: str, count: int) -> list[tuple[int, int]]:
        if of == "loads":
            raise CheckFailed("sample, c++: out of memory")
        return [(i + 1, 1 << 20) for i in range(count)]


def test_a_curve_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(growth, "_batches", lambda *_: {"name": "batch"})
    monkeypatch.setattr(growth, "_threads", lambda *_: {"name": "threads"})
    monkeypatch.setattr(growth, "_pictures", lambda *_: [])
    monkeypatch.setattr(growth, "_takes_other_sizes", lambda _: False)
    monkeypatch.setattr(growth, "_smallest", lambda _: 1)
    limits = options.Growth(batch=1, megapixels=1, loads=5, runs=5)
    asked = options.Options(folders=(tmp_path,), growth=limits)
    found = growth.grow(Failing(), asked, tmp_path, lambda _: None)  # type: ignore[arg-type]
    assert [c["name"] for c in found["curves"]] == ["batch", "threads", "runs"]
    assert found["failed"] == {"loads": "sample, c++: out of memory"}
    told = report()
    assert not run.failures(told)
    told["growth"][0]["failed"] = found["failed"]
    assert run.failures(told)
    assert any(line.endswith("loads: FAILED: sample, c++: out of memory") for line in summary.remarks(told))


class Full:
    """A program without memory for a batch of 8, and after a while for one of 4."""

    def __init__(self, fails: Callable[[int, int], bool]) -> None:
        self.fails, self.runs = fails, Counter[int]()
        dims = (Dim(min=1, opt=1, max=64), Dim.fixed(3))
        model = replace(classifier().model, inputs=(TensorSpec(name="x", dtype=DType.float32, dims=dims),))
        self.built = SimpleNamespace(key="sample", project=SimpleNamespace(model=model))

    def time(self, setting: Any) -> Any:
        self.runs[setting.batch] += 1
        if self.fails(setting.batch, self.runs[setting.batch]):
            raise CheckFailed("sample, c++: out of memory")
        return SimpleNamespace(data={"times_ms": [float(setting.batch)]})


@pytest.mark.parametrize(
    ("fails", "kept"),
    [
        (lambda batch, _: batch >= 8, [1, 2, 4]),
        (lambda batch, run: batch >= 8 or (batch == 4 and run == 2), [1, 2]),
        (lambda batch, run: False, [1, 2, 4, 8, 16]),
    ],
)
def test_batches_below_one_that_fails_are_kept(
    fails: Callable[[int, int], bool], kept: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(growth, "_threads", lambda *_: {"name": "threads"})
    monkeypatch.setattr(growth, "_pictures", lambda *_: [])
    monkeypatch.setattr(growth, "_takes_other_sizes", lambda _: False)
    monkeypatch.setattr(growth, "_memory", lambda *_: {"name": "memory"})
    asked = options.Options(
        folders=(tmp_path,), growth=options.Growth(batch=16, megapixels=1, loads=5, runs=5)
    )
    found = growth.grow(Full(fails), asked, tmp_path, lambda _: None)  # type: ignore[arg-type]
    curve = found["curves"][0]
    assert (curve["x"], curve["y"]) == (kept, [float(b) for b in kept])
    if kept[-1] == 16:
        assert found["failed"] == {} and curve["stopped"] == ""
    else:
        assert found["failed"] == {"batch": "sample, c++: out of memory"}
        assert curve["stopped"] == f"a batch of {2 * kept[-1]} fails"
    assert "cut" not in curve


def test_a_first_batch_that_fails_leaves_no_curve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(growth, "_threads", lambda *_: {"name": "threads"})
    monkeypatch.setattr(growth, "_pictures", lambda *_: [])
    monkeypatch.setattr(growth, "_takes_other_sizes", lambda _: False)
    monkeypatch.setattr(growth, "_memory", lambda *_: {"name": "memory"})
    asked = options.Options(
        folders=(tmp_path,), growth=options.Growth(batch=16, megapixels=1, loads=5, runs=5)
    )
    found = growth.grow(Full(lambda *_: True), asked, tmp_path, lambda _: None)  # type: ignore[arg-type]
    assert [c["name"] for c in found["curves"]] == ["threads", "memory", "memory"]
    assert found["failed"] == {"batch": "sample, c++: out of memory"}


def test_quantiles_are_samples_by_nearest_rank() -> None:
    ordered = [1.0, 2.0, 3.0, 4.0]
    assert [figures.quantile(ordered, q) for q in (0.0, 0.25, 0.26, 0.5, 0.75, 0.99, 1.0)] == [
        *(1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0)
    ]
    spread = figures.quantiles([3.0, 1.0, 2.0])
    assert len(spread) == 101 and spread[0] == 1.0 and spread[50] == 2.0 and spread[100] == 3.0
    assert spread == sorted(spread)


def test_a_ratio_is_of_each_round_not_of_the_medians() -> None:
    # A machine that became twice as slow in the second round for both: the ratio does not move.
    found = figures.ratio([1.0, 2.0, 1.0], [2.0, 4.0, 4.0])
    assert found.rounds == (0.5, 0.5, 0.25)
    assert (found.median, found.low, found.high) == (0.5, 0.25, 0.5)
    with pytest.raises(ValueError, match="shorter"):
        figures.ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.3, 2.0])
def test_the_fit_finds_the_exponent(exponent: float) -> None:
    found = figures.fit([(x, 3 * x**exponent) for x in (1, 2, 4, 8, 16)])
    assert found is not None
    assert found.exponent == pytest.approx(exponent) and found.upper == pytest.approx(exponent)
    assert found.linear == (exponent <= 1.1)


def test_the_steepest_step_is_named() -> None:
    found = figures.fit([(1, 1), (2, 2), (4, 32), (8, 64), (16, 128)])  # a cliff between 2 and 4
    assert found is not None
    assert found.steepest == (2, 4) and found.steepest_exponent == pytest.approx(4)
    assert "steepest from 2 to 4, with 4.00" in growth.time_sentence("the batch", found)


def test_what_a_constant_hides_shows_in_the_upper_half() -> None:
    found = figures.fit([(x, 100 + x**1.5) for x in (1, 4, 16, 64, 256, 1024)])
    assert found is not None
    assert found.exponent < 1.0 < figures.LINEAR < found.upper
    assert not found.linear
    told = growth.time_sentence("the batch", found)
    assert told.startswith("Worse than linear") and f"{found.upper:.2f} over the larger half" in told


def test_no_fit_of_two_points_or_of_nothing() -> None:
    assert figures.fit([(1, 1), (2, 2)]) is None
    assert figures.fit([(1, 0), (2, 2), (4, 4)]) is None
    assert growth.time_sentence("the batch", None) == ""


def test_memory_growth_compares_the_first_tenth_with_the_last() -> None:
    steady = [(i, 100 << 20) for i in range(1, 101)]
    assert figures.memory_growth(steady) == 0.0
    assert "does not grow with loads" in growth.memory_sentence("loads", steady)
    leak = [(i, (100 << 20) + 4096 * i * 10) for i in range(1, 101)]
    told = growth.memory_sentence("runs", leak)
    assert told.startswith("Memory grows with runs") and "40960 bytes for each" in told


def test_geometric_mean() -> None:
    assert figures.geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("low", "high", "most", "sizes", "early"),
    [
        (1, 64, 64, [1, 2, 4, 8, 16, 32, 64], False),
        (1, 8, 64, [1, 2, 4, 8], True),
        (2, 9, 64, [2, 4, 8], True),
        (3, 3, 64, [3], True),
        (1, 1000, 64, [1, 2, 4, 8, 16, 32, 64], False),
    ],
)
def test_batches_double_and_say_why_they_stop(
    low: int, high: int, most: int, sizes: list[int], early: bool
) -> None:
    found, why = growth.batches(low, high, most)
    assert found == sizes
    assert bool(why) == early and (not early or f"{low} to {high}" in why)


@pytest.mark.parametrize("megapixels", [0.1, 1.0, 50.0])
def test_pictures_have_the_size_asked_for(megapixels: float) -> None:
    width, height = pictures.sides(megapixels)
    assert width * height == pytest.approx(megapixels * 1e6, rel=0.01)
    assert width / height == pytest.approx(4 / 3, rel=0.01)


def test_names_and_counts() -> None:
    assert options.names(" eager, onnxruntime,eager ") == ("eager", "onnxruntime")
    assert options.names("none") == options.names("") == ()
    assert options.counts("1,8, 8", "--batch") == (1, 8)
    assert options.counts("", "--batch") == ()
    for text in ("0", "1,x", "-2", "1.5"):
        with pytest.raises(UsageError, match="--batch"):
            options.counts(text, "--batch")


def test_unknown_peers_are_named_with_the_list() -> None:
    with pytest.raises(UsageError, match="'eger'") as caught:
        options.Options(folders=(Path("a"),), against=("eager", "eger"))
    assert "eager, torchscript, onnxruntime, openvino" in caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"seconds": 0.0},
        {"max_regression": -0.1},
        {"folders": ()},
        {"folders": (Path("a"), Path("b/../a"))},
    ],
)
def test_options_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        options.Options(**{"folders": (Path("a"),), **wrong})  # type: ignore[arg-type]


def test_ratios_pair_each_peer_with_the_program_of_its_setting() -> None:
    found = measure.ratios(report("one", "two")["runs"])
    assert len(found) == 2 * 2 * 2  # projects, batches, peers
    eager = [r for r in found if r["peer"] == "eager"]
    assert {r["median"] for r in eager} == {0.5}
    assert all(len(r["rounds"]) == 3 for r in found)


def test_the_machine_line_and_the_warning_of_a_busy_one() -> None:
    about = machine.machine()
    assert about["cores"] >= 1 and about["cpu"]
    told = machine.line(about)
    assert about["cpu"] in told and "load average" in told
    assert machine.busy({"load_average": 0.4, "cores": 2}) == ""
    assert "1.9 on 2 cores" in machine.busy({"load_average": 1.9, "cores": 2})
    assert machine.busy({"load_average": None, "cores": 2}) == ""
    # What was measured is believed more than what was there before.
    idle, taken = ({"share": share, "stolen": 0.0} for share in (0.04, 0.23))
    assert machine.busy({"load_average": 1.9, "cores": 2, "other_work": idle}) == ""
    assert machine.busy({"load_average": 0.4, "cores": 2, "other_work": taken}).startswith(
        "Other work took 23 % of the processors' time"
    )
    assert "other work meanwhile 23 %" in machine.line({**about, "other_work": taken})


def test_a_factor_is_never_nothing() -> None:
    told = [figures.times(f) for f in (4845.2, 14.3, 2.24, 1.04, 0.8, 0.00305)]
    assert told == ["4845", "14", "2.2", "1.04", "0.80", "0.0031"]


def test_headlines() -> None:
    one = summary.headline(report())
    assert one == (
        "sample in C++ on LibTorch is 2.0 times faster than eager and 1.2 times slower than onnxruntime: "
        "2 ms a run (batch 1, 2 threads, cpu)."
    )
    several = summary.headline(report("one", "two"))
    assert several == (
        "2 projects in C++ are, in the geometric mean, 2.0 times faster than eager and 1.2 times slower than "
        "onnxruntime."
    )


@pytest.mark.parametrize(
    ("ratio", "told"),
    [
        ((0.45, 0.44, 0.46), "2.2 times faster than eager"),
        ((0.07, 0.07, 0.07), "14 times faster than eager"),
        ((0.96, 0.95, 0.97), "1.04 times faster than eager"),
        ((1.3, 1.2, 1.4), "1.3 times slower than eager"),
        ((0.95, 0.8, 1.05), "as fast as eager"),
        ((1.005, 1.003, 1.008), "as fast as eager"),
        ((328.0, 0.628, 656.0), "328 times slower than eager (rounds disagree)"),
    ],
)
def test_what_is_faster_is_said_as_a_factor(ratio: tuple[float, float, float], told: str) -> None:
    assert summary.speed_text("eager", *ratio) == told


def test_remarks_say_who_was_skipped_and_what_grows() -> None:
    told = summary.remarks(report())
    assert "skipped: sample, openvino: openvino is not installed: pip install openvino" in told
    assert any(line.startswith("growth: sample, batch: Worse than linear") for line in told)


def stored(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "bench.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_a_baseline_is_compared_setting_by_setting(tmp_path: Path) -> None:
    now = report()
    then = baseline.read(stored(tmp_path, now), now["machine"])
    same = baseline.compare(now, then, 0.1)
    assert not same["regressed"] and [r["ratio"] for r in same["rows"]] == [1.0, 1.0]
    slower = copy.deepcopy(now)
    for each in slower["runs"]:
        if each["subject"] == "c++" and each["batch"] == 8:
            each["p50_ms"] *= 1.2
        elif each["subject"] != "c++":
            each["p50_ms"] *= 9  # a peer that became slower is none of our business
    found = baseline.compare(slower, then, 0.1)
    assert found["regressed"] and [r["regressed"] for r in found["rows"]] == [False, True]
    assert not baseline.compare(slower, then, 0.25)["regressed"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": 2}', '{"schema": 1}', {"schema": 1, "runs": [{}]}]
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(UsageError, match="--baseline"):
        baseline.read(stored(tmp_path, content), report()["machine"])


def test_a_baseline_of_another_machine_or_of_other_settings_is_refused(tmp_path: Path) -> None:
    now = report()
    other = {**now["machine"], "cpu": "another"}
    with pytest.raises(UsageError, match="another machine: cpu another here"):
        baseline.read(stored(tmp_path, now), other)
    with pytest.raises(UsageError, match="none of the settings"):
        baseline.compare(report("renamed"), now, 0.1)
    with pytest.raises(UsageError, match="No such file"):
        baseline.read(tmp_path / "absent.json", now["machine"])
