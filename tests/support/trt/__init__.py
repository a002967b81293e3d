"""Building against TensorRT's headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

VERSIONS = ("8.5", "8.6", "10.0", "10.13", "10.16", "11.0", "11.1")
MORE_VERSIONS = pytest.mark.full("the version matrix beyond three versions")
MORE_MODELS = pytest.mark.full("generated network code of more models")


def divided(values: Iterable[str], default: tuple[str, ...], more: pytest.MarkDecorator) -> list[Any]:
    """Parameters of a test: `default` in the default lane, the others with this marker."""
    return [v if v in default else pytest.param(v, marks=more) for v in values]
