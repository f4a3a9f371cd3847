"""A member for the cookie, in a structure that is declared in one of some files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pycparser import c_ast

from convert.rules.layout import advance, column_at, indent_of, line_end, line_start
from convert.rules.placing.declaring import style_of
from convert.rules.placing.draft import Draft, Rank
from convert.rules.placing.model import Unplaceable
from convert.source.edits import Edit
from convert.source.nodes import nodes_of
from convert.source.parse import Item, ParsedFile
from convert.source.variants import Declarator

_WORDS = "allocation context to restore"
_ON_DISK = re.compile(r"__(?:le|be)\d+|packed")
_ENTRY = re.compile(r"^([ \t]*\*[ \t]*)@(\w+):([ \t]*)", re.M)
_MORE = re.compile(r"[ \t]*\*[ \t]+(?!@)[^\s/]")  # a line of a comment that goes on


def member_edits(
    files: Mapping[str, ParsedFile], structure: str, member: str, cookie: str
) -> tuple[str, tuple[Edit, ...]]:
    """The path and the edits that add ``cookie member;`` at the end. Raises Unplaceable."""
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
    draft = Draft(files[path].source)
    members, behind = _members(draft, files[path], item, node, member)
    _add(draft, members, behind, f"{cookie} {member}")
    _document(draft, item, member)
    return path, draft.edits()


def _structs(item: Item, name: str) -> Iterable[c_ast.Struct]:
    for variant in item.variants:
        for node in nodes_of(variant.root):
            if isinstance(node, c_ast.Struct) and node.name == name and node.decls:
                yield node


def _members(
    draft: Draft, parsed: ParsedFile, item: Item, node: c_ast.Struct, member: str
) -> tuple[list[Declarator], Declarator]:
    """All members, and the one behind which there is room. Raises Unplaceable."""
    name, where = f"struct {node.name}", item.span.start
    if any(line.span in item.span for line in parsed.directives):
        raise draft.stop(where, f"{name} has preprocessor lines inside")
    if any(isinstance(one, c_ast.Decl) and one.name == member for one in node.decls):
        raise draft.stop(where, f"a scope is open here already: {name} has {member}")
    if _ON_DISK.search(item.span.of(draft.text)):
        raise draft.stop(where, f"{name} has a layout that must not change")
    known = [_declarator(item, one) for one in node.decls]
    members = [one for one in known if one is not None]
    if len(members) != len(known):
        raise draft.stop(where, f"{name} has members without a name")
    last = node.decls[-1]
    flexible = isinstance(last.type, c_ast.ArrayDecl) and last.type.dim is None
    if flexible and len(members) < 2:
        raise draft.stop(where, f"{name} has nothing but a flexible array")
    return members, members[-2] if flexible else members[-1]


def _declarator(item: Item, node: c_ast.Node) -> Declarator | None:
    return next((one for one in item.variants[0].declarators if one.node is node), None)


def _add(draft: Draft, members: list[Declarator], behind: Declarator, declared: str) -> None:
    """The line of the member, with a comment if most members have one."""
    text = draft.text
    cookie, _, member = declared.rpartition(" ")
    style = style_of(text, ((one.specifiers, one.span) for one in members))
    semicolon = draft.code_behind(behind.span.end)
    if semicolon.of(text) != ";":
        raise draft.stop(behind.span.start, f"{behind.name} is not the last of its declaration")
    at = draft.following_line(semicolon.end)
    indent = indent_of(text, behind.specifiers.start)
    line = style.declared(indent, cookie, member) + ";"
    newline = draft.newline(behind.span.start)
    column, above = _comments(draft, members)
    if column is not None:
        line += _reaching(line, column) + f"/* {_WORDS} */"
    elif above:
        first = draft.commented_from(behind.specifiers.start)
        gap = newline if not text[line_start(text, first - 1) : first].strip() else ""
        line = f"{gap}{indent}/* {_WORDS} */{newline}{line}"
    draft.insert(at, Rank.BEHIND, line + newline)


def _reaching(line: str, column: int) -> str:
    """The white space from a line's end to a column."""
    here, gap = advance(0, line), ""
    if here >= column:
        return " "
    while advance(here, gap) < column:
        gap += "\t"
    return gap


def _comments(draft: Draft, members: list[Declarator]) -> tuple[int | None, bool]:
    """The column of comments behind members, and whether comments stand above them, if most do."""
    columns: list[int] = []
    above = 0
    for one in members:
        start = line_start(draft.text, one.specifiers.start)
        found = draft.text.find("/*", one.span.end, line_end(draft.text, one.span.end))
        if found >= 0:
            columns.append(column_at(draft.text, found))
        elif draft.commented_from(one.specifiers.start) != start:
            above += 1
    if 2 * len(columns) > len(members):
        return max(set(columns), key=columns.count), False
    return None, 2 * above > len(members)


def _document(draft: Draft, item: Item, member: str) -> None:
    """A line for the member in the comment above the structure, if that describes its members."""
    start = draft.commented_from(item.span.start)
    comment = draft.text[start : item.span.start]
    entries = list(_ENTRY.finditer(comment))
    if not comment.startswith("/**") or not entries:
        return
    last = entries[-1]
    at = line_end(draft.text, start + last.start()) + 1
    while _MORE.match(draft.text, at):
        at = line_end(draft.text, at) + 1
    gap = last.group(3) or " "
    newline = draft.newline(at)
    draft.insert(at, Rank.BEHIND, f"{last.group(1)}@{member}:{gap}{_WORDS}{newline}")
