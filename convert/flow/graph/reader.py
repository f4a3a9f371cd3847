"""What each routine and initialiser does with functions' addresses, as constraints.

Locals, members and variables are places without time: what is stored anywhere may be read
everywhere. So the constraints say what *may* be called, never too little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.model import Place
from convert.flow.graph.paste import Pastes
from convert.flow.graph.places import (
    NOTHING,
    UNKNOWN,
    CallSite,
    Facts,
    Handed,
    Held,
    Spot,
    Values,
)
from convert.flow.graph.program import Program, has_calls
from convert.flow.graph.types import Types
from convert.flow.graph.typing import Typing
from convert.flow.terms import UNKNOWN_TYPE, TypeRef, arguments, call_name, strip
from convert.profiles.callbacks import Callbacks
from convert.source.nodes import Opaque

_COMPARES = frozenset(["==", "!=", "<", ">", "<=", ">=", "&&", "||"])


@dataclass
class Reader:
    """Reads routines one after the other into ``facts``."""

    program: Program
    typing: Typing
    callbacks: Callbacks
    pastes: Pastes
    pasting: frozenset[FunctionKey]
    facts: Facts = field(default_factory=Facts)
    routine: Routine = field(init=False)
    local: dict[str, TypeRef] = field(init=False)
    done: set[int] = field(default_factory=set)
    mentions: list[c_ast.ID] = field(default_factory=list)
    by_node: dict[int, CallSite] = field(default_factory=dict)
    sites: list[CallSite] = field(default_factory=list)
    _calling: dict[Routine, bool] = field(default_factory=dict)
    _capable: dict[str, bool] = field(default_factory=dict)
    _returning: dict[FunctionKey, bool] = field(default_factory=dict)

    @property
    def types(self) -> Types:
        """The declared types."""
        return self.program.types

    # -- routines ------------------------------------------------------------------------------

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
        waiting = [routine.variant.root] if routine.is_macro else []
        while waiting:
            node = waiting.pop()
            name = call_name(node)
            if name is not None and isinstance(node, c_ast.FuncCall):
                for key in self.pasting.intersection(self.program.keys(routine.path, name)):
                    self.pastes.record(key, routine, node)
            waiting.extend(child for child in node if child is not None)

    def read_global(self, routine: Routine) -> None:
        """The constraints of a file-level declaration (as a routine without a name)."""
        self.typing.no_locals(routine)
        self.enter(routine)
        self.walk(routine.variant.root)
        self.leave()

    def enter(self, routine: Routine) -> None:
        self.routine = routine
        self.local = self.typing.locals(routine)
        self.sites = []

    def leave(self) -> None:
        """Whatever names a function and was not understood leaves the program."""
        for node in self.mentions:
            if id(node) in self.done or node.name in self.local:
                continue
            for key in self.program.keys(self.routine.path, node.name):
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
        known = self._calling.get(constant)
        if known is None:
            known = self._calling[constant] = has_calls(constant)
        return known

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
        if isinstance(node.init, c_ast.InitList):
            self.initialiser(node.init, kind, spot, table)
            return
        value = self.value(node.init)
        if value:
            self.flow(spot, value, node)

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
        if node.op in _COMPARES:
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

    def opaque(self, node: Opaque, calls_only: bool = False) -> None:
        """Text that was not parsed: every function that it names leaves the program."""
        self.done.add(id(node))
        words = node.text.split()
        for word, following in pairwise([*words, ""]):
            if word in self.program.names and (following == "(" or not calls_only):
                for key in self.program.keys(self.routine.path, word):
                    self.facts.taken.setdefault(key, self.place(node))
                    self.hand(node, "text that is not parsed", 0, (Held(key),))

    # -- initialisers --------------------------------------------------------------------------

    def initialiser(
        self, node: c_ast.InitList, kind: TypeRef, spot: Spot, table: tuple[str, str] | None
    ) -> None:
        """``{ … }`` for a value of a type; ``spot`` holds it if it is no structure."""
        self.done.add(id(node))
        plain = self.types.plain(kind)
        if plain.stars or not self.types.is_struct(plain):
            element = plain.pointed if plain.stars else plain
            for item in node.exprs or ():
                self.item(item, element, spot, table, ())
            return
        members = self.types.members(plain.base)
        order = [] if members is None else list(members)
        for index, item in enumerate(node.exprs or ()):
            if isinstance(item, c_ast.NamedInitializer):
                self.item(item, plain, spot, table, ())
            elif members is None or plain.base in self.types.mixed or index >= len(order):
                self.everywhere(item, plain)
            else:
                self.put(item, plain, order[index], table)

    def item(
        self,
        item: c_ast.Node,
        kind: TypeRef,
        spot: Spot,
        table: tuple[str, str] | None,
        path: tuple[str, ...],
    ) -> None:
        """One item: its designators lead to a member or an element of ``kind``."""
        if not isinstance(item, c_ast.NamedInitializer):
            self.fill(item, kind, spot, table)
            return
        self.done.add(id(item))
        owner, member = kind, ""
        for name in item.name:
            self.done.add(id(name))
            if isinstance(name, c_ast.ID):
                owner, member = kind, name.name
                kind = self.types.member(kind, name.name)
                spot = self.field(owner, member)
            elif member or (kind.stars and not self.types.is_struct(kind)):
                kind = kind.pointed
        if member:
            self.note(item.expr, owner, member, table)
        self.fill(item.expr, kind, spot, table)

    def put(
        self, item: c_ast.Node, owner: TypeRef, member: str, table: tuple[str, str] | None
    ) -> None:
        """Store a value in a member by its position."""
        self.note(item, owner, member, table)
        self.fill(item, self.types.member(owner, member), self.field(owner, member), table)

    def fill(
        self, value: c_ast.Node, kind: TypeRef, spot: Spot, table: tuple[str, str] | None
    ) -> None:
        if isinstance(value, c_ast.InitList):
            self.initialiser(value, kind, spot, table)
            return
        for constant in self.constants(value):
            if isinstance(constant.variant.root, c_ast.InitList):
                self.done.add(id(value))
                self.elsewhere(constant, lambda root: self.initialiser(root, kind, spot, table))
                return
        held = self.value(value)
        if held:
            self.flow(spot, held, value)

    def everywhere(self, item: c_ast.Node, kind: TypeRef) -> None:
        """A position that is not known: any member of the structure may be meant."""
        if isinstance(item, c_ast.InitList):
            for inner in item.exprs or ():
                self.everywhere(inner, UNKNOWN_TYPE)
            return
        if isinstance(item, c_ast.NamedInitializer):
            self.item(item, UNKNOWN_TYPE, UNKNOWN, None, ())
            return
        held = self.value(item)
        if held:
            for name in self.types.members(kind.base) or ():
                self.flow(self.field(kind, name), held, item)
            self.hand(item, f"a member of {kind}", 0, held)

    def note(
        self, value: c_ast.Node, owner: TypeRef, member: str, table: tuple[str, str] | None
    ) -> None:
        """Remember which function a table's member holds."""
        if isinstance(value, c_ast.InitList):
            return
        for held in self.value(value):
            if isinstance(held.of, FunctionKey):
                self.facts.stored.append(
                    (self.field(owner, member), held.of, self.place(value), table)
                )

    def constants(self, node: c_ast.Node) -> tuple[Routine, ...]:
        if isinstance(node, c_ast.ID) and node.name not in self.local:
            return self.program.constant(self.routine.path, node.name)
        return ()

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
                return NOTHING if op in _COMPARES else both
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
            parts = (self.name(c_ast.ID(one, node.coord)) for one in self.pasted(name))
            return tuple(held for values in parts for held in values)
        kind = self.local.get(name)
        if kind is not None:
            if self.types.may_hold_function(kind):
                return (Held(Spot("local", self.routine.key, name)),)
            return NOTHING
        path = self.routine.path
        keys = self.program.keys(path, name) if name in self.program.names else ()
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
        found: Values = NOTHING
        for constant in self.program.constant(path, name):
            if not isinstance(constant.variant.root, c_ast.Constant):
                values: list[Values] = []
                self.elsewhere(constant, lambda root, into=values: into.append(self.value(root)))  # type: ignore[misc]
                found += values[0]
        return found

    def member(self, node: c_ast.StructRef) -> Values:
        self.done.add(id(node.field))
        name = node.field.name
        if "##" in name:
            fields = (c_ast.ID(one, node.field.coord) for one in self.pasted(name))
            parts = (self.member(_with_field(node, one)) for one in fields)
            return tuple(held for values in parts for held in values)
        if not self.capable(name):
            return NOTHING
        owner = self.typing.type_of(self.routine, node.name)
        spot = self.field(owner, name)
        if spot.kind == "field":
            kind = self.types.member(owner, name)
            if not self.types.may_hold_function(kind):
                return NOTHING
        return (Held(spot),)

    def field(self, owner: TypeRef, member: str) -> Spot:
        """The place of a member; of any structure's if the owner is not known."""
        plain = self.types.plain(owner)
        members = self.types.members(plain.base)
        if members is None or member not in members:
            return Spot("any", None, member)
        return Spot("field", plain.base, member)

    def capable(self, member: str) -> bool:
        """Whether a member of that name may hold a function, as far as its name tells."""
        known = self._capable.get(member)
        if known is None:
            own = [self.types.structs[tag].get(member) for tag in self.types.own]
            kinds = [kind for kind in own if kind is not None]
            known = not kinds or any(map(self.types.may_hold_function, kinds))
            self._capable[member] = known
        return known

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

    # -- calls ---------------------------------------------------------------------------------

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
        if isinstance(inner, c_ast.ID) and not self.is_pointer(inner.name):
            keys, outside, callee = self.named_callee(inner)
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
        keys = [key for part in parts for key in self.program.keys(self.routine.path, part)]
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
            made = [key for one in self.pasted(name) for key in self.program.keys(path, one)]
            return (tuple(dict.fromkeys(made)), None, NOTHING) if made else ((), name, NOTHING)
        keys = self.program.keys(path, name) if name in self.program.names else ()
        if keys:
            return keys, None, NOTHING
        for home in (*self.program.homes.get(path, (path,)), ""):
            if (home, name) in self.types.variables:
                return (), None, (Held(Spot("variable", home, name)),)
        return (), name, NOTHING

    def pasted(self, name: str) -> list[str]:
        """What a pasted name may stand for, in a fixed order."""
        return sorted(self.pastes.names(self.routine, name))

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
                self.facts.stored.append((to, held.of, self.place(node), None))

    def place(self, node: c_ast.Node) -> Place:
        return Place(self.routine.path, self.routine.line(node))


def _callee(node: c_ast.Node) -> c_ast.Node:
    """The expression called, without casts, stars and address operators that change nothing."""
    node = strip(node)
    while isinstance(node, c_ast.UnaryOp) and node.op in ("*", "&"):
        node = strip(node.expr)
    return node


def _with_field(node: c_ast.StructRef, field_: c_ast.ID) -> c_ast.StructRef:
    return c_ast.StructRef(node.name, node.type, field_, node.coord)
