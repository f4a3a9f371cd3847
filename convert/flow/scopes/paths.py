"""Where values come from: the expressions of instructions, and places seen through calls."""

from __future__ import annotations

from collections.abc import Iterable

from convert.flow.scopes.code import (
    DEREF,
    TASK,
    Assign,
    Call,
    Choose,
    Code,
    Expr,
    Give,
    Test,
    Where,
)


def is_variable(expr: Expr) -> bool:
    """Whether an expression is the value of a variable."""
    return bool(expr[0] == "load") and not expr[1].steps


def is_address(expr: Expr) -> bool:
    """Whether an expression is the address of a variable, or of a part of one."""
    return bool(expr[0] == "addr") and DEREF not in expr[1].steps


def copies(code: Code) -> dict[str, list[Expr]]:
    """What is assigned to each variable."""
    found: dict[str, list[Expr]] = {}
    for instruction in code.instructions:
        if isinstance(instruction, Assign) and not instruction.target.steps:
            found.setdefault(instruction.target.var, []).append(instruction.value)
        elif isinstance(instruction, Give):
            found.setdefault("<result>", []).append(instruction.value)
    return found


def behind(value: Expr, steps: tuple[str, ...]) -> Iterable[Where]:
    """The places that ``steps`` from a value lead to."""
    match value[0]:
        case "load":
            yield value[1].then(*steps)
        case "addr" if steps[:1] == (DEREF,):
            yield value[1].then(*steps[1:])
        case "bin" | "cmp" if not steps:
            for part in value[2:]:
                yield from behind(part, steps)
        case "not" | "err" | "errptr" if not steps:
            yield from behind(value[1], steps)


def at_call(call: Call, callee: Code, place: Where) -> Iterable[Where]:
    """The caller's names of a place that the callee reaches through a parameter."""
    if place.var == TASK:
        yield place
        return
    slot = callee.parameters.index(place.var)
    if slot < len(call.arguments):
        yield from behind(call.arguments[slot], place.steps)


def expressions(instruction: object) -> Iterable[Expr]:
    """What an instruction evaluates (of a condition, all its parts)."""
    match instruction:
        case Call(arguments=given):
            yield from given
        case Assign(value=value) | Choose(value=value) | Give(value=value):
            yield value
        case Test(cond=cond):
            yield from inside(cond)


def inside(expr: Expr) -> Iterable[Expr]:
    """An expression and its parts."""
    yield expr
    if expr[0] in ("load", "addr", "fn"):
        return
    for part in expr[1:]:
        if isinstance(part, tuple) and part and isinstance(part[0], str):
            yield from inside(part)
