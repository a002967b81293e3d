"""Python code that a user names by its file, `nets/GAN.py:Generator`, as the module that it is."""

from __future__ import annotations

from pathlib import Path

from .errors import UsageError


def as_module(text: str) -> tuple[str, tuple[str, ...]]:
    """(`GAN:Generator`, (`nets`,)) of `nets/GAN.py:Generator`; any other text as it is, and no folder.

    Raises UsageError where there is no such file, or no module can have its name.
    """
    name, colon, attribute = text.strip().rpartition(":")
    file = Path(name)
    if not colon or file.suffix != ".py":
        return text, ()
    if not file.is_file():
        raise UsageError(f"{name}: no such file", hint="Check the path.")
    if not file.stem.isidentifier():
        raise UsageError(
            f"{name}: Python cannot import a module called {file.stem!r}",
            hint="Rename the file: letters, digits and underscores.",
        )
    return f"{file.stem}:{attribute}", (str(file.parent),)
