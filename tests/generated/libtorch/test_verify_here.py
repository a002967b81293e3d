"""`gencpp verify .`"""

from __future__ import annotations

from pathlib import Path

from conftest import Gencpp


def test_verify_takes_the_current_folder(gencpp: Gencpp, photo_copy: Path) -> None:
    """As the generated README says it; a source that cannot compile ends it early."""
    (photo_copy / "src" / "tensor" / "tensor.cpp").write_text("#error edited away\n")
    done = gencpp("verify", ".", cwd=photo_copy)
    assert done.returncode == 1 and "edited away" in done.stderr, done.stderr
    assert (photo_copy / "verify.json").is_file()
