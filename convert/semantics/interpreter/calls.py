"""From calls to code: functions of the program, macros, stubs, and calls of the unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from pycparser import c_ast

from convert.semantics.interpreter.code import (
    Allocate,
    CacheSize,
    Call,
    Choose,
    Copy,
    Fill,
    Free,
    Ignore,
    Jump,
    Push,
    Sleep,
    Stop,
    Trap,
)
from convert.semantics.interpreter.expressions import SPREAD, Expressions
from convert.semantics.interpreter.names import Argument, Names, Variadic
from convert.semantics.interpreter.program import MacroBody
from convert.semantics.interpreter.values import Opaque
from convert.semantics.stubs import Effect

_EXPANSION_DEPTH = 24


class Calls(Expressions):
    """Lowers calls. What the given files define wins over the stubs, and those over headers."""

    def call(self, node: c_ast.FuncCall, used: bool, *, place: bool = False) -> None:
        """Lower a call; one value is pushed, or the lvalue that a macro expands to."""
        arguments = self.spread(list(node.args.exprs) if node.args is not None else [])
        name = self.callee(node.name)
        if name is None:
            self.through_pointer(arguments, used)
            return
        if name in self.program.own and self.defined(name, arguments, used, place=place):
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
        elif not self.defined(name, arguments, used, place=place):
            self.undefined(name, arguments, used)

    def callee(self, node: c_ast.Node) -> str | None:
        """The function's name, aliases and macro arguments looked through; None if computed."""
        seen: set[str] = set()
        while isinstance(node, c_ast.ID) and node.name not in seen:
            seen.add(node.name)
            meaning = self.names.find(node.name)
            if isinstance(meaning, Argument):
                node = meaning.node
                continue
            if meaning is not None:
                return None
            name: str = node.name
            aliases = [m for m in self.program.macros.get(name, ()) if m.parameters is None]
            if len(aliases) != 1 or len(aliases[0].statements) != 1:
                return name
            node = aliases[0].statements[0]
        return None

    def spread(self, arguments: list[c_ast.Node]) -> list[c_ast.Node]:
        """The arguments, with a variadic macro's ``__VA_ARGS__`` replaced by what it stands for."""
        found: list[c_ast.Node] = []
        for argument in arguments:
            meaning = self.names.find(argument.name) if isinstance(argument, c_ast.ID) else None
            if isinstance(meaning, Variadic):
                found += [c_ast.ID(name) for name in meaning.names]
            else:
                found.append(argument)
        return found

    def values(self, arguments: Sequence[c_ast.Node]) -> None:
        """Push all arguments."""
        where = self.where
        for argument in arguments:
            self.value(argument)
        self.where = where

    def defined(
        self, name: str, arguments: Sequence[c_ast.Node], used: bool, *, place: bool
    ) -> bool:
        """Lower a call of what the program defines; False if it defines no such thing."""
        macros = [m for m in self.program.macros.get(name, ()) if m.parameters is not None]
        if name in self.program.unreadable:
            where, what = self.program.unreadable[name]
            self.stop(f"{name}() at {where} cannot be read: {what}")
            return True
        ways: list[tuple[str, Callable[[], None]]] = [
            (m.condition, partial(self.expand, m, arguments, used, place=place)) for m in macros
        ]
        if name in self.program.functions:
            ways.append((f"{name}() is a function", partial(self.function, name, arguments)))
        if name in self.program.elsewhere:
            place_of = self.program.elsewhere[name]
            label = f"{name}() is only declared, at {place_of}"
            ways.append((label, partial(self.undefined, name, arguments, used)))
        self.choose(ways)
        return bool(ways)

    def function(self, name: str, arguments: Sequence[c_ast.Node]) -> None:
        """A call of a function with a body."""
        self.values(arguments)
        self.emit(Call(self.where, name, len(arguments)))

    def choose(self, ways: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """Lower all ways, each under its condition; any of them may be taken."""
        if len(ways) == 1:
            ways[0][1]()
        if len(ways) < 2:
            return
        starts, end = [self.new_label() for _ in ways], self.new_label()
        labels = [condition for condition, _ in ways]
        self.emit(Choose(self.where, tuple(zip(labels, starts, strict=True))))
        for start, (_, lower) in zip(starts, ways, strict=True):
            self.mark(start)
            lower()
            self.emit(Jump(self.where, end))
        self.mark(end)

    def stop(self, what: str) -> None:
        """The path cannot be run beyond this."""
        self.emit(Stop(self.where, what))
        self.emit(Push(self.where, Opaque()))

    def through_pointer(self, arguments: Sequence[c_ast.Node], used: bool) -> None:
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
        elif name.isupper() and any(self.is_local(argument) for argument in arguments):
            # An unknown macro may assign to its arguments; a function cannot.
            self.stop(f"{name}() is given locals, and its definition was not read")
        else:
            self.values(arguments)
            self.emit(Ignore(self.where, name, len(arguments), harmless=False))

    def is_local(self, node: c_ast.Node) -> bool:
        """Whether an expression is a local, or a member or element of one."""
        if isinstance(node, c_ast.StructRef) and node.type == ".":
            return self.is_local(node.name)
        if isinstance(node, c_ast.ArrayRef):
            return self.is_local(node.name)
        if not isinstance(node, c_ast.ID):
            return False
        meaning = self.names.find(node.name)
        return self.is_local(meaning.node) if isinstance(meaning, Argument) else meaning is not None

    # -- macros ------------------------------------------------------------------------------

    def expand(
        self, macro: MacroBody, arguments: Sequence[c_ast.Node], used: bool, *, place: bool
    ) -> None:
        """Lower a macro's body with its parameters bound to the arguments' trees."""
        if macro.name in self.expanding or len(self.expanding) > _EXPANSION_DEPTH:
            self.stop(f"{macro.name}() expands to itself")
            return
        names = self.bound(macro, arguments)
        if names is None:
            self.stop(f"{macro.name}() at {macro.where} takes other arguments")
            return
        saved = self.names, self.path, self.line_of, self.where, self.expanding
        self.names, self.path, self.line_of = names, macro.where.path, macro.line_of
        self.expanding = (*self.expanding, macro.name)
        self.where = macro.where
        self.expansion(macro.statements, used, place=place)
        self.names, self.path, self.line_of, self.where, self.expanding = saved

    def expansion(self, body: Sequence[c_ast.Node], used: bool, *, place: bool) -> None:
        """A macro's body: a place, a value, or statements that leave nothing of use."""
        is_value = len(body) == 1 and hasattr(self, value_method(body[0]))
        if len(body) == 1 and place:
            self.place(body[0])
        elif is_value and used:
            self.value(body[0])
        else:
            for statement in body:
                self.statement(statement)
            self.emit(Push(self.where, Opaque()))

    def bound(self, macro: MacroBody, arguments: Sequence[c_ast.Node]) -> Names | None:
        """The macro's parameters with their arguments; None if these are too many or too few."""
        parameters, variadic = macro.fixed_parameters, macro.variadic
        if len(arguments) < len(parameters) or (len(arguments) > len(parameters) and not variadic):
            return None
        names = Names(self.names)
        rest = [f"{variadic}{SPREAD}{n}" for n in range(len(arguments) - len(parameters))]
        for name, argument in zip((*parameters, *rest), arguments, strict=True):
            names.bind(
                name, Argument(argument, self.names, self.path, self.line_of, self.expanding)
            )
        if variadic:
            names.bind(variadic, Variadic(tuple(rest)))
        return names

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
        elif effect in ("cache-size", "copy") and arguments:
            self.values(arguments)
            made = CacheSize if effect == "cache-size" else Copy
            self.emit(made(self.where, len(arguments)))
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
