"""A free bit of ``current->flags`` for the nofail scope, from the definitions in sched.h."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convert.errors import InputError
from convert.nofail.locate import Places
from convert.semantics.constants import Constants
from convert.semantics.constexpr import NotConstant
from convert.semantics.defines import definitions, words_of
from convert.source.conditionals import Directive
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.tokens import lex_body

PATH = "include/linux/sched.h"
FLAG = "PF_MEMALLOC_NOFAIL"
_ANCHOR = "PF_MEMALLOC_NOFS"  # the bit of the scope that every tree with scopes has
_HOLE = re.compile(r"PF__HOLE__\w+\Z")
_BITS = 32


@dataclass(frozen=True)
class _Bit:
    name: str
    value: int
    line: Directive


def task_flag_edit(places: Places) -> tuple[Edit, int]:
    """The edit that defines the flag, and its value.

    A bit that the tree marks as a hole is taken first, then one that no flag has. Raises
    InputError if all are taken, or the definitions are not as expected.
    """
    source = places.source(PATH)
    bits = _bits(source, places)
    taken: dict[int, str] = {}
    for bit in bits:
        if not _HOLE.match(bit.name):
            for number in range(_BITS):
                if bit.value >> number & 1:
                    taken.setdefault(number, f"{PATH}:{bit.line.line}: {bit.name}")
    holes = {bit.value: bit for bit in bits if _HOLE.match(bit.name)}
    for number in range(_BITS):
        if number not in taken and 1 << number in holes:
            return _in_hole(source, holes[1 << number]), 1 << number
    for number in range(_BITS):
        if number not in taken:
            below = max((b for b in bits if b.value < 1 << number), key=lambda b: b.value)
            return _behind(source, below, 1 << number), 1 << number
    raise InputError(
        f"{PATH}:{bits[0].line.line}: no free bit for {FLAG}: all {_BITS} of "
        f"current->flags are taken, the last by {taken[_BITS - 1]}"
    )


def _bits(source: SourceFile, places: Places) -> list[_Bit]:
    """The flags of the task: the unbroken run of ``PF_*`` definitions around a known one."""
    lines = places.reader(PATH).parsed(frozenset()).directives
    defines = [d for d in lines if d.name == "define"]
    names = [words_of(lex_body(d.argument))[0] for d in defines]
    if FLAG in names:
        line = defines[names.index(FLAG)].line
        raise InputError(f"{PATH}:{line}: {FLAG} is there already: the tree has a nofail scope")
    if _ANCHOR not in names:
        raise InputError(f"{PATH}: no {_ANCHOR}: the tree has no scopes of this kind")
    at = names.index(_ANCHOR)
    first = last = at
    while first and names[first - 1].startswith("PF_"):
        first -= 1
    while last + 1 < len(names) and names[last + 1].startswith("PF_"):
        last += 1
    inner = Span(defines[first].span.start, defines[last].span.end)
    for other in lines:
        if other.span in inner and other.name != "define":
            raise InputError(
                f"{PATH}:{other.line}: #{other.name} among the flags of the task: which bits are "
                "free depends on the configuration"
            )
    constants = Constants(definitions(source))
    return [_bit(constants, n, d) for n, d in zip(names, defines, strict=True) if d.span in inner]


def _bit(constants: Constants, name: str, line: Directive) -> _Bit:
    try:
        value = constants.value(name).number
    except NotConstant as error:
        raise InputError(f"{PATH}:{line.line}: {name}: {error}") from error
    if value is None:
        raise InputError(f"{PATH}:{line.line}: the value of {name} is not known")
    return _Bit(name, value, line)


def _definition(value: int) -> str:
    what = "Blocking requests inherit __GFP_NOFAIL"
    return f"#define {FLAG}\t{value:#010x}\t/* {what} */"


def _in_hole(source: SourceFile, hole: _Bit) -> Edit:
    """The whole line of the placeholder, with its comment."""
    end = source.text.find("\n", hole.line.span.end - 1)
    return Edit(Span(hole.line.span.start, end), _definition(hole.value))


def _behind(source: SourceFile, below: _Bit, value: int) -> Edit:
    """A line of its own behind the next lower flag."""
    end = source.text.find("\n", below.line.span.end - 1) + 1
    return Edit(Span(end, end), f"{_definition(value)}\n")
