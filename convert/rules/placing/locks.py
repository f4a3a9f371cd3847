"""A scope around a lock: opened behind where it is taken, closed before where it is released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.terms import call_name
from convert.rules.layout import indent_of
from convert.rules.placing.body import Body, branch_of, items_of, leaves
from convert.rules.placing.draft import Draft
from convert.rules.placing.holding import Held, Holding, Release, Shape, Taking, is_idle
from convert.source.nodes import MacroLoop, nodes_of

_LOOPS = (c_ast.While, c_ast.DoWhile, c_ast.For, MacroLoop)


@dataclass(frozen=True)
class Lines:
    """What is written: a line that opens the scope, one that closes it, and a comment."""

    opening: str
    closing: str
    comment: str = ""


@dataclass
class LockEdits:
    """Writes the lines of one function into a draft.

    outside: conditions that run between two releases and the closing call that both share.
    """

    body: Body
    draft: Draft
    holding: Holding
    lines: Lines
    outside: set[int] = field(default_factory=set)  # points
    restores: int = 0
    opened: bool = False

    def write(self) -> None:
        """All lines. Raises Unplaceable where a line has no plain place."""
        takings = {id(t.statement): t for t in self.holding.takings if t.shape is Shape.STATEMENT}
        shared = self.shared(takings, at_end=True)
        for statement in shared:
            self.behind(statement)
        inside = {id(part) for one in shared for part in nodes_of(one)}
        for taking in self.holding.takings:
            if id(taking.statement) not in inside:
                self.open(taking)
        releases = {id(r.statement): r for r in self.holding.releases}
        joined = self.shared(releases, at_end=False)
        for statement in joined:
            self.close_before(statement)
        inside = {id(part) for one in joined for part in nodes_of(one)}
        for release in self.holding.releases:
            if id(release.statement) not in inside:
                self.close(release)

    # -- branches that do the same -------------------------------------------------------------

    def shared(
        self, wanted: dict[int, Taking] | dict[int, Release], at_end: bool
    ) -> list[c_ast.If]:
        """The outermost ``if … else`` whose branches all end (or all begin) with what is wanted."""
        found: list[c_ast.If] = []
        covered: set[int] = set()
        for node in self.body.nodes():
            if id(node) in covered or not isinstance(node, c_ast.If):
                continue
            if self.all_branches(node, wanted, at_end) and self.body.is_in_block(node):
                found.append(node)
                covered |= {id(part) for part in nodes_of(node)}
        return found

    def all_branches(
        self,
        node: c_ast.Node | None,
        wanted: dict[int, Taking] | dict[int, Release],
        at_end: bool,
    ) -> bool:
        if isinstance(node, c_ast.If):
            if any(isinstance(part, c_ast.FuncCall) for part in nodes_of(node.cond)):
                return False
            branches = (node.iftrue, node.iffalse)
            return all(self.all_branches(branch, wanted, at_end) for branch in branches)
        if isinstance(node, c_ast.Compound):
            items = items_of(node)
            return bool(items) and self.all_branches(items[-1 if at_end else 0], wanted, at_end)
        return node is not None and id(node) in wanted

    # -- opening -------------------------------------------------------------------------------

    def behind(self, statement: c_ast.Node) -> None:
        put_braces(self.body, self.draft, statement)
        span = self.body.span(statement)
        at = self.draft.following_line(span.end)
        self.draft.behind(span, self.opening(span.start, at))

    def opening(self, start: int, at: int) -> list[str]:
        """The lines that open; the first time with the comment."""
        words = self.lines.comment if not self.opened else ""
        self.opened = True
        indent = indent_of(self.draft.text, start)
        return [*self.draft.comment(words, indent, at), self.lines.opening]

    def open(self, taking: Taking) -> None:
        if taking.shape is Shape.STATEMENT:
            self.behind(taking.statement)
            return
        statement: c_ast.Node | None = taking.statement
        if taking.shape is Shape.RESULT:
            if self.always(taking):
                self.behind(taking.statement)
                return
            statement = self.body.following(taking.statement)
            while statement is not None and is_idle(statement):
                statement = self.body.following(statement)
        name = taking.call.callee
        if isinstance(statement, c_ast.If):
            self.open_at_if(statement, name or "")
        elif isinstance(statement, (c_ast.While, c_ast.DoWhile)):
            self.behind(statement)
        else:
            text = f"whether {name}() took the lock is not tested in the next statement"
            raise self.body.stop(taking.call.span.start, text)

    def always(self, taking: Taking) -> bool:
        """Whether the lock is held on every way behind a call with a result."""
        edges = self.body.flow.edges[taking.point]
        states = {self.holding.at.get(edge.to) for edge in edges}
        if states == {Held.YES} and isinstance(taking.statement, c_ast.Decl):
            raise self.body.stop(taking.statement, "the lock is taken in a declaration")
        return states == {Held.YES}

    def open_at_if(self, node: c_ast.If, name: str) -> None:
        """Behind the test of a result, or in the branch that has the lock."""
        for branch in (node.iftrue, node.iffalse):
            if branch is not None and self.held_in(branch):
                self.open_in(branch)
                return
        if node.iffalse is None and leaves(node.iftrue):
            self.behind(node)
            return
        text = f"no branch of this test is the one in which {name}() took the lock"
        raise self.body.stop(node, text)

    def held_in(self, branch: c_ast.Node) -> bool:
        inside = {id(part) for part in nodes_of(branch)}
        for point in self.body.flow.points:
            if point.code is not None and id(point.code) in inside:
                return self.holding.at.get(point.index) is Held.YES
        return False

    def open_in(self, branch: c_ast.Node) -> None:
        """At the start of a branch."""
        items = items_of(branch) if isinstance(branch, c_ast.Compound) else [branch]
        if isinstance(branch, c_ast.If) or isinstance(items[0], (c_ast.Decl, c_ast.Label)):
            raise self.body.stop(items[0], "the branch does not start with a plain statement")
        put_braces(self.body, self.draft, items[0])
        span = self.body.span(items[0])
        at = self.draft.above_comments(span.start)
        self.draft.before(span, self.opening(span.start, at))

    # -- closing -------------------------------------------------------------------------------

    def close(self, release: Release) -> None:
        if isinstance(release.statement, c_ast.Return):
            self.refuse_work_in(release)
        self.close_before(release.statement)

    def refuse_work_in(self, release: Release) -> None:
        """``return unlock(alloc())``: the argument would run outside of the scope."""
        whole = release.call.node
        if any(call_name(part) and part is not whole for part in nodes_of(whole)):
            raise self.body.stop(release.statement, "the return releases the lock and calls more")

    def close_before(self, statement: c_ast.Node) -> None:
        put_braces(self.body, self.draft, statement)
        self.draft.before(self.body.span(statement), [self.lines.closing])
        self.restores += 1
        if isinstance(statement, c_ast.If):
            self.outside |= self.conditions(statement)

    def conditions(self, node: c_ast.Node) -> set[int]:
        """The points of the conditions of an ``if`` chain in front of releases."""
        inner = {
            id(part)
            for part in nodes_of(node)
            if isinstance(part, c_ast.If)
            for part in nodes_of(part.cond)
        }
        points = self.body.points
        return {points[number] for number in inner if number in points}


def put_braces(body: Body, draft: Draft, statement: c_ast.Node) -> None:
    """Make a block of the branch that a statement is; the other branches get braces too."""
    if body.is_in_block(statement):
        return
    parent, child = body.holder(statement)
    if child is not statement:
        raise body.stop(statement, "a label stands in front of the body of an `if` or loop")
    if not isinstance(parent, (c_ast.If, *_LOOPS)) or isinstance(parent, c_ast.DoWhile):
        raise body.stop(statement, "the statement stands in no plain block")
    if not isinstance(parent, c_ast.If):
        draft.brace(body.span(child), False)
        return
    top = parent
    while isinstance(above := body.parent(top), c_ast.If) and above.iffalse is top:
        top = above
    for node, branch in branches(top):
        if not isinstance(branch, c_ast.Compound):
            if isinstance(branch, (c_ast.If, *_LOOPS)):
                raise body.stop(branch, "a branch without braces holds an `if` or loop")
            draft.brace(body.span(branch), branch_of(node, branch)[1])


def branches(node: c_ast.If) -> Sequence[tuple[c_ast.If, c_ast.Node]]:
    """All branches of an ``if … else if … else`` chain, each with its ``if``."""
    found = [(node, node.iftrue)]
    if isinstance(node.iffalse, c_ast.If):
        return [*found, *branches(node.iffalse)]
    return [*found, *([(node, node.iffalse)] if node.iffalse is not None else [])]


__all__ = ["Lines", "LockEdits", "put_braces"]
