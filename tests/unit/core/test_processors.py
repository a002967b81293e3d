"""How many processors a process may keep busy, and what others take of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cgroups import CASES, write

from gencpp.bench import options
from gencpp.bench import processors as pinning
from gencpp.core import other_work, processors
from gencpp.core.other_work import OtherWork, Watch


@pytest.mark.parametrize("case", CASES)
def test_quotas_count_as_affinity_does(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, quota = CASES[case]
    root = write(tmp_path, files)
    for allowed in (1, 3, 64):
        monkeypatch.setattr(processors, "affinity", lambda n=allowed: tuple(range(n)))
        assert processors.available_processors(root) == (allowed if quota is None else min(allowed, quota))


def test_a_quota_is_the_default_of_bench_and_pins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "available_processors", lambda: 2)
    monkeypatch.setattr(pinning, "affinity", lambda: tuple(range(8)))
    assert options.cores() == 2
    assert len(pinning.pinned(2)) == 2  # on two of eight, so that the peers have the same ones
    assert pinning.described([8])[0]["reason"] == "on all 8 processors"


STAT = """\
cpu  {0} 0 0 {1} 0 0 0 {2} 0 0
cpu0 {0} 0 0 {1} 0 0 0 {2} 0 0
cpu1 999999 0 0 999999 0 0 0 999999 0 0
intr 12345
"""


@pytest.fixture
def one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_work, "affinity", lambda: (0,))
    monkeypatch.setattr(other_work.os, "sysconf", lambda name: 100)


def watched(
    stat: Path, monkeypatch: pytest.MonkeyPatch, *, own: float, after: tuple[int, int, int]
) -> OtherWork | None:
    """Of a watch in which this process took `own` seconds, and /proc/stat went on to `after` ticks."""
    stat.write_text(STAT.format(100, 100, 0))
    monkeypatch.setattr(other_work, "_own_seconds", lambda: 5.0)
    watch = Watch(stat)
    stat.write_text(STAT.format(*after))
    monkeypatch.setattr(other_work, "_own_seconds", lambda: 5.0 + own)
    return watch.other_work()


def test_what_is_neither_ours_nor_idle_is_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_processor: None
) -> None:
    """Of ten seconds, six busy, two stolen and two idle: this process took five."""
    found = watched(tmp_path / "stat", monkeypatch, own=5.0, after=(700, 300, 200))
    assert found == OtherWork(share=0.3, stolen=0.2) and found is not None
    assert found.sentence() == (
        "Other work took 30 % of the processors' time during the measurement "
        "(20 % by other virtual machines): these are figures of a busy machine."
    )
    assert OtherWork.from_json(found.to_json()) == found


def test_nothing_is_said_of_an_idle_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_processor: None
) -> None:
    """Ticks are coarser than what a process is told: a share is never below nothing."""
    found = watched(tmp_path / "stat", monkeypatch, own=6.1, after=(700, 500, 0))
    assert found is not None and found.share == 0.0 and found.sentence() == ""


@pytest.mark.parametrize("text", ["", "cpu0 1 2\n", "cpu0 a b c d e f g h\n", STAT.format(100, 100, 0)])
def test_a_system_that_does_not_tell(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_processor: None
) -> None:
    """No rows, no numbers, or a clock that stands still: as in some containers."""
    (tmp_path / "stat").write_text(text)
    watch = Watch(tmp_path / "stat")
    assert watch.other_work() is None
    assert Watch(tmp_path / "nowhere").other_work() is None
