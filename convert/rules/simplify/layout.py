"""The lines of a call whose first argument was spread over several."""

from __future__ import annotations

from convert.rules.layout import (
    TAB,
    WIDTH,
    ContinuationStyle,
    advance,
    column_at,
    indent_of,
    indentation,
    line_end,
)
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.variants import Call


def rewritten_call(
    source: SourceFile, call: Call, first: str, style: ContinuationStyle | None
) -> Edit:
    """The call with a new first argument on as few lines as it needs.

    One line where it fits into 80 columns; else a break before the last argument, indented as the
    file's authors do (``style``; two tabs if it is not known).
    """
    text = source.text
    rest = [" ".join(slot.span.of(text).split()) for slot in call.slots[1:]]
    span = Span(call.open + 1, call.close)
    behind = text[call.close : line_end(text, call.close)].rstrip("\r")
    one = ", ".join([first, *rest])
    column = advance(column_at(text, call.open + 1), one + behind)
    if column <= WIDTH or not rest:
        return Edit(span, one)
    base = indent_of(text, call.span.start)
    if style is not None and style.tabs is None:
        width = column_at(text, call.open) + 1
    else:
        width = advance(0, base) + TAB * (2 if style is None or style.tabs is None else style.tabs)
    newline = "\r\n" if text[span.end :].split("\n", 1)[0].endswith("\r") else "\n"
    blank = newline + indentation(width, "\t" not in base and bool(base))
    return Edit(span, ", ".join([first, *rest[:-1]]) + "," + blank + rest[-1])
