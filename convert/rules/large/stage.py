"""The stage behind a conversion that makes kvmalloc() of large never-fail allocations.

One commit holds all of it: an allocation and the frees that can get its memory change together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from convert.flow.graph.build import build_graph
from convert.flow.provenance.escapes import Escapes
from convert.flow.provenance.forward import Forward
from convert.flow.provenance.handling import Handling, load_handling
from convert.flow.provenance.index import Index
from convert.flow.provenance.load import index_of
from convert.flow.provenance.names import Names, load_names
from convert.flow.provenance.search import Provenance
from convert.plan import Difference, FileChange, FileRefusal, Plan, PlannedSite, Step, Validation
from convert.rules.calls import in_directive
from convert.rules.drafts import Draft, finish
from convert.rules.large.candidates import Candidate, CandidateFinder
from convert.rules.large.check import Ground, checked
from convert.rules.large.context import Contexts
from convert.rules.large.decide import Becomes, Decider, FreeCall, Stays
from convert.rules.large.events import EventReader
from convert.rules.large.places import Places
from convert.rules.large.tree_facts import TreeFacts
from convert.rules.layout import Break
from convert.rules.model import Converted, Refused
from convert.rules.replacement import Replacement
from convert.rules.simplify.headers import Reach, declaring_headers
from convert.rules.wrapper_sites import EXCEEDS, RUN_TIME
from convert.semantics.capabilities import declared_names
from convert.semantics.derived import joined
from convert.semantics.gfp import GfpTable, load_gfp
from convert.semantics.model import Contract
from convert.semantics.sizes import NEVER_FAIL_LIMIT, SizeReader
from convert.sites.model import SiteKind
from convert.sites.sources import C_SUFFIXES, Sources
from convert.source.collection import without_collections
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.variants import Call
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree

STEP = "large/kvmalloc"
RULE = "large-sizes"
DIFFERENCE = Difference(
    RULE,
    "Where kmalloc() has no contiguous memory for a large request, the memory now comes from "
    "vmalloc(), which keeps the promise not to fail; it is no longer physically contiguous then.",
    "mm/util.c: kvmalloc_node(), executed for each mask that is written",
)
LATER = (
    "never-fail allocation whose size is known only at run time: a later patch of this series "
    "makes kvmalloc() of it"
)
_MOST_TOLD = 3


def with_large_sizes(
    plan: Plan, tree: KernelTree, dialect: Callable[[], Dialect], progress: Callable[[str], None]
) -> Plan:
    """The plan with a step that makes kvmalloc() of large never-fail allocations.

    Raises InternalCheckError if the written text does not say what was decided, or memory of a
    converted allocation can reach a free that does not take it.
    """
    with without_collections():
        return _Stage(plan, tree, dialect, progress).run()


@dataclass(eq=False)
class _Stage:
    plan: Plan
    tree: KernelTree
    dialect: Callable[[], Dialect]
    progress: Callable[[str], None]
    places: Places = field(init=False)
    unread: tuple[FileRefusal, ...] = field(init=False, default=())
    handling: Handling = field(init=False)
    names: Names = field(init=False, default_factory=load_names)

    def __post_init__(self) -> None:
        self.places = Places(self.plan, self.tree)
        self.handling = load_handling()

    def run(self) -> Plan:
        """Decide, lay out, check, and join with what the plan holds already."""
        self.progress("looking for large never-fail allocations")
        finder = self._finder()
        candidates = tuple(finder.find())
        self.unread = tuple(r for r in finder.unread if r not in self.plan.refusals)
        if not candidates:
            return replace(self.plan, refusals=(*self.plan.refusals, *self.unread))
        self.progress("following large memory to its frees")
        decider = self._decider()
        decided = [(one, decider.decide(one)) for one in candidates]
        done = [(one, what) for one, what in decided if isinstance(what, Becomes)]
        frees = _frees(done)
        drafts = [self._allocation(one, what) for one, what in decided]
        drafts += [self._free(one, what) for one, what in frees]
        ordered = sorted(drafts, key=lambda d: (d.path, d.span, d.kind.value))
        sources = {d.path: self._source(d.path) for d in ordered}
        sites = tuple(self._placed(site) for site in finish(ordered, sources, {}, (STEP,)))
        changes = _changes(sites)
        if changes:
            self.progress("reading the large allocations again")
            checked(self._ground(), sites, changes)
        return self._joined(sites, changes)

    # -- what is needed ------------------------------------------------------------------------

    @cached_property
    def gfp(self) -> GfpTable:
        """The masks of the tree."""
        return load_gfp(self.tree)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """What is read: the paths and the filesystem around each of them."""
        found = dict.fromkeys(map(_filesystem, self.plan.paths))
        return tuple(path for path in found if self.places.after.exists(path))

    @cached_property
    def sources(self) -> Sources:
        """The files as the stages before left them."""
        return Sources(self.places.after, self.roots, self.dialect)

    def _finder(self) -> CandidateFinder:
        sources = self.sources
        sizes = SizeReader(self.places.after, sources.c_files, sources.tables(), sources.data)
        return CandidateFinder(
            self.plan, self.places, sources, self.handling, self.names.stubs, self.gfp, sizes
        )

    @cached_property
    def index(self) -> Index:
        """The facts of all files that are read."""
        return index_of(self.sources, self.names)

    def _ground(self) -> Ground:
        tables = self.sources.tables()
        return Ground(self.sources.parsed_whole, self.index, self.names, self.handling, tables)

    def _decider(self) -> Decider:
        sources = self.sources
        forward = Forward(Provenance(self.index, self.names), self.handling)
        facts = TreeFacts(self.tree, self.dialect, self.handling)
        written = {*self.handling.allocators.values()}
        written |= {one.twin for one in self.handling.frees.values()}
        in_scope = frozenset(self._own_files())
        known: list[Contexts] = []

        def contexts() -> Contexts:
            if not known:
                self.progress("asking where the memory is freed")
                graph = build_graph(self.places.after, self.roots)
                events = EventReader(graph, self.handling, self.names.stubs)
                known.append(Contexts(graph, events, facts.defers() is not None))
            return known[0]

        return Decider(
            sources,
            Escapes(forward, self.handling),
            self.handling,
            self.names.stubs,
            self.gfp,
            facts,
            Reach(self.places.after, sources.c_files),
            self._declared(written),
            contexts,
            in_scope.__contains__,
        )

    def _declared(self, names: Iterable[str]) -> dict[str, str | None]:
        """The headers that declare functions, and the macros that free later."""
        later = self.handling.deferred.file
        macros = declared_names(self.places.after, frozenset(names), (later,))
        found = declaring_headers(self.places.after, names)
        return {**found, **dict.fromkeys(macros, later)}

    def _own_files(self) -> Iterator[str]:
        for under in self.plan.paths:
            if self.places.after.exists(under):
                yield from self.places.after.files(under)

    def _source(self, path: str) -> SourceFile:
        source = self.sources.source(path)
        assert source is not None  # a site of it was read
        return source

    # -- sites ---------------------------------------------------------------------------------

    def _allocation(self, one: Candidate, what: Becomes | Stays) -> Draft:
        draft = Draft(
            SiteKind.LARGE,
            one.path,
            one.item.name,
            one.callee,
            one.call.span,
            frozenset(),
            self._refused(what) if isinstance(what, Stays) else self._converted(one, what),
            self._contract(one),
        )
        if isinstance(what, Stays):
            return draft
        edit = Edit(one.call.callee_span, what.twin)
        place = _last_break(one.source, one.call, one.variants[0].declarators)
        return replace(draft, replacement=Replacement("", one.path, (edit,), place, STEP))

    def _contract(self, one: Candidate) -> Contract:
        """What the allocation promises, as far as its masks agree."""
        primitive = self.names.primitive(one.callee)
        found = joined(self.gfp.contract(mask) for mask in one.masks)
        zeroes = primitive is not None and primitive.zeroes
        return replace(found, zeroed=True) if zeroes else found

    def _refused(self, what: Stays) -> Refused:
        told = [self.places.sentence(missing) for missing in what.why[:_MOST_TOLD]]
        more = len(what.why) - len(told)
        rest = f"; and {more} more" if more else ""
        return Refused(RULE, "; ".join(told) + rest, blocks_removal=False)

    def _converted(self, one: Candidate, what: Becomes) -> Converted:
        frees = [f"{c.free.deallocator}({c.free.text}) at {self._place(c)}" for c in what.frees]
        return Converted(
            RULE,
            STEP,
            (),
            "",
            f"{what.twin}(): it may ask for more than {NEVER_FAIL_LIMIT} bytes and must not fail",
            differences=(DIFFERENCE.id,),
            evidence=(*what.evidence, *(f"freed by {text}" for text in frees)),
        )

    def _place(self, one: FreeCall) -> str:
        line, _ = self.places.place(one.free.path, one.call.span.start)
        return f"{one.free.path}:{line}"

    def _free(self, one: FreeCall, allocs: Sequence[Candidate]) -> Draft:
        told = []
        for candidate in allocs:
            line, _ = self.places.place(candidate.path, candidate.call.span.start)
            told.append(f"{candidate.path}:{line}")
        reason = f"{one.twin}(): memory of the allocation at {', '.join(told)} gets here"
        return Draft(
            SiteKind.LARGE,
            one.free.path,
            one.item.name,
            one.free.deallocator,
            one.call.span,
            frozenset(),
            Converted(RULE, STEP, (), "", reason),
            replacement=Replacement(
                "", one.free.path, (Edit(one.call.callee_span, one.twin),), None, STEP
            ),
        )

    def _placed(self, planned: PlannedSite) -> PlannedSite:
        """The site with its stage and the place that it has in the tree as given."""
        line, column = self.places.place(planned.site.file, planned.site.span.start)
        site = replace(planned.site, line=line, column=column)
        return replace(planned, site=site, stage=self.places.stage)

    # -- the whole -----------------------------------------------------------------------------

    def _joined(self, sites: tuple[PlannedSite, ...], changes: tuple[FileChange, ...]) -> Plan:
        plan = replace(self.plan, refusals=(*self.plan.refusals, *self.unread))
        if not changes:
            return replace(plan, sites=(*plan.sites, *sites))
        originals = dict(plan.originals)
        for change in changes:
            if change.path not in originals:
                originals[change.path] = self.tree.read(change.path).decode("latin-1")
        done = [p for p in sites if isinstance(p.decision, Converted)]
        validation = plan.validation or Validation(0, 0, 0)
        return replace(
            plan,
            sites=(*self._noted(done), *sites),
            steps=(*plan.steps, self._step(sites, done, changes)),
            differences=(*plan.differences, DIFFERENCE),
            originals=originals,
            validation=replace(validation, large=len(done)),
        )

    def _noted(self, done: Sequence[PlannedSite]) -> Iterator[PlannedSite]:
        """The earlier sites; what was to be looked at because of its size is done now."""
        here = {(p.site.file, self.places.given(p.site.file, p.site.span.start)) for p in done}
        for planned in self.plan.sites:
            decision, site = planned.decision, planned.site
            first = planned.stage == 0 and site.kind is SiteKind.ALLOC
            if first and isinstance(decision, Converted) and (site.file, site.span.start) in here:
                notes = tuple(LATER if n in (RUN_TIME, EXCEEDS) else n for n in decision.notes)
                planned = replace(planned, decision=replace(decision, notes=notes))
            yield planned

    def _step(
        self,
        sites: Sequence[PlannedSite],
        done: Sequence[PlannedSite],
        changes: tuple[FileChange, ...],
    ) -> Step:
        allocators = set(self.handling.allocators)
        made = [p for p in done if p.site.callee in allocators]
        freed = [p for p in done if p.site.callee not in allocators]
        left = [p for p in sites if isinstance(p.decision, Refused)]
        facts: dict[str, object] = {
            "files": len(changes),
            "sites": len(done),
            "allocations": [_row(planned) for planned in made],
            "frees": [_row(planned) for planned in freed],
            "left": [_row(planned) for planned in left],
            "limit": NEVER_FAIL_LIMIT,
            "wrappers": _commonest(p.site.callee for p in made),
            "replacements": _commonest(_new_name(p) for p in made),
            "free_wrappers": _commonest(p.site.callee for p in freed),
            "free_replacements": _commonest(_new_name(p) for p in freed),
        }
        number = len(self.plan.steps) + 1
        subject = "use kvmalloc() for large allocations that must not fail"
        return Step(number, STEP, subject, changes, facts, self.places.stage)


def _frees(
    done: Sequence[tuple[Candidate, Becomes]],
) -> list[tuple[FreeCall, list[Candidate]]]:
    """The frees that change, each with the allocations whose memory it can get."""
    found: dict[tuple[str, int], tuple[FreeCall, list[Candidate]]] = {}
    for candidate, what in done:
        for one in what.frees:
            if one.twin != one.free.deallocator:
                key = (one.free.path, one.free.offset)
                found.setdefault(key, (one, []))[1].append(candidate)
    return list(found.values())


def _changes(sites: Sequence[PlannedSite]) -> tuple[FileChange, ...]:
    edits: dict[str, set[Edit]] = {}
    for planned in sites:
        if isinstance(planned.decision, Converted):
            edits.setdefault(planned.site.file, set()).update(planned.decision.edits)
    return tuple(FileChange(path, tuple(sorted(edits[path]))) for path in sorted(edits))


def _last_break(source: SourceFile, call: Call, declarators: Sequence[object]) -> Break | None:
    """The white space before the last argument, where a line may be broken."""
    slot = call.slots[-1].span
    comma = source.text.rfind(",", call.open, slot.start)
    gap = Span(comma + 1, slot.start)
    if comma < 0 or gap.of(source.text).strip():
        return None
    initialises = any(
        isinstance(init := getattr(one, "init", None), Span) and call.span in init
        for one in declarators
    )
    return Break(gap, call.open, call.span.start, initialises, in_directive(source, slot.start))


def _filesystem(path: str) -> str:
    """The directory that is read around a path: all of the filesystem."""
    parts = PurePosixPath(path).parts
    if parts[0] == "fs" and len(parts) > 2:
        return "/".join(parts[:2])
    return str(PurePosixPath(path).parent) if path.endswith(C_SUFFIXES) else path


def _row(planned: PlannedSite) -> dict[str, object]:
    """A site as the commit message lists it."""
    return {"site": planned.site, "decision": planned.decision}


def _new_name(planned: PlannedSite) -> str:
    assert isinstance(planned.decision, Converted)
    return planned.decision.replacement.split("(")[0].strip()


def _commonest(names: Iterable[str]) -> list[str]:
    return [name for name, _ in Counter(names).most_common()]


__all__ = ["DIFFERENCE", "STEP", "with_large_sizes"]
