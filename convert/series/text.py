"""The shape of plain text in mails: filled paragraphs, lists, tables, names in a sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

# Documentation/process/submitting-patches.rst asks for 75 columns; 72 leaves room for quoting.
WIDTH = 72
WIDEST = 75


def reflow(text: str) -> str:
    """Fill paragraphs and list items to 72 columns.

    Blocks are parted by blank lines. A block that starts with a space is a table or a command and
    kept as it is; lines that start with ``- `` are list items, hanging by two. A word is never
    broken. The result has no trailing blanks, single blank lines between blocks, one final newline.
    """
    blocks: list[list[str]] = [[]]
    for line in text.replace("\t", "    ").split("\n"):
        if line.strip():
            blocks[-1].append(line.rstrip())
        elif blocks[-1]:
            blocks.append([])
    return "\n\n".join("\n".join(_block(lines)) for lines in blocks if lines) + "\n"


def _block(lines: list[str]) -> list[str]:
    """The lines of one block, filled."""
    if lines[0].startswith(" "):
        return lines
    paragraphs: list[list[str]] = []
    for line in lines:
        if line.startswith("- ") or not paragraphs:
            paragraphs.append([])
        paragraphs[-1].append(line.strip())
    return [line for words in paragraphs for line in _fill(" ".join(words))]


def _fill(text: str) -> list[str]:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(
        text,
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def one_line(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    parts = list(words)
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def functions(names: Iterable[str]) -> str:
    """Names of functions in a sentence: ``kmalloc() and kzalloc()``."""
    return listed(f"{name}()" for name in names)


def mask_table(masks: Sequence[tuple[str, str, int]]) -> str:
    """Lines ``  count  before -> after``, most frequent first; a wide row takes two lines."""
    rows = sorted(masks, key=lambda row: (-row[2], row[0], row[1]))
    digits = max((len(str(number)) for _, _, number in rows), default=1)
    room = WIDEST - digits - 8
    column = max((len(a) for a, b, _ in rows if len(a) + len(b) <= room), default=0)
    lines: list[str] = []
    for before, after, number in rows:
        head = f"  {number:>{digits}}  "
        if max(len(before), column) + len(after) <= room:
            lines.append(f"{head}{before:<{column}} -> {after}")
        else:
            lines += [head + before, " " * len(head) + f"-> {after}"]
    return "\n".join(lines)


def table(rows: Sequence[Sequence[str | int]]) -> str:
    """Rows in columns, indented by two: the first column to the left, the others to the right."""
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  "
        + "  ".join(
            f"{cell!s:<{width}}" if i == 0 else f"{cell!s:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
