"""Code that looks at the task's flag of the scope: a wider scope changes what it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from convert.flow.scopes.code import DEREF, TASK, Expr, Where
from convert.flow.scopes.paths import expressions, inside
from convert.flow.scopes.setup import Program

_FLAGS = Where(TASK, (DEREF, "flags"))


@dataclass(frozen=True)
class Reader:
    """A line of a function (its number) that looks at the flag. offset: where the line starts."""

    number: int
    path: str
    line: int
    offset: int


def readers_of(program: Program) -> tuple[Reader, ...]:
    """The lines of a program that look at the flags that the scope sets."""
    mask = program.scopes.bits[0]
    found: dict[Reader, None] = {}
    for number, code in enumerate(program.codes):
        for instruction in code.instructions:
            if any(_looks(expr, mask) for expr in expressions(instruction)):
                source = code.routine.source
                offset = source.line_starts[instruction.line - 1]
                found[Reader(number, source.path, instruction.line, offset)] = None
    return tuple(found)


def _looks(expr: Expr, mask: int) -> bool:
    return any(_is_test(one, mask) for one in inside(expr))


def _is_test(expr: Expr, mask: int) -> bool:
    if expr[:2] != ("bin", "&"):
        return False
    parts: Iterable[Expr] = expr[2:]
    loads = any(part == ("load", _FLAGS) for part in parts)
    return loads and any(part[0] == "num" and part[1] & mask for part in expr[2:])
