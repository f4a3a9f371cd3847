"""Instructions one behind the other, and what the names in a piece of text mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.scopes.code import (
    ANY,
    Choose,
    Code,
    Expr,
    Instruction,
    Nop,
    Test,
)
from convert.flow.scopes.world import World

Ends = list[tuple[int, int]]  # instruction, and which of its ways (-1: the next one)


@dataclass(frozen=True)
class Names:
    """What the names in a piece of text mean: a macro's parameters, local variables.

    parameters: the argument, with the meaning of its own names. variables: by name. expanding: the
    macros around. line: of the function's text that all this stands for, None for its own text.
    """

    routine: Routine
    parameters: Mapping[str, tuple[c_ast.Node | None, Names]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    expanding: frozenset[str] = frozenset()
    line: int | None = None

    def declaring(self, name: str, variable: str) -> Names:
        """The meaning after a declaration."""
        return replace(self, variables={**self.variables, name: variable})


class Builder:
    """Emits instructions; ``ends`` are the loose ends, none where the text cannot be reached."""

    def __init__(self, world: World, code: Code) -> None:
        self.world = world
        self.code = code
        self.ends: Ends = []
        self.count = 0

    def emit(self, instruction: Instruction) -> int:
        """Append an instruction behind the loose ends."""
        index = len(self.code.instructions)
        self.code.instructions.append(instruction)
        self.code.following.append([-1, -1] if type(instruction) is Test else [])
        self.connect(self.ends, index)
        self.ends = [(index, -1)]
        return index

    def connect(self, ends: Iterable[tuple[int, int]], to: int) -> None:
        """Lead loose ends to an instruction."""
        for index, way in ends:
            following = self.code.following[index]
            if way >= 0:
                instruction = self.code.instructions[index]
                if type(instruction) is Choose:
                    while len(following) <= way:
                        following.append(-1)
                following[way] = to
            elif to not in following:
                following.append(to)

    def fresh(self, name: str = "") -> str:
        """A new variable."""
        self.count += 1
        return f"{name}%{self.count}"

    def line(self, names: Names, node: c_ast.Node) -> int:
        """The line of the function for a node of its text, or of a macro's."""
        return names.line if names.line is not None else names.routine.line(node)

    def test(self, line: int, cond: Expr) -> tuple[Ends, Ends]:
        """Branch; a constant has one way on."""
        if cond[0] == "num":
            return (self.ends, []) if cond[1] else ([], self.ends)
        index = self.emit(Test(line, cond))
        return [(index, 0)], [(index, 1)]

    def meet(self, line: int, *ends: Ends) -> None:
        """Let ways meet."""
        self.ends = [end for some in ends for end in some]
        if len(self.ends) > 1:
            self.emit(Nop(line))


def negated(value: Expr) -> Expr:
    """``!value``."""
    if value[0] == "num":
        return ("num", int(not value[1]))
    return ANY if value[0] == "any" else ("not", value)


def pasted(name: str, names: Names) -> str:
    """A name made by ``##`` from a macro's arguments."""
    parts = []
    for part in name.split("##"):
        inner = names.parameters.get(part.strip())
        known = inner is not None and isinstance(inner[0], c_ast.ID)
        parts.append(str(inner[0].name) if known and inner and inner[0] else part.strip())
    return "".join(parts)


def member_name(node: c_ast.Node, names: Names) -> str:
    """The name of a member, which may be a macro's argument."""
    name = str(getattr(node, "name", "?"))
    if "##" in name:
        return pasted(name, names)
    inner = names.parameters.get(name)
    return str(inner[0].name) if inner and isinstance(inner[0], c_ast.ID) else name
