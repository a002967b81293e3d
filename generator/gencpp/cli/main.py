"""The entry of the command line: its commands, and every error as one message and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .. import __version__
from ..core.errors import GencppError
from .bench import bench
from .command import Command
from .new import new, tune
from .show import fail, interrupt, interrupted, tell_log
from .tables import doctor, inspect, models
from .verify import verify

_INTERRUPTED = 130

app = typer.Typer(
    name="gencpp",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn a trained PyTorch model into a complete C++ project that is proven to compute the same.",
    epilog="Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input, 3 something is missing here.",
)
_SHORT = {"verify": "Build a project, test it, compare it with the Python model."}
"""In the list of commands, where the first sentence of the command itself is too long for a line."""
for command in (new, tune, verify, bench, inspect, models, doctor):
    app.command(cls=Command, short_help=_SHORT.get(command.__name__))(command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gencpp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """The command `gencpp`: every error is one message on standard error and its exit code."""
    _open_closed_streams()
    # Names of files may hold any bytes; no terminal or pipe has to end a command for that.
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # Ended by a signal from outside, a half-written folder is removed as after Ctrl-C.
    with contextlib.suppress(ValueError, AttributeError):
        signal.signal(signal.SIGTERM, interrupt)
        signal.signal(signal.SIGINT, interrupt)
    try:
        code = app(standalone_mode=False) or 0
        sys.stdout.flush()
        if code == _INTERRUPTED:  # typer takes a KeyboardInterrupt for itself, and says nothing
            raise KeyboardInterrupt
    except GencppError as e:
        fail(e.message, e.hint)
        if e.details:
            tell_log(_log(e.details))
        sys.exit(e.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _end_interrupted()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as e:
        full = e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
        printing = full and not e.filename and _cannot_print()
        if printing:
            # What Python still has to write would end the process with another code.
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), 1)
        where = f"{_shortened(str(e.filename))}: " if e.filename else "standard output: " if printing else ""
        fail(f"{where}{e.strerror or e}", "Make room, or write to another place." if full else "")
        sys.exit(3 if full else 2)
    except Exception as e:  # noqa: BLE001 - the last place where an error can become one message
        if show := getattr(e, "format_message", None):  # a usage error of the command line's own parser
            if type(e).__name__ == "NoArgsIsHelpError":
                print(show())
                sys.exit(2)
            context = getattr(e, "ctx", None)
            fail(show(), f"Try: {context.command_path if context else 'gencpp'} --help")
            sys.exit(2)
        if interrupted():  # Python itself makes a RuntimeError of one that comes while a class is made
            _end_interrupted()
        _report_bug(e)
        sys.exit(e.exit_code if isinstance(e, GencppError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _open_closed_streams() -> None:
    """A file that is opened would else get the number of a stream that was closed, and what is printed to it.

    Nobody reads a closed standard error. A closed standard output is an error: the answer would go there.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    if sys.stdout is None:
        fail("standard output is closed", "Leave it open, or send it to /dev/null.")
        sys.exit(3)


def _cannot_print() -> bool:
    """Asked after an error that names no file. Python forgets what it could not write."""
    try:
        os.write(1, b"\n")
    except OSError:
        return True
    return False


def _end_interrupted() -> NoReturn:
    wrote = sys.argv[1:2] in (["verify"], ["bench"])
    fail("interrupted" if wrote else "interrupted; nothing was written", "")
    # An interrupt that passed through an exec() of a string leaves a mark in CPython, which would end
    # this process by the signal instead of the exit code; another exec() takes the mark away.
    exec("")
    sys.exit(_INTERRUPTED)


def _report_bug(error: Exception) -> None:
    """One message for what nobody foresaw; the traceback goes to a file that can be sent with a report."""
    told = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    log = _log("".join(traceback.format_exception(error)))
    fail(f"{told} (this is a bug of gencpp)", f"Please report it with {log}")


def _log(text: str) -> str:
    """Its path: what is too long for a terminal, in a file that stays."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="gencpp-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(text)
    return file.name


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:100]}...{text[-60:]}"
