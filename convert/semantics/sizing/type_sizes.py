"""Sizes of types from their definitions in the tree's headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from pycparser import c_ast

from convert.semantics.constants import KERNEL_TYPEDEFS
from convert.semantics.sizing.amounts import Amount
from convert.semantics.sizing.attributes import AttributeReader, merged
from convert.semantics.sizing.definitions import Cut, DefinitionIndex, MacroText
from convert.semantics.sizing.layout import (
    Attributes,
    Choice,
    Layout,
    Member,
    NoLayout,
    Part,
    aggregate,
    aligned,
    array_of,
    either,
    scalar,
)
from convert.semantics.sizing.macro_text import expansion, rescanned
from convert.semantics.sizing.places import Fragments, Node, TypeRef, Where
from convert.semantics.sizing.records import Branches, Field, Record, RecordReader
from convert.semantics.sizing.type_definitions import TypeDefinitions, aggregates

POINTER = 8
# Sizes in bytes of the types that the psABI names (`basic_words` of the spelling).
_BASIC: dict[frozenset[str], int] = {
    frozenset(words.split()): size
    for words, size in {
        "void": 1, "char": 1, "signed char": 1, "unsigned char": 1, "_Bool": 1, "bool": 1,
        "short": 2, "unsigned short": 2, "signed short": 2,
        "int": 4, "signed": 4, "unsigned": 4, "signed int": 4, "unsigned int": 4,
        "long": 8, "unsigned long": 8, "signed long": 8,
        "float": 4, "double": 8, "long double": 16,
        "__int128": 16, "unsigned __int128": 16, "signed __int128": 16,
        "__int128_t": 16, "__uint128_t": 16,
    }.items()
}  # fmt: skip
_SIGNED = {"__signed__": "signed", "__signed": "signed"}


class Expressions(Protocol):
    """What layouts need to know of expressions."""

    def read(self, node: Node, where: Where) -> Amount:
        """The value of an expression."""

    def typed(self, node: Node, where: Where) -> tuple[TypeRef, ...]:
        """The type of an expression, as one of several; empty if it is not known."""


def basic_words(names: Sequence[str]) -> frozenset[str]:
    """The words of a basic type in a canonical form: ``long long int`` is ``long``."""
    words = {_SIGNED.get(name, name) for name in names}
    if words & {"short", "long"}:
        words.discard("int")
    return frozenset(words)


class TypeReader:
    """Layouts of types; each definition is read once."""

    def __init__(self, index: DefinitionIndex, fragments: Fragments) -> None:
        self.index = index
        self.fragments = fragments
        self.expressions: Expressions | None = None
        self.records = RecordReader()
        self.definitions = TypeDefinitions(index, fragments, self.records)
        self._attributes = AttributeReader(index, fragments.annotations, self._alignment)
        self._kept: dict[tuple[str, int, str], Layout | NoLayout] = {}

    def _read(self, node: Node, where: Where) -> Amount:
        assert self.expressions is not None
        return self.expressions.read(node, where)

    def _alignment(self, text: str, path: str) -> tuple[int, int]:
        source, items = self.fragments.items(path, 1, f"unsigned long kc_value = ({text});")
        where = Where(path, source, items[0].variants)
        amount = self._read(where.variant.root.init, where)
        if amount.open:
            raise NoLayout(f"{path}: `{text.strip()}`: {'; '.join(amount.open)}")
        return amount.low, amount.high

    # -- any type -----------------------------------------------------------------------------

    def layouts(self, refs: Sequence[TypeRef]) -> Layout:
        """The layout of a type that is one of several. Raises NoLayout."""
        if not refs:
            raise NoLayout("the type is not known")
        return either(self.layout(ref) for ref in refs)

    def layout(self, ref: TypeRef) -> Layout:
        """The layout of a type. Raises NoLayout."""
        node, where = ref.node, ref.where
        match node:
            case c_ast.Decl() | c_ast.Typename() | c_ast.Typedef() | c_ast.TypeDecl():
                return self.layout(TypeRef(node.type, where))
            case c_ast.PtrDecl():
                return scalar(POINTER)
            case c_ast.ArrayDecl():
                return self._array(node, where)
            case c_ast.IdentifierType():
                return self._named(node.names, where)
            case c_ast.Struct() | c_ast.Union():
                if node.decls is None:
                    return self._tagged(node, where)
                return self._record(self.records.record(node, where))
            case c_ast.Enum():
                return self._enum(node, where)
            case c_ast.TypeOf():
                return self.layouts(self.typeof(node, where))
        raise NoLayout(f"the size of `{where.text(node)}` is not understood")

    def typeof(self, node: Node, where: Where) -> tuple[TypeRef, ...]:
        """What ``typeof(…)`` stands for; empty if it is not known."""
        inner = node.expr
        if isinstance(inner, c_ast.Typename):
            return (TypeRef(inner, where),)
        assert self.expressions is not None
        return self.expressions.typed(inner, where)

    def _array(self, node: Node, where: Where) -> Layout:
        element = self.layout(TypeRef(node.type, where))
        if node.dim is None:
            return array_of(element, 0, 0)
        count = self._read(node.dim, where)
        if count.open or count.low < 0:
            reason = "; ".join(count.open) or "it may be negative"
            raise NoLayout(
                f"{where.path}:{where.line(node)}: the dimension `{where.text(node.dim)}` is not "
                f"known: {reason}"
            )
        layout = array_of(element, count.low, count.high)
        return replace(layout, notes=(*layout.notes, *count.notes))

    def _named(self, names: Sequence[str], where: Where) -> Layout:
        size = _BASIC.get(basic_words(names))
        if size is not None:
            return scalar(size)
        name = " ".join(names)
        if name in KERNEL_TYPEDEFS:
            return scalar(max(1, KERNEL_TYPEDEFS[name].width // 8))
        return self.layouts_of_typedef(name, where)

    # -- definitions elsewhere ----------------------------------------------------------------

    def layouts_of_typedef(self, name: str, where: Where) -> Layout:
        """The layout of a typedef's name, or of a macro that spells a type. Raises NoLayout."""
        cuts = self.index.typedefs(name, where.path)
        found = [self._once(cut, name, partial(self._typedef, cut, name)) for cut in cuts]
        for macro in self.index.macros(name, where.path):
            if macro.parameters is None and macro.body != name:
                found.append(self.layout(self._spelled(macro, where)))
        if not found:
            raise NoLayout(f"the type {name} is not defined in the headers read")
        return either(found)

    def _spelled(self, macro: MacroText, where: Where) -> TypeRef:
        """The type that a macro's body is. Raises NoLayout."""
        node, place = self.fragments.expression(f"sizeof({macro.body})", where, macro.line)
        if not isinstance(node, c_ast.UnaryOp) or not isinstance(node.expr, c_ast.Typename):
            raise NoLayout(f"{macro.path}:{macro.line}: {macro.name} is no type")
        return TypeRef(node.expr, place)

    def _typedef(self, cut: Cut, name: str) -> Layout:
        found = [
            aligned(self.layout(TypeRef(node.type, where)), self._outside(node, where))
            for node, where in self.definitions.typedef_nodes(cut, name)
        ]
        return either(found)

    def _outside(self, node: Node, where: Where) -> Attributes:
        """The attributes of a typedef that stand outside its struct's braces."""
        notes = self._attributes.notes(where.source)
        braces = [where.variant.span_of(inner) for inner in aggregates(node)]
        own = [
            note
            for note in notes
            if note.closes is None
            and note.opens is None
            and not any(note.offset in span for span in braces)
        ]
        return replace(merged(note.attributes for note in own), packed_low=False, packed_high=False)

    def _tagged(self, node: Node, where: Where) -> Layout:
        return either(
            self._once(cut, node.name, partial(self._definition, cut, node))
            for cut in self.definitions.tagged(node, where)
        )

    def _definition(self, cut: Cut, node: Node) -> Layout:
        return either(self._record(record) for record in self.definitions.records_in(cut, node))

    def _once(self, cut: Cut, name: str, read: Callable[[], Layout]) -> Layout:
        """Read a definition once; a definition that needs itself has no size."""
        key = (cut.path, cut.start, name)
        known = self._kept.get(key)
        if known is None:
            self._kept[key] = NoLayout(f"{cut.path}:{cut.line}: {name} contains itself")
            try:
                known = read()
                if not known.exact:
                    note = f"{name} ({cut.path}:{cut.line}) depends on the configuration"
                    known = replace(known, notes=(note,))
            except NoLayout as error:
                known = error
            except RecursionError:
                known = NoLayout(f"{cut.path}:{cut.line}: {name} is nested too deeply")
            self._kept[key] = known
        if isinstance(known, NoLayout):
            raise NoLayout(str(known))
        return known

    # -- records ------------------------------------------------------------------------------

    def _record(self, record: Record) -> Layout:
        parts = self._parts(self.records.members(record))
        return aggregate(parts, self._own_attributes(record), record.is_union)

    def _parts(self, members: Sequence[Field | Branches]) -> tuple[Part, ...]:
        parts: list[Part] = []
        for member in members:
            if isinstance(member, Branches):
                parts.append(Choice(tuple(self._parts(way) for way in member.ways)))
            else:
                parts += self._field(member)
        return tuple(parts)

    def _field(self, item: Field) -> Sequence[Part]:
        node, where = item.nodes[0], item.wheres[0]
        if isinstance(node, c_ast.FuncCall):
            return self._macro_members(node, where)
        if not isinstance(node, c_ast.Decl):
            raise NoLayout(f"{where.path}:{where.line(node)}: a member is not understood")
        if item.name is None and node.bitsize is None and not _is_anonymous(node.type):
            return ()  # declares a tag, not a member
        pairs = list(zip(item.nodes, item.wheres, strict=True))
        layout = either(self.layout(TypeRef(decl.type, place)) for decl, place in pairs)
        width = None
        if node.bitsize is not None:
            width = self._width(node, where)
        return (Member(item.name, layout, self._member_attributes(item), width),)

    def _width(self, node: Node, where: Where) -> int:
        amount = self._read(node.bitsize, where)
        if not amount.exact or amount.open or amount.low < 0:
            text = where.text(node.bitsize)
            raise NoLayout(f"{where.path}:{where.line(node)}: the width `{text}` is not known")
        return amount.low

    def _macro_members(self, node: Node, where: Where) -> Sequence[Part]:
        """What a macro among the members declares, from the text that it stands for."""
        name = where.text(node.name)
        call = where.call(node)
        macros = self.index.macros(name, where.path)
        if call is None or len(macros) != 1:
            raise NoLayout(f"{where.path}:{where.line(node)}: the macro {name} is not understood")
        arguments = [slot.span.of(where.source.text) for slot in call.slots]
        text = rescanned(self.index, where.path, expansion(macros[0], arguments))
        inner = self.fragments.members(text, where, where.line(node))
        struct = inner.variant.root.type
        return self._parts(self.records.members(self.records.record(struct, inner)))

    def _own_attributes(self, record: Record) -> Attributes:
        """The attributes at a record's own braces."""
        source, span = record.where.source, record.span
        last = span.end - 1
        brace = source.text.find("{", span.start)
        return merged(
            note.attributes
            for note in self._attributes.notes(source)
            if note.closes == last
            or note.opens == brace
            or (note.attributes.random and note.offset in span)
        )

    def _member_attributes(self, item: Field) -> Attributes:
        source = item.wheres[0].source
        braces = [
            place.variant.span_of(inner)
            for node, place in zip(item.nodes, item.wheres, strict=True)
            for inner in aggregates(node)
        ]
        return merged(
            note.attributes
            for note in self._attributes.notes(source)
            if note.start < item.span.end
            and item.span.start < note.end
            and note.opens is None
            and note.closes is None
            and not any(note.offset in span for span in braces)
        )

    def fields(self, ref: TypeRef, name: str) -> tuple[tuple[Node, Where], ...]:
        """The declarations of a member, in all variants of all the records a type may be.

        Empty if the type or the member is not known.
        """
        try:
            records = self.records_of(ref)
            return tuple(pair for record in records for pair in self._find(record, name))
        except NoLayout:
            return ()

    def records_of(self, ref: TypeRef, depth: int = 0) -> tuple[Record, ...]:
        """The structs and unions with members that a type may be. Raises NoLayout."""
        node, where = ref.node, ref.where
        if depth > 32:
            raise NoLayout("typedefs in a circle")
        match node:
            case c_ast.Decl() | c_ast.Typename() | c_ast.Typedef() | c_ast.TypeDecl():
                return self.records_of(TypeRef(node.type, where), depth)
            case c_ast.Struct() | c_ast.Union():
                if node.decls is not None:
                    return (self.records.record(node, where),)
                cuts = self.definitions.tagged(node, where)
                return tuple(
                    record for cut in cuts for record in self.definitions.records_in(cut, node)
                )
            case c_ast.IdentifierType():
                refs = self.definitions.typedef_refs(" ".join(node.names), where)
                return tuple(r for inner in refs for r in self.records_of(inner, depth + 1))
            case c_ast.TypeOf():
                refs = self.typeof(node, where)
                return tuple(r for inner in refs for r in self.records_of(inner, depth + 1))
        return ()

    def _find(self, record: Record, name: str) -> list[tuple[Node, Where]]:
        found: list[tuple[Node, Where]] = []
        for item in self.records.fields(record):
            for node, where in zip(item.nodes, item.wheres, strict=True):
                if item.name == name and isinstance(node, c_ast.Decl):
                    found.append((node, where))
                elif item.name is None and isinstance(node, c_ast.Decl):
                    inner = node.type
                    if isinstance(inner, (c_ast.Struct, c_ast.Union)) and inner.decls is not None:
                        found += self._find(self.records.record(inner, where), name)
        return found

    # -- enums --------------------------------------------------------------------------------

    def _enum(self, node: Node, where: Where) -> Layout:
        """An enum has 4 bytes unless an enumerator needs more, or it is packed (gcc)."""
        if node.values is not None:
            return self._enum_layout(node, where)
        return either(
            self._enum_layout(inner, place)
            for cut in self.definitions.tagged(node, where)
            for inner, place in self.definitions.enums_in(cut, node.name)
        )

    def _enum_layout(self, node: Node, where: Where) -> Layout:
        low = high = 4
        for enumerator in node.values.enumerators:
            value = getattr(enumerator, "value", None)
            if not isinstance(enumerator, c_ast.Enumerator):
                high = 8
            elif value is not None:
                amount = self._read(value, where)
                if amount.open or amount.low < -(1 << 31) or amount.high > (1 << 31) - 1 - 4096:
                    high = 8
        attributes = merged(note.attributes for note in self._attributes.notes(where.source))
        if attributes.packed_low:
            low = 1
        layout = Layout(low, high, low, high)
        if not layout.exact:
            layout = replace(layout, notes=(f"enum {node.name or ''} of unknown width",))
        return layout


def _is_anonymous(node: Node) -> bool:
    return isinstance(node, (c_ast.Struct, c_ast.Union)) and node.name is None
