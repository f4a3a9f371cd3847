"""The C that can be interpreted: function and macro bodies by name, constants and types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.semantics.cint import CType
from convert.semantics.constants import Constants
from convert.semantics.constexpr import BASIC_TYPES
from convert.semantics.interpreter.values import Kind, Type, Where

LineOf = Callable[[c_ast.Node], int]


@dataclass(frozen=True)
class FunctionBody:
    """One definition of a function; ``condition`` says under which configuration, if any."""

    name: str
    where: Where
    node: c_ast.FuncDef
    line_of: LineOf
    condition: str = ""


@dataclass(frozen=True)
class MacroBody:
    """One definition of a macro. ``statements`` is an expression alone, or the statements.

    parameters: None for an object-like macro; see `Definition.parameters`.
    """

    name: str
    where: Where
    parameters: tuple[str, ...] | None
    statements: tuple[c_ast.Node, ...]
    line_of: LineOf
    condition: str = ""

    @property
    def fixed_parameters(self) -> tuple[str, ...]:
        """The parameters that take one argument each."""
        return tuple(name for name in self.parameters or () if not name.endswith("..."))

    @property
    def variadic(self) -> str:
        """The name that stands for all further arguments; empty if there may be none."""
        last = self.parameters[-1] if self.parameters else ""
        return (last[:-3] or "__VA_ARGS__") if last.endswith("...") else ""


@dataclass(frozen=True)
class Program:
    """All that a wrapper's body may refer to.

    own: the names defined in the files that were asked for; they win over the stubs. unreadable:
    functions and macros that are there but could not be parsed, with the reason. elsewhere: the
    functions that some configurations only declare, with the places where they do.
    """

    functions: Mapping[str, tuple[FunctionBody, ...]]
    macros: Mapping[str, tuple[MacroBody, ...]]
    constants: Constants
    typedefs: Mapping[str, Type]
    own: frozenset[str]
    unreadable: Mapping[str, tuple[Where, str]] = field(default_factory=dict)
    elsewhere: Mapping[str, Where] = field(default_factory=dict)

    def type_of(self, node: c_ast.Node | None) -> Type:
        """The type that a declaration's or cast's type node stands for."""
        while isinstance(node, (c_ast.TypeDecl, c_ast.Typename)):
            node = node.type
        if isinstance(node, (c_ast.PtrDecl, c_ast.FuncDecl)):
            return Kind.POINTER
        if isinstance(node, c_ast.ArrayDecl):
            return Kind.ARRAY
        if isinstance(node, (c_ast.Struct, c_ast.Union)):
            return Kind.AGGREGATE
        if isinstance(node, c_ast.Enum):
            return BASIC_TYPES[frozenset({"unsigned"})]
        if isinstance(node, c_ast.IdentifierType):
            return self._named_type(node.names)
        return Kind.UNKNOWN

    def _named_type(self, names: list[str]) -> Type:
        if names == ["void"]:
            return Kind.VOID
        basic: CType | None = BASIC_TYPES.get(frozenset(names))
        if basic is not None:
            return basic
        if len(names) != 1:
            return Kind.UNKNOWN
        known = self.constants.typedefs.get(names[0])
        return known if known is not None else self.typedefs.get(names[0], Kind.UNKNOWN)
