"""The end of a family: its definitions go, its helpers move, its includes and objects follow.

Nothing of it is done while anything still needs a wrapper: `plan_removal` is told the blockers and
then gives refusals that name them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from convert.rules.cuts import comment_above, cut_lines, remove_word, whole_lines
from convert.rules.flag_model import Failure
from convert.sites.family import Family, Piece, uses_outside
from convert.sites.includes import Include, brought_along, includers, includes_of
from convert.sites.occurrences import Where, occurrences
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span
from convert.source.parse import Item
from convert.source.tokens import Kind
from convert.tree.kernel import KernelTree

_MAKEFILES = ("Makefile", "Kbuild")


@dataclass(frozen=True)
class Move:
    """A helper that goes to the header which included its own: cut there, written here."""

    piece: Piece
    target: str
    cut: tuple[Edit, ...]
    insertion: Edit
    note: str | None


@dataclass(frozen=True)
class IncludeChange:
    """An include line of the header that goes, and what comes instead."""

    path: str
    include: Include
    edits: tuple[Edit, ...]
    added: tuple[str, ...]


@dataclass(frozen=True)
class BuildChange:
    """A word of a Makefile that goes with its source file."""

    path: str
    word: Span
    text: str
    edit: Edit


@dataclass(frozen=True)
class Removal:
    """All that the end of the family takes, or why it does not come (``blockers``)."""

    blockers: tuple[Failure, ...]
    moves: tuple[Move, ...] = ()
    dropped: tuple[Piece, ...] = ()  # helpers that nothing uses once the wrappers are gone
    deleted: tuple[str, ...] = ()
    cuts: tuple[tuple[str, tuple[Edit, ...]], ...] = ()  # files that stay, without the pieces
    includes: tuple[IncludeChange, ...] = ()
    builds: tuple[BuildChange, ...] = ()


class _Planner:
    def __init__(self, tree: KernelTree, sources: Sources, family: Family) -> None:
        self.tree = tree
        self.sources = sources
        self.family = family
        self.blockers: list[Failure] = []
        self.going = family.profile.wrappers | family.flags | {family.flag_type}

    def text(self, path: str) -> str:
        return self.sources.data(path).decode("latin-1")

    def block(self, path: str, offset: int, what: str) -> None:
        line = self.text(path).count("\n", 0, offset) + 1
        self.blockers.append(Failure(path, line, what))

    def needed_helpers(self) -> list[Piece]:
        """Helpers that code outside the family uses, and those that they use themselves."""
        helpers = [piece for piece in self.family.pieces if piece.role == "helper"]
        needed = {p.name for p in helpers if uses_outside(self.sources, self.family, p.name)}
        while True:
            texts = [p.span.of(self.text(p.path)) for p in helpers if p.name in needed]
            more = {
                p.name
                for p in helpers
                if p.name not in needed
                and any(re.search(rf"\b{re.escape(p.name)}\b", text) for text in texts)
            }
            if not more:
                break
            needed |= more
        return [p for p in helpers if p.name in needed]

    def check_helper(self, piece: Piece) -> None:
        source = self.sources.source(piece.path)
        assert source is not None
        for found in occurrences(source, frozenset(self.going)):
            if found.span in piece.span and found.where in (Where.CODE, Where.DEFINE):
                self.block(
                    piece.path,
                    found.span.start,
                    f"{piece.name} uses {found.name} and is itself still used",
                )
                return

    def leftovers(self, path: str) -> bool:
        """Whether a file holds code besides the family's pieces."""
        source = self.sources.source(path)
        assert source is not None
        tokens = source.tokens
        spans = [piece.span for piece in self.family.pieces if piece.path == path]
        for index in range(len(tokens)):
            quiet = tokens.kinds[index] in (Kind.SPACE, Kind.COMMENT, Kind.DIRECTIVE)
            if not quiet and not any(tokens.starts[index] in span for span in spans):
                return True
        return False

    def exported(self) -> None:
        names = self.family.profile.wrappers
        for path in self.sources.holding(names):
            parsed = self.sources.parsed(path, names)
            for item in parsed.declarations if parsed is not None else ():
                if item.name.startswith("EXPORT_SYMBOL"):
                    self.block(path, item.span.start, "a wrapper is exported to other modules")


def plan_removal(
    tree: KernelTree, sources: Sources, family: Family, blockers: Sequence[Failure]
) -> Removal:
    """Plan the end of a family whose calls are all converted.

    ``blockers`` are the places that still need it; with any of them, or any found here, the result
    holds only blockers.
    """
    planner = _Planner(tree, sources, family)
    planner.blockers += blockers
    planner.exported()
    needed = planner.needed_helpers()
    for piece in needed:
        planner.check_helper(piece)
    users = _find_includers(tree, sources, family)
    for path, include in users:
        if path not in sources.all_files:
            planner.block(
                path, include.line.start, f"includes {family.header} from outside {family.home}"
            )
    deleted = tuple(path for path in family.files if not planner.leftovers(path))
    moves: list[Move] = []
    if family.header in deleted and not planner.blockers:
        moves = _moves(planner, needed, users)
    if planner.blockers:
        return Removal(tuple(dict.fromkeys(planner.blockers)))
    cuts = tuple(
        (path, tuple(cut_lines(planner.text(path), _piece_spans(planner, path))))
        for path in family.files
        if path not in deleted
    )
    includes = _include_changes(planner, users, deleted) if family.header in deleted else ()
    moved = {move.piece.name for move in moves}
    dropped = tuple(p for p in family.pieces if p.role == "helper" and p.name not in moved)
    return Removal(
        (), tuple(moves), dropped, deleted, cuts, tuple(includes), _builds(planner, deleted)
    )


def _find_includers(
    tree: KernelTree, sources: Sources, family: Family
) -> list[tuple[str, Include]]:
    """Who includes the header: everything in the directory above its own, and in include/."""
    parent = posixpath.dirname(family.home)
    nearby = set(sources.all_files)
    for under in (parent, "include"):
        if under and tree.exists(under):
            nearby |= set(tree.files(under))
    files = sorted(path for path in nearby if path.endswith((".c", ".h")))
    return list(includers(tree, files, family.header, (family.home, "include", parent or ".")))


def _piece_spans(planner: _Planner, path: str) -> list[Span]:
    source = planner.sources.source(path)
    assert source is not None
    spans = []
    for piece in planner.family.pieces:
        if piece.path == path:
            above = comment_above(source, piece.span.start)
            spans.append(Span(above.start, piece.span.end) if above else piece.span)
    return spans


def _moves(
    planner: _Planner, needed: Sequence[Piece], users: Sequence[tuple[str, Include]]
) -> list[Move]:
    """Each needed helper goes to the one header that includes the family's."""
    family = planner.family
    if not needed:
        return []
    targets = sorted(
        {path for path, _ in users if path.endswith(".h") and path not in family.files}
    )
    direct = sorted(
        {path for path, _ in users if not path.endswith(".h") and path not in family.files}
    )
    if len(targets) != 1 or direct:
        names = ", ".join(piece.name for piece in needed)
        where = ", ".join([*targets, *direct]) or "nothing"
        planner.block(
            family.header, needed[0].span.start, f"{names} must move, but {where} include it"
        )
        return []
    target = targets[0]
    for piece in needed:
        for path, span in uses_outside(planner.sources, family, piece.name):
            if path.endswith(".h"):
                planner.block(path, span.start, f"a header uses {piece.name} and may need it early")
    if planner.blockers:
        return []
    return _write_moves(planner, needed, target)


def _write_moves(planner: _Planner, needed: Sequence[Piece], target: str) -> list[Move]:
    text = planner.text(target)
    last = re.search(r"\n[ \t]*#[ \t]*endif\b[^\n]*\s*\Z", text)
    at = last.start() + 1 if last else len(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    moves: list[Move] = []
    blocks: list[str] = []
    for piece in sorted(needed, key=lambda p: p.span):
        source = planner.sources.source(piece.path)
        assert source is not None
        span, note = piece.span, None
        above = comment_above(source, piece.span.start)
        if above is not None and is_heading(above.of(source.text)):
            heading = " ".join(above.of(source.text).strip("/* \n\t").split())
            note = f"the heading “{heading}” above {piece.name} is not moved"
        elif above is not None:
            span = Span(above.start, piece.span.end)
        blocks.append(span.of(source.text))
        cut_from = above.start if above is not None else span.start
        cut = cut_lines(source.text, [Span(cut_from, piece.span.end)])
        moves.append(Move(piece, target, tuple(cut), Edit(Span(at, at), ""), note))
    body = (newline * 2).join(blocks)
    before = "" if text[:at].endswith(newline * 2) else newline
    written = Edit(Span(at, at), f"{before}{body}{newline}{newline}")
    return [Move(m.piece, m.target, m.cut, written, m.note) for m in moves]


def is_heading(comment: str) -> bool:
    """Whether a comment is a section's heading rather than a description of what follows.

    A heading is at most four words without a full stop, and no kernel-doc.
    """
    if comment.startswith("/**"):
        return False
    words = [word for word in re.split(r"[\s*/]+", comment) if word]
    return len(words) <= 4 and not comment.rstrip("*/ \n\t").endswith(".")


def _include_changes(
    planner: _Planner, users: Sequence[tuple[str, Include]], deleted: Sequence[str]
) -> list[IncludeChange]:
    own = [i for i in includes_of(planner.text(planner.family.header)) if i.angled]
    changes: list[IncludeChange] = []
    headers_first = sorted(users, key=lambda user: (not user[0].endswith(".h"), user[0]))
    for path, include in headers_first:
        if path in deleted:
            continue
        text = planner.text(path)
        present = [other for other in includes_of(text) if other.line != include.line]
        local = _local_headers(planner, path, include)
        known = {name.strip("<>") for c in changes if c.path in local for name in c.added}
        for at in (path, *local):
            for other in includes_of(planner.text(at)):
                if at == path or other.angled:
                    known |= {other.path} | brought_along(planner.tree, other)
        missing = tuple(i.spelled for i in own if i.path not in known)
        changes.append(_include_change(text, path, include, present, own, missing))
    return changes


def _local_headers(planner: _Planner, path: str, gone: Include) -> tuple[str, ...]:
    """The headers of the filesystem itself that a file includes, directly or through others."""
    seen: list[str] = []
    pending = [path]
    while pending:
        at = pending.pop()
        for include in includes_of(planner.text(at)):
            if include.angled or (at == path and include == gone):
                continue
            for base in (posixpath.dirname(at), planner.family.home):
                found = posixpath.normpath(posixpath.join(base, include.path))
                if found in planner.sources.all_files and found != planner.family.header:
                    if found not in seen:
                        seen.append(found)
                        pending.append(found)
                    break
    return tuple(seen)


def _include_change(
    text: str,
    path: str,
    include: Include,
    present: Sequence[Include],
    own: Sequence[Include],
    missing: tuple[str, ...],
) -> IncludeChange:
    newline = "\r\n" if include.line.of(text).endswith("\r") else "\n"
    lines = "".join(f"#include {spelled}{newline}" for spelled in missing)
    shared = [other for other in present if other.path in {i.path for i in own}]
    gone = whole_lines(text, include.line)
    if not missing:
        return IncludeChange(path, include, tuple(cut_lines(text, [include.line])), ())
    if not shared:
        return IncludeChange(path, include, (Edit(gone, lines),), missing)
    at = whole_lines(text, shared[-1].line).end
    edits = (*cut_lines(text, [include.line]), Edit(Span(at, at), lines))
    return IncludeChange(path, include, edits, missing)


def _builds(planner: _Planner, deleted: Sequence[str]) -> tuple[BuildChange, ...]:
    changes = []
    for path in planner.sources.all_files:
        if posixpath.basename(path) not in _MAKEFILES:
            continue
        text = planner.text(path)
        for source in deleted:
            if not source.endswith(".c"):
                continue
            word = posixpath.relpath(source[:-2] + ".o", posixpath.dirname(path))
            for found in re.finditer(rf"(?<![\w./-]){re.escape(word)}(?![\w.])", text):
                comment = text.rfind("#", text.rfind("\n", 0, found.start()) + 1, found.start())
                if comment < 0:
                    span = Span(found.start(), found.end())
                    changes.append(BuildChange(path, span, word, remove_word(text, span)))
    return tuple(changes)


__all__ = ["BuildChange", "IncludeChange", "Item", "Move", "Removal", "plan_removal"]
