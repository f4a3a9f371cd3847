"""What each routine and initialiser does with functions' addresses, as constraints.

Locals, members and variables are places without time: what is stored anywhere may be read
everywhere. So the constraints say what *may* be called, never too little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.graph.initialisers import InitialiserReader
from convert.flow.graph.places import (
    CallSite,
    Held,
    Spot,
    Values,
)
from convert.flow.graph.program import names_used
from convert.flow.graph.values import COMPARES
from convert.flow.terms import call_name
from convert.source.nodes import Opaque, nodes_of


@dataclass
class Reader(InitialiserReader):
    """Reads routines one after the other into ``facts``."""

    def read(self, routine: Routine) -> tuple[CallSite, ...]:
        """The constraints of one routine; its calls in the order of the text."""
        self.enter(routine)
        root = routine.variant.root
        self.walk(root if routine.is_macro else root.body)
        if routine.is_macro:
            self.flow(Spot("result", routine.key, ""), self.value(root), root)
        self.leave()
        return tuple(self.sites)

    def note_invocations(self, routine: Routine) -> None:
        """Note what a macro that pastes gives to others, before any of them is read."""
        for node in nodes_of(routine.variant.root if routine.is_macro else None):
            name = call_name(node)
            if name is not None and isinstance(node, c_ast.FuncCall):
                for key in self.pasting.intersection(self.program.keys(routine.path, name)):
                    self.pastes.record(key, routine, node)

    def read_global(self, routine: Routine) -> None:
        """The constraints of a file-level declaration (as a routine without a name)."""
        self.typing.no_locals(routine)
        self.enter(routine)
        self.walk(routine.variant.root)
        self.leave()

    def leave(self) -> None:
        """Whatever names a function and was not understood leaves the program."""
        for node in self.mentions:
            if id(node) in self.done or node.name in self.local:
                continue
            for key in self.keys(node.name):
                self.facts.taken.setdefault(key, self.place(node))
                self.hand(node, "an expression", 0, (Held(key),))

    def walk(self, root: c_ast.Node) -> None:
        handlers, names, done = self.handlers(), self.program.names, self.done
        self.mentions = []
        waiting = [root]
        while waiting:
            node = waiting.pop()
            kind = type(node)
            if kind is c_ast.ID:
                if node.name in names:
                    self.mentions.append(node)
                    self.constant_use(node)
                continue
            handler = handlers.get(kind)
            if handler is not None and id(node) not in done:
                done.add(id(node))
                handler(node)
            if kind is c_ast.StructRef:
                waiting.append(node.name)
            else:
                waiting.extend([child for child in node if child is not None])

    def constant_use(self, node: c_ast.ID) -> None:
        """A macro without parameters may call something: its body runs here."""
        if node.name in self.local:
            return
        for constant in self.program.constant(self.routine.path, node.name):
            if self.calls_something(constant):
                self.facts.uses.append((self.routine, constant, self.place(node)))

    def calls_something(self, constant: Routine) -> bool:
        """Whether a macro without parameters calls anything, by itself or through others."""
        known = self._calling.get(constant)
        if known is None:
            self._calling[constant] = False  # a macro that uses itself adds nothing
            calls, names = names_used(constant.variant.root)
            known = self._calling[constant] = calls or any(
                self.calls_something(other)
                for name in names & self.program.names
                for other in self.program.constant(constant.path, name)
            )
        return known

    def read_constant(self, routine: Routine) -> None:
        """The calls of a macro without parameters, and what was not understood where it is used."""
        if isinstance(routine.variant.root, c_ast.ID):
            return  # another name: followed wherever it is used
        self.enter(routine)
        self.walk(routine.variant.root)
        self.leave()

    def handlers(self) -> dict[type, Callable[[c_ast.Node], object]]:
        return {
            c_ast.Assignment: self.assignment,
            c_ast.Decl: self.declaration,
            c_ast.Return: self.returned,
            c_ast.CompoundLiteral: self.literal,
            c_ast.BinaryOp: self.compared,
            c_ast.UnaryOp: self.negated,
            c_ast.NamedInitializer: self.designated,
            c_ast.If: self.tested,
            c_ast.FuncCall: self.site,
            Opaque: self.opaque,
        }

    # -- statements ----------------------------------------------------------------------------

    def assignment(self, node: c_ast.Assignment) -> Values:
        value = self.value(node.rvalue)
        if value:
            self.store(node.lvalue, value, node)
        return value

    def store(self, target: c_ast.Node, value: Values, node: c_ast.Node) -> None:
        places = self.value(target)
        spots = [held.of for held in places if isinstance(held.of, Spot)]
        if not spots:
            self.hand(node, f"{self.routine.text(target)} (no place for a function)", 0, value)
        for spot in spots:
            self.flow(spot, value, node)

    def declaration(self, node: c_ast.Decl) -> None:
        if node.init is None or node.name is None:
            return
        kind = self.local.get(node.name)
        if kind is None:
            kind = self.types.reference(node, f"struct {self.routine.path}:{node.name}")
            spot = Spot("variable", self.home_of(node), node.name)
            table = (self.home_of(node), node.name)
        else:
            spot = Spot("local", self.routine.key, node.name)
            table = (f"{self.routine.path}:{self.routine.key.name}", node.name)
        self.fill(node.init, kind, spot, table)

    def home_of(self, node: c_ast.Decl) -> str:
        static = "static" in (node.storage or ()) and self.routine.path.endswith(".c")
        return self.routine.path if static else ""

    def returned(self, node: c_ast.Return) -> None:
        if node.expr is not None:
            self.flow(Spot("result", self.routine.key, ""), self.value(node.expr), node)

    def literal(self, node: c_ast.CompoundLiteral) -> None:
        kind = self.types.reference(node.type)
        if isinstance(node.init, c_ast.InitList):
            name = Spot("local", self.routine.key, f"({self.routine.line(node)})")
            self.initialiser(node.init, kind, name, None)

    def compared(self, node: c_ast.BinaryOp) -> None:
        if node.op in COMPARES:
            self.value(node.left)
            self.value(node.right)

    def negated(self, node: c_ast.UnaryOp) -> None:
        if node.op == "!":
            self.value(node.expr)

    def tested(self, node: c_ast.If) -> None:
        self.value(node.cond)

    def designated(self, node: c_ast.NamedInitializer) -> None:
        for name in node.name:
            self.done.add(id(name))
