"""From expressions to code: values, lvalues and conditions (calls are in `calls`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from pycparser import c_ast

from convert.semantics.cint import INT, exact
from convert.semantics.constexpr import NotConstant, integer
from convert.semantics.interpreter.code import (
    Binary,
    Branch,
    Convert,
    Drop,
    Duplicate,
    Element,
    Field,
    Instruction,
    Jump,
    Load,
    Local,
    Push,
    Stop,
    Store,
    Unary,
    Under,
)
from convert.semantics.interpreter.names import Argument, Names, Variable
from convert.semantics.interpreter.program import LineOf, Program
from convert.semantics.interpreter.values import (
    TASK,
    FunctionName,
    Kind,
    Null,
    Opaque,
    Ref,
    Type,
    Value,
    Where,
)
from convert.semantics.stubs import Stubs

# Part of the names given to the single arguments of a variadic macro; no C name holds it.
SPREAD = "#"
_FIXED: dict[str, Value] = {
    "NULL": Null(),
    "true": exact(1),
    "false": exact(0),
    "current": Ref(TASK),  # <asm/current.h>
}


class Emitter(ABC):
    """Code under construction; jumps go to labels until `resolved`."""

    def __init__(self, program: Program, stubs: Stubs, path: str, line_of: LineOf) -> None:
        self.program = program
        self.stubs = stubs
        self.path = path
        self.line_of = line_of
        self.where = Where(path, 0)
        self.code: list[Instruction] = []
        self.types: dict[str, Type] = {}
        self.names = Names()
        self.expanding: tuple[str, ...] = ()
        self.targets: list[int] = []  # label -> index of its instruction
        self.labels_of: dict[int, int] = {}  # case and default labels by id of their node

    def emit(self, instruction: Instruction) -> None:
        """Append one instruction."""
        self.code.append(instruction)

    def new_label(self) -> int:
        """A label without a place yet."""
        self.targets.append(-1)
        return len(self.targets) - 1

    def mark(self, label: int) -> None:
        """Put a label here."""
        self.targets[label] = len(self.code)

    def at(self, node: c_ast.Node) -> None:
        """Following instructions stand for the line of this node."""
        if isinstance(node, c_ast.ID) and SPREAD in node.name:
            return  # stands for a macro's argument, which has a line of its own
        line = self.line_of(node)
        if line:
            self.where = Where(self.path, line)

    @abstractmethod
    def statement(self, node: c_ast.Node | None) -> None:
        """Lower a statement."""

    @abstractmethod
    def call(self, node: c_ast.FuncCall, used: bool, *, place: bool = False) -> None:
        """Lower a call; its value is pushed, and said to be ``used`` or not.

        place: push the lvalue that a macro expands to.
        """


class Expressions(Emitter):
    """Lowers expressions. Every method leaves exactly what its name says on the stack."""

    # -- entry points ------------------------------------------------------------------------

    def value(self, node: c_ast.Node) -> None:
        """Push the value of an expression."""
        self.at(node)
        lower = getattr(self, f"_value_{type(node).__name__}", None)
        if lower is None:
            self.unknown(node)
        else:
            lower(node)

    def effect(self, node: c_ast.Node) -> None:
        """Run an expression for its effects only."""
        self.at(node)
        if isinstance(node, c_ast.FuncCall):
            self.call(node, used=False)
        elif isinstance(node, c_ast.Cast) and self.is_void(node.to_type):
            self.effect(node.expr)
            return
        elif isinstance(node, c_ast.ExprList):
            for part in node.exprs:
                self.effect(part)
            return
        else:
            self.value(node)
        self.emit(Drop(self.where))

    def place(self, node: c_ast.Node) -> None:
        """Push the lvalue of an expression."""
        self.at(node)
        lower = getattr(self, f"_place_{type(node).__name__}", None)
        if lower is None:
            self.emit(Stop(self.where, f"an lvalue of kind {type(node).__name__}"))
            self.emit(Push(self.where, Opaque()))
        else:
            lower(node)

    def branch(self, node: c_ast.Node, target: int, *, when: bool, assertion: bool = False) -> None:
        """Go to a label if the truth of an expression is ``when``, else fall through."""
        if isinstance(node, c_ast.UnaryOp) and node.op == "!":
            self.branch(node.expr, target, when=not when, assertion=assertion)
        elif isinstance(node, c_ast.BinaryOp) and node.op in ("&&", "||"):
            decisive = node.op == "||"  # the truth of one side that settles the whole
            if decisive == when:
                self.branch(node.left, target, when=when, assertion=assertion)
                self.branch(node.right, target, when=when, assertion=assertion)
            else:
                past = self.new_label()
                self.branch(node.left, past, when=decisive, assertion=assertion)
                self.branch(node.right, target, when=when, assertion=assertion)
                self.mark(past)
        else:
            self.value(node)
            self.emit(Branch(self.where, target, when, assertion))

    def unknown(self, node: c_ast.Node) -> None:
        """A construct without a meaning here."""
        self.emit(Stop(self.where, f"{type(node).__name__} is not known to the interpreter"))
        self.emit(Push(self.where, Opaque()))

    def is_void(self, node: c_ast.Node) -> bool:
        """Whether a type is ``void``."""
        return self.program.type_of(node) is Kind.VOID

    # -- names -------------------------------------------------------------------------------

    def _value_ID(self, node: c_ast.ID) -> None:
        meaning = self.names.find(node.name)
        if isinstance(meaning, Variable):
            self.emit(Local(self.where, meaning.unique))
            if meaning.ctype is not Kind.ARRAY:
                self.emit(Load(self.where))
        elif isinstance(meaning, Argument):
            self.argument(meaning, self.value)
        else:
            self.outside(node.name)

    def _place_ID(self, node: c_ast.ID) -> None:
        meaning = self.names.find(node.name)
        if isinstance(meaning, Variable):
            self.emit(Local(self.where, meaning.unique))
        elif isinstance(meaning, Argument):
            self.argument(meaning, self.place)
        else:
            self.emit(Push(self.where, Opaque(nonzero=True)))

    def argument(self, meaning: Argument, lower: Callable[[c_ast.Node], None]) -> None:
        """Lower a macro's argument where its parameter stands."""
        saved = self.names, self.path, self.line_of, self.where, self.expanding
        self.names, self.path, self.line_of = meaning.names, meaning.path, meaning.line_of
        self.expanding = meaning.expanding
        lower(meaning.node)
        self.names, self.path, self.line_of, self.where, self.expanding = saved

    def outside(self, name: str) -> None:
        """The value of a name that is no local: a constant, a macro, a function, a global."""
        if name in _FIXED:
            self.emit(Push(self.where, _FIXED[name]))
            return
        try:
            self.emit(Push(self.where, self.program.constants.value(name)))
            return
        except NotConstant:
            pass  # not a constant: look on
        macros = [m for m in self.program.macros.get(name, ()) if m.parameters is None]
        if len(macros) == 1 and len(macros[0].statements) == 1 and name not in self.expanding:
            saved = self.line_of, self.expanding
            self.line_of = _no_line  # the line executed is the one that uses the constant
            self.expanding = (*self.expanding, name)
            self.value(macros[0].statements[0])
            self.line_of, self.expanding = saved
        elif name in self.program.functions:
            self.emit(Push(self.where, FunctionName(name)))
        else:
            self.emit(Push(self.where, Opaque()))

    # -- operands ----------------------------------------------------------------------------

    def _value_Constant(self, node: c_ast.Constant) -> None:
        if node.type == "string":
            self.emit(Push(self.where, Opaque(nonzero=True)))
            return
        try:
            self.emit(Push(self.where, integer(node.value)))
        except NotConstant:
            self.emit(Push(self.where, Opaque()))  # a character or floating constant

    def _value_StringConcat(self, node: c_ast.Node) -> None:
        self.emit(Push(self.where, Opaque(nonzero=True)))

    def _value_UnaryOp(self, node: c_ast.UnaryOp) -> None:
        if node.op in ("sizeof", "_Alignof", "__alignof__"):
            self.emit(Push(self.where, Opaque(nonzero=True)))  # its operand is not evaluated
        elif node.op == "&":
            self.address(node.expr)
        elif node.op == "*":
            self.value(node.expr)
            self.emit(Load(self.where))
        elif node.op in ("++", "--", "p++", "p--"):
            self.step(node)
        elif node.op in ("~", "-", "+", "!"):
            self.value(node.expr)
            self.emit(Unary(self.where, node.op))
        else:
            self.unknown(node)

    def address(self, node: c_ast.Node) -> None:
        """The value of ``&node``."""
        if isinstance(node, c_ast.ID) and self.names.find(node.name) is None:
            name = node.name in self.program.functions
            self.emit(Push(self.where, FunctionName(node.name) if name else Opaque(nonzero=True)))
        else:
            self.place(node)

    def step(self, node: c_ast.UnaryOp) -> None:
        """Increment and decrement, before or after use."""
        op = "+" if "+" in node.op else "-"
        self.place(node.expr)
        if node.op.startswith("p"):
            # The value before the step stays below the lvalue that the step then uses.
            self.emit(Duplicate(self.where))
            self.emit(Load(self.where))
            self.place(node.expr)
        self.emit(Duplicate(self.where))
        self.emit(Load(self.where))
        self.emit(Push(self.where, exact(1)))
        self.emit(Binary(self.where, op))
        self.emit(Store(self.where, _member(node.expr)))
        if node.op.startswith("p"):
            self.emit(Drop(self.where))
            self.emit(Under(self.where))

    def _value_BinaryOp(self, node: c_ast.BinaryOp) -> None:
        if node.op in ("&&", "||"):
            self.truth(node)
            return
        self.value(node.left)
        self.value(node.right)
        self.emit(Binary(self.where, node.op))

    def truth(self, node: c_ast.Node) -> None:
        """The value of a logical operator: 0 or 1."""
        false, end = self.new_label(), self.new_label()
        self.branch(node, false, when=False)
        self.emit(Push(self.where, exact(1, INT)))
        self.emit(Jump(self.where, end))
        self.mark(false)
        self.emit(Push(self.where, exact(0, INT)))
        self.mark(end)

    def _value_TernaryOp(self, node: c_ast.TernaryOp) -> None:
        false, end = self.new_label(), self.new_label()
        if node.iftrue is None:  # GNU `a ?: b`: a is evaluated once
            self.value(node.cond)
            self.emit(Duplicate(self.where))
            self.emit(Branch(self.where, end, when=True))
            self.emit(Drop(self.where))
            self.value(node.iffalse)
            self.mark(end)
            return
        self.branch(node.cond, false, when=False)
        self.value(node.iftrue)
        self.emit(Jump(self.where, end))
        self.mark(false)
        self.value(node.iffalse)
        self.mark(end)

    def _value_Cast(self, node: c_ast.Cast) -> None:
        self.value(node.expr)
        self.emit(Convert(self.where, self.program.type_of(node.to_type)))

    def _value_ExprList(self, node: c_ast.ExprList) -> None:
        for part in node.exprs[:-1]:
            self.effect(part)
        self.value(node.exprs[-1])

    def _value_Assignment(self, node: c_ast.Assignment) -> None:
        self.place(node.lvalue)
        if node.op != "=":
            self.emit(Duplicate(self.where))
            self.emit(Load(self.where))
        self.value(node.rvalue)
        if node.op != "=":
            self.emit(Binary(self.where, node.op[:-1]))
        self.emit(Store(self.where, _member(node.lvalue)))

    def _value_FuncCall(self, node: c_ast.FuncCall) -> None:
        self.call(node, used=True)

    def _value_Compound(self, node: c_ast.Compound) -> None:
        """A GNU statement expression: worth its last expression."""
        items = list(node.block_items or ())
        self.names = Names(self.names)
        for item in items[:-1]:
            self.statement(item)
        if items and not isinstance(items[-1], (c_ast.Decl, c_ast.If, c_ast.Compound)):
            self.value(items[-1])
        else:
            self.statement(items[-1] if items else None)
            self.emit(Push(self.where, Opaque()))
        assert self.names.outer is not None
        self.names = self.names.outer

    # -- members and elements ----------------------------------------------------------------

    def _value_StructRef(self, node: c_ast.StructRef) -> None:
        self.place(node)
        self.emit(Load(self.where))

    def _place_StructRef(self, node: c_ast.StructRef) -> None:
        if node.type == "->":
            self.value(node.name)
        else:
            self.place(node.name)
        self.emit(Field(self.where, node.field.name))

    def _value_ArrayRef(self, node: c_ast.ArrayRef) -> None:
        self.place(node)
        self.emit(Load(self.where))

    def _place_ArrayRef(self, node: c_ast.ArrayRef) -> None:
        self.value(node.name)
        self.value(node.subscript)
        self.emit(Element(self.where))

    def _place_UnaryOp(self, node: c_ast.UnaryOp) -> None:
        if node.op == "*":
            self.value(node.expr)
        else:
            self.emit(Stop(self.where, f"an lvalue made by {node.op}"))
            self.emit(Push(self.where, Opaque()))

    def _place_FuncCall(self, node: c_ast.FuncCall) -> None:
        self.call(node, used=True, place=True)

    def _place_Cast(self, node: c_ast.Cast) -> None:
        self.place(node.expr)


def _no_line(node: c_ast.Node) -> int:
    return 0


def _member(node: c_ast.Node) -> str | None:
    return node.field.name if isinstance(node, c_ast.StructRef) else None
