"""The programs that checks rest on: whether they are there, and which version they are."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

from convert import __version__
from convert.verify.checks_model import ToolVersion
from convert.verify.process import run

_NUMBER = re.compile(r"\d+(?:\.\d+)+\S*")


def version_of(program: str) -> str:
    """The version that a program states itself, "" if it is not there or states none.

    The compiler's whole line counts: distributions patch compilers of the same number.
    """
    if shutil.which(program) is None:
        return ""
    lines = run([program, "--version"], Path.cwd()).output.splitlines()
    first = lines[0].strip() if lines else ""
    if program == "perl":
        first = next((line for line in lines if "version" in line), "")
    return first


def tool(program: str) -> ToolVersion:
    """A program with its version, shortened to the number where its line has one."""
    line = version_of(program)
    if program == "gcc":
        return ToolVersion(program, line.removeprefix("gcc ").strip())
    number = _NUMBER.search(line)
    return ToolVersion(program, number[0].rstrip(",)") if number else line)


def own_tools() -> tuple[ToolVersion, ...]:
    """This program and the machine that it runs on."""
    return (
        ToolVersion("kmem-convert", __version__),
        ToolVersion("git", tool("git").version),
        ToolVersion("machine", platform.machine()),
    )
