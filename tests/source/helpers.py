"""A small dialect, and short ways to parse a body and to read off what was found."""

from __future__ import annotations

from convert.source.parse import Item, ParsedFile, Variant, parse_file
from convert.source.text import read_source
from convert.source.vocabulary import Dialect

DIALECT = Dialect(
    typedefs=frozenset({"u8", "u32", "size_t", "gfp_t", "foo_t", "bool"}),
    loop_macros=frozenset({"list_for_each_entry", "for_each_thing", "while_each_thing"}),
    block_openers=frozenset({"do_each_task"}),
    block_closers=frozenset({"while_each_task"}),
)


def parse(text: str, dialect: Dialect = DIALECT) -> ParsedFile:
    """Parse a file given as text (latin-1)."""
    return parse_file(read_source("fs/toy/a.c", text.encode("latin-1")), dialect)


def in_function(body: str) -> str:
    """A file of one function with a body."""
    return f"void f(void)\n{{\n{body}\n}}\n"


def function(text: str) -> Item:
    """The only function of a file that must have no refusal."""
    parsed = parse(text)
    assert [refusal.construct for refusal in parsed.refusals] == []
    (item,) = parsed.functions
    return item


def variant(text: str) -> Variant:
    """The only variant of the only function of a file."""
    (found,) = function(text).variants
    return found


def statements(body: str) -> list[str]:
    """The statements of a body as ``kind|text``, an outer one before those in it."""
    text = in_function(body)
    found = variant(text).statements
    return [f"{item.kind}|{item.span.of(text)}" for item in found[1:]]


def calls(text: str) -> list[str]:
    """The calls of a file's only function as ``callee(slot|slot)``."""
    return [
        f"{call.callee}({'|'.join(slot.span.of(text) for slot in call.slots)})"
        for call in variant(text).calls
    ]


def refusal(text: str) -> str:
    """The construct of the only refusal of a file."""
    (found,) = parse(text).refusals
    return found.construct
