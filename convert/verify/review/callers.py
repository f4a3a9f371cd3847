"""Scopes that all callers of a function visibly open around it."""

from __future__ import annotations

import re

from convert.flow.code import FunctionKey, Routine
from convert.verify.review.scopes import kinds_open
from convert.verify.review.states import State

_KINDS = frozenset({"nofs", "noio"})  # inside of either, reclaim stays out of the filesystem
_DEEPEST = 4  # calls upwards


def opened_by_callers(state: State, routine: Routine) -> str | None:
    """Which callers open a nofs scope around every call of a function; None: not all do.

    A function whose address is taken or that is exported has callers that nobody sees.
    """
    openers = _openers(state, routine.key, _DEEPEST, frozenset())
    if not openers:
        return None
    listed = ", ".join(f"{name}()" for name in sorted(openers))
    return f"every caller is inside of a nofs scope: {listed}"


def _openers(
    state: State, key: FunctionKey, deepest: int, above: frozenset[FunctionKey]
) -> frozenset[str]:
    """The functions that open the scopes around all calls; empty if some call is outside."""
    if key in above or not deepest or _is_known_elsewhere(state, key):
        return frozenset()
    found: set[str] = set()
    for caller in state.index.functions():
        if key.name not in caller.callees or not _means(state, caller.path, key):
            continue
        routines = state.routines_named(caller.path, caller.key.name)
        if all(_is_inside(state, one, key.name) for one in routines):
            found.add(caller.key.name)
            continue
        outer = _openers(state, caller.key, deepest - 1, above | {key})
        if not outer:
            return frozenset()
        found |= outer
    return frozenset(found)


def _means(state: State, path: str, key: FunctionKey) -> bool:
    return any(facts.key == key for facts in state.index.find(path, key.name))


def _is_inside(state: State, caller: Routine, name: str) -> bool:
    """Whether all calls of a function stand inside of a scope in their caller."""
    calls = [call for call in caller.variant.calls if call.callee == name]
    kinds = kinds_open(caller, state.workshop.names, {id(call.node) for call in calls})
    return all(kinds.get(id(call.node), frozenset()) & _KINDS for call in calls)


def _is_known_elsewhere(state: State, key: FunctionKey) -> bool:
    """Whether something but a call may lead to a function: its address, or an export."""
    name = key.name.encode()
    used = re.compile(rb"\b" + name + rb"\b(?!\s*\()|\bEXPORT_SYMBOL\w*\s*\(\s*" + name + rb"\b")
    paths = [key.home] if key.home else list(state.index.files)
    return any(used.search(_code(state.tree.read(path))) for path in paths)


def _code(data: bytes) -> bytes:
    """A file without comments and strings."""
    return re.sub(rb'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', b" ", data, flags=re.DOTALL)
