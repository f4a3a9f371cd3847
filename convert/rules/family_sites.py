"""The sites of the family itself: definitions, includes, objects, trace events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from convert.rules.drafts import Account, Draft
from convert.rules.model import Converted, Kept, Refused
from convert.rules.removal import Removal
from convert.rules.trace_event import TraceEvent
from convert.sites.family import Family
from convert.sites.includes import includers
from convert.sites.model import SiteKind
from convert.sites.occurrences import occurrences
from convert.sites.sources import Sources
from convert.source.edits import Edit
from convert.tree.kernel import KernelTree

_RULE_REMOVE = "remove-family"


@dataclass(frozen=True)
class FamilySites:
    """Turns a planned removal into sites; ``in_scope`` are the files to convert."""

    tree: KernelTree
    sources: Sources
    family: Family
    in_scope: frozenset[str]
    account: Account

    def decide(self, removal: Removal, events: Iterable[TraceEvent]) -> None:
        """Add the sites of everything that the removal names, or would have named."""
        self._decide_pieces(removal)
        self._decide_includes(removal)
        self._decide_builds(removal)
        self._decide_events(removal, events)

    def _line(self, path: str, offset: int) -> int:
        return self.sources.data(path).count(b"\n", 0, offset) + 1

    def _still_needed(self, removal: Removal) -> Refused:
        first = removal.blockers[0]
        more = len(removal.blockers) - 1
        tail = f", and {more} more place{'s' if more > 1 else ''}" if more else ""
        return Refused(_RULE_REMOVE, f"still needed: {first}{tail}", blocks_removal=False)

    def _decide_pieces(self, removal: Removal) -> None:
        moves = {move.piece.span: move for move in removal.moves}
        cuts = dict(removal.cuts)
        for piece in self.family.pieces:
            if piece.path not in self.in_scope:
                continue
            source = self.sources.source(piece.path)
            assert source is not None
            kind = SiteKind.DECLARATION if piece.role == "prototype" else SiteKind.DEFINITION
            names = {
                found.span.start
                for found in occurrences(source, self.family.names)
                if found.span in piece.span and not self.account.has(piece.path, found.span.start)
            }
            draft = Draft(
                kind,
                piece.path,
                piece.name if piece.item.kind == "function" else None,
                piece.name,
                piece.span,
                frozenset(names),
                self._still_needed(removal) if removal.blockers else Kept(_RULE_REMOVE, ""),
            )
            move = moves.get(piece.span)
            if removal.blockers:
                pass
            elif move is not None:
                notes = (move.note,) if move.note else ()
                reason = f"moves to {move.target}, which included {self.family.header}"
                decision = Converted(
                    _RULE_REMOVE, "move-helpers", move.cut, "", reason, notes=notes
                )
                draft = replace(draft, decision=decision)
            else:
                draft = replace(draft, decision=self._gone(piece.path, piece.role, cuts))
            self.account.add(draft)

    def _gone(self, path: str, role: str, cuts: Mapping[str, tuple[Edit, ...]]) -> Converted:
        reason = "nothing needs it any more"
        if role == "helper":
            reason = "only the wrappers used it"
        return Converted(_RULE_REMOVE, "remove", cuts.get(path, ()), "", reason)

    def _decide_includes(self, removal: Removal) -> None:
        changes = {(c.path, c.include.line): c for c in removal.includes}
        files = sorted(path for path in self.in_scope if path.endswith((".c", ".h")))
        dirs = (self.family.home, "include")
        for path, include in includers(self.tree, files, self.family.header, dirs):
            if path in removal.deleted:
                continue
            change = changes.get((path, include.line))
            if removal.blockers:
                decision: Converted | Kept | Refused = self._still_needed(removal)
            elif change is None:
                decision = Kept(_RULE_REMOVE, f"{self.family.header} stays for its helpers")
            else:
                added = f"; {', '.join(change.added)} included instead" if change.added else ""
                decision = Converted(
                    _RULE_REMOVE, "remove", change.edits, "", f"the header is gone{added}"
                )
            name = include.path.rsplit("/", 1)[-1]
            self.account.add(
                Draft(SiteKind.INCLUDE, path, None, name, include.line, frozenset(), decision)
            )

    def _decide_builds(self, removal: Removal) -> None:
        for change in removal.builds:
            decision = Converted(
                _RULE_REMOVE, "remove", (change.edit,), "", "its source file is gone"
            )
            self.account.add(
                Draft(
                    SiteKind.BUILD,
                    change.path,
                    None,
                    change.text,
                    change.word,
                    frozenset(),
                    decision,
                )
            )

    def _decide_events(self, removal: Removal, events: Iterable[TraceEvent]) -> None:
        for event in events:
            if event.path not in self.in_scope:
                continue
            if removal.blockers:
                decision: Converted | Kept | Refused = self._still_needed(removal)
            elif event.user is not None:
                path, span = event.user
                decision = Kept(
                    _RULE_REMOVE, f"still fired at {path}:{self._line(path, span.start)}"
                )
            else:
                gone = f"; {', '.join(event.removed)} go with it" if event.removed else ""
                reason = f"only the wrapper fired it{gone}"
                decision = Converted(_RULE_REMOVE, "remove", event.edits, "", reason)
            self.account.add(
                Draft(
                    SiteKind.TRACE_EVENT,
                    event.path,
                    None,
                    event.name,
                    event.item.span,
                    frozenset({event.offset}),
                    decision,
                )
            )
