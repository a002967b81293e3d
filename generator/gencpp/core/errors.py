"""Every error that gencpp reports, with its exit code and what to do next.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input, 3 the environment lacks something.
"""

from __future__ import annotations


class GencppError(Exception):
    """Root of all errors that are reported as one message and an exit code."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        """What exporters and compilers said at length, with graphs: for a log file, not for a terminal."""

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class CheckFailed(GencppError):
    """A check ran and did not hold (parity, goldens that differ, ...)."""

    exit_code = 1


class UsageError(GencppError):
    """Wrong usage or bad input."""

    exit_code = 2


class UnknownBackend(UsageError):
    """A project of a backend that this gencpp does not have."""


class EnvironmentLacks(GencppError):
    """The machine lacks something; the hint names the command that gets it."""

    exit_code = 3
