"""One function in one ``#if`` variant: its statements, the points of its flow, what hides in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.control import Flow, Role
from convert.flow.terms import call_name
from convert.rules.placing.model import Surroundings, Unplaceable
from convert.source.edits import Span
from convert.source.nodes import Asm, ComputedGoto, MacroBlock, MacroLoop, nodes_of
from convert.source.parse import Call, Disagreement, Item, ParsedFile, agreed_call
from convert.source.variants import Variant

_JUMPS = (c_ast.Return, c_ast.Goto, c_ast.Break, c_ast.Continue)
_BLOCKS = (c_ast.Compound, c_ast.Case, c_ast.Default, MacroBlock)


@dataclass(frozen=True, eq=False)
class Body:
    """A function whose flow is known. Make it with `body_of`."""

    parsed: ParsedFile
    item: Item
    variant: Variant
    routine: Routine

    @property
    def text(self) -> str:
        """The text of the file."""
        return self.parsed.source.text

    @property
    def block(self) -> c_ast.Compound:
        """The outermost block."""
        return self.variant.root.body

    @property
    def flow(self) -> Flow:
        """What can follow what."""
        return self.routine.flow

    def span(self, node: c_ast.Node) -> Span:
        """The bytes of a statement, its semicolon included, or of an expression."""
        return self._statement_spans.get(id(node)) or self.variant.span_of(node)

    @cached_property
    def _statement_spans(self) -> dict[int, Span]:
        return {id(one.node): one.span for one in self.variant.statements}

    @cached_property
    def statement_kinds(self) -> dict[int, str]:
        """The kinds of all statements by the identity of their nodes."""
        return {id(one.node): one.kind for one in self.variant.statements}

    def line(self, offset: int) -> int:
        """The 1-based line of an offset."""
        return self.parsed.source.line(offset)

    def stop(self, place: c_ast.Node | int, missing: str) -> Unplaceable:
        """What to raise because of a node or an offset."""
        line = self.line(place) if isinstance(place, int) else self.routine.line(place)
        return Unplaceable(line, missing, self.parsed.source.path)

    @cached_property
    def points(self) -> dict[int, int]:
        """The number of the flow's point that evaluates a node, by the node's identity."""
        found: dict[int, int] = {}
        for point in self.flow.points:
            for node in nodes_of(point.code):
                found.setdefault(id(node), point.index)
        return found

    def call_at(self, offset: int) -> Call:
        """The call whose name starts at an offset."""
        call = agreed_call(self.item, offset)
        if isinstance(call, Disagreement):
            raise self.stop(offset, call.reason)
        own = [one for one in self.variant.calls if one.callee_span.start == offset]
        if call is None or not own:
            raise self.stop(offset, "no call starts there in every #if variant")
        return own[-1]

    def parent(self, node: c_ast.Node) -> c_ast.Node | None:
        """The node around a node."""
        return self.variant.parent_of(node)

    def statement(self, node: c_ast.Node) -> c_ast.Node:
        """The innermost statement that holds an expression (or is the node itself)."""
        inner: c_ast.Node | None = node
        while inner is not None and id(inner) not in self.statement_kinds:
            inner = self.parent(inner)
        if inner is None:
            raise self.stop(node, "no statement holds the call")
        return inner

    def is_plain(self, statement: c_ast.Node) -> bool:
        """Whether a statement is an expression with a semicolon."""
        return self.statement_kinds.get(id(statement)) == "Expression"

    def holder(self, statement: c_ast.Node) -> tuple[c_ast.Node, c_ast.Node]:
        """What holds a statement, and the statement or its label as it stands there."""
        child = statement
        parent = self.parent(child)
        while isinstance(parent, c_ast.Label):
            child, parent = parent, self.parent(parent)
        if parent is None:
            raise self.stop(statement, "the statement stands in no block")
        return parent, child

    def is_in_block(self, statement: c_ast.Node) -> bool:
        """Whether a statement may have neighbours; else it is the body of an ``if`` or loop."""
        return isinstance(self.holder(statement)[0], _BLOCKS)

    def following(self, statement: c_ast.Node) -> c_ast.Node | None:
        """The next statement of the block, if there is one."""
        parent, child = self.holder(statement)
        items = items_of(parent)
        numbers = [number for number, item in enumerate(items) if item is child]
        if not numbers or numbers[0] + 1 >= len(items):
            return None
        return items[numbers[0] + 1]

    def nodes(self) -> Iterator[c_ast.Node]:
        """All nodes of the body."""
        return nodes_of(self.block)


def items_of(node: c_ast.Node) -> list[c_ast.Node]:
    """The statements of a block."""
    match node:
        case c_ast.Compound(block_items=items) | MacroBlock(block_items=items):
            return list(items or ())
        case c_ast.Case(stmts=items) | c_ast.Default(stmts=items):
            return list(items or ())
    return []


def branch_of(parent: c_ast.Node, child: c_ast.Node) -> tuple[bool, bool]:
    """Of the body of an ``if`` or loop: whether it is an ``else``, and whether one follows it."""
    if isinstance(parent, c_ast.If):
        return parent.iffalse is child, parent.iftrue is child and parent.iffalse is not None
    return False, False


def bodies_of(parsed: ParsedFile, item: Item, around: Surroundings) -> tuple[Body, ...]:
    """A function in all its variants. Raises Unplaceable for jumps that the flow does not know."""
    found = []
    for variant in item.variants:
        root = variant.root
        if not isinstance(root, c_ast.FuncDef) or not isinstance(root.decl, c_ast.Decl):
            text = f"{item.name} is not headed by a plain declaration"
            raise Unplaceable(item.line, text, parsed.source.path)
        key = FunctionKey("", item.name)
        routine = Routine(key, parsed.source, item, variant, around.traps)
        body = Body(parsed, item, variant, routine)
        _refuse_hidden_jumps(body, around)
        found.append(body)
    return tuple(found)


def _refuse_hidden_jumps(body: Body, around: Surroundings) -> None:
    labels = {node.name for node in body.nodes() if isinstance(node, c_ast.Label)}
    for node in body.nodes():
        if isinstance(node, ComputedGoto):
            raise body.stop(node, "a computed goto")
    for node in body.nodes():
        name = call_name(node)
        if isinstance(node, Asm) and "goto" in body.span(node).of(body.text).split("(")[0]:
            raise body.stop(node, "an assembler statement that may jump")
        if name in around.jumping:
            raise body.stop(node, f"the macro {name}() may return or jump")
        if isinstance(node, c_ast.ID) and node.name in labels and not _is_variable(body, node):
            raise body.stop(node, f"the label {node.name} is handed to a macro")
    for point in body.flow.points:
        for node in nodes_of(point.code):
            if isinstance(node, _JUMPS) and not (point.role is Role.RETURN and node is point.code):
                raise body.stop(node, "a jump or return inside of an expression")


def _is_variable(body: Body, node: c_ast.ID) -> bool:
    """Whether a name that is also a label's means a function, a variable or a member here."""
    parent = body.parent(node)
    if isinstance(parent, c_ast.FuncCall) and parent.name is node:
        return True
    member = isinstance(parent, c_ast.StructRef) and parent.field is node
    return member or isinstance(parent, c_ast.NamedInitializer) or node.name in body.routine.types


def leaves(node: c_ast.Node | None) -> bool:
    """Whether no way leads from a statement to the one behind it, as far as its shape tells."""
    match node:
        case c_ast.Goto() | c_ast.Return() | c_ast.Break() | c_ast.Continue():
            return True
        case c_ast.Compound(block_items=[*_, last]):
            return leaves(last)
        case c_ast.If(iftrue=then, iffalse=other):
            return leaves(then) and leaves(other)
        case c_ast.Label(stmt=inner):
            return leaves(inner)
    return False


def function_at(parsed: ParsedFile, name: str, start: int) -> Item:
    """The function of a name whose definition starts at an offset. Raises Unplaceable."""
    for item in parsed.functions:
        if item.name == name and start in item.span:
            return item
    line = parsed.source.line(min(start, max(0, len(parsed.source.text) - 1)))
    raise Unplaceable(line, f"{name}() could not be read there", parsed.source.path)


__all__ = [
    "Body", "MacroLoop", "bodies_of", "branch_of", "function_at", "items_of", "leaves",
]  # fmt: skip
