"""Which members facts are kept about: those that hold cookies, or lead to what holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from convert.flow.graph.types import Types
from convert.flow.scopes.code import DEREF, ELEMENT, TASK, Assign, Code, Expr, Test
from convert.flow.scopes.memory import Fields
from convert.flow.scopes.paths import expressions, inside
from convert.flow.scopes.shape import Shape


def shape_of(codes: Iterable[Code], saves: Mapping[str, int], types: Types) -> Shape:
    """Which members hold cookies or handles, whose address is taken, which structures hold them."""
    codes = list(codes)
    cookies = _cookie_members(codes, saves)
    tags = _tags(codes, types, cookies)
    tracked = cookies | _handle_members(types, tags)
    addressed: set[str] = set()
    for code in codes:
        for instruction in code.instructions:
            for expr in expressions(instruction):
                if expr[0] == "addr" and expr[1].steps:
                    addressed.add(expr[1].steps[-1])
    task: set[str] = set()
    for code in codes:
        task |= _task_members(code, types, tags)
    tracked |= task
    sets = (frozenset(one) for one in (tracked, addressed, task, cookies))
    return Shape(types, Fields(*sets), tags)


def _tags(codes: Iterable[Code], types: Types, cookies: Set[str]) -> frozenset[str]:
    """The structures that hold a cookie."""
    for code in codes:  # make the structures known that stand in other headers
        for kind in code.types.values():
            if kind.base.startswith("struct ") and kind.base not in types.structs:
                types.members(kind.base)
    return frozenset(tag for tag, members in types.structs.items() if cookies & set(members))


def _handle_members(types: Types, tags: frozenset[str]) -> set[str]:
    """The members that point to a structure that holds a cookie."""
    return {
        name
        for members in list(types.structs.values())
        for name, kind in members.items()
        if kind.stars == 1 and types.plain(kind).base in tags
    }


def _is_handle(code: Code, name: str, types: Types, tags: frozenset[str]) -> bool:
    """Whether a variable points to a structure that holds a cookie."""
    kind = code.types.get(name)
    if kind is None:
        return False
    plain = types.plain(kind)
    return plain.stars == 1 and plain.base in tags


def _task_members(code: Code, types: Types, tags: frozenset[str]) -> set[str]:
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
            whole = other[0] == "load" and not other[1].steps
            if whole and _is_handle(code, other[1].var, types, tags):
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
