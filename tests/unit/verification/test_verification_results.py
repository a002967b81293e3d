"""What a comparison with the goldens tells: figures, what is not comparable, and ctest's report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gencpp.core.errors import UsageError
from gencpp.verification.comparison import Comparison, compared, last_line, load_array
from gencpp.verification.junit import read_junit

THEIRS = np.array([[0.5, -4.0]], np.float32)


def test_a_difference_is_relative_to_the_largest_value() -> None:
    found = compared("seeded-0", "logits", THEIRS + np.float32(0.5), THEIRS, 0.125)
    assert (found.max_abs_diff, found.max_rel_diff, found.passed) == (0.5, 0.125, True)  # the bound belongs
    assert not compared("seeded-0", "logits", THEIRS + np.float32(0.5), THEIRS, 0.124).passed


@pytest.mark.parametrize(
    "ours",
    [
        THEIRS[0],
        THEIRS.astype(np.float64),
        np.array([[0.5, np.nan]], np.float32),
        np.array([[np.inf, -4.0]], np.float32),
    ],
    ids=["another shape", "another type", "nan", "infinite"],
)
def test_what_is_not_comparable_has_no_figure_and_fails(ours: np.ndarray) -> None:
    found = compared("seeded-0", "logits", ours, THEIRS, 1.0)
    assert (found.max_abs_diff, found.max_rel_diff, found.passed) == (None, None, False)
    whole = Comparison(results=(found,))
    assert whole.problem() == "seeded-0/logits: another shape or type, or not finite"


def test_problems_and_figures_are_told_together() -> None:
    right = compared("a", "x", THEIRS, THEIRS, 1e-4)
    wrong = compared("b", "x", THEIRS * np.float32(1.5), THEIRS, 1e-4)
    found = Comparison(results=(right, wrong), problems=["c: exit code 1"], notes=["d skipped: no libjpeg"])
    assert found.problem() == "c: exit code 1; b/x: relative difference 0.5"
    assert found.summary() == "2 outputs, largest relative difference 0.5; d skipped: no libjpeg"
    assert Comparison(results=(right,)).problem() == ""


def test_a_file_that_is_no_array_is_a_problem(tmp_path: Path) -> None:
    np.save(tmp_path / "right.npy", THEIRS)
    whole = (tmp_path / "right.npy").read_bytes()
    files = {"cut.npy": whole[:-3], "empty.npy": b"", "text.npy": b"0.5, -4.0\n"}
    found = Comparison()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert load_array(tmp_path / name, found) is None
    assert load_array(tmp_path / "absent.npy", found) is None
    assert [p.split(":")[0] for p in found.problems] == [f"cannot read {n}" for n in [*files, "absent.npy"]]
    assert np.array_equal(load_array(tmp_path / "right.npy", found), THEIRS) and len(found.problems) == 4


def test_objects_in_a_file_are_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    found = Comparison()
    assert load_array(tmp_path / "objects.npy", found) is None and "allow_pickle" in found.problems[0]


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("note\nphoto: no CUDA driver: install one\n", "no CUDA driver: install one"),
        ("stopped\n", "stopped"),
        ("", ""),
    ],
)
def test_the_last_line_without_the_program_s_name(printed: str, told: str) -> None:
    assert last_line(printed) == told


REPORT = """<?xml version="1.0"?>
<testsuite tests="5">
  <testcase name="tensor" status="run"/>
  <testcase name="pixels.jpg" status="notrun"><system-out>read
skipped: no libjpeg</system-out></testcase>
  <testcase name="pixels.png" status="run"><skipped/><system-out>skipped: no libjpeg</system-out></testcase>
  <testcase name="cuda" status="notrun"/>
  <testcase name="parity" status="fail"><failure/></testcase>
</testsuite>
"""


def test_ctest_s_report_has_the_reasons_of_what_was_skipped(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(REPORT)
    told, failed = read_junit(tmp_path / "junit.xml")
    assert told == (
        "1 passed, 1 failed, 3 skipped (pixels.jpg, pixels.png: no libjpeg; cuda: no reason given)"
    )
    assert failed == ["parity"]


def test_a_report_that_was_cut_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(REPORT[:200])
    with pytest.raises(UsageError, match=r"junit\.xml cannot be read"):
        read_junit(tmp_path / "junit.xml")
