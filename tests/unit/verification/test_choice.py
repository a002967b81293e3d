"""--only, --skip and --jobs: which steps run."""

from __future__ import annotations

import pytest

from gencpp.core.errors import UsageError
from gencpp.verification.choice import Chosen, VerifyOptions, choose, names

NEEDS = {
    "doctor": (),
    "configure": (),
    "build": ("configure",),
    "test": ("build",),
    "install": ("build",),
    "package": ("install",),
}


def chosen(**options: tuple[str, ...]) -> Chosen:
    return choose(NEEDS, VerifyOptions(**options))


def test_by_default_all_run() -> None:
    assert chosen() == Chosen(names=tuple(NEEDS))


def test_only_takes_what_is_needed_in_the_order_of_the_table() -> None:
    found = chosen(only=("package", "test"))
    assert found.names == ("configure", "build", "test", "install", "package")
    assert found.added == ("configure", "build", "install")
    assert found.left_out == {"doctor": "left out by --only package,test"}


def test_skip_takes_what_needs_it_along() -> None:
    found = chosen(skip=("install", "doctor"))
    assert found.names == ("configure", "build", "test")
    assert found.left_out == dict.fromkeys(("install", "doctor"), "left out by --skip install,doctor")


def test_both_at_once() -> None:
    found = chosen(only=("test", "install"), skip=("doctor",))
    assert found.names == ("configure", "build", "test", "install")
    assert found.left_out["package"] == "left out by --only test,install"
    assert found.left_out["doctor"] == "left out by --skip doctor"


@pytest.mark.parametrize(
    ("only", "skip", "told"),
    [
        (("package",), ("configure",), "--skip configure: package, which --only names, needs it"),
        (("test",), ("test",), "--skip test: --only names it"),
        ((), ("tests", "test", "no"), "--skip: there is no step 'tests', 'no'"),
        (("Build",), (), "--only: there is no step 'Build'"),
    ],
)
def test_what_cannot_be(only: tuple[str, ...], skip: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(only=only, skip=skip)
    assert caught.value.message == told


def test_names_are_divided_at_commas() -> None:
    assert names("--only", ["a, b", "c"]) == ("a", "b", "c") and names("--only", []) == ()
    with pytest.raises(UsageError, match="--skip a,,b: a name is empty"):
        names("--skip", ["a,,b"])


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_job_is_an_error(jobs: int) -> None:
    with pytest.raises(UsageError, match=f"--jobs {jobs}: at least one job is needed"):
        VerifyOptions(jobs=jobs)
