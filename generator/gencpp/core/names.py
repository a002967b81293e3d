"""Names that come from files: what may become part of a path or of a command. Imports errors only."""

from __future__ import annotations

import re

from .errors import UsageError

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})){2}")
BASE = ".gencpp/base.zip"
"""The one file in gencpp's own folder that is part of a project (project/base.py)."""
_LONGEST = 255
"""Bytes of a name on every file system that matters."""


def check_identifier(value: str, where: str) -> None:
    """Raises UsageError unless `value` is a project's name as project_name has them."""
    if not _IDENTIFIER.fullmatch(value):
        raise UsageError(f"{where}: {_shown(value)} is not a name of a project")


def check_file_name(value: str, where: str) -> None:
    """Raises UsageError unless `value` names a file in a folder that is already known.

    Without separators, `..`, control characters, or a `-` in front, which a program takes for an option.
    """
    _check_part(value, value, where)
    if value.startswith("-"):
        raise UsageError(f"{where}: {_shown(value)} is not the name of a file")


def check_relative_path(value: str, where: str) -> None:
    """Raises UsageError unless `value` is a `/`-separated path that stays below where it begins."""
    if value == BASE:
        return
    for part in value.split("/"):
        _check_part(part, value, where)


def check_version(value: str, where: str) -> None:
    """Raises UsageError unless `value` is a version as CMake and a shared library's name take it: `2.1.0`."""
    if not _VERSION.fullmatch(value):
        raise UsageError(
            f"{where}: {_shown(value)} is not a version", hint="Three numbers below 10000, such as 2.1.0."
        )


def check_text(value: str, where: str) -> None:
    """Raises UsageError unless `value` is Unicode: names of files may hold any bytes, JSON and C++ not."""
    for part in () if value.isascii() else value.split("/"):  # a long path is shortened at its end
        if any(0xD800 <= ord(c) < 0xE000 for c in part):
            raise UsageError(f"{where}: {_shown(part)} is not UTF-8 text", hint="Rename it.")


def _check_part(part: str, value: str, where: str) -> None:
    if (
        part in ("", ".", "..")
        or len(part.encode("utf-8", "replace")) > _LONGEST
        or any(c in '/\\:"' or ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in part)
    ):
        raise UsageError(f"{where}: {_shown(value)} is not a path inside the project")
    if part.lower() in (".git", ".gencpp"):
        raise UsageError(f"{where}: {_shown(value)} is not a path that gencpp writes")


def _shown(value: str) -> str:
    return ascii(value if len(value) <= 100 else f"{value[:80]}...")
