"""The errors that a user can meet, each with the exit code that the command line returns for it."""

from __future__ import annotations


class KmemConvertError(Exception):
    """A failure to report in one clear line: what, where, and what to do.

    ``exit_code`` is the process's exit code (README, "Exit codes").
    """

    exit_code = 2


class InputError(KmemConvertError):
    """Wrong usage or unusable input (exit code 2); nothing was written."""


class InternalCheckError(KmemConvertError):
    """One of the tool's own checks failed (exit code 3); nothing was written."""

    exit_code = 3
