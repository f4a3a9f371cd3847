"""What names mean to a simulation: macros, constants, helpers, the scope's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.semantics.stubs import Effect, Primitive, Stubs

# include/linux/err.h: values keep their sign on the way from pointer to number and back.
SAME_VALUE = frozenset({"PTR_ERR", "ERR_CAST", "__builtin_expect", "likely", "unlikely"})
_MAX_DEPTH = 40


@dataclass(frozen=True)
class ScopeFunctions:
    """The tree's own functions for the kinds of scope that cover what is asked for.

    saves, restores: name to number of the kind. bits: in the task's flags, by kind. restores_old:
    whether the cookie is the old value (a restore of 0 closes) or what was newly set (it does not).
    """

    kinds: tuple[str, ...]
    saves: Mapping[str, int]
    restores: Mapping[str, int]
    bits: tuple[int, ...]
    restores_old: tuple[bool, ...]


@dataclass
class World:
    """The program as lowering sees it.

    keys: what a name means in a file. constant: the definitions of a macro without parameters.
    enumerators: values by name. outer: values of names of the kernel's headers. zero, nofail: the
    bits of ``__GFP_ZERO`` and ``__GFP_NOFAIL``.
    """

    keys: Callable[[str, str], tuple[FunctionKey, ...]]
    routines: Mapping[FunctionKey, tuple[Routine, ...]]
    constant: Callable[[str, str], tuple[Routine, ...]]
    stubs: Stubs
    functions: ScopeFunctions
    enumerators: Mapping[str, int | None] = field(default_factory=dict)
    outer: Mapping[str, int] = field(default_factory=dict)
    zero: int = 0
    nofail: int = 0
    _values: dict[tuple[str, str], int | None] = field(default_factory=dict)
    _macros: dict[tuple[str, str], tuple[Routine, ...]] = field(default_factory=dict)

    def primitive(self, name: str) -> Primitive | None:
        """The primitive allocator of that name."""
        return self.stubs.primitive(name)

    def effect(self, name: str) -> Effect | None:
        """What a helper of the kernel does."""
        return self.stubs.effect(name)

    def macro(self, path: str, name: str) -> tuple[Routine, ...]:
        """The variants of a macro with parameters, if the name means one (and no function)."""
        known = self._macros.get((path, name))
        if known is None:
            keys = self.keys(path, name)
            found = [routine for key in keys for routine in self.routines.get(key, ())]
            known = tuple(found) if found and all(r.is_macro for r in found) else ()
            self._macros[path, name] = known
        return known

    def functions_of(self, path: str, name: str | None) -> tuple[Routine, ...]:
        """The functions that a name means."""
        keys = self.keys(path, name) if name is not None else ()
        found = (routine for key in keys for routine in self.routines.get(key, ()))
        return tuple(routine for routine in found if not routine.is_macro)

    def mixed(self, path: str, name: str) -> tuple[Routine, ...]:
        """The macros among what a name means, if it is a function, too (under other ``#if``s)."""
        found = [r for key in self.keys(path, name) for r in self.routines.get(key, ())]
        macros = tuple(routine for routine in found if routine.is_macro)
        return macros if len(macros) < len(found) else ()

    def number(self, path: str, name: str, depth: int = 0) -> int | None:
        """The value of a constant's name; None if it has none, or more than one."""
        key = (path, name)
        if key not in self._values:
            self._values[key] = None  # defined by itself
            self._values[key] = self._number(path, name, depth)
        return self._values[key]

    def _number(self, path: str, name: str, depth: int) -> int | None:
        if name in ("NULL", "false"):
            return 0
        if name == "true":
            return 1
        definitions = self.constant(path, name)
        if definitions and depth < _MAX_DEPTH:
            found = {self.evaluated(path, r.variant.root, depth + 1) for r in definitions}
            return found.pop() if len(found) == 1 else None
        if name in self.enumerators:
            return self.enumerators[name]
        return self.outer.get(name)

    def evaluated(self, path: str, node: c_ast.Node, depth: int = 0) -> int | None:
        """The value of a constant expression."""
        match node:
            case c_ast.Constant(type=kind, value=text):
                return literal(kind, text)
            case c_ast.ID(name=name):
                return self.number(path, name, depth)
            case c_ast.Cast(expr=inner):
                return self.evaluated(path, inner, depth)
            case c_ast.UnaryOp(op="-" | "~" | "+" | "!" as op, expr=inner):
                value = self.evaluated(path, inner, depth)
                return None if value is None else unary(op, value)
            case c_ast.BinaryOp(op=op, left=left, right=right):
                first = self.evaluated(path, left, depth)
                second = self.evaluated(path, right, depth)
                return None if first is None or second is None else binary(op, first, second)
            case c_ast.FuncCall(name=c_ast.ID(name=name), args=c_ast.ExprList(exprs=[inner])):
                value = self.evaluated(path, inner, depth)
                if name in ("BIT", "BIT_ULL") and value is not None and 0 <= value < 64:
                    return 1 << value
        return None


def literal(kind: str, text: str) -> int | None:
    """The value of a number or character."""
    if "int" in kind:
        digits = text.rstrip("uUlL")
        try:
            octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
            return int(digits, 8) if octal else int(digits, 0)
        except ValueError:
            return None
    if kind == "char" and len(text) == 3:
        return ord(text[1])
    return None


def unary(op: str, value: int) -> int:
    """A unary operator on numbers."""
    return {"-": -value, "~": ~value, "+": value, "!": int(not value)}[op]


def binary(op: str, a: int, b: int) -> int | None:
    """A binary operator on numbers; None for one that is not followed."""
    if op in ("<<", ">>"):
        if not 0 <= b < 64 or a < 0:
            return None
        return a << b if op == "<<" else a >> b
    if op in ("/", "%"):
        if b <= 0 or a < 0:
            return None
        return a // b if op == "/" else a % b
    simple: dict[str, Callable[[int, int], int]] = {
        "|": lambda x, y: x | y, "&": lambda x, y: x & y, "^": lambda x, y: x ^ y,
        "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y,
        "==": lambda x, y: int(x == y), "!=": lambda x, y: int(x != y),
        "<": lambda x, y: int(x < y), ">": lambda x, y: int(x > y),
        "<=": lambda x, y: int(x <= y), ">=": lambda x, y: int(x >= y),
        "&&": lambda x, y: int(bool(x) and bool(y)), "||": lambda x, y: int(bool(x) or bool(y)),
    }  # fmt: skip
    found = simple.get(op)
    return None if found is None else found(a, b)
