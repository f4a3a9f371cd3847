"""Types of expressions: what ``sizeof(*p)`` or a member's name refers to."""

from __future__ import annotations

from collections.abc import Sequence

from pycparser import c_ast

from convert.semantics.cint import UINT, CType
from convert.semantics.constants import KERNEL_TYPEDEFS
from convert.semantics.constexpr import BASIC_TYPES
from convert.semantics.sizing.definitions import MacroText
from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.locals import declared
from convert.semantics.sizing.macro_text import expansion
from convert.semantics.sizing.places import Node, TypeRef, Where
from convert.semantics.sizing.type_sizes import TypeReader, basic_words

_MAX_DEPTH = 48


class ExpressionTypes:
    """Reads the types of expressions; a type that depends on ``#if`` is one of several."""

    def __init__(self, types: TypeReader) -> None:
        self.types = types
        self.index = types.index
        self.fragments = types.fragments
        self._depth = 0

    def typed(self, node: Node, where: Where) -> tuple[TypeRef, ...]:
        """The type of an expression, as one of several; empty if it is not known."""
        match node:
            case c_ast.ID():
                return self._typed_name(node, where)
            case c_ast.StructRef():
                return tuple(TypeRef(d.type, place) for d, place in self.members(node, where))
            case c_ast.ArrayRef():
                return self.pointed(self.typed(node.name, where))
            case c_ast.UnaryOp(op="*"):
                return self.pointed(self.typed(node.expr, where))
            case c_ast.UnaryOp(op="&"):
                return tuple(
                    TypeRef(c_ast.PtrDecl([], ref.node), ref.where)
                    for ref in self.typed(node.expr, where)
                )
            case c_ast.UnaryOp(op="p++" | "p--" | "++" | "--"):
                return self.typed(node.expr, where)
            case c_ast.Cast():
                return (TypeRef(node.to_type, where),)
            case c_ast.CompoundLiteral():
                return (TypeRef(node.type, where),)
            case c_ast.Assignment():
                return self.typed(node.lvalue, where)
            case c_ast.BinaryOp(op="+" | "-"):
                left = self.typed(node.left, where)
                return left if self.pointed(left) else ()
            case c_ast.FuncCall():
                return self._typed_call(node, where)
        return ()

    def members(self, node: Node, where: Where) -> tuple[tuple[Node, Where], ...]:
        """The declarations of the member that ``a->b`` or ``a.b`` names; empty if not known."""
        base = self.typed(node.name, where)
        if node.type == "->":
            base = self.pointed(base)
        return tuple(pair for ref in base for pair in self.types.fields(ref, node.field.name))

    def pointed(self, refs: Sequence[TypeRef]) -> tuple[TypeRef, ...]:
        """What pointers and arrays of these types hold."""
        found: list[TypeRef] = []
        for ref in refs:
            node = ref.node
            while isinstance(node, (c_ast.Typename, c_ast.Decl, c_ast.TypeDecl, c_ast.Typedef)):
                node = node.type
            if isinstance(node, (c_ast.PtrDecl, c_ast.ArrayDecl)):
                found.append(TypeRef(node.type, ref.where))
            elif isinstance(node, c_ast.IdentifierType) and len(node.names) == 1:
                found += self.pointed(self.types.definitions.typedef_refs(node.names[0], ref.where))
            elif isinstance(node, c_ast.TypeOf):
                found += self.pointed(self.types.typeof(node, ref.where))
        return tuple(found)

    def _typed_name(self, node: Node, where: Where) -> tuple[TypeRef, ...]:
        if where.frame is not None:
            found = declared(where.frame, node.name, node)
            if found:
                return tuple(TypeRef(d.node.type, where.frame.place(d.variant)) for d in found)
        macros = self.index.macros(node.name, where.path)
        if len(macros) == 1 and macros[0].parameters is None and self._depth < _MAX_DEPTH:
            return self._typed_text(macros[0], (), node, where)
        return ()

    def _typed_call(self, node: Node, where: Where) -> tuple[TypeRef, ...]:
        call = where.call(node)
        if call is None or call.callee is None or self._depth > _MAX_DEPTH:
            return ()
        macros = self.index.macros(call.callee, where.path)
        if len(macros) == 1 and macros[0].parameters is not None:
            texts = [slot.span.of(where.source.text) for slot in call.slots]
            return self._typed_text(macros[0], texts, node, where)
        cuts = () if macros else self.index.functions(call.callee, where.path)
        if len(cuts) != 1:
            return ()
        try:
            place = self.fragments.cut(cuts[0], call.callee)
        except NoLayout:
            return ()
        root = place.variant.root
        return (TypeRef(root.decl.type.type, place),) if isinstance(root, c_ast.FuncDef) else ()

    def _typed_text(
        self, macro: MacroText, arguments: Sequence[str], node: Node, where: Where
    ) -> tuple[TypeRef, ...]:
        self._depth += 1
        try:
            text = expansion(macro, arguments)
            inner, place = self.fragments.expression(text, where, where.line(node))
            return self.typed(inner, place)
        except NoLayout:
            return ()
        finally:
            self._depth -= 1

    def ctype(self, refs: Sequence[TypeRef]) -> CType | None:
        """The integer type that types stand for; None for others and where they differ."""
        found = {self._integer(ref, 0) for ref in refs}
        return found.pop() if len(found) == 1 else None

    def _integer(self, ref: TypeRef, depth: int) -> CType | None:
        node = ref.node
        while isinstance(node, (c_ast.Typename, c_ast.Decl, c_ast.TypeDecl, c_ast.Typedef)):
            node = node.type
        if isinstance(node, c_ast.Enum):
            return UINT
        if not isinstance(node, c_ast.IdentifierType) or depth > 32:
            return None
        basic = BASIC_TYPES.get(basic_words(node.names)) or BASIC_TYPES.get(frozenset(node.names))
        name = " ".join(node.names)
        if basic is not None or name in KERNEL_TYPEDEFS:
            return basic or KERNEL_TYPEDEFS[name]
        found = {
            self._integer(inner, depth + 1)
            for inner in self.types.definitions.typedef_refs(name, ref.where)
        }
        return found.pop() if len(found) == 1 else None


def type_text(refs: Sequence[TypeRef]) -> str:
    """How a type is written, for messages."""
    node = refs[0].node if refs else None
    while isinstance(node, (c_ast.Typename, c_ast.Decl, c_ast.TypeDecl, c_ast.Typedef)):
        node = node.type
    if isinstance(node, c_ast.IdentifierType):
        return " ".join(node.names)
    return f"enum {node.name}" if isinstance(node, c_ast.Enum) and node.name else "an integer"
