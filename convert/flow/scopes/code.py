"""The instructions that a simulation runs: calls in order of evaluation, tests, assignments.

An expression is a tuple whose first entry says what it is:
``("num", n)``, ``("load", place)``, ``("addr", place)``, ``("fn", name, path)``, ``("not", e)``,
``("err", e)`` (whether it is an ERR_PTR), ``("errptr", e)`` (made by ERR_PTR()),
``("cmp", op, a, b)``, ``("bin", op, a, b)``, ``("any",)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import TypeRef

Expr = tuple[Any, ...]
ANY: Expr = ("any",)
DEREF = "*"
ELEMENT = "[]"
TASK = "current"
# What is at a place, if it is no member: a pointer to a structure that holds a cookie, a pointer to
# something else, a number.
HANDLE, POINTER, ELSE = "*handle", "*pointer", "*else"
KINDS = (HANDLE, POINTER, ELSE)


class Where(NamedTuple):
    """A variable and the way from it: ``*`` follows a pointer, ``[]`` is any element."""

    var: str
    steps: tuple[str, ...] = ()

    def then(self, *steps: str) -> Where:
        """A place further on."""
        return Where(self.var, (*self.steps, *steps))


class Instruction:
    """One step. ``line``: of the function that runs it (of the macro's use, inside a macro)."""

    __slots__ = ("line",)

    def __init__(self, line: int) -> None:
        self.line = line


class Nop(Instruction):
    """Ways meet here."""

    __slots__ = ()


class Assign(Instruction):
    """``target = value``; ``whole``: it may be a structure."""

    __slots__ = ("target", "value", "whole")

    def __init__(self, line: int, target: Where, value: Expr, whole: bool = False) -> None:
        super().__init__(line)
        self.target = target
        self.value = value
        self.whole = whole


class Fill(Instruction):
    """All members of ``target`` become zero."""

    __slots__ = ("target",)

    def __init__(self, line: int, target: Where) -> None:
        super().__init__(line)
        self.target = target


class Test(Instruction):
    """Two ways on: the first if ``cond`` holds. ``needs``: what else was called for it."""

    __slots__ = ("cond",)

    def __init__(self, line: int, cond: Expr) -> None:
        super().__init__(line)
        self.cond = cond


class Choose(Instruction):
    """A switch: way ``i`` is taken for the ``cases[i]`` (None: for all other values)."""

    __slots__ = ("cases", "value")

    def __init__(self, line: int, value: Expr) -> None:
        super().__init__(line)
        self.value = value
        self.cases: list[tuple[tuple[int, int], ...] | None] = []


class Give(Instruction):
    """The function returns ``value``."""

    __slots__ = ("value",)

    def __init__(self, line: int, value: Expr) -> None:
        super().__init__(line)
        self.value = value


class Call(Instruction):
    """A call of something that is no macro of the paths.

    name: if it is called by name; pointer: else the expression. result: the variable that gets the
    value. origin and node: the text (a macro's, if the call stands in one).
    """

    __slots__ = ("arguments", "name", "node", "origin", "pointer", "result")

    def __init__(
        self,
        line: int,
        name: str | None,
        pointer: Expr,
        arguments: tuple[Expr, ...],
        result: str,
        origin: Routine,
        node: c_ast.FuncCall,
    ) -> None:
        super().__init__(line)
        self.name = name
        self.pointer = pointer
        self.arguments = arguments
        self.result = result
        self.origin = origin
        self.node = node


class TaskFlags(Instruction):
    """``current->flags`` is assigned: ``op`` is ``=``, ``|=``, ``&=`` or another."""

    __slots__ = ("op", "value")

    def __init__(self, line: int, op: str, value: Expr) -> None:
        super().__init__(line)
        self.op = op
        self.value = value


@dataclass
class Code:
    """A function's instructions; the first is the entry.

    following: of each instruction (of a `Test`: where it holds, where not; either may be missing:
    -1). escaping: variables whose address is taken. signed, types: of declared variables.
    """

    routine: Routine
    instructions: list[Instruction] = field(default_factory=list)
    following: list[list[int]] = field(default_factory=list)
    parameters: tuple[str, ...] = ()
    escaping: set[str] = field(default_factory=set)
    signed: dict[str, bool] = field(default_factory=dict)
    types: dict[str, TypeRef] = field(default_factory=dict)
    _calls: list[tuple[int, Call]] | None = None
    _changing: frozenset[str] | None = None

    def calls(self) -> list[tuple[int, Call]]:
        """All calls with their numbers; asked for when all instructions are there."""
        if self._calls is None:
            self._calls = [(n, i) for n, i in enumerate(self.instructions) if type(i) is Call]
        return self._calls

    def changing(self) -> frozenset[str]:
        """The variables that may be assigned; asked for when all instructions are there."""
        if self._changing is None:
            assigned = (i.target for i in self.instructions if isinstance(i, (Assign, Fill)))
            found = {target.var for target in assigned if not target.steps}
            self._changing = frozenset(found | self.escaping)
        return self._changing
