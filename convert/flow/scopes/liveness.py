"""Which variables a function may still use: facts about others only cost time."""

from __future__ import annotations

from collections.abc import Iterator

from convert.flow.scopes.code import (
    Assign,
    Call,
    Choose,
    Code,
    Expr,
    Fill,
    Give,
    Instruction,
    TaskFlags,
    Test,
)


def live_variables(code: Code) -> list[frozenset[str]]:
    """The variables that may be read at or behind each instruction, and those that escape."""
    uses = [frozenset(used(instruction)) for instruction in code.instructions]
    assigned = [_assigned(instruction) for instruction in code.instructions]
    escaping = frozenset(code.escaping)
    live: list[frozenset[str]] = [escaping | use for use in uses]
    before: list[list[int]] = [[] for _ in code.instructions]
    for index, following in enumerate(code.following):
        for to in following:
            if to >= 0:
                before[to].append(index)
    waiting = list(range(len(live)))
    while waiting:
        index = waiting.pop()
        for earlier in before[index]:
            name = assigned[earlier]
            passed = live[index] - {name} if name and name not in uses[earlier] else live[index]
            if not passed <= live[earlier]:
                live[earlier] |= passed
                waiting.append(earlier)
    return live


def _assigned(instruction: Instruction) -> str | None:
    if isinstance(instruction, Call):
        return instruction.result
    if isinstance(instruction, Assign) and not instruction.target.steps:
        return instruction.target.var
    return None


def used(instruction: Instruction) -> Iterator[str]:
    """The variables that an instruction reads."""
    match instruction:
        case Test(cond=cond):
            yield from names_in(cond)
        case Assign(target=target, value=value):
            yield from names_in(value)
            if target.steps:
                yield target.var
        case Fill(target=target):
            yield target.var
        case Choose(value=value) | Give(value=value) | TaskFlags(value=value):
            yield from names_in(value)
        case Call(arguments=arguments, pointer=pointer):
            for argument in arguments:
                yield from names_in(argument)
            yield from names_in(pointer)


def names_in(expr: Expr) -> Iterator[str]:
    """The variables of an expression."""
    if expr[0] in ("load", "addr"):
        yield expr[1].var
        return
    for part in expr[1:]:
        if isinstance(part, tuple) and part and isinstance(part[0], str):
            yield from names_in(part)
