"""A user's program, as mypy sees it: no test, and never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import gencpp
from gencpp.core.spec import VerifyReport

assert_type(gencpp.verify(Path("out")), VerifyReport)
gencpp.Request(source="resnet18", backend="libtorch", out="out")  # type: ignore[arg-type]
gencpp.nothing  # type: ignore[attr-defined]  # noqa: B018
assert_type(gencpp.inspect(gencpp.ModelRequest(source="resnet18")).backends, dict[str, str])
