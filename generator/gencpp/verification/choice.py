"""Which steps a verify runs: all of them, or what --only and --skip leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """How a project is to be verified."""

    jobs: int | None = None
    """Compilers and tests that run at a time; None: as many as CMake's and ctest's defaults."""
    only: tuple[str, ...] = ()
    """Steps to run, with what they need; empty: all."""
    skip: tuple[str, ...] = ()
    """Steps to leave out, and with them what needs them."""

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"--jobs {self.jobs}: at least one job is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The steps that run, and why the others do not."""

    names: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """By name: the reason."""
    added: tuple[str, ...] = ()
    """Steps that nobody named, and that those which were named need."""


def names(option: str, texts: Sequence[str]) -> tuple[str, ...]:
    """The steps of `--only a,b --only c`."""
    found = tuple(name.strip() for text in texts for name in text.split(","))
    if "" in found:
        raise UsageError(f"{option} {','.join(texts)}: a name is empty", hint=f"As in: {option} build,test")
    return found


def choose(needs: Mapping[str, tuple[str, ...]], options: VerifyOptions) -> Chosen:
    """`needs`: by each step that there is, in their order, the steps that it needs.

    Raises UsageError for steps that there are not, and for steps that the two options fight for.
    """
    for option, given in (("--only", options.only), ("--skip", options.skip)):
        if unknown := [name for name in given if name not in needs]:
            raise UsageError(
                f"{option}: there is no step {', '.join(map(repr, unknown))}",
                hint=f"The steps of this project: {', '.join(needs)}.",
            )
    wanted = [name for name in needs if name in _closed(needs, options.only)] or list(needs)
    skipped = set(options.skip)
    for name in options.only:
        if lost := sorted(skipped & _closed(needs, (name,))):
            raise UsageError(
                f"--skip {lost[0]}: --only names it"
                if lost[0] in options.only
                else f"--skip {lost[0]}: {name}, which --only names, needs it"
            )
    out = {
        name: f"left out by --only {','.join(options.only)}" for name in needs if name not in wanted
    } | dict.fromkeys(options.skip, f"left out by --skip {','.join(options.skip)}")
    return Chosen(
        names=tuple(name for name in wanted if not skipped & _closed(needs, (name,))),
        left_out=out,
        added=tuple(name for name in wanted if options.only and name not in options.only),
    )


def _closed(needs: Mapping[str, tuple[str, ...]], steps: Sequence[str]) -> set[str]:
    """The steps, and everything that they need."""
    found = set(steps)
    for name in steps:
        found |= _closed(needs, needs[name])
    return found
