"""The declared types of expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import Routine, routines_of
from convert.flow.graph.headers import Headers
from convert.flow.graph.program import Program
from convert.flow.graph.types import Types
from convert.flow.terms import UNKNOWN_TYPE, TypeRef, arguments, call_name
from convert.source.nodes import CodeArgument
from convert.source.parse import ParsedFile

Bound = Mapping[str, TypeRef]
_DEEPEST = 12
_INT = TypeRef("int")


@dataclass
class Typing:
    """Answers what type an expression has; unknown where a declaration was not read.

    Macros are typed by their bodies, with the types of what they are given.
    """

    program: Program
    headers: Headers
    _locals: dict[Routine, dict[str, TypeRef]] = field(default_factory=dict)
    _macros: dict[str, tuple[Routine, ...]] = field(default_factory=dict)

    @property
    def types(self) -> Types:
        """The declared types."""
        return self.program.types

    def locals(self, routine: Routine) -> dict[str, TypeRef]:
        """The types of a routine's parameters and variables; two of one name have none."""
        known = self._locals.get(routine)
        if known is None:
            known = {name: UNKNOWN_TYPE for name in routine.parameters if routine.is_macro}
            for declarator in routine.variant.declarators:
                if not declarator.name or declarator.node is routine.variant.root:
                    continue
                node = declarator.node
                if node is getattr(routine.variant.root, "decl", None):
                    continue
                is_function = isinstance(getattr(node, "type", None), c_ast.FuncDecl)
                if is_function and not declarator.is_parameter:
                    continue  # `extern int f(int);` inside a function
                kind = self._declared(routine, node, known)
                if known.setdefault(declarator.name, kind) != kind:
                    known[declarator.name] = UNKNOWN_TYPE
            self._locals[routine] = known
        return known

    def no_locals(self, routine: Routine) -> None:
        """A file-level declaration has none."""
        self._locals[routine] = {}

    def _declared(self, routine: Routine, node: c_ast.Node, known: Bound) -> TypeRef:
        stars = 0
        inner = node
        while isinstance(inner, (c_ast.Decl, c_ast.TypeDecl, c_ast.PtrDecl, c_ast.ArrayDecl)):
            stars += isinstance(inner, (c_ast.PtrDecl, c_ast.ArrayDecl))
            inner = inner.type
        if isinstance(inner, c_ast.TypeOf):
            found = self.type_of(routine, inner.expr, 1, known)
            return TypeRef(found.base, found.stars + stars)
        unnamed = f"struct {routine.path}:{routine.key.name}.{node.name}"
        if isinstance(inner, (c_ast.Struct, c_ast.Union)) and inner.decls is not None:
            self.types.structure(inner, unnamed)
        return self.types.reference(node, unnamed)

    # -- expressions ---------------------------------------------------------------------------

    def type_of(
        self, routine: Routine, node: c_ast.Node | None, depth: int = 0, bound: Bound | None = None
    ) -> TypeRef:
        """The type of an expression of a routine. ``bound``: types of names, for a macro's body."""
        if node is None or depth > _DEEPEST:
            return UNKNOWN_TYPE
        match node:
            case c_ast.ID(name=name):
                return self._name(routine, name, depth, bound)
            case c_ast.StructRef(name=base, field=member):
                return self.types.member(self.type_of(routine, base, depth + 1, bound), member.name)
            case c_ast.ArrayRef(name=base):
                return self._pointed(self.type_of(routine, base, depth + 1, bound))
            case c_ast.Cast(to_type=target) | c_ast.CompoundLiteral(type=target):
                return self._named(routine, target, depth, bound)
            case c_ast.Typename():
                return self._named(routine, node, depth, bound)
            case c_ast.UnaryOp(op=op, expr=inner):
                return self._unary(routine, op, inner, depth, bound)
            case c_ast.BinaryOp(op="+" | "-", left=left, right=right):
                found = self.type_of(routine, left, depth + 1, bound)
                if found.stars or found == UNKNOWN_TYPE:
                    return found
                other = self.type_of(routine, right, depth + 1, bound)
                return other if other.stars else found
            case c_ast.TernaryOp(iftrue=then, iffalse=other):
                found = self.type_of(routine, then, depth + 1, bound) if then else UNKNOWN_TYPE
                if found.base in ("?", "void", "int"):
                    return self.type_of(routine, other, depth + 1, bound)
                return found
            case c_ast.Assignment(lvalue=target):
                return self.type_of(routine, target, depth + 1, bound)
            case c_ast.ExprList(exprs=[*_, last]):
                return self.type_of(routine, last, depth + 1, bound)
            case c_ast.FuncCall():
                return self._call(routine, node, depth, bound)
            case c_ast.Compound(block_items=[*items, last]):
                return self._block(routine, items, last, depth, bound)
            case CodeArgument(parts=[*items, last]):
                return self._block(routine, items, last, depth, bound)
            case c_ast.Constant(type=kind) if kind != "string":
                return _INT
        return UNKNOWN_TYPE

    def _block(
        self,
        routine: Routine,
        items: list[c_ast.Node],
        last: c_ast.Node,
        depth: int,
        bound: Bound | None,
    ) -> TypeRef:
        inner = dict(bound or {})
        for item in items:
            for one in item.decls if isinstance(item, c_ast.DeclList) else [item]:
                if isinstance(one, c_ast.Decl) and one.name:
                    inner[one.name] = self._declared(routine, one, inner)
        return self.type_of(routine, last, depth + 1, inner)

    def _name(self, routine: Routine, name: str, depth: int, bound: Bound | None) -> TypeRef:
        if bound is not None and name in bound:
            return bound[name]
        known = self.locals(routine)
        if name in known:
            return known[name]
        types = self.types
        for home in (*self.program.homes.get(routine.path, (routine.path,)), ""):
            if (home, name) in types.variables:
                return types.variables[home, name]
            if (home, name) in types.results:
                return types.results[home, name]
        for constant in self.program.constant(routine.path, name):
            return self.type_of(constant, constant.variant.root, depth + 1)
        return _INT if name in types.enumerators else UNKNOWN_TYPE

    def _named(
        self, routine: Routine, node: c_ast.Node, depth: int, bound: Bound | None
    ) -> TypeRef:
        """A type name; in a macro a parameter may stand for it."""
        inner = node
        stars = 0
        while isinstance(inner, (c_ast.Typename, c_ast.TypeDecl, c_ast.PtrDecl, c_ast.ArrayDecl)):
            stars += isinstance(inner, (c_ast.PtrDecl, c_ast.ArrayDecl))
            inner = inner.type
        if isinstance(inner, c_ast.TypeOf):
            found = self.type_of(routine, inner.expr, depth + 1, bound)
            return TypeRef(found.base, found.stars + stars)
        found = self.types.reference(node)
        if bound is not None and found.base in bound:
            given = bound[found.base]
            return TypeRef(given.base, given.stars + found.stars)
        return found

    def _pointed(self, kind: TypeRef) -> TypeRef:
        plain = kind if kind.stars else self.types.plain(kind)
        return plain.pointed

    def _unary(
        self, routine: Routine, op: str, inner: c_ast.Node, depth: int, bound: Bound | None
    ) -> TypeRef:
        if op in ("sizeof", "!", "~", "-", "_Alignof"):
            return _INT
        found = self.type_of(routine, inner, depth + 1, bound)
        if op == "*":
            return self._pointed(found)
        if op == "&" and found != UNKNOWN_TYPE:
            return TypeRef(found.base, found.stars + 1)
        return found

    # -- calls ---------------------------------------------------------------------------------

    def _call(
        self, routine: Routine, node: c_ast.FuncCall, depth: int, bound: Bound | None
    ) -> TypeRef:
        name = call_name(node)
        if name is None or name in self.locals(routine):
            signature = self.types.signature(self.type_of(routine, node.name, depth + 1, bound))
            return signature.returns if signature is not None else UNKNOWN_TYPE
        for key in self.program.keys(routine.path, name):
            called = self.program.routines[key][0]
            if called.is_macro:
                return self._macro(called, routine, node, depth, bound)
            return self.types.reference(called.variant.root.decl.type.type)
        declared = self.types.results.get((routine.path, name)) or self.types.results.get(
            ("", name)
        )
        if declared is not None:
            signature = self.types.signature(declared)
            return signature.returns if signature is not None else UNKNOWN_TYPE
        for called in self._outside(name):
            if called.is_macro:
                return self._macro(called, routine, node, depth, bound)
            return self.types.reference(called.variant.root.decl.type.type)
        return UNKNOWN_TYPE

    def _macro(
        self,
        called: Routine,
        routine: Routine,
        node: c_ast.FuncCall,
        depth: int,
        bound: Bound | None,
    ) -> TypeRef:
        given = {
            name: self.type_of(routine, argument, depth + 1, bound)
            for name, argument in zip(called.parameters, arguments(node), strict=False)
        }
        return self.type_of(called, called.variant.root, depth + 1, given)

    def _outside(self, name: str) -> tuple[Routine, ...]:
        """Macros and inlines of the kernel's headers, for their types only."""
        known = self._macros.get(name)
        if known is None:
            files = self.headers.macro(name) or self.headers.inline(name)
            known = tuple(one for file in files for one in routines_of(file, frozenset()))
            self._macros[name] = known
        return known

    def initialiser_macros(self, name: str) -> tuple[ParsedFile, ...]:
        """The macros of a name in the kernel's headers whose bodies are ``{ … }``."""
        return tuple(
            file
            for file in self.headers.macro(name)
            if any(isinstance(item.variants[0].root, c_ast.InitList) for item in file.macros)
        )
