"""Which members facts are kept about: those that hold cookies, or lead to what holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from convert.flow.scopes.code import DEREF, ELEMENT, TASK, Assign, Code, Expr, Test
from convert.flow.scopes.memory import Fields
from convert.flow.scopes.paths import expressions, inside


def field_sets(
    codes: Iterable[Code],
    saves: Mapping[str, int],
    handle_members: Callable[[set[str]], set[str]],
    is_handle: Callable[[Code, str], bool],
) -> tuple[Fields, set[str]]:
    """Which members hold cookies or handles, and whose address is taken; then the cookies' names.

    ``handle_members``: from the members that hold cookies to those that point to their structures.
    """
    codes = list(codes)
    cookies = _cookie_members(codes, saves)
    tracked = cookies | handle_members(cookies)
    addressed: set[str] = set()
    for code in codes:
        for instruction in code.instructions:
            for expr in expressions(instruction):
                if expr[0] == "addr" and expr[1].steps:
                    addressed.add(expr[1].steps[-1])
    task: set[str] = set()
    for code in codes:
        task |= _task_members(code, is_handle)
    tracked |= task
    sets = (frozenset(one) for one in (tracked, addressed, task, cookies))
    return Fields(*sets), cookies


def _task_members(code: Code, is_handle: Callable[[Code, str], bool]) -> set[str]:
    """Members of the task's structure that are assigned a handle, or compared with one."""
    found: set[str] = set()
    pairs: list[tuple[Expr, Expr]] = []
    for instruction in code.instructions:
        if isinstance(instruction, Assign):
            pairs.append((("load", instruction.target), instruction.value))
        elif isinstance(instruction, Test):
            pairs += [(e[2], e[3]) for e in inside(instruction.cond) if e[0] == "cmp"]
    for pair in pairs:
        for one, other in (pair, pair[::-1]):
            if one[0] != "load" or one[1].var != TASK or len(one[1].steps) != 2:
                continue
            if other[0] == "load" and not other[1].steps and is_handle(code, other[1].var):
                found.add(one[1].steps[1])
    return found


def _cookie_members(codes: list[Code], saves: Mapping[str, int]) -> set[str]:
    """Members that are assigned what a save returned, directly or by copies between members."""
    cookies: set[str] = set()
    copied: list[tuple[str, str]] = []
    for code in codes:
        results = {call.result for _, call in code.calls() if call.name in saves}
        for instruction in code.instructions:
            if not isinstance(instruction, Assign) or instruction.value[0] != "load":
                continue
            source, target = instruction.value[1], instruction.target
            if source.var in results and not source.steps:
                if target.steps:
                    cookies.add(target.steps[-1])
                else:
                    results.add(target.var)
            elif source.steps and target.steps:
                copied.append((source.steps[-1], target.steps[-1]))
    while True:
        more = {target for source, target in copied if source in cookies} - cookies
        if not more:
            return cookies - {DEREF, ELEMENT}
        cookies |= more
