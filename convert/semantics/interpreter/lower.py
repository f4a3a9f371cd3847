"""From the AST of a function to code for the stack machine."""

from __future__ import annotations

from collections.abc import Sequence

from pycparser import c_ast

from convert.semantics.interpreter.calls import Calls
from convert.semantics.interpreter.code import (
    Binary,
    Branch,
    Choose,
    Code,
    Declare,
    Drop,
    Jump,
    Load,
    Local,
    Merge,
    Push,
    Return,
    Stop,
    Store,
)
from convert.semantics.interpreter.names import Names, Variable
from convert.semantics.interpreter.program import FunctionBody, Program
from convert.semantics.interpreter.values import Kind, Opaque, Type
from convert.semantics.stubs import Stubs
from convert.source.nodes import CodeArgument


def lower_function(name: str, program: Program, stubs: Stubs) -> Code:
    """The code of a function; its alternatives in different configurations are all in it.

    A function-like macro is wrapped into a function of untyped parameters. Raises KeyError if the
    program has no such function or macro. What cannot be expressed becomes a `Stop` at its place.
    """
    if name not in program.functions:
        return _lower_macro(name, program, stubs)
    bodies = program.functions[name]
    first = bodies[0]
    lowering = Statements(program, stubs, first)
    result = program.type_of(first.node.decl.type.type)
    parameters = lowering.parameters(first.node)
    if len(bodies) == 1:
        lowering.body(first)
    else:
        lowering.alternatives(bodies, parameters)
    labels = tuple(lowering.targets)
    variadic = any(isinstance(p, c_ast.EllipsisParam) for p in _declared(first.node))
    types = dict(lowering.types)
    return Code(name, parameters, result, tuple(lowering.code), types, labels, variadic)


def _declared(node: c_ast.FuncDef) -> list[c_ast.Node]:
    return node.decl.type.args.params if node.decl.type.args else []


def _lower_macro(name: str, program: Program, stubs: Stubs) -> Code:
    macro = next(body for body in program.macros[name] if body.parameters is not None)
    outside = FunctionBody(name, macro.where, None, lambda node: 0)
    lowering = Statements(program, stubs, outside)
    lowering.where = macro.where
    parameters = tuple(lowering.declare(label, Kind.ANY) for label in macro.parameters or ())
    arguments = c_ast.ExprList([c_ast.ID(label) for label in parameters])
    lowering.call(c_ast.FuncCall(c_ast.ID(name), arguments), used=True)
    lowering.emit(Return(macro.where))
    labels = tuple(lowering.targets)
    return Code(name, parameters, Kind.ANY, tuple(lowering.code), dict(lowering.types), labels)


class Statements(Calls):
    """Lowers statements; expressions and calls are inherited."""

    def __init__(self, program: Program, stubs: Stubs, body: FunctionBody) -> None:
        super().__init__(program, stubs, body.where.path, body.line_of)
        self.breaks: list[int] = []
        self.continues: list[int] = []
        self.named: dict[str, int] = {}

    # -- functions ---------------------------------------------------------------------------

    def parameters(self, node: c_ast.FuncDef) -> tuple[str, ...]:
        """Declare the parameters; their local names in order."""
        names = []
        for parameter in _declared(node):
            if isinstance(parameter, c_ast.EllipsisParam):
                continue
            if not getattr(parameter, "name", None):
                if self.program.type_of(getattr(parameter, "type", None)) is not Kind.VOID:
                    self.emit(Stop(self.where, "a parameter without a name"))
                continue
            ctype = self.program.type_of(parameter.type)
            # An array parameter is a pointer (C11 6.7.6.3p7).
            pointer = isinstance(parameter.type, c_ast.ArrayDecl)
            names.append(self.declare(parameter.name, Kind.POINTER if pointer else ctype))
        return tuple(names)

    def body(self, body: FunctionBody) -> None:
        """Lower a function's body; falling off its end returns nothing of use."""
        self.path, self.line_of = body.where.path, body.line_of
        self.where = body.where
        self.statement(body.node.body)
        self.emit(Push(self.where, Opaque()))
        self.emit(Return(self.where))

    def alternatives(self, bodies: Sequence[FunctionBody], parameters: tuple[str, ...]) -> None:
        """Lower the definitions of several configurations behind one another."""
        starts = [self.new_label() for _ in bodies]
        labels = [body.condition or str(body.where) for body in bodies]
        self.emit(Choose(self.where, tuple(zip(labels, starts, strict=True))))
        for start, body in zip(starts, bodies, strict=True):
            self.mark(start)
            self.named = {}
            names = self.names
            self.names = Names(names)
            # The same arguments under this definition's own parameter names.
            own = [p.name for p in _declared(body.node) if getattr(p, "name", None)]
            if len(own) != len(parameters):
                self.emit(Stop(body.where, "definitions differ in their parameters"))
            for name, variable in zip(own, parameters, strict=False):
                self.names.bind(name, Variable(variable, self.types[variable]))
            self.body(body)
            self.names = names

    def declare(self, name: str, ctype: Type) -> str:
        """A new local of this name in the current block; its unique name."""
        unique = f"{name}#{len(self.types)}" if name in self.types else name
        self.types[unique] = ctype
        self.names.bind(name, Variable(unique, ctype))
        return unique

    # -- statements --------------------------------------------------------------------------

    def statement(self, node: c_ast.Node | None) -> None:
        """Lower one statement."""
        if node is None or isinstance(node, c_ast.EmptyStatement):
            return
        self.at(node)
        lower = getattr(self, f"_{type(node).__name__}", None)
        if lower is not None:
            lower(node)
        else:
            self.effect(node)

    def _Compound(self, node: c_ast.Compound) -> None:
        self.names = Names(self.names)
        for item in node.block_items or ():
            self.statement(item)
        assert self.names.outer is not None
        self.names = self.names.outer

    def _CodeArgument(self, node: CodeArgument) -> None:
        for part in node.parts:
            self.statement(part)

    def _DeclList(self, node: c_ast.DeclList) -> None:
        for declaration in node.decls:
            self.statement(declaration)

    def _Typedef(self, node: c_ast.Typedef) -> None:
        self.emit(Stop(self.where, "a typedef inside a function"))

    def _Decl(self, node: c_ast.Decl) -> None:
        if node.name is None or isinstance(node.type, c_ast.FuncDecl):
            return
        ctype = self.program.type_of(node.type)
        name = self.declare(node.name, ctype)
        self.emit(Declare(self.where, name))
        if node.init is None or "static" in (node.storage or ()) or "extern" in node.storage:
            return  # a static local's value is from an earlier call: nothing is known of it
        if isinstance(node.init, c_ast.InitList):
            self.initialiser(node.init)
            return
        self.emit(Local(self.where, name))
        self.value(node.init)
        self.emit(Store(self.where, None))
        self.emit(Drop(self.where))

    def initialiser(self, node: c_ast.InitList) -> None:
        """Run the expressions of a brace initialiser; the members stay unknown."""
        for item in node.exprs:
            inner = item.expr if isinstance(item, c_ast.NamedInitializer) else item
            if isinstance(inner, c_ast.InitList):
                self.initialiser(inner)
            else:
                self.effect(inner)

    def _If(self, node: c_ast.If) -> None:
        otherwise, end = self.new_label(), self.new_label()
        self.branch(node.cond, otherwise, when=False)
        self.statement(node.iftrue)
        if node.iffalse is not None:
            self.emit(Jump(self.where, end))
        self.mark(otherwise)
        self.statement(node.iffalse)
        self.mark(end)
        self.emit(Merge(self.where, loop=False))

    def loop(self, body: c_ast.Node | None, break_to: int, continue_to: int) -> None:
        """Lower a loop's body with its targets of break and continue."""
        self.breaks.append(break_to)
        self.continues.append(continue_to)
        self.statement(body)
        self.breaks.pop()
        self.continues.pop()

    def _While(self, node: c_ast.While) -> None:
        head, end = self.new_label(), self.new_label()
        self.mark(head)
        self.emit(Merge(self.where, loop=True))
        self.branch(node.cond, end, when=False)
        self.loop(node.stmt, end, head)
        self.emit(Jump(self.where, head))
        self.mark(end)

    def _DoWhile(self, node: c_ast.DoWhile) -> None:
        head, test, end = self.new_label(), self.new_label(), self.new_label()
        self.mark(head)
        self.emit(Merge(self.where, loop=True))
        self.loop(node.stmt, end, test)
        self.mark(test)
        self.branch(node.cond, head, when=True)
        self.mark(end)

    def _For(self, node: c_ast.For) -> None:
        head, step, end = self.new_label(), self.new_label(), self.new_label()
        self.names = Names(self.names)
        self.statement(node.init)
        self.mark(head)
        self.emit(Merge(self.where, loop=True))
        if node.cond is not None:
            self.branch(node.cond, end, when=False)
        self.loop(node.stmt, end, step)
        self.mark(step)
        if node.next is not None:
            self.at(node.next)
            self.effect(node.next)
        self.emit(Jump(self.where, head))
        self.mark(end)
        assert self.names.outer is not None
        self.names = self.names.outer

    def _Switch(self, node: c_ast.Switch) -> None:
        """Compare with each label in turn, then go to the default, then run the body."""
        end = self.new_label()
        scrutinee = self.declare("switch", Kind.ANY)
        self.emit(Local(self.where, scrutinee))
        self.value(node.cond)
        self.emit(Store(self.where, None))
        self.emit(Drop(self.where))
        default = end
        for label in _labels(node.stmt):
            self.labels_of[id(label)] = target = self.new_label()
            if isinstance(label, c_ast.Default):
                default = target
            else:
                self.case(scrutinee, label, target)
        self.emit(Jump(self.where, default))
        self.breaks.append(end)
        self.statement(node.stmt)
        self.breaks.pop()
        self.mark(end)
        self.emit(Merge(self.where, loop=False))

    def case(self, scrutinee: str, label: c_ast.Case, target: int) -> None:
        """Go to a label if the scrutinee equals its constant."""
        self.emit(Local(self.where, scrutinee))
        self.emit(Load(self.where))
        self.value(label.expr)
        self.emit(Binary(self.where, "=="))
        self.emit(Branch(self.where, target, when=True))

    def _Case(self, node: c_ast.Case) -> None:
        self.mark(self.labels_of[id(node)])
        for inner in node.stmts or ():
            self.statement(inner)

    _Default = _Case

    def _Label(self, node: c_ast.Label) -> None:
        self.mark(self.label_named(node.name))
        self.emit(Merge(self.where, loop=True))
        self.statement(node.stmt)

    def _Goto(self, node: c_ast.Goto) -> None:
        if not isinstance(node.name, str):
            self.emit(Stop(self.where, "a computed goto"))
            return
        self.emit(Jump(self.where, self.label_named(node.name)))

    def label_named(self, name: str) -> int:
        """The label of a name; forward references are fine."""
        if name not in self.named:
            self.named[name] = self.new_label()
        return self.named[name]

    def _Break(self, node: c_ast.Break) -> None:
        self.leave(self.breaks)

    def _Continue(self, node: c_ast.Continue) -> None:
        self.leave(self.continues)

    def leave(self, targets: list[int]) -> None:
        """Jump to the innermost of the targets."""
        if targets:
            self.emit(Jump(self.where, targets[-1]))
        else:
            self.emit(Stop(self.where, "break or continue outside a loop"))

    def _Return(self, node: c_ast.Return) -> None:
        if node.expr is None:
            self.emit(Push(self.where, Opaque()))
        else:
            self.value(node.expr)
        self.emit(Return(self.where))


def _labels(node: c_ast.Node | None) -> list[c_ast.Node]:
    """The case and default labels of a switch's body, not those of switches inside it."""
    found = []
    for _, child in node.children() if node is not None else ():
        if isinstance(child, (c_ast.Case, c_ast.Default)):
            found.append(child)
        if not isinstance(child, c_ast.Switch):
            found += _labels(child)
    return found
