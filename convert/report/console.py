"""Printing for people: a terminal gets colours and boxes, a pipe gets plain lines.

Sites, paths and reasons are printed as lines that are never cut or broken: a terminal wraps them by
itself, and in a pipe they can be searched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from convert.report.display import visible

PLAIN_WIDTH = 120  # columns where there is no terminal to ask

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    justify: Literal["left", "right"] = "left"


def report_console(file: IO[str]) -> Console:
    """A console for a report: no colour and a fixed width unless ``file`` is a terminal."""
    console = Console(file=file)
    if not is_styled(console):
        console.width = PLAIN_WIDTH
    return console


def is_styled(console: Console) -> bool:
    """Whether colours and boxes are wanted."""
    return console.is_terminal and not console.is_dumb_terminal


def say(console: Console, text: str = "", style: str = "", indent: int = 0) -> None:
    """Print a line, or several, whole; control characters are shown, not sent."""
    for line in visible(text).split("\n"):
        _line(console, f"{' ' * indent}{line}".rstrip(), style)


def _line(console: Console, line: str, style: str) -> None:
    look = console.get_style(style) if style else None
    segments = Segments([Segment(_encodable(console, line), look), Segment.line()])
    # A Segment goes out as it is; rich's Text would wrap it and turn its tabs into spaces.
    console.print(segments, soft_wrap=True, end="")


def heading(console: Console, text: str, style: str = "bold") -> None:
    """A heading after an empty line, underlined where there is no bold type."""
    say(console)
    say(console, text, style)
    if not is_styled(console):
        say(console, "-" * cell_len(visible(text)))


def table(console: Console, columns: Sequence[Column], rows: Iterable[Sequence[str | int]]) -> None:
    """Print a table. No cell is cut: a terminal folds long ones, a pipe gets them whole."""
    cells = [[_encodable(console, visible(str(cell))) for cell in row] for row in rows]
    if not is_styled(console):
        _plain_table(console, columns, cells)
        return
    grid = Table(box=box.SQUARE, header_style="bold")
    for column in columns:
        grid.add_column(Text(column.title), justify=column.justify, overflow="fold")
    for row in cells:
        grid.add_row(*map(Text, row))
    console.print(grid)


def _plain_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]
) -> None:
    every = [[column.title for column in columns], *rows]
    widths = [max(map(cell_len, cells)) for cells in zip(*every, strict=True)]
    for row in every:
        padded = []
        for cell, width, column in zip(row, widths, columns, strict=True):
            blank = " " * (width - cell_len(cell))
            padded.append(cell + blank if column.justify == "left" else blank + cell)
        say(console, "  ".join(padded), indent=2)


def diff(console: Console, text: str, indent: int = 0) -> None:
    """Print a diff, coloured by line. White space at the end of a line is part of it."""
    for line in visible(text).removesuffix("\n").split("\n") if text else ():
        _line(console, f"{' ' * indent}{line}", _DIFF_STYLES.get(line[:1], ""))


def _encodable(console: Console, text: str) -> str:
    """The text with what the console's encoding lacks written as an escape."""
    encoding = console.encoding
    return text.encode(encoding, "backslashreplace").decode(encoding)
