"""What include/linux/sched/mm.h gets: the functions of the scope, and its use on masks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pycparser import c_ast

from convert.errors import InputError
from convert.nofail.locate import Body, Places
from convert.nofail.task_flag import FLAG
from convert.nofail.text import rendered
from convert.semantics.scopes import Cookie, Scope, ScopeTable
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of
from convert.source.tokens import Kind

PATH = "include/linux/sched/mm.h"
CONTEXT = "current_gfp_context"
ORDER_CONTEXT = "current_gfp_context_order"
_MODEL = "nofs"  # the scope whose style the new one follows
_WIDTH = 80
_TAB = 8


@dataclass(frozen=True)
class Style:
    """How the tree's scopes are written; the general functions are empty if it has none."""

    save_flags: str
    restore_flags: str


def style_of(scopes: ScopeTable) -> Style:
    """The style of the tree's own scopes, by their cookie, as derived by running them.

    Raises InputError for a tree without scopes, and for cookies of an unknown kind.
    """
    model = scopes.scopes.get(_MODEL)
    if model is None:
        raise InputError(f"{PATH}: no memalloc_{_MODEL}_save() that can be run")
    if model.cookie is Cookie.OLD_VALUE:
        return Style("", "")
    general = ("memalloc_flags_save", "memalloc_flags_restore")
    if model.cookie is Cookie.NEWLY_SET and all(scopes.executor.has(name) for name in general):
        return Style(*general)
    raise InputError(
        f"{model.where}: {model.save}() returns {model.cookie.value}, "
        f"and {' or '.join(general)} is missing: the style of a new scope is not clear"
    )


def header_edits(places: Places, scopes: ScopeTable) -> tuple[Edit, ...]:
    """The edits that add the scope. Raises InputError for a header that is not as expected."""
    style = style_of(scopes)
    return (
        *_context_edits(places.function(PATH, CONTEXT)),
        _functions_edit(places, scopes.scopes[_MODEL], style),
    )


def order_edit(places: Places, max_order: int) -> Edit:
    """The edit that adds the variant of ``current_gfp_context()`` for orders, behind it."""
    body = places.function(PATH, CONTEXT)
    end = _line_end(body.source.text, body.item.span.end)
    return Edit(Span(end, end), "\n" + rendered("order.h.j2", max_order=max_order))


def _functions_edit(places: Places, model: Scope, style: Style) -> Edit:
    """The functions, behind those of the scope that they are like."""
    body = places.function(PATH, model.restore)
    end = _line_end(body.source.text, body.item.span.end)
    functions = rendered(
        "scopes.h.j2", save_flags=style.save_flags, restore_flags=style.restore_flags
    )
    return Edit(Span(end, end), "\n" + functions)


def _context_edits(body: Body) -> list[Edit]:
    """The condition under which scopes are looked at, what the new one does, and the comment."""
    branches = [
        node
        for node in body.nodes(c_ast.If)
        if len(_flags(node.cond)) > 1 and isinstance(node.iftrue, c_ast.Compound)
    ]
    if len(branches) != 1 or branches[0].iffalse is not None:
        raise InputError(f"{body.place}: no single branch that asks for the scopes of the task")
    branch = branches[0]
    helper = body.without_comment(body.item.span.start)
    inside = branch.iftrue
    close = body.source.text.rfind("\n", 0, body.variant.span_of(inside).end - 1) + 1
    effect = rendered("context.h.j2", pflags=_task_flags(body), flags=_mask(body))
    edits = [
        _condition(body, branch.cond),
        Edit(Span(close, close), "\n" + effect),
        Edit(Span(helper, helper), rendered("inherits.h.j2") + "\n"),
    ]
    return [*edits, *_comment(body)]


def _condition(body: Body, condition: c_ast.Node) -> Edit:
    """The flags that the condition asks for, with the new one, broken as the line needs it."""
    union = next(
        node for node in nodes_of(condition) if isinstance(node, c_ast.BinaryOp) and node.op == "|"
    )
    span = body.variant.span_of(union)
    text = body.source.text
    start = body.line_start(span.start)
    column = len(text[start : span.start].expandtabs(_TAB))
    names = [*re.findall(r"\w+", span.of(text)), FLAG]
    tail = len(text[span.end : text.find("\n", span.end)])
    return Edit(span, _filled(names, column, tail))


def _filled(names: list[str], column: int, tail: int) -> str:
    """``A | B | C`` from a column on, with line breaks behind ``|`` within the width."""
    indent = "\t" * (column // _TAB) + " " * (column % _TAB)
    lines: list[str] = [names[0]]
    for position, name in enumerate(names[1:], 2):
        after = tail if position == len(names) else 2
        if column + len(lines[-1]) + 3 + len(name) + after > _WIDTH:
            lines[-1] += " |"
            lines.append(name)
        else:
            lines[-1] += f" | {name}"
    return f"\n{indent}".join(lines)


def _comment(body: Body) -> list[Edit]:
    """A line in the list of scopes of the comment above the function, if it has one."""
    start, end = body.without_comment(body.item.span.start), body.item.span.start
    tokens = body.source.tokens
    for index in range(tokens.index_at(start), tokens.index_at(end)):
        if tokens.kinds[index] != Kind.COMMENT:
            continue
        lines = [
            m.end() for m in re.finditer(r"^ \* PF_\w+ +implies .*\n", tokens.text(index), re.M)
        ]
        if lines:
            at = tokens.starts[index] + lines[-1]
            return [Edit(Span(at, at), f" * {FLAG} implies __GFP_NOFAIL if it may block\n")]
    return []


def _task_flags(body: Body) -> str:
    """The variable that holds the flags of the task."""
    for declarator in body.variant.declarators:
        if declarator.init is not None and "current->flags" in declarator.init.of(body.source.text):
            return declarator.name
    raise InputError(f"{body.place}: no variable that holds current->flags")


def _mask(body: Body) -> str:
    """The parameter that is the mask."""
    names = [d.name for d in body.variant.declarators if d.is_parameter]
    if len(names) != 1:
        raise InputError(f"{body.place}: not one parameter")
    return names[0]


def _flags(condition: c_ast.Node) -> set[str]:
    """The flags of a task that a condition names."""
    return {
        node.name
        for node in nodes_of(condition)
        if isinstance(node, c_ast.ID) and node.name.startswith("PF_")
    }


def _line_end(text: str, offset: int) -> int:
    return text.find("\n", offset - 1) + 1
