"""Seeded histories of a folder that gencpp and a user write in turns; tools/sweeps has more of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sweeps.own_work_histories import Lost, run, run_commands

from gencpp.project import journal


@pytest.mark.parametrize(
    "seed",
    [
        seed if seed % 2 == 0 else pytest.param(seed, marks=pytest.mark.full("more histories"))
        for seed in range(16)
    ],
)
def test_a_history_loses_nothing(tmp_path: Path, seed: int) -> None:
    run(seed, tmp_path)


@pytest.mark.full("histories of whole commands: the same are there through the writer alone")
def test_a_history_of_whole_commands(tmp_path: Path) -> None:
    (tmp_path / "it").mkdir()
    run_commands(1, tmp_path / "it")


def test_the_histories_see_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that deletes what it should keep does not get through them."""
    monkeypatch.setattr(journal, "_keep", lambda out, old, name, path: old.unlink())
    with pytest.raises(Lost):
        for seed in range(16):
            (tmp_path / str(seed)).mkdir()
            run(seed, tmp_path / str(seed))


def test_the_histories_see_a_mixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that leaves out a file."""
    place = journal._place
    monkeypatch.setattr(
        journal, "_place", lambda new, old: place(new, old) if old.name != "README.md" else None
    )
    with pytest.raises(Lost):
        for seed in range(16):
            (tmp_path / str(seed)).mkdir()
            run(seed, tmp_path / str(seed))
