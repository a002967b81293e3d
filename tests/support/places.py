"""Where things lie in the repository."""

from __future__ import annotations

from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]
PACKAGE = ROOT / "generator"
"""What Python's import path needs for gencpp."""
MODELS = SUPPORT / "models"
GOLDEN = ROOT / "tests" / "golden"
GENERATED = ROOT / "examples" / "generated_project"
"""The golden tree of a classifier, which is there to browse, too."""
TOOLS = ROOT / "tools"
