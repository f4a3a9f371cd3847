"""Opening nofail scopes where a handle opens a nofs scope: each statement that moves the cookie of
the handle gets its twin. Local scopes of workers get theirs in `sections`.

A *cookie member* is a member that is assigned what the save of the nofs scope returns, directly or
from another such member. What is done with it has to be one of five things; anything else refuses
the member, and nothing is opened for it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pycparser import c_ast

from convert.nofail.layout import NoTwin, calls, line_of, stated_beside
from convert.nofail.moves import LocalScope, Move
from convert.nofail.sections import Runners, SectionFinder
from convert.semantics.scopes import Scope
from convert.sites.occurrences import Where, occurrences
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span
from convert.source.nodes import has_effects, nodes_of
from convert.source.parse import Item, ParsedFile
from convert.source.text import SourceFile
from convert.source.variants import Node, Variant

_PREFIX = re.compile(r"[a-z]{1,4}_")
_DECLARED = re.compile(r"(?P<head>[ \t]+[A-Za-z_][\w \t]*[ \t])(?P<name>\w+);(?P<tail>.*)")
MEMBER = "member"
_COMMENT = re.compile(r"\s*/\*.*\*/\s*\Z")


@dataclass(frozen=True)
class Twins:
    """All that was found. names: the twin of a cookie; locals: the scopes that are left."""

    moves: tuple[Move, ...]
    locals: tuple[LocalScope, ...]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> frozenset[str]:
        """The members for which nothing is opened."""
        return frozenset(move.member for move in self.moves if move.edit is None)

    def edits(self) -> dict[str, tuple[Edit, ...]]:
        """The twins of all members that have one everywhere."""
        found: dict[str, set[Edit]] = defaultdict(set)
        for move in self.moves:
            if move.edit is not None and move.member not in self.refused:
                found[move.path].add(move.edit)
        return {path: tuple(sorted(edits)) for path, edits in sorted(found.items())}


@dataclass
class TwinFinder:
    """Finds the cookies in the files of a run.

    model: the scope that is there; new: the one to open beside it; runners: whose local scopes get
    twins as well.
    """

    sources: Sources
    model: Scope
    new: Scope
    runners: Runners = field(default_factory=Runners)
    _members: dict[str, str] = field(default_factory=dict)

    def find(self) -> Twins:
        """All moves of all cookie members, and the scopes of local variables."""
        words = frozenset({self.model.save, self.model.restore})
        files = sorted(self.sources.holding(words))
        members, local = self._saved(files)
        self._members = {name: self._twin_name(name) for name in sorted(members)}
        moves = [move for path in self._holding() for move in self._moves(path)]
        moves = list(self._declared(moves))
        names = dict(self._members)
        finder = SectionFinder(self.sources, self.model, self.new)
        running = self.runners.functions(self.sources) if local else frozenset()
        for scope in local:
            if scope.function in running:
                moves += finder.moves(scope)
                names[moves[-1].member] = finder.twin_name(scope.variable)
        left = tuple(scope for scope in local if scope.function not in running)
        return Twins(tuple(moves), left, names)

    def _declared(self, moves: list[Move]) -> Iterator[Move]:
        """The moves; one of a member that is not declared just once here has no twin."""
        places: dict[str, list[Move]] = defaultdict(list)
        for move in moves:
            if move.what == MEMBER:
                places[move.member].append(move)
        for move in moves:
            number = len(places[move.member])
            if number == 1 or move.edit is None:
                yield move
                continue
            line = self.sources.tree.read(move.path)[: move.span.start].count(b"\n") + 1
            why = (
                "is declared in none of the files that were read"
                if not number
                else ("is the name of members of more than one structure")
            )
            text = f"{move.path}:{line}: {move.member} has no twin: it {why}"
            yield replace(move, edit=None, refused=text)

    # -- cookies ---------------------------------------------------------------------------------

    def _saved(self, files: Iterable[str]) -> tuple[set[str], list[LocalScope]]:
        """The members and the local variables that are assigned what a save returns."""
        members: set[str] = set()
        local: dict[tuple[str, Span], LocalScope] = {}
        for path in files:
            parsed = self.sources.parsed(path, frozenset({self.model.save}))
            for item in parsed.functions if parsed is not None else ():
                for variant in item.variants:
                    for call in variant.calls:
                        if call.callee != self.model.save:
                            continue
                        target = _target(variant, call.node)
                        if isinstance(target, c_ast.StructRef):
                            members.add(target.field.name)
                        else:
                            name = target.name if isinstance(target, c_ast.ID) else ""
                            local[path, call.span] = LocalScope(path, call.span, item.name, name)
        while True:
            more = self._copied(members) - members
            if not more:
                return members, list(local.values())
            members |= more

    def _copied(self, members: set[str]) -> set[str]:
        """The members that are assigned one of some members."""
        found: set[str] = set()
        for path in self.sources.holding(frozenset(members)) if members else ():
            parsed = self.sources.parsed(path, frozenset(members))
            for item in parsed.functions if parsed is not None else ():
                for variant in item.variants:
                    for node in nodes_of(variant.root):
                        if (
                            isinstance(node, c_ast.Assignment)
                            and isinstance(node.rvalue, c_ast.StructRef)
                            and node.rvalue.field.name in members
                            and isinstance(node.lvalue, c_ast.StructRef)
                        ):
                            found.add(node.lvalue.field.name)
        return found

    def _twin_name(self, member: str) -> str:
        """A name for the new member, in the style of the old one's."""
        if self.model.name in member:
            return member.replace(self.model.name, self.new.name)
        prefix = _PREFIX.match(member)
        return f"{prefix.group() if prefix else member + '_'}{self.new.name}"

    # -- moves -----------------------------------------------------------------------------------

    def _holding(self) -> list[str]:
        return sorted(self.sources.holding(frozenset(self._members))) if self._members else []

    def _moves(self, path: str) -> Iterator[Move]:
        names = frozenset(self._members)
        parsed = self.sources.parsed(path, names)
        if parsed is None:
            return
        seen: set[Span] = set()
        for found in occurrences(parsed.source, names):
            if found.where not in (Where.CODE, Where.DEFINE, Where.CONDITION):
                continue
            move = self._move(parsed, found.name, found.span)
            if move is not None and move.span not in seen:
                seen.add(move.span)
                yield move

    def _move(self, parsed: ParsedFile, member: str, token: Span) -> Move | None:
        """One place; None for a name that is no member (a variable of the same name)."""
        source, item = parsed.source, parsed.item_at(token.start)
        function = item.name if isinstance(item, Item) and item.kind == "function" else None
        where = f"{source.path}:{source.line(token.start)}"
        if self._clashes(member):
            why = f"{self._members[member]} is the name of something else already"
            return Move(source.path, token, function, member, "", None, f"{where}: {why}")
        try:
            if not isinstance(item, Item) or item.kind == "macro":
                raise NoTwin("it is used in a macro or in text that could not be parsed")
            places = {self._place(source, item, v, member, token) for v in item.variants}
            if places == {None}:
                return None
            if len(places) != 1:
                raise NoTwin("#if variants disagree about what is done with it")
            place = places.pop()
            assert place is not None
            span, what, edit = place
            return Move(source.path, span, function, member, what, edit)
        except NoTwin as why:
            text = f"{where}: {member} has no twin: {why}"
            return Move(source.path, token, function, member, "", None, text)

    def _clashes(self, member: str) -> bool:
        return bool(list(self.sources.holding(frozenset({self._members[member]}))))

    def _place(
        self, source: SourceFile, item: Item, variant: Variant, member: str, token: Span
    ) -> tuple[Span, str, Edit] | None:
        if not variant.holds(token.start):
            raise NoTwin("it stands under an #if, so not in every configuration")
        for declarator in variant.declarators:
            if declarator.name_span == token:
                if item.kind == "function" or declarator.is_parameter:
                    return None
                return self._declaration(source, token)
        node = variant.identifiers.get(token.start)
        use = variant.parent_of(node) if node is not None else None
        if not isinstance(use, c_ast.StructRef) or use.field is not node:
            if isinstance(node, c_ast.ID) and not isinstance(use, c_ast.StructRef):
                return None
            raise NoTwin("what is done with it is not understood")
        return self._statement(source, variant, use)

    def _declaration(self, source: SourceFile, token: Span) -> tuple[Span, str, Edit]:
        """The member's declaration, which has to stand alone in its line."""
        start, end = line_of(source.text, token.start)
        line = source.text[start:end]
        match = _DECLARED.fullmatch(line)
        if match is None or start + match.start("name") != token.start:
            raise NoTwin("its declaration does not stand alone in its line")
        if match["tail"].strip() and not _COMMENT.fullmatch(match["tail"]):
            raise NoTwin("something stands behind its declaration")
        comment = match["tail"][: len(match["tail"]) - len(match["tail"].lstrip())]
        comment += f"/* saved {self.new.name} scope */" if match["tail"].strip() else ""
        text = f"{match['head']}{self._members[token.of(source.text)]};{comment}\n"
        return Span(start, end), MEMBER, Edit(Span(end + 1, end + 1), text)

    def _statement(self, source: SourceFile, variant: Variant, use: Node) -> tuple[Span, str, Edit]:
        """A statement that saves, restores, hands over or resets the cookie."""
        parent = variant.parent_of(use)
        if isinstance(parent, c_ast.ExprList):
            parent = variant.parent_of(parent)
        whole, what = self._form(variant, use, parent)
        return stated_beside(source, variant, whole, what, self._names)

    def _form(self, variant: Variant, use: Node, parent: Node) -> tuple[Node, str]:
        """The expression statement around a use, and what it does."""
        match parent:
            case c_ast.FuncCall(name=c_ast.ID(name=name)) if name == self.model.restore:
                if len(parent.args.exprs) == 1 and not has_effects(use):
                    return parent, "restore"
            case c_ast.Assignment(op="=", lvalue=c_ast.StructRef() as left, rvalue=right):
                if has_effects(left):
                    raise NoTwin("where it is assigned is computed with a call or an assignment")
                if calls(right, self.model.save):
                    return parent, "save"
                if isinstance(right, c_ast.Constant):
                    return parent, "reset"
                known = isinstance(right, c_ast.StructRef) and right.field.name in self._members
                if known and left.field.name in self._members and not has_effects(right):
                    return parent, "hand over"
        raise NoTwin("it is neither saved, restored, handed over nor set to a constant")

    @property
    def _names(self) -> dict[str, str]:
        """The words of a statement that its twin says otherwise."""
        return {
            self.model.save: self.new.save,
            self.model.restore: self.new.restore,
            **self._members,
        }


def _target(variant: Variant, call: Node) -> Node | None:
    """What the result of a call is assigned to; a declared variable as its name."""
    parent = variant.parent_of(call)
    if isinstance(parent, c_ast.Assignment) and parent.rvalue is call and parent.op == "=":
        return parent.lvalue
    if isinstance(parent, c_ast.Decl):
        return c_ast.ID(parent.name)
    return None
