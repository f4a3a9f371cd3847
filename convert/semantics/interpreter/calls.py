"""From calls to code: functions of the program, macros, stubs, and calls of the unknown."""

from __future__ import annotations

from collections.abc import Sequence

from pycparser import c_ast

from convert.semantics.interpreter.code import (
    Allocate,
    Call,
    Choose,
    Fill,
    Free,
    Ignore,
    Jump,
    Push,
    Sleep,
    Stop,
    Trap,
)
from convert.semantics.interpreter.expressions import Expressions
from convert.semantics.interpreter.names import Argument, Names, Variable
from convert.semantics.interpreter.program import MacroBody
from convert.semantics.interpreter.values import Opaque
from convert.semantics.stubs import Effect

_EXPANSION_DEPTH = 24


class Calls(Expressions):
    """Lowers calls. What the given files define wins over the stubs, and those over headers."""

    def call(self, node: c_ast.FuncCall, used: bool, *, place: bool = False) -> None:
        """Lower a call; one value is pushed, or the lvalue that a macro expands to."""
        arguments = list(node.args.exprs) if node.args is not None else []
        if not isinstance(node.name, c_ast.ID) or self.names.find(node.name.name) is not None:
            self.through_pointer(node, arguments, used)
            return
        name = node.name.name
        if name in self.program.own and self.defined(name, arguments, place=place):
            return
        effect = self.stubs.effect(name)
        primitive = self.stubs.primitive(name)
        if primitive is not None:
            self.values(arguments)
            self.emit(Allocate(self.where, primitive, len(arguments)))
        elif name in self.stubs.deallocators:
            self.values(arguments)
            self.emit(Free(self.where, self.stubs.deallocators[name], len(arguments)))
        elif effect is not None:
            self.helper(name, effect, arguments)
        elif not self.defined(name, arguments, place=place):
            self.undefined(name, arguments, used)

    def values(self, arguments: Sequence[c_ast.Node]) -> None:
        """Push all arguments."""
        where = self.where
        for argument in arguments:
            self.value(argument)
        self.where = where

    def defined(self, name: str, arguments: Sequence[c_ast.Node], *, place: bool) -> bool:
        """Lower a call of what the program defines; False if it defines no such thing."""
        macros = [m for m in self.program.macros.get(name, ()) if m.parameters is not None]
        if name in self.program.unreadable:
            where, what = self.program.unreadable[name]
            self.stop(f"{name}() at {where} cannot be read: {what}")
        elif macros:
            self.macro(macros, arguments, place=place)
        elif name in self.program.functions:
            self.values(arguments)
            self.emit(Call(self.where, name, len(arguments)))
        else:
            return False
        return True

    def stop(self, what: str) -> None:
        """The path cannot be run beyond this."""
        self.emit(Stop(self.where, what))
        self.emit(Push(self.where, Opaque()))

    def through_pointer(
        self, node: c_ast.FuncCall, arguments: Sequence[c_ast.Node], used: bool
    ) -> None:
        """A call whose callee is computed."""
        if used:
            self.stop("the result of a call through a pointer is used")
            return
        self.values(arguments)
        self.emit(Ignore(self.where, "call through a pointer", len(arguments), harmless=False))

    def undefined(self, name: str, arguments: Sequence[c_ast.Node], used: bool) -> None:
        """A call of something whose body was not read."""
        if used:
            self.stop(f"the result of {name}() is used, and its body was not read")
        elif name.isupper() and any(self.mentions_local(argument) for argument in arguments):
            # An unknown macro may assign to its arguments; a function cannot.
            self.stop(f"{name}() is given locals, and its definition was not read")
        else:
            self.values(arguments)
            self.emit(Ignore(self.where, name, len(arguments), harmless=False))

    def mentions_local(self, node: c_ast.Node) -> bool:
        """Whether an expression names a local."""
        if isinstance(node, c_ast.ID):
            meaning = self.names.find(node.name)
            if isinstance(meaning, Argument):
                return True
            return isinstance(meaning, Variable)
        return any(self.mentions_local(child) for _, child in node.children())

    # -- macros ------------------------------------------------------------------------------

    def macro(
        self, macros: Sequence[MacroBody], arguments: Sequence[c_ast.Node], *, place: bool
    ) -> None:
        """Expand a function-like macro; the definitions of several configurations all run."""
        if len(macros) == 1:
            self.expand(macros[0], arguments, place=place)
            return
        starts, end = [self.new_label() for _ in macros], self.new_label()
        labels = [macro.condition or str(macro.where) for macro in macros]
        self.emit(Choose(self.where, tuple(zip(labels, starts, strict=True))))
        for start, macro in zip(starts, macros, strict=True):
            self.mark(start)
            self.expand(macro, arguments, place=place)
            self.emit(Jump(self.where, end))
        self.mark(end)

    def expand(self, macro: MacroBody, arguments: Sequence[c_ast.Node], *, place: bool) -> None:
        """Lower a macro's body with its parameters bound to the arguments' trees."""
        parameters = macro.parameters or ()
        if macro.name in self.expanding or len(self.expanding) > _EXPANSION_DEPTH:
            self.stop(f"{macro.name}() expands to itself")
            return
        if len(parameters) != len(arguments) or "..." in parameters:
            self.stop(f"{macro.name}() at {macro.where} takes other arguments")
            return
        names = Names(self.names)
        for parameter, argument in zip(parameters, arguments, strict=True):
            names.bind(
                parameter,
                Argument(argument, self.names, self.path, self.line_of, self.expanding),
            )
        saved = self.names, self.path, self.line_of, self.where, self.expanding
        self.names, self.path, self.line_of = names, macro.where.path, macro.line_of
        self.expanding = (*self.expanding, macro.name)
        self.where = macro.where
        if len(macro.statements) == 1 and place:
            self.place(macro.statements[0])
        elif len(macro.statements) == 1 and hasattr(self, value_method(macro.statements[0])):
            self.value(macro.statements[0])
        else:
            for statement in macro.statements:
                self.statement(statement)
            self.emit(Push(self.where, Opaque()))
        self.names, self.path, self.line_of, self.where, self.expanding = saved

    # -- helpers -----------------------------------------------------------------------------

    def helper(self, name: str, effect: Effect, arguments: Sequence[c_ast.Node]) -> None:
        """A call of a helper of the stub table."""
        if effect in ("value", "warn", "trap-if", "assert") and not arguments:
            self.stop(f"{name}() without an argument")
        elif effect in ("value", "warn"):
            self.first(arguments)
        elif effect in ("trap-if", "assert"):
            self.condition(name, arguments, traps_when=effect == "trap-if")
        elif effect == "trap":
            self.emit(Trap(self.where, f"{name}()"))
            self.emit(Push(self.where, Opaque()))
        elif effect == "fill":
            self.fill(name, arguments)
        else:
            self.values(arguments)
            self.emit(Ignore(self.where, name, len(arguments), harmless=True))
            if effect == "sleep":
                self.emit(Sleep(self.where))

    def first(self, arguments: Sequence[c_ast.Node]) -> None:
        """The first argument's value; the others are evaluated and forgotten."""
        where = self.where
        self.value(arguments[0])
        for argument in arguments[1:]:
            self.effect(argument)
        self.where = where

    def condition(self, name: str, arguments: Sequence[c_ast.Node], *, traps_when: bool) -> None:
        """An assertion: the path ends where the condition's truth is ``traps_when``."""
        where, past = self.where, self.new_label()
        self.branch(arguments[0], past, when=not traps_when, assertion=True)
        self.emit(Trap(where, f"{name}()"))
        self.mark(past)
        self.where = where
        self.emit(Push(where, Opaque()))

    def fill(self, name: str, arguments: Sequence[c_ast.Node]) -> None:
        """A memset."""
        if len(arguments) != 3:
            self.stop(f"{name}() with {len(arguments)} arguments")
            return
        self.values(arguments)
        self.emit(Fill(self.where))


def value_method(node: c_ast.Node) -> str:
    """The name of the method of `Expressions` that lowers such a node as a value."""
    return f"_value_{type(node).__name__}"
