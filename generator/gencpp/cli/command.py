"""A command whose help names its values by what they are, not by their Python types."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from ..core.errors import UsageError

_VALUES = {
    **dict.fromkeys(("path", "to", "tensorrt_root", "tensorrt_headers"), "FOLDER"),
    **dict.fromkeys(("recipe", "state_dict", "labels", "baseline", "html"), "FILE"),
    **dict.fromkeys(("rounds", "seed", "growth_batch", "growth_loads", "growth_runs", "jobs"), "N"),
    **dict.fromkeys(("against", "batch", "threads"), "LIST"),
    "dynamic": "BOUNDS",
    "growth_megapixels": "N",
    "max_regression": "SHARE",
    "part": "NAME",
    "preprocess": "TRANSFORMS",
    "seconds": "S",
    "tensorrt_min": "VERSION",
    "trt_api": "API",
}
"""By the name of the parameter; of others the name itself."""


class Command(TyperCommand):
    """As typer makes it, with `OUT` for `{out}` and `--path FOLDER` for `--path <list[str]>`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for parameter in self.params:
            name = parameter.name or ""
            if parameter.metavar is None and not getattr(parameter, "is_flag", False):
                parameter.metavar = _VALUES.get(name, name.rstrip("_").upper())

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuses empty words: as a path one would be the current folder, as a name nothing."""
        for number, word in enumerate(args, 1):
            option, equals, value = word.partition("=")
            if not word or (option.startswith("--") and equals and not value):
                raise UsageError(
                    f"word {number} behind `gencpp {self.name}` is {word or 'empty'}, without a value",
                    hint="Give it one, or leave it out. A variable of the shell may have been empty.",
                )
        return super().parse_args(ctx, args)
