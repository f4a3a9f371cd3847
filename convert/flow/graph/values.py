"""What expressions are worth: the functions, and the places that may hold some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.adopt import Callers
from convert.flow.graph.model import Place
from convert.flow.graph.paste import Pastes
from convert.flow.graph.places import (
    NOTHING,
    CallSite,
    Facts,
    Handed,
    Held,
    Spot,
    Stored,
    Values,
)
from convert.flow.graph.program import Program
from convert.flow.graph.types import Types
from convert.flow.graph.typing import Typing
from convert.flow.terms import UNKNOWN_TYPE, TypeRef
from convert.profiles.callbacks import Callbacks

# Their results are no addresses.
COMPARES = frozenset(["==", "!=", "<", ">", "<=", ">=", "&&", "||"])


@dataclass
class ValueReader:
    """What expressions of one routine are worth; ``facts`` grows."""

    program: Program
    typing: Typing
    callbacks: Callbacks
    pastes: Pastes
    pasting: frozenset[FunctionKey]
    callers: Callers
    pending: list[FunctionKey] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    routine: Routine = field(init=False)
    local: dict[str, TypeRef] = field(init=False)
    done: set[int] = field(default_factory=set)
    mentions: list[c_ast.ID] = field(default_factory=list)
    expanding: set[str] = field(default_factory=set)
    by_node: dict[int, CallSite] = field(default_factory=dict)
    sites: list[CallSite] = field(default_factory=list)
    row: str | None = None  # of the array that is being initialised
    _calling: dict[Routine, bool] = field(default_factory=dict)
    _capable: dict[str, bool] = field(default_factory=dict)
    _returning: dict[FunctionKey, bool] = field(default_factory=dict)

    @property
    def types(self) -> Types:
        """The declared types."""
        return self.program.types

    def keys(self, name: str) -> tuple[FunctionKey, ...]:
        """The functions and macros that a name means in the routine."""
        if name not in self.program.names:
            return ()
        inside = self.routine.key if self.routine.is_macro else None
        return self.program.keys(self.routine.path, name, inside)

    def enter(self, routine: Routine) -> None:
        self.routine = routine
        self.local = self.typing.locals(routine)
        self.sites = []

    def elsewhere(self, routine: Routine, action: Callable[[c_ast.Node], object]) -> None:
        """Do something with the body of a macro as if it stood here."""
        before = (self.routine, self.local, self.sites)
        self.enter(routine)
        action(routine.variant.root)
        self.routine, self.local, self.sites = before

    # -- expressions ---------------------------------------------------------------------------

    def value(self, node: c_ast.Node | None) -> Values:
        """The functions, or places that may hold some, that an expression may be worth."""
        match node:
            case None | c_ast.Constant():
                return NOTHING
            case c_ast.ID():
                return self.name(node)
            case c_ast.StructRef():
                return self.member(node)
            case c_ast.ArrayRef(name=base):
                return self.value(base)
            case c_ast.Cast(expr=inner):
                return self.value(inner)
            case c_ast.UnaryOp(op="*", expr=inner):
                return self.value(inner)
            case c_ast.UnaryOp(op="&", expr=inner):
                return tuple(Held(held.of, True) for held in self.value(inner))
            case c_ast.UnaryOp(op="sizeof" | "_Alignof" | "!"):
                self.value(node.expr)
                return NOTHING
            case c_ast.UnaryOp(expr=inner):
                return self.value(inner)
            case c_ast.FuncCall():
                return self.called(node)
            case c_ast.TernaryOp(cond=cond, iftrue=then, iffalse=other):
                first = self.value(cond)
                return (self.value(then) if then is not None else first) + self.value(other)
            case c_ast.BinaryOp(op=op, left=left, right=right):
                both = self.value(left) + self.value(right)
                return NOTHING if op in COMPARES else both
            case c_ast.Assignment():
                if id(node) not in self.done:
                    self.done.add(id(node))
                    self.assignment(node)
                return self.value(node.lvalue)
            case c_ast.ExprList(exprs=[*_, last]) | c_ast.Compound(block_items=[*_, last]):
                return self.value(last)
        return NOTHING

    def name(self, node: c_ast.ID) -> Values:
        self.done.add(id(node))
        name = node.name
        if "##" in name:
            made = [one for one in self.pasted(name) if "##" not in one]
            parts = (self.name(c_ast.ID(one, node.coord)) for one in made)
            return tuple(held for values in parts for held in values)
        kind = self.local.get(name)
        if kind is not None:
            if self.types.may_hold_function(kind):
                return (Held(Spot("local", self.routine.key, name)),)
            return NOTHING
        path = self.routine.path
        keys = self.keys(name)
        if keys:
            for key in keys:
                self.facts.taken.setdefault(key, self.place(node))
            return tuple(Held(key) for key in keys)
        for home in (*self.program.homes.get(path, (path,)), ""):
            declared = self.types.variables.get((home, name))
            if declared is not None:
                if self.types.may_hold_function(declared):
                    return (Held(Spot("variable", home, name)),)
                return NOTHING
        return self.from_constants(name)

    def from_constants(self, name: str) -> Values:
        """What the bodies of a macro without parameters are worth."""
        found: list[Held] = []
        if name in self.expanding:
            return NOTHING
        self.expanding.add(name)
        for constant in self.program.constant(self.routine.path, name):
            if not isinstance(constant.variant.root, c_ast.Constant):
                self.elsewhere(constant, lambda root: found.extend(self.value(root)))
        self.expanding.discard(name)
        return tuple(found)

    def member(self, node: c_ast.StructRef, final: bool = False) -> Values:
        """What a member may hold. ``final``: its name is no macro's parameter any more."""
        self.done.add(id(node.field))
        name = node.field.name
        others = None if final else self.other_members(name)
        if others is not None:
            fields = (c_ast.ID(one, node.field.coord) for one in others)
            parts = (self.member(_with_field(node, one), final=True) for one in fields)
            return tuple(held for values in parts for held in values)
        if not self.capable(name):
            return NOTHING
        owner = self.typing.type_of(self.routine, node.name)
        spot = self.field(owner, name)
        if spot.kind == "field":
            kind = self.types.member(owner, name)
            if not self.types.may_hold_function(kind):
                return NOTHING
        whole = self.types.plain(owner).base
        if spot.kind == "any" and whole.startswith(("struct ", "union ")):
            return (Held(spot), Held(Spot("whole", whole, "")))
        return (Held(spot),)

    def other_members(self, name: str) -> list[str] | None:
        """What a member's name stands for if it is a macro's parameter, pasted, or a macro."""
        if "##" in name or (self.routine.is_macro and name in self.routine.parameters):
            return self.pasted(name)
        if name in self.program.names:
            roots = [one.variant.root for one in self.program.constant(self.routine.path, name)]
            last = [root.field.name for root in roots if isinstance(root, c_ast.StructRef)]
            last += [root.name for root in roots if isinstance(root, c_ast.ID)]
            return [one for one in last if one != name] or None
        return None

    def field(self, owner: TypeRef, member: str) -> Spot:
        """The place of a member; of any structure's if the owner is not known."""
        plain = self.types.plain(owner)
        members = self.types.members(plain.base)
        if members is None or member not in members:
            return Spot("any", None, member)
        return Spot("field", plain.base, member)

    def capable(self, member: str) -> bool:
        """Whether a member of that name may hold a function, as far as its name tells."""
        if not self._capable:
            for tag in self.types.own:
                for name, kind in self.types.structs[tag].items():
                    able = self._capable.get(name, False) or self.types.may_hold_function(kind)
                    self._capable[name] = able
        return self._capable.get(member, True) or member in self.types.inner_names

    def returns(self, key: FunctionKey) -> bool:
        """Whether a function's result may be a function."""
        known = self._returning.get(key)
        if known is None:
            known = self._returning[key] = any(
                one.is_macro or self.types.may_hold_function(self.returned_type(one))
                for one in self.program.routines[key]
            )
        return known

    def returned_type(self, routine: Routine) -> TypeRef:
        declared = routine.variant.root.decl
        if not isinstance(declared, c_ast.Decl):
            return UNKNOWN_TYPE  # a macro is the function's head
        return self.types.reference(declared.type.type)

    # -- noting --------------------------------------------------------------------------------

    def hand(self, node: c_ast.Node, to: str, slot: int, values: Values) -> None:
        if values:
            self.facts.handed.append(Handed(self.routine, self.place(node), to, slot))
            spot = Spot("outside", len(self.facts.handed) - 1, "")
            self.flow(spot, values, node)

    def flow(self, to: Spot, values: Values, node: c_ast.Node) -> None:
        for held in values:
            if held.of == to:
                continue
            self.facts.edges.append((to, held))
            if held.shared and isinstance(held.of, Spot):
                self.facts.edges.append((held.of, Held(to)))
            if to.kind in ("field", "any") and isinstance(held.of, FunctionKey):
                self.facts.stored.append(Stored(to, held.of, self.place(node), None, None))

    def place(self, node: c_ast.Node) -> Place:
        return Place(self.routine.path, self.routine.line(node))

    def pasted(self, name: str) -> list[str]:
        """What a pasted name may stand for, in a fixed order."""
        return sorted(self.pastes.names(self.routine, name))

    # -- what the other readers add -------------------------------------------------------------

    def called(self, node: c_ast.FuncCall) -> Values:
        """What a call is worth."""
        raise NotImplementedError

    def assignment(self, node: c_ast.Assignment) -> Values:
        """Store a value; returns it."""
        raise NotImplementedError


def _with_field(node: c_ast.StructRef, field_: c_ast.ID) -> c_ast.StructRef:
    return c_ast.StructRef(node.name, node.type, field_, node.coord)
