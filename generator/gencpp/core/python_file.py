"""Python code that a user names by its file, `nets/GAN.py:Generator`, as the module that it is."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import UsageError

_NAME = re.compile(r"[A-Za-z_]\w*")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def as_module(text: str) -> tuple[str, tuple[str, ...]]:
    """(`GAN:Generator`, (`nets`,)) of `nets/GAN.py:Generator`; any other text as it is, and no folder.

    A file of a package is `package.module`, in the folder that the package lies in. Raises UsageError where
    there is no such file, where nothing in it is named, and where no module can have its name.
    """
    text = text.strip()
    name, colon, attribute = text.rpartition(":")
    if not colon and text.endswith(".py") and Path(text).is_file():
        name, attribute = text, ""
    file = Path(name)
    if not name or file.suffix != ".py":
        return text, ()
    if not file.is_file():
        raise UsageError(f"{name}: no such file", hint="Check the path.")
    if not _PATH.fullmatch(attribute):
        raise UsageError(
            f"{text}: which of its classes or functions?",
            hint=f"Name it, as in {name}:{attribute or 'make'}.",
        )
    folder, parts = file.parent, [] if file.stem == "__init__" else [file.stem]
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.absolute().name)
        folder = folder.parent if folder.name else folder.absolute().parent
    if bad := [part for part in parts if not _NAME.fullmatch(part)]:
        raise UsageError(
            f"{name}: Python cannot import a module called {bad[0]!r}",
            hint="Rename it: letters, digits and underscores.",
        )
    return f"{'.'.join(parts)}:{attribute}", (str(folder),)


def refuse_two_of_one_name(texts: list[str]) -> None:
    """Raises UsageError where two files, as a user names them, would be one module."""
    seen: dict[str, str] = {}
    for text in texts:
        named, folders = as_module(text)
        if not folders:
            continue
        module, folder = named.partition(":")[0].partition(".")[0], str(Path(folders[0]).resolve())
        other = seen.setdefault(module, folder)
        if other != folder:
            raise UsageError(
                f"{module} is in two folders, {other} and {folder}: Python imports one of them",
                hint="Rename one of the files.",
            )
