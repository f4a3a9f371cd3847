"""Writing what was verified into the cover letter, in place of what stood there."""

from __future__ import annotations

import re
from pathlib import Path

from convert.errors import InputError
from convert.series.mail import decoded_body, transportable, undeclared
from convert.series.templates import render
from convert.tree.cache import write_atomic
from convert.verify.checks_model import NotRun, VerifyResult
from convert.verify.report import cell, columns, reasons, rows, whole
from convert.verify.same import COVER

BEGIN = "== What was verified =="
END = "== End of what was verified =="
# From a beginning to its end: a beginning without one is somebody's text.
_BLOCK = re.compile(
    rf"^{re.escape(BEGIN)}\n(?:(?!^{re.escape(BEGIN)}\n).)*?^{re.escape(END)}\n",
    re.MULTILINE | re.DOTALL,
)
# git's shortlog: a name and a number, then subjects.
_SHORTLOG = re.compile(r"^[^\s].* \(\d+\):\n  \S", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- \n", re.MULTILINE)
_MOST_LINES = 30  # of findings: a letter is no log


def verification_block(result: VerifyResult) -> str:
    """The text between, and with, the lines that mark it; ASCII, single final newline."""
    found, more = _findings(result)
    body = render(
        "verification.j2",
        {
            "table": [
                ("patch", *columns(result)),
                *((row.number, *row.cells) for row in rows(result)),
            ],
            "whole": [
                {"name": name, "word": cell(one), "detail": one.detail}
                for name, one in whole(result)
                if not isinstance(one, NotRun)
            ],
            "findings": found,
            "more": more,
            "reasons": reasons(result),
            "tools": result.tools,
            "configurations": [
                {"name": name, "options": words} for name, words in result.configurations
            ],
        },
    )
    plain = body.encode("ascii", "backslashreplace").decode("ascii")
    return f"{BEGIN}\n\n{plain}\n{END}\n"


def _findings(result: VerifyResult) -> tuple[list[dict[str, object]], int]:
    """As many lines of findings as a letter takes, and how many are left out."""
    room, more = _MOST_LINES, 0
    shown: list[dict[str, object]] = []
    for one in result.failures:
        lines = [str(finding) for finding in one.findings]
        shown.append({"name": one.check, "patch": one.commit or "", "lines": lines[:room]})
        more += len(lines[room:])
        room -= min(room, len(lines))
    return shown, more


def update_cover(directory: Path, result: VerifyResult) -> Path:
    """Put what was verified into the cover letter of a series; the rest of it stays.

    It takes the place of the block that is there, else it goes before git's shortlog. The file is
    exchanged as a whole. Raises InputError if there is no cover letter or it cannot be written.
    """
    path = directory / COVER
    try:
        mail = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    head, blank, _ = mail.partition(b"\n\n")
    if not blank:
        raise InputError(f"{path}: no mail: no empty line after its head")
    text = decoded_body(mail).decode("utf-8", "surrogateescape")
    body = with_block(text, verification_block(result)).encode("utf-8", "surrogateescape")
    try:
        write_atomic(path, transportable(undeclared(head, body) + blank + body))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def with_block(text: str, block: str) -> str:
    """The text of a letter with the block in its place."""
    if found := _BLOCK.search(text):
        return text[: found.start()] + block + text[found.end() :]
    place = _SHORTLOG.search(text) or _SIGNATURE.search(text)
    if place is None:
        return f"{text.rstrip(chr(10))}\n\n{block}"
    return f"{text[: place.start()]}{block}\n{text[place.start() :]}"
