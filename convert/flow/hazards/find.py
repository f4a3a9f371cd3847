"""Hazards: for every allocation, what is held there that memory reclaim waits for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from convert.flow.graph.build import GraphBuilder, build_graph
from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.hazards.handed import handed_over
from convert.flow.hazards.handing import Exchanges
from convert.flow.hazards.handles import HandleFinder
from convert.flow.hazards.judge import NAMED_OUTSIDE, UNKNOWN_CALLERS, Judge
from convert.flow.hazards.locks import LockNames, lock_runner
from convert.flow.hazards.model import DangerKind, Fact, HazardReport, Missing
from convert.flow.hazards.naming import Namer
from convert.flow.hazards.outside import OutsideCallers
from convert.flow.hazards.product import Facts, Product
from convert.flow.hazards.readers import readers_of
from convert.flow.hazards.reclaim import ReclaimSide, order
from convert.flow.hazards.sections import SectionFinder
from convert.flow.hazards.waits import WaitFinder
from convert.flow.hazards.ways import AnalysisWays
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.held import LockRunner
from convert.flow.scopes.prove import Budget, Clock, Proof, program_of
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse
from convert.flow.scopes.setup import Program
from convert.profiles.locks import Locks, load_locks
from convert.progress import Progress, silent
from convert.source.collection import without_collections
from convert.tree.kernel import KernelTree

_LOCK = DangerKind.LOCK

# States after which reclaim is followed in fewer contexts: its locks have the same names in all.
_LONG = 50_000


def find_hazards(
    tree: KernelTree,
    paths: Sequence[str],
    *,
    cache_dir: Path | None = None,
    progress: Progress = silent,
    scope: str = "nofs",
    budget: Budget | None = None,
    build: GraphBuilder = build_graph,
) -> HazardReport:
    """What would deadlock below ``paths`` if allocations could enter the filesystem.

    Raises InputError as `prove_scopes` does, where ``build`` is told, too.
    """
    return analyse(tree, paths, cache_dir, progress, scope, budget, build).report()


def analyse(
    tree: KernelTree,
    paths: Sequence[str],
    cache_dir: Path | None = None,
    progress: Progress = silent,
    scope: str = "nofs",
    budget: Budget | None = None,
    build: GraphBuilder = build_graph,
) -> Analysis:
    """As `find_hazards`, with the ways that a placement needs."""
    clock = Clock()
    with without_collections():
        graph = build(tree, paths, cache_dir=cache_dir, progress=progress)
        clock.note("call graph")
        program = program_of(tree, graph, scope)
        analysis = Analysis(program, load_locks(), progress, clock, budget or Budget())
        analysis.run()
        return analysis


@dataclass
class Analysis:
    """One run for some paths; ``run`` fills everything else."""

    program: Program
    facts: Locks
    progress: Progress
    clock: Clock
    budget: Budget
    names: LockNames = field(init=False)
    proof: Proof = field(init=False)
    proofs: ScopeProofs = field(init=False)
    side: ReclaimSide = field(init=False)
    product: Product = field(init=False)

    def run(self) -> None:
        """Simulate, find what reclaim waits for, and what is held at the allocations."""
        self.names = LockNames(Namer(self.program), self.facts)
        self.proof = Proof(
            self.program, self.progress, frozenset(), self.budget, self.clock, self.runner
        )
        self.proofs = self.proof.proofs()
        self.progress("following reclaim")
        runner = self.proof.engine.locks
        assert runner is not None
        finder = WaitFinder(self.program, self.names.namer, self.facts, runner)
        self.side = ReclaimSide(
            finder, self.facts, self.proof.new_engine(None, _LONG), self.proof.reach
        )
        self.side.run()
        self.note_guards()
        self.clock.note("reclaim")
        self.progress("following locks to allocations")
        self.product = self.follow()
        self.clock.note("locks")

    def note_guards(self) -> None:
        """Guards of locks, which end with a block: no call says so, so nothing rests on them."""
        names = "|".join(sorted(self.facts.guards))
        pattern = re.compile(rf"\b(?:scoped_)?guard\s*\(\s*(?:{names})\s*\)")
        for path, parsed in self.program.graph.program.files.items():
            match = pattern.search(parsed.source.text) if names else None
            if match is not None:
                place = Place(path, parsed.source.line(match.start()))
                self.side.missing[Missing(place, "where a guard's lock is held")] = None

    def runner(self, program: Program) -> LockRunner:
        """What follows the locks of a program."""
        return lock_runner(program, self.names)

    def follow(self) -> Product:
        """The states that lead to allocations."""
        waits = self.side.waits
        dangers = frozenset(d.name for d in waits if d.kind is DangerKind.LOCK)
        workers: dict[int, str] = {}
        for danger in waits:
            if danger.kind is DangerKind.WORKER:
                for key, numbers in self.program.numbers.items():
                    if key.name == danger.name:
                        workers.update(dict.fromkeys(numbers, str(danger)))
        sites: dict[int, list[int]] = {}
        for one in self.proof.found:
            if one.use is SiteUse.ALLOCATES:
                for number, index in one.runs:
                    sites.setdefault(number, []).append(index)
        for reader in readers_of(self.program):
            sites.setdefault(reader.number, []).append(0)
        product = Product(
            self.program.codes,
            self.proof.reach,
            Facts(locks=dangers - self.handed),
            workers,
            sites,
            self.program.is_guess,
            self.given,
            self.callbacks(),
        )
        inside = {one.function.number for rows in product.inside.values() for _, one in rows}
        product.run(
            (instance, root)
            for instance, _ in self.proof.starts
            for root in self.reasons(instance)
            if root.kind is not RootKind.ADDRESS or instance.function.number not in inside
        )
        return product

    def reasons(self, instance: Instance) -> list[Root]:
        """All reasons why a root runs; those first whose callers may hold anything."""
        roots = self.program.graph.roots[instance.function.code.routine.key]
        return sorted(roots, key=lambda root: root.kind not in UNKNOWN_CALLERS)

    def callbacks(self) -> Mapping[int, Sequence[tuple[int, Instance]]]:
        """By function, the calls that have the kernel's core run another one before they return."""
        roots = {instance.function.number: instance for instance, _ in self.proof.starts}
        found: dict[int, list[tuple[int, Instance]]] = {}
        for number in range(len(self.program.codes)):
            for index, key in self.side.finder.called_back(number):
                for target in self.program.numbers.get(key, ()):
                    if target in roots:
                        found.setdefault(number, []).append((index, roots[target]))
        return found

    @cached_property
    def handed(self) -> frozenset[str]:
        """The locks that tasks hand to workers."""
        return handed_over(self.proof)

    @cached_property
    def judge(self) -> Judge:
        """What gives the answers."""
        graph = self.program.graph
        wanted = (
            key.name
            for key, roots in graph.roots.items()
            if any(root.kind in NAMED_OUTSIDE for root in roots)
        )
        outside = OutsideCallers(self.program.tree, graph.files, wanted)
        return Judge(self.program, self.product, self.side, self.facts, outside)

    def ways(self) -> AnalysisWays:
        """The ways from dangers to allocations, for the placement of scopes."""
        dangers = self.judge.by_name
        engine = self.proof.engine
        locks = frozenset(name for name, one in dangers.items() if one.kind is _LOCK)
        handles = HandleFinder(Exchanges(self.program, engine, locks & self.product.facts.locks))
        sections = SectionFinder(self.program, engine, dangers, handles)
        readers = readers_of(self.program)
        return AnalysisWays(
            self.program, self.product, dangers, self.proof.found, readers, sections
        )

    def given(self, root: Root) -> frozenset[str]:
        """What the outside holds when it starts a root."""
        owner, _, member = root.detail.rpartition(".")
        return frozenset(entry.lock for entry in self.facts.held_at.get((owner, member), ()))

    @without_collections()
    def report(self) -> HazardReport:
        """The answers."""
        judge = self.judge
        pairs = list(zip(self.proof.found, self.proofs.sites, strict=True))
        asked = tuple(judge.answer(found, site) for found, site in pairs if site.forbids)
        plain = tuple(
            judge.answer(found, site)
            for found, site in pairs
            if not site.forbids and site.use is SiteUse.ALLOCATES and self.may_enter(site)
        )
        facts: dict[Fact, None] = {fact: None for one in asked for fact in one.facts}
        self.clock.note("answers")
        return HazardReport(
            self.proofs,
            asked,
            plain,
            order(tuple(self.side.waits.values())),
            tuple(facts),
            tuple(self.notes()),
            self.clock.seconds,
        )

    def may_enter(self, site: ProvenSite) -> bool:
        """Whether the mask of an allocation may let reclaim enter the filesystem."""
        bits = self.program.table.executor.gfp.bits
        known = [bits[name] for name in site.mask if name in bits]
        if site.forbids is None or not known or len(known) < len(site.mask):
            return True
        return any(value & bits.get("__GFP_FS", 0) for value in known)

    def notes(self) -> list[str]:
        """What the reader should know beyond single sites."""
        found = [*self.proofs.notes]
        for name in sorted(self.handed):
            found.append(
                f"{name} is taken by one task and released by another: it does not count as held"
            )
        for name, (place, _) in sorted(self.side.open_ended.items()):
            found.append(f"{place}: reclaim waits for {name}, which tasks end that are no workers")
        for name, place in sorted(self.side.outside.items()):
            found.append(
                f"{place}: reclaim waits for {name}, which code outside of the paths ends: it is "
                "taken for granted that no allocation of the paths has to return before"
            )
        found += [f"{one.place}: not known: {one.text}" for one in sorted_missing(self.side)]
        return found


def sorted_missing(side: ReclaimSide) -> list[Missing]:
    """What is not known about reclaim, by place."""
    return sorted(side.missing, key=lambda one: (one.place.path, one.place.line, one.text))
