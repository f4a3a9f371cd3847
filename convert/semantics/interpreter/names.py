"""What an identifier stands for at a place in the code: a local, or a macro's argument."""

from __future__ import annotations

from dataclasses import dataclass

from pycparser import c_ast

from convert.semantics.interpreter.program import LineOf
from convert.semantics.interpreter.values import Type


@dataclass(frozen=True)
class Variable:
    """A local; ``unique`` is its name in the code, where shadowed names differ."""

    unique: str
    ctype: Type


@dataclass(frozen=True)
class Argument:
    """A macro's parameter: the argument's tree and what holds where it was written.

    expanding: the macros whose expansion that place is part of.
    """

    node: c_ast.Node
    names: Names
    path: str
    line_of: LineOf
    expanding: tuple[str, ...]


@dataclass(frozen=True)
class Variadic:
    """The rest of a variadic macro's arguments, by the names that are bound to each."""

    names: tuple[str, ...]


class Names:
    """One block; lookups go outward. A macro's body sees the names of the place it is used at."""

    def __init__(self, outer: Names | None = None) -> None:
        self.outer = outer
        self._bound: dict[str, Variable | Argument | Variadic] = {}

    def bind(self, name: str, meaning: Variable | Argument | Variadic) -> None:
        """Give a name a meaning in this block."""
        self._bound[name] = meaning

    def find(self, name: str) -> Variable | Argument | Variadic | None:
        """The innermost meaning of a name."""
        block: Names | None = self
        while block is not None:
            if name in block._bound:
                return block._bound[name]
            block = block.outer
        return None
