"""Recipe ``exact``: every wrapper call becomes the plain call with the same contract.

Steps, one commit each: zeroing allocations, allocations, helper moves, frees of memory that may
come from vmalloc, the other frees, removal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from convert.errors import InternalCheckError
from convert.plan import Difference, FileRefusal, PlannedSite, Step, Validation
from convert.rules.calls import Given, SizeJudge
from convert.rules.drafts import Account, Draft, finish
from convert.rules.family_sites import FamilySites
from convert.rules.flag_flow import FlowReader
from convert.rules.flag_model import Failure
from convert.rules.flag_writing import FlagWriter
from convert.rules.frees import FreeJudge
from convert.rules.layout import line_end, line_start
from convert.rules.model import Converted, Kept, Refused
from convert.rules.removal import Removal, plan_removal
from convert.rules.steps import STEPS, StepMaker
from convert.rules.trace_event import find_trace_events
from convert.rules.validation import validate
from convert.rules.wrapper_sites import WrapperSites
from convert.semantics.derived import Meaning
from convert.sites.distrust import distrusted_files
from convert.sites.family import Family
from convert.sites.macro_traps import Pasting, find_pastings
from convert.sites.model import SiteKind
from convert.sites.occurrences import Occurrence, Where, occurrences
from convert.sites.sources import C_SUFFIXES, Sources
from convert.source.edits import Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind
from convert.tree.kernel import KernelTree

_IN_CODE = (Where.CODE, Where.DEFINE, Where.CONDITION)
_DOCUMENTS = "Documentation/filesystems"


@dataclass(frozen=True)
class Outcome:
    """What the recipe decided: sites, steps, and what could not be read."""

    sites: tuple[PlannedSite, ...]
    steps: tuple[Step, ...]
    differences: tuple[Difference, ...]
    refusals: tuple[FileRefusal, ...]
    originals: Mapping[str, str]
    functions_found: int
    functions_parsed: int
    files_read: int
    notes: tuple[str, ...]
    validation: Validation


class ExactRecipe:
    """One run of the recipe over the files of ``sources``; ``in_scope`` are those to convert."""

    def __init__(
        self,
        tree: KernelTree,
        sources: Sources,
        family: Family,
        meaning: Meaning,
        in_scope: frozenset[str],
        sizes: SizeJudge,
        frees: FreeJudge,
    ) -> None:
        self.tree = tree
        self.sources = sources
        self.family = family
        self.meaning = meaning
        self.in_scope = in_scope
        self.account = Account()
        self.reader = FlowReader(sources, family, distrusted_files(sources, family))
        self.flow = self.reader.run()
        self.writer = FlagWriter(
            self.flow, sources, family.names, family.profile, meaning.semantics
        )
        self.events = find_trace_events(sources, family)
        events = frozenset(event.name for event in self.events)
        given = Given(family.profile, meaning, events, sizes)
        self.wrappers = WrapperSites(
            sources, family, given, self.reader, self.writer, self.account, frees
        )
        self.pastings = find_pastings(sources, family)
        self.going = family.names - family.helpers

    def run(self) -> Outcome:
        """Decide every site, then the end of the family, then the steps.

        Raises InternalCheckError if a name that the tokens show has no site, or two.
        """
        named = {*self.sources.holding(self.family.names), *(p.path for p in self.pastings)}
        files = sorted(named & self.in_scope)
        for path in files:
            source = self.sources.source(path)
            if source is not None:
                self._decide_file(source)
        removal = plan_removal(self.tree, self.sources, self.family, self._blockers())
        family_sites = FamilySites(
            self.tree, self.sources, self.family, self.in_scope, self.account
        )
        family_sites.decide(removal, self.events)
        self._decide_documents()
        self._check_account(files)
        return self._outcome(removal)

    # -- one file -------------------------------------------------------------------------------

    def _decide_file(self, source: SourceFile) -> None:
        path = source.path
        for draft in self.writer.drafts(path):
            self.account.add(draft)
        found = [
            one for one in occurrences(source, self.family.names) if not self._elsewhere(path, one)
        ]
        for one in found:
            if self.account.has(path, one.span.start):
                continue
            if one.where in (Where.COMMENT, Where.STRING):
                self._comment(source, one)
            elif one.name in self.family.profile.wrappers:
                self.account.add(self.wrappers.draft(source, one))
            elif one.name in self.family.helpers:
                self.account.add(self._helper(source, one))
        for pasting in self.pastings:
            if pasting.path == path:
                self.account.add(self._pasting(source, pasting))
        for one in found:  # what no call took along
            if not self.account.has(path, one.span.start):
                self.account.add(self._leftover(source, one))

    def _elsewhere(self, path: str, found: Occurrence) -> bool:
        """Whether a name belongs to the family's own definitions or to its trace event."""
        offset = found.span.start
        event = any(one.path == path and one.offset == offset for one in self.events)
        return event or self.family.piece_at(path, offset) is not None

    def _comment(self, source: SourceFile, found: Occurrence) -> None:
        """One site for a line of a comment or string, however many names stand in it."""
        index = source.tokens.index_at(found.span.start)
        token = source.tokens.span(index)
        span = found.span
        if source.tokens.kinds[index] != Kind.DIRECTIVE:
            start = max(token.start, line_start(source.text, found.span.start))
            end = min(token.end, line_end(source.text, found.span.end))
            line = source.text[start:end]
            span = Span(start + len(line) - len(line.lstrip()), start + len(line.rstrip()))
        inside = [
            one
            for one in occurrences(source, self.family.names)
            if one.span in span and one.where is found.where
        ]
        claims = frozenset(one.span.start for one in inside)
        names = sorted({one.name for one in inside if one.name in self.going})
        if not names:  # it names only helpers, which stay
            self.account.claimed |= {(source.path, offset) for offset in claims}
            return
        reason = f"a {found.where.value} names {', '.join(names)}: for the author to reword"
        self.account.add(
            Draft(
                SiteKind.COMMENT,
                source.path,
                self.reader.function_at(source.path, span.start),
                names[0],
                span,
                claims,
                Kept("comment", reason),
            )
        )

    def _helper(self, source: SourceFile, found: Occurrence) -> Draft:
        return Draft(
            SiteKind.HELPER,
            source.path,
            self.reader.function_at(source.path, found.span.start),
            found.name,
            found.span,
            frozenset({found.span.start}),
            Kept("helper", f"{found.name} is no wrapper; its users stay as they are"),
        )

    def _pasting(self, source: SourceFile, pasting: Pasting) -> Draft:
        line = source.line(pasting.span.start)
        reason = f"{source.path}:{line}: {pasting.macro} can make the name {pasting.made} by ##"
        return Draft(
            SiteKind.MACRO,
            source.path,
            None,
            pasting.macro,
            pasting.span,
            frozenset(),
            Refused("plain-allocation", reason),
        )

    def _leftover(self, source: SourceFile, found: Occurrence) -> Draft:
        """A flag or flag type that no rule explains: refused, with the reason if one is known."""
        is_type = found.name == self.family.flag_type
        failure = self.flow.lost.get((source.path, found))
        dead = (source.path, found) in self.flow.dead
        what = "inside `#if 0`, which is never compiled" if dead else "no rule knows this use"
        reason = f"{source.path}:{source.line(found.span.start)}: {what}"
        return Draft(
            SiteKind.FLAG_TYPE if is_type else SiteKind.FLAG_VARIABLE,
            source.path,
            self.reader.function_at(source.path, found.span.start),
            found.name,
            found.span,
            frozenset({found.span.start}),
            Refused("flags-to-gfp", str(failure or reason), blocks_removal=not dead),
        )

    def _decide_documents(self) -> None:
        """Names in files that are no C: documentation, Kconfig, scripts."""
        words = "|".join(map(re.escape, sorted(self.going)))
        documents: tuple[str, ...] = ()
        if self.tree.exists(_DOCUMENTS):
            documents = self.tree.files(_DOCUMENTS)
        others = {path for path in self.in_scope if not path.endswith(C_SUFFIXES)}
        for path in sorted({*documents, *others}):
            text = self.sources.data(path).decode("latin-1")
            for found in re.finditer(rf"\b(?:{words})\b", text):
                reason = f"names {found.group()}: for the author to reword"
                self.account.add(
                    Draft(
                        SiteKind.COMMENT,
                        path,
                        None,
                        found.group(),
                        Span(found.start(), found.end()),
                        frozenset({found.start()}),
                        Kept("comment", reason),
                    )
                )

    # -- checks ---------------------------------------------------------------------------------

    def _blockers(self) -> list[Failure]:
        """Everything that still needs a wrapper, a flag or the type once all calls are done."""
        result = [
            Failure(
                draft.path,
                self.sources.data(draft.path).count(b"\n", 0, draft.span.start) + 1,
                f"{draft.callee} is still needed",
            )
            for draft in self.account.drafts
            if isinstance(draft.decision, Refused) and draft.decision.blocks_removal
        ]
        for path in self.sources.holding(self.going):
            if path not in self.in_scope:
                result += self._outside_use(path)
        words = re.compile(b"|".join(name.encode() for name in sorted(self.going)))
        for path, broken in sorted(self.sources.broken.items()):
            if words.search(self.sources.data(path)):
                result.append(Failure(path, broken.line, f"could not be read: {broken.construct}"))
        outside = [path for path in self.family.files if path not in self.in_scope]
        result += [Failure(p, 1, "the wrappers live outside the paths to convert") for p in outside]
        return result

    def _outside_use(self, path: str) -> list[Failure]:
        """The first use of the family in a file that is not to be converted."""
        source = self.sources.source(path)
        for found in occurrences(source, self.going) if source is not None else ():
            if found.where in _IN_CODE and not self._elsewhere(path, found):
                assert source is not None
                what = f"{found.name} is used outside the paths to convert"
                return [Failure(path, source.line(found.span.start), what)]
        return []

    def _check_account(self, files: Iterable[str]) -> None:
        """Every name that the tokens show has exactly one site."""
        for path in files:
            source = self.sources.source(path)
            for found in occurrences(source, self.family.names) if source is not None else ():
                event = any(e.path == path and e.offset == found.span.start for e in self.events)
                in_piece = self.family.piece_at(path, found.span.start) is not None
                if event or in_piece or self.account.has(path, found.span.start):
                    continue
                assert source is not None
                raise InternalCheckError(
                    f"{path}:{source.line(found.span.start)}: {found.name} in a "
                    f"{found.where.value} was found but not decided"
                )

    # -- the plan's parts -------------------------------------------------------------------------

    def _outcome(self, removal: Removal) -> Outcome:
        sources = {
            path: source
            for path in {draft.path for draft in self.account.drafts}
            if path.endswith(C_SUFFIXES) and (source := self.sources.source(path)) is not None
        }
        texts = {
            draft.path: self.sources.data(draft.path).decode("latin-1")
            for draft in self.account.drafts
            if draft.path not in sources
        }
        sites = finish(self.account.drafts, sources, texts, STEPS)
        steps = StepMaker(self.family).steps(sites, removal)
        validation = validate(self.sources, self.reader.wanted, self.meaning, sites, steps)
        changed = {change.path for step in steps for change in step.changes}
        refusals, found, parsed = self._read_count()
        return Outcome(
            sites,
            steps,
            self._differences(sites),
            refusals,
            {path: self.sources.data(path).decode("latin-1") for path in sorted(changed)},
            found,
            parsed,
            len(self.sources.c_files),
            self._notes(removal),
            validation,
        )

    def _notes(self, removal: Removal) -> tuple[str, ...]:
        if not removal.blockers:
            return ()
        needs = [
            f"{self.family.header} stays, as it is still needed: {b}" for b in removal.blockers
        ]
        return tuple(dict.fromkeys(needs))

    def _differences(self, sites: Sequence[PlannedSite]) -> tuple[Difference, ...]:
        used = {
            name
            for planned in sites
            if isinstance(planned.decision, Converted)
            for name in planned.decision.differences
        }
        facts = self.family.profile.difference
        return tuple(Difference(f.id, f.text, f.source) for f in facts if f.id in used)

    def _read_count(self) -> tuple[tuple[FileRefusal, ...], int, int]:
        """What could not be read, the functions with names of the family, and those parsed."""
        refusals = [
            FileRefusal(path, broken.line, path, broken.construct)
            for path, broken in sorted(self.sources.broken.items())
        ]
        parsed_functions = refused = 0
        for path in self.sources.holding(self.reader.wanted):
            parsed = self.sources.parsed(path, self.reader.wanted)
            if parsed is None:
                continue
            parsed_functions += len(parsed.functions)
            refused += len(parsed.refusals)
            refusals += [
                FileRefusal(path, refusal.line, refusal.name, refusal.construct)
                for refusal in parsed.refusals
            ]
        return tuple(refusals), parsed_functions + refused, parsed_functions
