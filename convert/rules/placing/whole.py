"""A scope around a whole function: opened before its first statement, closed on every way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import words_of
from convert.flow.control import Role
from convert.rules.layout import ContinuationStyle, indent_of, line_end, line_start, realign
from convert.rules.placing.body import Body, items_of
from convert.rules.placing.declaring import declare, top_declarations
from convert.rules.placing.draft import Draft, Rank
from convert.rules.placing.locks import Lines, put_braces
from convert.rules.placing.results import (
    Result,
    is_outermost,
    may_jump,
    plain_type,
    result_variable,
    returns_nothing,
    same_type,
)
from convert.rules.replacement import parentheses
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of

MANY_RETURNS = 3  # so many early returns become jumps to one way out
_LABELS = ("out_restore", "out_nofs", "out_memalloc")
_LABEL_LINE = re.compile(r"^([ \t]*\r?\n)?( ?)(?!default\b)\w+:[ \t]*\r?$", re.M)
_KEYWORD = re.compile(r"return\b[ \t]*")


@dataclass
class Ways:
    """The ways out of a function: ``final`` is the return that ends it, if one does."""

    early: list[c_ast.Return]
    final: c_ast.Return | None
    end_reached: bool  # the closing brace


class WholeEdits:
    """Writes the lines of one function into a draft."""

    def __init__(self, body: Body, variants: Sequence[Body], draft: Draft, lines: Lines) -> None:
        self.body = body
        self.variants = variants
        self.draft = draft
        self.lines = lines
        self.result: Result | None = None  # the variable that carries the value out
        self.restores = 0
        self.gotos = 0
        self.declared: list[str] = []
        self.ways = ways_out(body)

    def write(self) -> None:
        """All lines but the cookie's declaration. Raises Unplaceable."""
        self.open()
        ways = self.ways
        if self.by_jumps(ways):
            self.close_by_jumps(ways)
            return
        for one in (*ways.early, *([ways.final] if ways.final is not None else [])):
            self.close_at(one)
        if ways.end_reached:
            self.close_at_end([self.lines.closing])

    @property
    def carrier_name(self) -> str | None:
        """The variable that carries the function's value, if one does."""
        return self.result.name if self.result is not None else None

    def open(self) -> None:
        first = top_declarations(self.body).first
        if first is None:
            raise self.body.stop(self.body.item.span.end - 1, "the function does nothing")
        if isinstance(first, (c_ast.Label, c_ast.Decl)):
            raise self.body.stop(first, "the function does not start with a plain statement")
        span = self.body.span(first)
        at = self.draft.above_comments(span.start)
        words = self.draft.comment(self.lines.comment, indent_of(self.draft.text, span.start), at)
        self.draft.before(span, [*words, self.lines.opening])

    # -- what is done --------------------------------------------------------------------------

    def by_jumps(self, ways: Ways) -> bool:
        """Whether early returns become jumps to one way out; chooses what carries the value."""
        many = len(ways.early) >= MANY_RETURNS
        if not may_jump(self.body):
            return False
        if returns_nothing(self.body):
            return many and (ways.end_reached or ways.final is not None)
        if ways.final is None or not ways.early:
            return False
        last = variable_of(ways.final)
        names = {variable_of(one) for one in ways.early}
        name = next(iter(names)) if len(names) == 1 else None
        if name is not None and is_outermost(self.body, name):
            several = len(ways.early) > 1 and same_type(self.body, name)
            if last == name or several:
                self.result = Result(name)
                return True
        if (
            many
            and last is not None
            and is_outermost(self.body, last)
            and (same_type(self.body, last))
        ):
            self.result = Result(last)
        elif many:
            self.result = result_variable(self.body, ways.early)
        return many and self.result is not None

    def close_by_jumps(self, ways: Ways) -> None:
        final = ways.final
        name = self.carrier_name
        plain = final is None or final.expr is None or (name and variable_of(final) == name)
        label = self.label_of(final) if plain else None
        new = label is None
        label = label or self.new_label()
        for one in ways.early:
            self.jump(one, label)
        head = self.label_lines(label) if new else []
        if final is None:
            self.close_at_end([*head, self.lines.closing])
            return
        self.restores += 1
        if plain:
            self.write_lines_before(final, [*head, self.lines.closing])
            return
        self.assign(final)
        rest = [f"return {name};"] if name else []
        self.write_lines_behind(final, [*head, self.lines.closing, *rest])

    def jump(self, node: c_ast.Return, label: str) -> None:
        self.gotos += 1
        if node.expr is None or (self.result and variable_of(node) == self.result.name):
            self.draft.replace(self.body.span(node), f"goto {label};")
            return
        put_braces(self.body, self.draft, node)
        self.assign(node)
        self.draft.behind(self.body.span(node), [f"goto {label};"])

    def close_at(self, node: c_ast.Return) -> None:
        """Close right before one return; what it calls runs inside of the scope."""
        self.restores += 1
        put_braces(self.body, self.draft, node)
        if node.expr is None or not _acts(node.expr):
            self.draft.before(self.body.span(node), [self.lines.closing])
            return
        if returns_nothing(self.body):
            self.assign(node)
            rest = [] if node is self.ways.final else ["return;"]
            self.draft.behind(self.body.span(node), [self.lines.closing, *rest])
            return
        name = self.carrier(node)
        self.assign(node, name)
        self.draft.behind(self.body.span(node), [self.lines.closing, f"return {name};"])

    def carrier(self, node: c_ast.Return) -> str:
        """The variable for a value that has to be there before the scope closes."""
        if self.result is None:
            self.result = result_variable(self.body, [])
        if self.result is None:
            words, stars = plain_type(self.body, node)
            used = set(words_of(self.body.parsed.source, self.body.item.span))
            free = [name for name in ("ret", "error", "err", "retval") if name not in used]
            if not free:
                raise self.body.stop(node, "no name is free for the value that is returned")
            declare(self.draft, self.variants, words, stars + free[0])
            self.declared.append(free[0])
            self.result = Result(free[0])
        return self.result.name

    def close_at_end(self, lines: list[str]) -> None:
        """Before the closing brace."""
        self.restores += 1
        items = items_of(self.body.block)
        last = self.body.span(items[-1])
        at = self.draft.following_line(last.end)
        brace = self.body.span(self.body.block).end - 1
        if self.draft.own_line(brace) != at:
            rest = self.draft.text[at : line_start(self.draft.text, brace)]
            if rest.strip():
                at = line_start(self.draft.text, brace)
        if lines[0] == "" and self.is_blank_above(at):
            lines = lines[1:]
        indent = indent_of(self.draft.text, self.body.span(_unlabelled(items[-1])).start)
        if isinstance(items[-1], c_ast.Label) or not indent:
            indent = "\t"
        self.draft.insert(at, Rank.BEFORE, self.spelled(indent, lines, at))

    # -- lines ---------------------------------------------------------------------------------

    def spelled(self, indent: str, lines: list[str], at: int) -> str:
        """Lines, of which labels are indented as labels."""
        newline = self.draft.newline(at)
        text = ""
        for line in lines:
            own = "" if line.endswith(":") else indent
            text += (own + line if line else "") + newline
        return text

    def write_lines_before(self, node: c_ast.Return, lines: list[str]) -> None:
        span = self.body.span(node)
        at = self.draft.above_comments(span.start)
        indent = indent_of(self.draft.text, span.start)
        if lines[0] == "" and self.is_blank_above(at):
            lines = lines[1:]
        self.draft.insert(at, Rank.BEFORE, self.spelled(indent, lines, at))

    def write_lines_behind(self, node: c_ast.Return, lines: list[str]) -> None:
        span = self.body.span(node)
        at = self.draft.following_line(span.end)
        indent = indent_of(self.draft.text, span.start)
        self.draft.insert(at, Rank.BEHIND, self.spelled(indent, lines, at))

    def is_blank_above(self, at: int) -> bool:
        text = self.draft.text
        above = text[line_start(text, at - 1) : at].strip()
        return not above or above.endswith("{")

    def assign(self, node: c_ast.Return, name: str | None = None) -> None:
        """``return x;`` becomes ``name = x;`` (``x;`` without a name); what is aligned stays so."""
        name = name or self.carrier_name or ""
        span, text = self.body.span(node), self.draft.text
        word = _KEYWORD.match(text, span.start)
        if word is None or text[word.end()] in "\r\n":
            raise self.body.stop(node, "what is returned does not follow `return` in its line")
        edit = Edit(Span(span.start, word.end()), f"{name} = " if name else "")
        region = Span(line_start(text, span.start), line_end(text, span.end))
        parens = parentheses(self.body.parsed.source, region)
        for one in realign(text, region, [edit], parens, ContinuationStyle(None)):
            self.draft.replace(one.span, one.text)

    # -- labels --------------------------------------------------------------------------------

    def label_of(self, final: c_ast.Return | None) -> str | None:
        """The label right in front of the last return."""
        parent = self.body.parent(final) if final is not None else None
        if isinstance(parent, c_ast.Label) and final is not None:
            self.draft.own_line(self.body.span(final).start)
            return str(parent.name)
        return None

    def new_label(self) -> str:
        used = {node.name for node in self.body.nodes() if isinstance(node, c_ast.Label)}
        used |= set(words_of(self.body.parsed.source, self.body.item.span))
        for name in _LABELS:
            if name not in used:
                return name
        raise self.body.stop(self.body.item.span.start, "every name for a label is in use")

    def label_lines(self, label: str) -> list[str]:
        """The line of a label as the file sets labels: behind an empty line, indented by one."""
        found = _LABEL_LINE.findall(self.draft.text)
        blank = sum(1 for gap, _ in found if gap)
        indented = sum(1 for _, space in found if space)
        line = f"{' ' if 2 * indented > len(found) else ''}{label}:"
        return ["", line] if 2 * blank > len(found) else [line]


def ways_out(body: Body) -> Ways:
    """All ways out of a function. Raises Unplaceable if a value may be missing at its end."""
    items = items_of(body.block)
    last = _unlabelled(items[-1]) if items else None
    final = last if isinstance(last, c_ast.Return) else None
    returns = [node for node in body.nodes() if isinstance(node, c_ast.Return)]
    flow, leave = body.flow, body.flow.exit.index
    seen, waiting, end_reached = {0}, [0], False
    while waiting:
        index = waiting.pop()
        for edge in flow.edges[index]:
            if edge.to == leave and flow.points[index].role is not Role.RETURN:
                end_reached = True
            if edge.to not in seen:
                seen.add(edge.to)
                waiting.append(edge.to)
    if end_reached and not returns_nothing(body):
        raise body.stop(body.item.span.end - 1, "the end is reached without a return")
    return Ways([one for one in returns if one is not final], final, end_reached)


def variable_of(node: c_ast.Return) -> str | None:
    """The variable whose value a return gives."""
    return str(node.expr.name) if isinstance(node.expr, c_ast.ID) else None


def _unlabelled(node: c_ast.Node) -> c_ast.Node:
    while isinstance(node, c_ast.Label):
        node = node.stmt
    return node


def _acts(node: c_ast.Node) -> bool:
    """Whether an expression does something: calls or assigns."""
    return any(
        isinstance(part, (c_ast.FuncCall, c_ast.Assignment, c_ast.Compound))
        or (isinstance(part, c_ast.UnaryOp) and part.op in ("++", "--", "p++", "p--"))
        for part in nodes_of(node)
    )
