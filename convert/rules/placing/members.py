"""A member for the cookie, in a structure that is declared in one of some files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pycparser import c_ast

from convert.rules.layout import column_at, indent_of, line_end, line_start
from convert.rules.placing.declaring import style_of
from convert.rules.placing.draft import Draft, Rank
from convert.rules.placing.model import Unplaceable
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of
from convert.source.parse import Item, ParsedFile
from convert.source.variants import Declarator

_WORDS = "allocation context to restore"
_ON_DISK = re.compile(r"__(?:le|be)\d+|packed")
_ENTRY = re.compile(r"^([ \t]*\*[ \t]*)@(\w+):([ \t]*)", re.M)


def member_edits(
    files: Mapping[str, ParsedFile], structure: str, member: str, cookie: str
) -> tuple[str, Edit]:
    """The path and the edit that adds ``cookie member;`` at the end. Raises Unplaceable."""
    bare = structure.removeprefix("struct ")
    found = [
        (path, item, node)
        for path, parsed in files.items()
        for item in parsed.declarations
        for node in _structs(item, bare)
    ]
    if len({(path, item.span) for path, item, _ in found}) != 1 or len(found[0][1].variants) != 1:
        path = next(iter(files), "")
        text = f"struct {bare} is not declared once, in one #if variant, in the files at hand"
        raise Unplaceable(1, text, path)
    path, item, node = found[0]
    return path, _edit(files[path], item, node, (member, cookie))


def _structs(item: Item, name: str) -> Iterable[c_ast.Struct]:
    for variant in item.variants:
        for node in nodes_of(variant.root):
            if isinstance(node, c_ast.Struct) and node.name == name and node.decls:
                yield node


def _edit(parsed: ParsedFile, item: Item, node: c_ast.Struct, names: tuple[str, str]) -> Edit:
    member, cookie = names
    source, variant = parsed.source, item.variants[0]
    outer = [(one, _declarator(item, one)) for one in node.decls]
    where = item.span.start
    draft = Draft(source)
    if any(line.span in item.span for line in parsed.directives):
        raise draft.stop(where, f"struct {node.name} has preprocessor lines inside")
    if any(isinstance(one, c_ast.Decl) and one.name == member for one, _ in outer):
        raise draft.stop(where, f"a scope is open here already: struct {node.name} has {member}")
    if _ON_DISK.search(item.span.of(source.text)):
        raise draft.stop(where, f"struct {node.name} has a layout that must not change")
    known = [(one, where) for one, where in outer if where is not None]
    if len(known) != len(outer) or not known:
        raise draft.stop(where, f"struct {node.name} has members without a name")
    del variant
    last, place = known[-1]
    flexible = isinstance(last.type, c_ast.ArrayDecl) and last.type.dim is None
    if flexible and len(known) < 2:
        raise draft.stop(where, f"struct {node.name} has nothing but a flexible array")
    before = known[-2][1] if flexible else place
    return _line(draft, [one for _, one in known], before, cookie, member)


def _declarator(item: Item, node: c_ast.Node) -> Declarator | None:
    return next((one for one in item.variants[0].declarators if one.node is node), None)


def _line(
    draft: Draft, members: list[Declarator], behind: Declarator, cookie: str, member: str
) -> Edit:
    """One edit for the member, and none for its documentation if the structure has none."""
    text = draft.text
    style = style_of(text, ((one.specifiers, one.span) for one in members))
    semicolon = draft.code_behind(behind.span.end)
    if semicolon.of(text) != ";":
        raise draft.stop(behind.span.start, f"{behind.name} is not the last of its declaration")
    at = draft.following_line(semicolon.end)
    indent = indent_of(text, behind.specifiers.start)
    line = style.declared(indent, cookie, member) + ";"
    trailing, above = _comments(draft, members)
    if trailing:
        gap = "\t" if column_at(line, len(line)) < trailing else " "
        while column_at(line + gap, len(line + gap)) < trailing:
            gap += "\t"
        line += f"{gap}/* {_WORDS} */"
    newline = draft.newline(behind.span.start)
    if above:
        blank = newline if not text[line_start(text, at - 1) : at].strip() else ""
        line = f"{blank}{indent}/* {_WORDS} */{newline}{line}"
    draft.insert(at, Rank.BEHIND, line + newline)
    return draft.edits()[0]


def _comments(draft: Draft, members: list[Declarator]) -> tuple[int | None, bool]:
    """The column of comments behind members, and whether comments stand above them, if most do."""
    columns: list[int] = []
    above = 0
    for one in members:
        tail = text_behind(draft.text, one.span)
        found = tail[1].find("/*")
        if found >= 0:
            columns.append(column_at(draft.text, tail[0].start + found))
        elif draft.above_comments(one.specifiers.start) != line_start(
            draft.text, one.specifiers.start
        ):
            above += 1
    if 2 * len(columns) > len(members):
        return max(set(columns), key=columns.count), False
    return None, 2 * above > len(members)


def text_behind(text: str, span: Span) -> tuple[Span, str]:
    """What stands behind a declarator in its line."""
    rest = Span(span.end, line_end(text, span.end))
    return rest, rest.of(text)
