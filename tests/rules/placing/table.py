"""Cases written as text: ``cases/NAME.txt`` holds one table.

A case starts with ``=== its-name``; a line ``=> text`` behind it says what is expected. The rest
is C. Where an edit is expected, it is a diff: the first column of a line is a blank, ``+`` or
``-``; an empty line stands for itself.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

_CASE = re.compile(r"^=== (\S+)\n(?:=> (.*)\n)?", re.MULTILINE)


def _cases(name: str) -> list[tuple[str, str, str]]:
    text = (Path(__file__).parent / "cases" / f"{name}.txt").read_text(encoding="utf-8")
    _, *parts = _CASE.split(text)
    return [(parts[i], parts[i + 1] or "", parts[i + 2]) for i in range(0, len(parts), 3)]


def rewrites(name: str) -> list[ParameterSet]:
    """The cases of a table as (before, after)."""
    return [pytest.param(*sides(diff), id=case) for case, _, diff in _cases(name)]


def refusals(name: str) -> list[ParameterSet]:
    """The cases of a table as (text, what is expected)."""
    return [pytest.param(text, expected, id=case) for case, expected, text in _cases(name)]


def sides(diff: str) -> tuple[str, str]:
    """The text before and after a diff of whole texts."""
    lines = diff.splitlines(keepends=True)
    assert all(line[0] in " +-\n" for line in lines), diff
    sides = ("".join(line[1:] or "\n" for line in lines if line[0] != other) for other in "+-")
    before, after = sides
    return before, after
