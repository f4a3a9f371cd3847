"""Calls: what they run, and where their arguments go."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from pycparser import c_ast

from convert.flow.code import FunctionKey
from convert.flow.graph.places import (
    NOTHING,
    UNKNOWN,
    CallSite,
    Held,
    Spot,
    Values,
)
from convert.flow.graph.values import ValueReader
from convert.flow.terms import TypeRef, arguments, call_name, strip
from convert.source.nodes import Opaque


@dataclass
class CallReader(ValueReader):
    """Adds calls to what a routine does."""

    def called(self, node: c_ast.FuncCall) -> Values:
        """What a call is worth."""
        site = self.site(node)
        if site.outside is not None:
            if site.outside in self.callbacks.values or site.outside in self.callbacks.stores:
                return tuple(held for values in site.arguments for held in values)
            return (Held(UNKNOWN),)
        if site.keys:
            return tuple(Held(Spot("result", key, "")) for key in site.keys if self.returns(key))
        return (Held(Spot("call", site.number, "")),)

    def site(self, node: c_ast.FuncCall) -> CallSite:
        """Note a call and where its arguments go."""
        if id(node) in self.by_node:
            return self.by_node[id(node)]
        keys: tuple[FunctionKey, ...] = ()
        outside: str | None = None
        callee: Values = NOTHING
        through: Spot | None = None
        inner = _callee(node.name)
        if isinstance(node.name, c_ast.ID) and not self.is_pointer(node.name.name):
            keys, outside, callee = self.named_callee(node.name)
            if outside is not None and self.given_function(node) and self.adopted(outside):
                keys, outside, callee = self.named_callee(node.name)
        elif call_name(inner) in self.callbacks.makers:
            keys, outside = self.constructed(inner)
        else:
            callee = self.value(inner)
            through = next(
                (h.of for h in callee if isinstance(h.of, Spot) and h.of.kind in ("field", "any")),
                None,
            )
            if not callee:
                callee = (Held(UNKNOWN),)
        number = len(self.facts.calls)
        given = [NOTHING] * len(arguments(node))
        site = CallSite(
            number, self.routine, node, self.place(node), keys, outside, callee, given, through
        )
        for key in self.pasting.intersection(keys):
            self.pastes.record(key, self.routine, node)
        self.facts.calls.append(site)
        self.sites.append(site)
        self.by_node[id(node)] = site
        self.later(site, given)
        return site

    def given_function(self, node: c_ast.FuncCall) -> bool:
        """Whether an argument is a function, or a variable that is for functions."""
        for argument in map(strip, arguments(node)):
            if isinstance(argument, c_ast.ID):
                kind = self.local.get(argument.name)
                if kind is None and self.keys(argument.name):
                    return True
                if kind is not None and (self.routine.is_macro or self.types.signature(kind)):
                    return True
        return False

    def adopted(self, name: str) -> bool:
        """Take in a macro or inline of the headers that calls what it is given."""
        if self.callbacks.understands(name) or self.callbacks.only_tells(name):
            return False
        files = self.callers.of(name)
        if files:
            before = set(self.program.routines)
            self.program.adopt(files, self.routine.traps)
            self.pending += [key for key in self.program.routines if key not in before]
        return bool(files)

    def later(self, site: CallSite, given: list[Values]) -> None:
        """Evaluate the arguments."""
        if self.is_trace(site):
            self.trace(site)
            return
        record: TypeRef | None = None
        for index, argument in enumerate(arguments(site.node)):
            if isinstance(argument, c_ast.Typename):
                record = self.types.reference(argument)
            elif record is None or not self.designates(argument, record, site):
                given[index] = self.value(argument)
        if site.outside is not None:
            self.outside_call(site)

    def designates(self, node: c_ast.Node, record: TypeRef, site: CallSite) -> bool:
        """Whether a macro's argument after a type is a member: ``container_of(p, type, a.b)``."""
        if site.outside is None and not self.is_macro_call(site):
            return False
        names: list[c_ast.ID] = []
        inner = node
        while isinstance(inner, (c_ast.StructRef, c_ast.ArrayRef)):
            if isinstance(inner, c_ast.StructRef):
                names.append(inner.field)
            inner = inner.name
        if not isinstance(inner, c_ast.ID):
            return False
        kind = record
        for name in (inner, *reversed(names)):
            members = self.types.members(self.types.plain(kind).base)
            if members is None or name.name not in members:
                return False
            kind = members[name.name]
        self.done.update(id(name) for name in (inner, *names))
        return True

    def is_macro_call(self, site: CallSite) -> bool:
        """Whether a call by name runs a macro."""
        return any(one.is_macro for key in site.keys for one in self.program.routines[key])

    def constructed(self, node: c_ast.FuncCall) -> tuple[tuple[FunctionKey, ...], str | None]:
        """What ``CLASS(name, variable)(…)`` runs."""
        self.site(node)
        given = arguments(node)
        name = given[0].name if given and isinstance(given[0], c_ast.ID) else "?"
        parts = (f"class_{name}_constructor", f"class_{name}_destructor")
        keys = [key for part in parts for key in self.keys(part)]
        return tuple(keys), None if keys else parts[0]

    def is_trace(self, site: CallSite) -> bool:
        """Whether a call defines a trace event, or is a part of such a definition."""
        if site.outside is None:
            return False
        given = (getattr(argument, "name", None) for argument in arguments(site.node))
        return site.outside.startswith("TP_") or any(
            isinstance(name, c_ast.ID) and name.name.startswith("TP_") for name in given
        )

    def trace(self, site: CallSite) -> None:
        """Of a trace event only what its code calls counts: the rest are names of its own."""
        for argument in arguments(site.node):
            if isinstance(argument, Opaque):
                self.opaque(argument, calls_only=True)
            elif isinstance(argument, c_ast.FuncCall):
                self.site(argument)
            else:
                self.done.add(id(argument))

    def is_pointer(self, name: str) -> bool:
        """Whether a local variable of that name can be called; else it hides no function."""
        kind = self.local.get(name)
        return kind is not None and self.types.may_hold_function(kind)

    def named_callee(self, node: c_ast.ID) -> tuple[tuple[FunctionKey, ...], str | None, Values]:
        self.done.add(id(node))
        name, path = node.name, self.routine.path
        if "##" in name:
            made = [key for one in self.pasted(name) for key in self.keys(one)]
            return (tuple(dict.fromkeys(made)), None, NOTHING) if made else ((), name, NOTHING)
        keys = self.keys(name)
        if keys:
            return keys, None, NOTHING
        for home in (*self.program.homes.get(path, (path,)), ""):
            if (home, name) in self.types.variables:
                return (), None, (Held(Spot("variable", home, name)),)
        held = self.from_constants(name)
        return ((), None, held) if held else ((), self.program.alias(path, name), NOTHING)

    def outside_call(self, site: CallSite) -> None:
        """What code that was not read is given leaves the program."""
        name = site.outside or ""
        if name in self.callbacks.stores and len(site.arguments) > 1:
            for held in site.arguments[0]:
                if isinstance(held.of, Spot):
                    self.flow(held.of, site.arguments[1], site.node)
            return
        if name in self.callbacks.values or self.callbacks.only_tells(name):
            return
        for index, values in enumerate(site.arguments):
            self.hand(site.node, name, index, values)
            for held in values:
                if isinstance(held.of, Spot) and (
                    held.shared or self.is_function_place(held.of, name)
                ):
                    rest = [one for other in site.arguments if other is not values for one in other]
                    self.flow(held.of, (*rest, Held(UNKNOWN)), site.node)

    def is_function_place(self, spot: Spot, name: str) -> bool:
        """Whether a place is for functions alone, and a macro outside may store one there."""
        kind: TypeRef | None = None
        if spot.kind == "field":
            kind = self.types.member(TypeRef(str(spot.owner)), spot.name)
        elif spot.kind == "local" and spot.owner == self.routine.key:
            kind = self.local.get(spot.name)
        is_pointer = kind is not None and self.types.signature(kind) is not None
        return is_pointer and bool(self.typing.headers.macro(name))

    def opaque(self, node: Opaque, calls_only: bool = False) -> None:
        """Text that was not parsed: every function that it names leaves the program."""
        self.done.add(id(node))
        words = node.text.split()
        for word, following in pairwise([*words, ""]):
            if word in self.program.names and (following == "(" or not calls_only):
                for key in self.keys(word):
                    self.facts.taken.setdefault(key, self.place(node))
                    self.hand(node, "text that is not parsed", 0, (Held(key),))


def _callee(node: c_ast.Node) -> c_ast.Node:
    """The expression called, without casts, stars and address operators that change nothing."""
    node = strip(node)
    while isinstance(node, c_ast.UnaryOp) and node.op in ("*", "&"):
        node = strip(node.expr)
    return node
