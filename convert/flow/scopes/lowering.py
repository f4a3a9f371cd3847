"""Lowering of functions: their statements, the last of three layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.scopes.builder import Ends, Names
from convert.flow.scopes.code import (
    ANY,
    Assign,
    Choose,
    Code,
    Give,
    Nop,
    Where,
)
from convert.flow.scopes.expressions import SIGNED
from convert.flow.scopes.macros import Macros
from convert.flow.scopes.world import World
from convert.flow.terms import arguments, type_ref
from convert.source.nodes import ComputedGoto, MacroBlock, MacroLoop, Range, nodes_of


def lower(routine: Routine, world: World) -> Code:
    """The instructions of a function, in one ``#if`` variant."""
    code = Code(routine)
    builder = _Statements(world, code)
    variables: dict[str, str] = {}
    for name in routine.parameters:
        variables[name] = name
        kind = routine.types.get(name)
        if kind is not None:
            code.signed[name] = kind.base in SIGNED and not kind.stars
            code.types[name] = kind
    code.parameters = tuple(routine.parameters)
    builder.emit(Nop(routine.item.line))
    names = Names(routine, variables=variables)
    root = routine.variant.root
    builder.statement(root if routine.is_macro else root.body, names)
    if builder.ends:
        builder.emit(Give(routine.last_line, ANY))
    for name, ends in builder.jumps:
        if name in builder.labels:
            builder.connect(ends, builder.labels[name])
    return code


@dataclass
class _Around:
    """Where ``break`` and ``continue`` lead, and the switch that a ``case`` belongs to."""

    breaks: Ends = field(default_factory=list)
    continues: Ends | None = None
    switch: int | None = None


class _Statements(Macros):
    def __init__(self, world: World, code: Code) -> None:
        super().__init__(world, code)
        self.labels: dict[str, int] = {}
        self.jumps: list[tuple[str, Ends]] = []
        self.around: list[_Around] = []

    # -- statements ----------------------------------------------------------------------------

    def statement(self, node: c_ast.Node | None, names: Names) -> Names:
        """Lower a statement; returns what names mean behind it."""
        if node is None:
            return names
        method = _STATEMENTS.get(type(node).__name__)
        if method is not None:
            method(self, node, names)
        elif isinstance(node, c_ast.Decl):
            return self.declaration(node, names)
        elif isinstance(node, c_ast.DeclList):
            for part in node.decls:
                names = self.statement(part, names)
        elif self.ends:
            self.value(node, names)
        return names

    def declaration(self, node: c_ast.Decl, names: Names) -> Names:
        if isinstance(node.type, c_ast.FuncDecl) or not node.name:
            return names
        name = str(node.name)
        given = names.parameters.get(name)  # a macro that is told how to name its variable
        if given is not None and isinstance(given[0], c_ast.ID):
            name = str(given[0].name)
        if node.storage and "static" in node.storage:
            return names.declaring(name, f"::{names.routine.path}:{name}")
        taken = name in self.code.signed or name in self.code.parameters
        variable = self.fresh(name) if taken else name
        kind = type_ref(node)
        self.code.signed[variable] = kind.base in SIGNED and not kind.stars
        self.code.types[variable] = kind
        names = names.declaring(name, variable)
        if not self.ends:
            return names
        line = self.line(names, node)
        if node.init is None:
            self.emit(Assign(line, Where(variable), ANY, True))
        else:
            self.initialise(Where(variable), node.init, names, line)
        return names

    def block(self, node: c_ast.Node, names: Names) -> None:
        items = node.block_items if isinstance(node, c_ast.Compound) else node.parts
        for item in items or ():
            names = self.statement(item, names)

    def nothing(self, node: c_ast.Node, names: Names) -> None:
        pass

    def choice(self, node: c_ast.If, names: Names) -> None:
        if not self.ends and not _has_labels(node):
            return
        yes, no = self.condition(node.cond, names) if self.ends else ([], [])
        self.ends = yes
        self.statement(node.iftrue, names)
        then = self.ends
        self.ends = no
        self.statement(node.iffalse, names)
        self.meet(self.line(names, node), then, self.ends)

    def label(self, node: c_ast.Label, names: Names) -> None:
        self.labels[node.name] = self.emit(Nop(self.line(names, node)))
        self.statement(node.stmt, names)

    def goto(self, node: c_ast.Goto, names: Names) -> None:
        self.jumps.append((node.name, self.ends))
        self.ends = []

    def computed_goto(self, node: ComputedGoto, names: Names) -> None:
        ends, self.ends = self.ends, []
        self.jumps += [(name, ends) for name in _labels_of(self.code.routine.variant.root)]

    def give(self, node: c_ast.Return, names: Names) -> None:
        if self.ends:
            value = self.value(node.expr, names)
            if self.ends:
                self.emit(Give(self.line(names, node), value))
        self.ends = []

    def leave(self, node: c_ast.Node, names: Names) -> None:
        breaks = isinstance(node, c_ast.Break)
        for around in reversed(self.around):
            if breaks:
                around.breaks += self.ends
                break
            if around.continues is not None:
                around.continues += self.ends
                break
        self.ends = []

    # -- loops ---------------------------------------------------------------------------------

    def while_loop(self, node: c_ast.While, names: Names) -> None:
        self.loop(node.cond, node.stmt, None, names, self.line(names, node))

    def for_loop(self, node: c_ast.For, names: Names) -> None:
        names = self.statement(node.init, names)
        self.loop(node.cond, node.stmt, node.next, names, self.line(names, node))

    def loop(
        self,
        cond: c_ast.Node | None,
        body: c_ast.Node | None,
        after: c_ast.Node | None,
        names: Names,
        line: int,
        body_names: Names | None = None,
    ) -> None:
        head = self.emit(Nop(line))
        yes, no = (self.ends, []) if cond is None else self.condition(cond, names)
        self.around.append(_Around(continues=[]))
        self.ends = yes
        self.statement(body, body_names or names)
        around = self.around.pop()
        self.meet(line, self.ends, around.continues or [])
        if after is not None and self.ends:
            self.value(after, names)
        self.connect(self.ends, head)
        self.meet(line, no, around.breaks)

    def do_loop(self, node: c_ast.DoWhile, names: Names) -> None:
        line = self.line(names, node)
        head = self.emit(Nop(line))
        self.around.append(_Around(continues=[]))
        self.statement(node.stmt, names)
        around = self.around.pop()
        self.meet(line, self.ends, around.continues or [])
        yes, no = self.condition(node.cond, names) if self.ends else ([], [])
        self.connect(yes, head)
        self.meet(line, no, around.breaks)

    def macro_loop(self, node: MacroLoop, names: Names) -> None:
        name = str(getattr(node.call.name, "name", ""))
        for routine in self.expandable(name, names):
            root = routine.variant.root
            if isinstance(root, (c_ast.For, c_ast.While)) and _is_empty(root.stmt):
                inner = self.expansion(routine, node.call, names)
                start = self.statement(getattr(root, "init", None), inner)
                line = self.line(names, node)
                self.loop(root.cond, node.stmt, getattr(root, "next", None), start, line, names)
                return
            if isinstance(root, c_ast.FuncCall):  # a loop macro by another name
                inner = self.expansion(routine, node.call, names)
                self.aliased_loop(root, node.stmt, inner, names)
                return
            if isinstance(root, MacroLoop) and _is_empty(root.stmt):
                inner = self.expansion(routine, node.call, names)
                self.aliased_loop(root.call, node.stmt, inner, names)
                return
        self.any_loop(node.call, node.stmt, names, names)

    def aliased_loop(
        self, call: c_ast.FuncCall, body: c_ast.Node, names: Names, body_names: Names
    ) -> None:
        """A loop macro that is made of another one."""
        name = str(getattr(call.name, "name", ""))
        for routine in self.expandable(name, names):
            root = routine.variant.root
            if isinstance(root, (c_ast.For, c_ast.While)) and _is_empty(root.stmt):
                inner = self.expansion(routine, call, names)
                start = self.statement(getattr(root, "init", None), inner)
                line = self.line(names, call)
                self.loop(root.cond, body, getattr(root, "next", None), start, line, body_names)
                return
        self.any_loop(call, body, names, body_names)

    def any_loop(
        self, call: c_ast.FuncCall, body: c_ast.Node, names: Names, body_names: Names
    ) -> None:
        """A loop whose macro is not read: it assigns what it is given, and runs some rounds."""
        line = self.line(names, call)
        given = arguments(call)
        for part in given:
            self.value(part, names)
        head = self.emit(Nop(line))
        self.forget(given, names, line)
        yes, no = self.test(line, ANY)
        self.around.append(_Around(continues=[]))
        self.ends = yes
        self.statement(body, body_names)
        around = self.around.pop()
        self.meet(line, self.ends, around.continues or [])
        self.connect(self.ends, head)
        self.meet(line, no, around.breaks)

    def macro_block(self, node: MacroBlock, names: Names) -> None:
        items = c_ast.Compound([*node.block_items])
        if isinstance(node.closer, c_ast.FuncCall):
            items = c_ast.Compound([*node.block_items, node.closer])
        self.any_loop(node.opener, items, names, names)

    def forget(self, given: list[c_ast.Node], names: Names, line: int) -> None:
        """What a macro that is not read is given may be assigned by it."""
        for part in given:
            if isinstance(part, (c_ast.ID, c_ast.StructRef)):
                place = self.place(part, names)
                if place is not None and not place.var.startswith("::"):
                    self.emit(Assign(line, place, ANY, True))

    # -- switch --------------------------------------------------------------------------------

    def switch(self, node: c_ast.Switch, names: Names) -> None:
        if not self.ends:
            return
        line = self.line(names, node)
        index = self.emit(Choose(line, self.value(node.cond, names)))
        instruction = self.code.instructions[index]
        assert isinstance(instruction, Choose)
        self.ends = []
        self.around.append(_Around(switch=index))
        self.statement(node.stmt, names)
        around = self.around.pop()
        out = self.ends + around.breaks
        if None not in instruction.cases:
            instruction.cases.append(None)
            out = [*out, (index, len(instruction.cases) - 1)]
        self.meet(line, out)

    def case(self, node: c_ast.Node, names: Names) -> None:
        around = next((a for a in reversed(self.around) if a.switch is not None), None)
        if around is not None and around.switch is not None:
            instruction = self.code.instructions[around.switch]
            assert isinstance(instruction, Choose)
            given = None if isinstance(node, c_ast.Default) else self.labels_of(node.expr, names)
            instruction.cases.append(given)
            self.meet(
                self.line(names, node), self.ends, [(around.switch, len(instruction.cases) - 1)]
            )
        for stmt in node.stmts or ():
            names = self.statement(stmt, names)

    def labels_of(self, node: c_ast.Node, names: Names) -> tuple[tuple[int, int], ...]:
        """The ranges of a case label; none (any value) if they are not known."""
        first, last = (node.first, node.last) if isinstance(node, Range) else (node, node)
        low = self.world.evaluated(names.routine.path, first)
        high = self.world.evaluated(names.routine.path, last)
        return () if low is None or high is None else ((low, high),)

    def is_statement(self, node: c_ast.Node) -> bool:
        declares = isinstance(node, (c_ast.Decl, c_ast.DeclList))
        return declares or type(node).__name__ in _STATEMENTS


def _is_empty(node: c_ast.Node | None) -> bool:
    return node is None or isinstance(node, c_ast.EmptyStatement)


def _has_labels(node: c_ast.Node) -> bool:
    return any(isinstance(one, (c_ast.Label, c_ast.Case, c_ast.Default)) for one in nodes_of(node))


def _labels_of(node: c_ast.Node) -> list[str]:
    return [str(one.name) for one in nodes_of(node) if isinstance(one, c_ast.Label)]


_STATEMENTS = {
    "Compound": _Statements.block,
    "EmptyStatement": _Statements.nothing,
    "Typedef": _Statements.nothing,
    "Pragma": _Statements.nothing,
    "LocalLabels": _Statements.nothing,
    "If": _Statements.choice,
    "Label": _Statements.label,
    "Goto": _Statements.goto,
    "ComputedGoto": _Statements.computed_goto,
    "Return": _Statements.give,
    "Break": _Statements.leave,
    "Continue": _Statements.leave,
    "While": _Statements.while_loop,
    "For": _Statements.for_loop,
    "DoWhile": _Statements.do_loop,
    "MacroLoop": _Statements.macro_loop,
    "MacroBlock": _Statements.macro_block,
    "Switch": _Statements.switch,
    "Case": _Statements.case,
    "Default": _Statements.case,
}
