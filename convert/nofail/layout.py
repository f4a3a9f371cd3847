"""Where the twin of a statement or declaration goes, and what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pycparser import c_ast

from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.variants import Node, Variant

Found = tuple[Span, str, Edit]  # where, what, its twin
VARIABLE = "variable"


class NoTwin(Exception):
    """Why a place has no twin."""


def calls(node: Node | None, name: str) -> bool:
    """Whether an expression is a call of a function by its name."""
    return (
        isinstance(node, c_ast.FuncCall)
        and isinstance(node.name, c_ast.ID)
        and node.name.name == name
    )


def line_of(text: str, offset: int) -> tuple[int, int]:
    """Start of a line and the offset of its newline."""
    start = text.rfind("\n", 0, offset) + 1
    return start, text.find("\n", offset)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with its words replaced."""
    return re.sub(r"\w+", lambda found: names.get(found[0], found[0]), text)


def stated_beside(
    source: SourceFile, variant: Variant, whole: Node, what: str, names: Mapping[str, str]
) -> Found:
    """The twin of an expression statement: behind it, or before a "restore".

    Raises NoTwin for a statement that does not stand in lines of its own between braces.
    """
    around = variant.parent_of(whole)
    while isinstance(around, c_ast.Label):  # it then stands before the twin, or before both
        around = variant.parent_of(around)
    if not isinstance(around, c_ast.Compound):
        raise NoTwin("the statement stands alone under a condition, without braces")
    statement = variant.statement_at(variant.span_of(whole).start)
    if statement is None or statement.node is not whole:
        raise NoTwin("the statement around it was not found")
    text = source.text
    start, _ = line_of(text, statement.span.start)
    last = text.find("\n", statement.span.end)
    alone = not text[start : statement.span.start].strip()
    if not alone or text[statement.span.end : last].strip():
        raise NoTwin("something else stands in the lines of the statement")
    indent = text[start : statement.span.start]
    twin = indent + renamed(statement.span.of(text), names) + "\n"
    # The scope that was opened last is closed first.
    at = start if what == "restore" else last + 1
    return statement.span, what, Edit(Span(at, at), twin)


def declared_beside(source: SourceFile, name: Span, names: Mapping[str, str], save: str) -> Found:
    """The twin of a local variable's declaration, in the next line.

    Raises NoTwin for one that shares its line, or that starts with anything but a save.
    """
    text = source.text
    start, end = line_of(text, name.start)
    before, behind = text[start : name.start], text[name.end : end]
    match = re.fullmatch(rf"(?P<saved>\s*=\s*{re.escape(save)}\(\))?;\s*", behind)
    if match is None or not re.fullmatch(r"[ \t]+[A-Za-z_][\w \t]*[ \t]", before):
        raise NoTwin("its variable's declaration does not stand alone in its line")
    twin = renamed(text[start:end].rstrip(), names) + "\n"
    what = "save" if match["saved"] else VARIABLE
    return Span(start, end), what, Edit(Span(end + 1, end + 1), twin)
