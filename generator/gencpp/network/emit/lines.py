"""Lines of C++ as clang-format leaves them under templates/common/.clang-format, which breaks none itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

WIDTH = 140
"""Characters from which on a call is broken between its arguments."""

BEHIND = "\0"
"""Between code and the comment behind it, which no C++ has."""

_CONTINUED = "    "


def wrapped(line: str) -> Iterator[str]:
    """The line, or several where it is a call or a function's head that is too long."""
    code, sign, behind = line.partition(BEHIND)
    if len(line) <= WIDTH or not code.endswith((");", ") {")):
        yield line
        return
    places = [*_breaks(code), len(code)]
    pad = code[: len(code) - len(code.lstrip())]
    begin, text = 0, ""
    for i, place in enumerate(places):
        end = places[i + 1] if i + 1 < len(places) else place
        text = text or (pad + _CONTINUED if begin else "")
        text += code[begin:place].lstrip() if begin and not text.strip() else code[begin:place]
        begin = place
        if i + 1 == len(places):
            yield text + sign + behind
        elif len(text) + (end - place) > WIDTH:
            yield text.rstrip()
            text = ""


def _breaks(code: str) -> Iterator[int]:
    """Where the arguments of the outermost call begin, but for the first."""
    depth, quoted, i = 0, False, 0
    while i < len(code):
        char = code[i]
        if quoted:
            i += char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "({[":
            depth += 1
        elif char in ")}]":
            depth -= 1
        elif char == "," and depth == 1 and "(" in code[:i]:
            yield i + 1
        i += 1


def comment(text: str) -> str:
    """A comment of one line, whatever the model's names hold."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return f"// {plain}." if plain.endswith("\\") else f"// {plain}"


def spaced(lines: Iterable[str]) -> list[str]:
    """With one empty line before every part that has a comment of its own, and none at a block's begin."""
    made: list[str] = []
    for line in lines:
        before = made[-1] if made else "{"
        comment = line.lstrip().startswith("//")
        if comment and before and not before.lstrip().startswith("//") and not before.endswith("{"):
            made.append("")
        if line or (before and not before.endswith("{")):
            made.append(line)
    return made


def aligned(lines: Iterable[str]) -> list[str]:
    """Comments behind code in one column, where lines follow each other."""
    made: list[str] = []
    group: list[tuple[str, str]] = []

    def close() -> None:
        width = max((len(c) for c, _ in group), default=0)
        made.extend(f"{c.ljust(width)}  // {text}" for c, text in group)
        group.clear()

    for line in lines:
        code, sign, text = line.partition(BEHIND)
        if sign:
            group.append((code, text))
        else:
            close()
            made.append(line)
    close()
    return made
