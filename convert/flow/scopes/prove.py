"""Scope proofs: whether a scope is open at every allocation, on every path from every root.

Property simulation in the style of ESP (Das, Lerner, Seigle: "ESP: Path-Sensitive Program
Verification in Polynomial Time", PLDI 2002) over function instances, then reachability from the
roots with breadth-first, hence shortest, witnesses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convert.errors import InputError
from convert.flow.graph.build import GraphBuilder, build_graph
from convert.flow.graph.graph import CallGraph
from convert.flow.graph.model import Place, Root
from convert.flow.scopes.code import Call, Code
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.coverage import coverage_of, effects_of
from convert.flow.scopes.engine import Engine, Limits
from convert.flow.scopes.held import LockRunner
from convert.flow.scopes.model import Opener, Verdict
from convert.flow.scopes.reach import Reach
from convert.flow.scopes.results import (
    ProvenSite,
    RedundantScope,
    ScopeProofs,
    SiteUse,
    Statistics,
)
from convert.flow.scopes.setup import Program
from convert.flow.scopes.sites import FoundSite, SiteFinder
from convert.flow.scopes.trees import LazyTrees
from convert.flow.scopes.verdicts import Judge
from convert.progress import Progress, silent
from convert.source.collection import without_collections
from convert.tree.kernel import KernelTree


@dataclass(frozen=True)
class Budget:
    """Where the analysis gives up: what does not fit is UNKNOWN, never PROVEN.

    contexts: of one function, before facts about its parameters are given up; fewer of them in a
    run that is longer than ``long`` states. instances, states: of the whole run.
    """

    contexts: int = 24
    instances: int = 60_000
    states: int = 2_000_000
    long: int = 350_000


def prove_scopes(
    tree: KernelTree,
    paths: Sequence[str],
    *,
    cache_dir: Path | None = None,
    progress: Progress = silent,
    scope: str = "nofs",
    disabled: frozenset[Place] = frozenset(),
    budget: Budget | None = None,
    build: GraphBuilder = build_graph,
) -> ScopeProofs:
    """Prove for each allocation below ``paths`` whether ``scope`` is open there.

    ``disabled``: calls that are taken to open nothing (the mutation check). ``build``: makes the
    call graph. Raises InputError for a
    scope that the tree does not have, for a path that is not in it, and if there are no C files.
    """
    clock = Clock()
    with without_collections():  # one search through all trees takes a second
        graph = build(tree, paths, cache_dir=cache_dir, progress=progress)
        clock.note("call graph")
        program = program_of(tree, graph, scope)
        return Proof(program, progress, disabled, budget or Budget(), clock).proofs()


def program_of(tree: KernelTree, graph: CallGraph, scope: str = "nofs") -> Program:
    """What the simulation runs, for `prove_program`. Raises as `prove_scopes` does."""
    program = Program(tree, graph, scope)
    if scope not in program.table.scopes:
        known = ", ".join(sorted(program.table.scopes)) or "none"
        raise InputError(f"{tree.name}: no scope {scope!r}; the tree has: {known}")
    if not graph.files:
        raise InputError("no C files under the paths that were named")
    return program


def prove_program(
    program: Program, disabled: frozenset[Place], progress: Progress = silent
) -> ScopeProofs:
    """As `prove_scopes`, once more for a program that is there, with other calls disabled."""
    return Proof(program, progress, disabled, Budget(), Clock()).proofs()


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.monotonic()

    def note(self, phase: str) -> None:
        now = time.monotonic()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.last
        self.last = now


@dataclass
class Proof:
    """One run of the simulation, and the verdicts from it.

    locks: what follows locks, if that is asked for, made when the functions have been lowered.
    starts: instances of the roots. engine, reach, found: what the run left, for further questions.
    """

    program: Program
    progress: Progress
    disabled: frozenset[Place]
    budget: Budget
    clock: Clock
    locks: Callable[[Program], LockRunner] | None = None
    starts: list[tuple[Instance, Root]] = field(default_factory=list)
    engine: Engine = field(init=False)
    reach: Reach = field(init=False)
    found: list[FoundSite] = field(init=False)

    def proofs(self) -> ScopeProofs:
        """Run, and give the verdicts."""
        self.progress("lowering functions")
        finder = SiteFinder(self.program)
        runner = None if self.locks is None else self.locks(self.program)
        self.program.is_extra_site = finder.is_site
        if runner is not None:
            asked = runner.waits.union(runner.calls)
            self.program.is_extra_site = lambda call: finder.is_site(call) or call.name in asked
        functions = self.program.functions
        self.clock.note("lowering")
        self.progress("simulating")
        self.engine = engine = self.new_engine(runner)
        self.simulate(engine)
        self.clock.note("simulation")
        self.progress("searching witnesses")
        self.reach = reach = Reach(self.program.codes, engine.opened, self.program.graph.roots)
        reach.run(self.starts)
        judge = Judge(self.program.scope, reach, (), engine.exhausted)
        self.found = found = finder.sites()
        sites = tuple(self.site(one, judge) for one in found)
        proofs = ScopeProofs(
            scope=self.program.scope,
            sites=sites,
            openers=tuple(effects_of(self.program, engine)),
            coverage=tuple(coverage_of(self.program, reach)),
            axioms=(),
            statistics=Statistics(
                functions=len(functions),
                instances=len(engine.instances),
                states=engine.steps,
                unresolved_calls=len(self.program.graph.unresolved),
                widened=len(engine.widened),
                seconds=self.clock.seconds,
            ),
            redundant_scopes=tuple(self.redundant(sites)),
            idle_masks=finder.idle(found),
            notes=tuple(self.notes(engine)),
            trees=LazyTrees(judge, {(one.routine.path, one.offset): one for one in found}),
        )
        self.clock.note("verdicts")
        return proofs

    def new_engine(self, locks: LockRunner | None, long: int | None = None) -> Engine:
        """What runs the program's functions. long: if not the budget's."""
        program, budget = self.program, self.budget
        return Engine(
            functions=program.functions,
            store=program.store,
            fields=program.shape.fields,
            scopes=program.scopes,
            stubs=program.stubs,
            zero=program.world.zero,
            nofail=program.world.nofail,
            limits=Limits(budget.contexts, budget.instances, budget.states, long or budget.long),
            targets=program.targets,
            by_function=program.by_function,
            kind=program.shape.kind,
            whole=program.shape.whole,
            is_macro=program.is_outer_macro,
            is_disabled=self.is_disabled,
            relevant=program.summary.relevant,
            locks=locks,
        )

    def simulate(self, engine: Engine) -> None:
        """Run the roots, and all that they lead to."""
        for key, roots in sorted(self.program.graph.roots.items(), key=lambda one: one[0].name):
            for number in self.program.numbers.get(key, ()):
                if self.program.summary.relevant[number]:
                    self.starts.append((engine.root(number), roots[0]))
        engine.run()

    def is_disabled(self, code: Code, call: Call) -> bool:
        return bool(self.disabled) and Place(code.routine.path, call.line) in self.disabled

    def site(self, one: FoundSite, judge: Judge) -> ProvenSite:
        return ProvenSite(
            path=one.routine.path,
            offset=one.offset,
            line=one.line,
            function=one.routine.key.name,
            callee=one.callee,
            mask=one.mask,
            use=one.use,
            forbids=one.forbids,
            evidence=judge.evidence(one),
        )

    def redundant(self, sites: Sequence[ProvenSite]) -> Iterator[RedundantScope]:
        for site in sites:
            if site.use is SiteUse.OPENS and site.evidence.verdict is Verdict.PROVEN:
                opener = Opener(site.function, Place(site.path, site.line), site.callee)
                yield RedundantScope(opener, site.evidence)

    def notes(self, engine: Engine) -> Iterator[str]:
        files = len(self.program.graph.files)
        yield (
            f"The proofs hold for the {files} files that were read: callers elsewhere count as "
            f"unscoped, and functions elsewhere are taken to leave the scope as they found it."
        )
        if engine.exhausted:
            yield "The budget was used up: nothing is proven."
        for number in sorted(engine.widened):
            routine = self.program.codes[number].routine
            yield (
                f"{routine.path}:{routine.item.line}: {routine.key.name}() has too many contexts; "
                f"facts about its parameters were given up"
            )
