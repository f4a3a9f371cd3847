"""Declarations: specifiers, declarators, structs, enums and initialisers, with extents of parts."""

from __future__ import annotations

from typing import Any

from pycparser import c_ast
from pycparser.c_parser import (
    _FUNCTION_SPEC,
    _STORAGE_CLASS,
    _TYPE_QUALIFIER,
    _TYPE_SPEC_SIMPLE,
)

from convert.source.grammar import (
    DECLARATION_STARTS,
    DeclaratorRecord,
    Extent,
    Node,
    StatementRecord,
)
from convert.source.initializers import InitializerParser

_NAMES = ("ID", "TYPEID")


class DeclarationParser(InitializerParser):
    """Productions for declarations and types."""

    # Specifiers.

    def _specifiers(self, storage: bool) -> dict[str, list[Any]]:
        """The specifiers at the current token; refuses if there are none."""
        spec: dict[str, list[Any]] = {
            "qual": [], "storage": [], "type": [], "function": [], "alignment": [],
            "type_attributes": [],
        }  # fmt: skip
        first = self._pos
        types = self._types
        while True:
            kind = types[self._pos]
            if kind in _TYPE_QUALIFIER:
                spec["qual"].append(self._values[self._pos])
                self._pos += 1
            elif kind in _TYPE_SPEC_SIMPLE or (kind == "TYPEID" and not spec["type"]):
                at = self._pos
                self._pos = at + 1
                spec["type"].append(c_ast.IdentifierType([self._values[at]], (at, at + 1)))
            elif storage and kind in _STORAGE_CLASS:
                spec["storage"].append("static" if kind == "STATIC" else self._values[self._pos])
                self._pos += 1
            elif storage and kind in _FUNCTION_SPEC:
                spec["function"].append(self._values[self._pos])
                self._pos += 1
            elif kind in _COMPLEX_SPECIFIERS:
                spec["type"].append(getattr(self, _COMPLEX_SPECIFIERS[kind])())
            elif kind == "_ALIGNAS":
                spec["alignment"].append(self._parse_alignment_specifier())
            elif kind == "ID" and not spec["type"] and self._unknown_type():
                at = self._pos
                self._pos = at + 1
                spec["type"].append(c_ast.IdentifierType([self._values[at]], (at, at + 1)))
            else:
                break
        if self._pos == first:
            self._refuse("expected a type")
        return spec

    def _unknown_type(self) -> bool:
        """Outside bodies: whether a name that is no known type can only be one."""
        if self._strict:
            return False
        at = self._pos + 1
        while self._types[at] in ("TIMES", "CONST", "VOLATILE", "RESTRICT"):
            at += 1
        if self._types[at] in _NAMES:
            return True
        if self._types[at] == "LPAREN":  # name (*pointer)(…)
            return at == self._pos + 1 and self._types[at + 1] == "TIMES"
        return at > self._pos + 1

    def _parse_specifier_qualifier_list(self) -> Any:
        spec = self._specifiers(storage=False)
        if not spec["type"]:
            self._refuse("expected a type")
        return spec

    def _parse_typeof_specifier(self) -> Node:
        first = self._pos
        node = super()._parse_typeof_specifier()
        node.coord = (first, self._pos)
        return node

    def _typeof_member(self) -> Node:
        first = self._pos
        self._pos = first + 1
        self._take("LPAREN")
        target = self._parse_type_name()
        self._take("COMMA")
        member = self._parse_offsetof_member_designator()
        self._take("RPAREN")
        parts = c_ast.ExprList([target, member], (first + 2, self._pos - 1))
        return c_ast.TypeOf(self._values[first], parts, (first, self._pos))

    def _parse_type_name(self) -> Node:
        first = self._pos
        spec = self._parse_specifier_qualifier_list()
        start = self._pos
        declarator, name = self._declarator(abstract=True)
        if name is not None:
            self._refuse("a name in a type name", name)
        node = self._build_type_name(spec, declarator, (first, self._pos))
        node.coord = (first, self._pos)
        if declarator is None:
            node.type.coord = (start, start)
        return node

    def _made(
        self, spec: dict[str, list[Any]], declarator: Node, init: Node = None, bits: Node = None
    ) -> Node:
        """A Decl or Typedef with its type in place: what pycparser's builders do, in one step."""
        node: Node
        if "typedef" in spec["storage"]:
            node = c_ast.Typedef(None, spec["qual"], spec["storage"], declarator)
        else:
            node = c_ast.Decl(
                None, spec["qual"], spec["alignment"], spec["storage"], spec["function"],
                declarator, init, bits,
            )  # fmt: skip
        return self._fix_decl_name_type(node, spec["type"])

    def _fix_decl_name_type(self, decl: Node, typename: list[Node]) -> Node:
        """Hang the type below the declarator; refuses more types than one, unless all are words."""
        inner = decl
        while type(inner) is not c_ast.TypeDecl:
            inner = inner.type
        if len(typename) == 1 and type(typename[0]) in _PLAIN_TYPES:
            decl.name = inner.declname
            inner.quals = decl.quals[:]
            inner.type = typename[0]
            if type(typename[0]) is c_ast.IdentifierType:  # each declarator has its own
                inner.type = c_ast.IdentifierType(typename[0].names, typename[0].coord)
            return decl
        fixed = super()._fix_decl_name_type(decl, typename)
        if len(typename) > 1 and isinstance(inner.type, c_ast.IdentifierType):
            inner.type.coord = (typename[0].coord[0], typename[-1].coord[1])
        return fixed

    def _parse_pointer(self) -> Node:
        """`* const *`: the outermost pointer is the last star."""
        node = None
        while self._types[self._pos] == "TIMES":
            first = self._pos
            self._pos = first + 1
            quals: list[str] = []
            while self._types[self._pos] in _TYPE_QUALIFIER:
                quals.append(self._values[self._pos])
                self._pos += 1
            node = c_ast.PtrDecl(quals, node, (first, self._pos))
        return node

    # Declarators.

    def _declarator(self, abstract: bool = False) -> tuple[Node, int | None]:
        """A declarator and the token of its name; with ``abstract`` it may lack a name.

        Returns (None, None) for an empty abstract declarator.
        """
        first = self._pos
        pointer = self._parse_pointer() if self._types[first] == "TIMES" else None
        direct, name = self._direct_declarator(abstract)
        if direct is None:
            if pointer is None:
                return None, None
            direct = c_ast.TypeDecl(None, None, None, None, coord=(self._pos, self._pos))
        node = self._type_modify_decl(direct, pointer) if pointer is not None else direct
        part = node
        while not isinstance(part, c_ast.TypeDecl):
            part.coord = (first, self._pos)
            part = part.type
        return node, name

    def _direct_declarator(self, abstract: bool) -> tuple[Node, int | None]:
        first = self._pos
        kind = self._types[first]
        name: int | None = None
        node: Node = None
        if kind in _NAMES:
            self._pos = first + 1
            name = first
            node = c_ast.TypeDecl(self._values[first], None, None, None, coord=(first, first + 1))
        elif kind == "LPAREN" and not (abstract and self._opens_parameters(first + 1)):
            self._pos = first + 1
            node, name = self._declarator(abstract)
            self._take("RPAREN")
        elif not abstract:
            self._refuse("expected a name to declare")
        while self._types[self._pos] in ("LBRACKET", "LPAREN"):
            if node is None:
                node = c_ast.TypeDecl(None, None, None, None, coord=(first, first))
            if self._types[self._pos] == "LBRACKET":
                suffix = self._array_suffix()
            else:
                suffix = self._function_suffix()
            node = self._type_modify_decl(node, suffix)
        return node, name

    def _opens_parameters(self, index: int) -> bool:
        kind = self._types[index]
        return kind in DECLARATION_STARTS or kind in ("RPAREN", "ELLIPSIS")

    def _array_suffix(self) -> Node:
        first = self._pos
        self._pos = first + 1
        quals: list[str] = []
        while self._types[self._pos] in _TYPE_QUALIFIER or self._types[self._pos] == "STATIC":
            quals.append(self._values[self._pos])
            self._pos += 1
        size = None
        if self._types[self._pos] != "RBRACKET":
            size = self._parse_assignment_expression()
        self._take("RBRACKET")
        return c_ast.ArrayDecl(None, size, quals, (first, self._pos))

    def _function_suffix(self) -> Node:
        first = self._pos
        self._pos = first + 1
        parameters: list[Node] = []
        start = self._pos
        while self._types[start] != "RPAREN":
            if self._types[self._pos] == "ELLIPSIS":
                self._pos += 1
                parameters.append(c_ast.EllipsisParam((self._pos - 1, self._pos)))
            else:
                parameters.append(self._parameter())
            if self._types[self._pos] != "COMMA":
                break
            self._pos += 1
        arguments = c_ast.ParamList(parameters, (start, self._pos)) if parameters else None
        self._take("RPAREN")
        return c_ast.FuncDecl(arguments, None, (first, self._pos))

    def _parameter(self) -> Node:
        first = self._pos
        kind = self._types[first]
        if kind not in DECLARATION_STARTS and not (kind == "ID" and self._unknown_type()):
            self._refuse("expected a parameter's type (or a parameter list as before ANSI C)")
        spec = self._specifiers(storage=True)
        specifiers = (first, self._pos)
        if not spec["type"]:
            self._refuse("a parameter without a type")
        start = self._pos
        declarator, name = self._declarator(abstract=True)
        if name is None:
            node = self._build_type_name(spec, declarator, (first, self._pos))
            if declarator is None:
                node.type.coord = (start, start)
        else:
            self._add_identifier(self._values[name], None)
            node = self._made(spec, declarator)
            self.records.declarators.append(
                DeclaratorRecord(node, name, specifiers, (start, self._pos), None, True)
            )
        node.coord = (first, self._pos)
        return node

    # Declarations.

    def _declaration_body(self, first: int, spec: dict[str, list[Any]]) -> list[Node]:
        """The declarators of a declaration, up to its semicolon, as Decl or Typedef nodes."""
        specifiers = (first, self._pos)
        if not spec["type"]:
            self._refuse("a declaration without a type")
        if self._types[self._pos] == "SEMI":
            return [self._only_a_type(spec, specifiers)]
        nodes: list[Node] = []
        start = first
        while True:
            nodes.append(self._init_declarator(spec, specifiers, start))
            if self._types[self._pos] != "COMMA":
                return nodes
            self._pos += 1
            start = self._pos

    def _only_a_type(self, spec: dict[str, list[Any]], specifiers: Extent) -> Node:
        if len(spec["type"]) != 1 or not isinstance(
            spec["type"][0], (c_ast.Struct, c_ast.Union, c_ast.Enum)
        ):
            self._refuse("a declaration that declares nothing")
        return c_ast.Decl(
            None, spec["qual"], spec["alignment"], spec["storage"], spec["function"],
            spec["type"][0], None, None, specifiers,
        )  # fmt: skip

    def _init_declarator(self, spec: dict[str, list[Any]], specifiers: Extent, first: int) -> Node:
        start = self._pos
        declarator, name = self._declarator()
        extent = (start, self._pos)
        assert name is not None
        if self._strict and self._types[start] == "LPAREN" and name == start + 1:
            self._refuse("a declaration that looks like a call", start)
        value = None
        init: Extent | None = None
        self._declare(spec, name)
        if self._types[self._pos] == "EQUALS":
            self._pos += 1
            at = self._pos
            value = self._parse_initializer()
            init = (at, self._pos)
        node = self._made(spec, declarator, value)
        node.coord = (first, self._pos)
        self.records.declarators.append(
            DeclaratorRecord(node, name, specifiers, extent, init, False)
        )
        return node

    def _declare(self, spec: dict[str, list[Any]], name: int) -> None:
        if "typedef" in spec["storage"]:
            self._add_typedef_name(self._values[name], None)
        else:
            self._add_identifier(self._values[name], None)

    def _starts_block_declaration(self, kind: str | None) -> bool:
        if kind == "TYPEID" and self._types[self._pos + 1] == "COLON":
            return False  # a label with a type's name
        return kind in DECLARATION_STARTS or kind == "_STATIC_ASSERT"

    def _block_declaration(self) -> list[Node]:
        first = self._pos
        if self._types[first] == "_STATIC_ASSERT":
            node = self._parse_static_assert()
            node.coord = (first, self._pos)
            nodes = [node]
        else:
            spec = self._specifiers(storage=True)
            if not spec["type"] and self._types[self._pos : self._pos + 2] == ["ID", "LPAREN"]:
                nodes = [self._parse_expression()]  # static DEFINE_X(…);
            else:
                nodes = self._declaration_body(first, spec)
            self._take("SEMI")
        self.records.statements.append(StatementRecord("Decl", (first, self._pos), nodes[0]))
        return nodes

    def _for_declaration(self) -> list[Node]:
        first = self._pos
        nodes = self._declaration_body(first, self._specifiers(storage=True))
        self._take("SEMI")
        return nodes


_PLAIN_TYPES = (c_ast.IdentifierType, c_ast.Struct, c_ast.Union, c_ast.Enum, c_ast.TypeOf)
_COMPLEX_SPECIFIERS: dict[str | None, str] = {
    "STRUCT": "_parse_struct_or_union_specifier",
    "UNION": "_parse_struct_or_union_specifier",
    "ENUM": "_parse_enum_specifier",
    "TYPEOF": "_parse_typeof_specifier",
    "TYPEOF_UNQUAL": "_parse_typeof_specifier",
    "TYPEOF_MEMBER": "_typeof_member",
    "_ATOMIC": "_parse_atomic_specifier",
}
