"""The answer for each allocation: what is held there, and whether reclaim waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.hazards.model import (
    Danger,
    DangerKind,
    Fact,
    Hazard,
    Hold,
    Missing,
    SiteClass,
    SiteHazards,
)
from convert.flow.hazards.outside import OutsideCallers
from convert.flow.hazards.product import UNSURE, Product, Run
from convert.flow.hazards.reclaim import ReclaimSide
from convert.flow.hazards.trails import Step
from convert.flow.scopes.code import Call
from convert.flow.scopes.held import UNNAMED
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.reach import called
from convert.flow.scopes.results import ProvenSite, SiteUse
from convert.flow.scopes.setup import Program
from convert.flow.scopes.sites import FoundSite
from convert.profiles.locks import Locks

# Roots that code calls which was not read and about which the profile says nothing.
UNKNOWN_CALLERS = frozenset(
    {RootKind.EXPORTED, RootKind.OUTSIDE, RootKind.ADDRESS, RootKind.UNPARSED}
)
# Those of them that are called by name: somebody has to name the function.
NAMED_OUTSIDE = (RootKind.EXPORTED, RootKind.OUTSIDE)
_FOUND = {
    SiteClass.IN_SCOPE: "the scope is open on every path",
    SiteClass.REFLEX: "nothing that reclaim waits for is held on any path without the scope",
}


@dataclass
class Judge:
    """Answers for sites. outside: who else names a function."""

    program: Program
    product: Product
    side: ReclaimSide
    facts: Locks
    outside: OutsideCallers

    @cached_property
    def by_name(self) -> Mapping[str, Danger]:
        """The dangers by the names that states hold."""
        return {
            str(danger) if danger.kind is DangerKind.WORKER else danger.name: danger
            for danger in self.side.waits
        }

    def answer(self, found: FoundSite, site: ProvenSite) -> SiteHazards:
        """The answer for one site."""
        verdict = site.evidence.verdict
        if verdict is Verdict.PROVEN:
            return self.result(site, SiteClass.IN_SCOPE, (), (), _FOUND[SiteClass.IN_SCOPE])
        if site.use is not SiteUse.ALLOCATES or verdict in (Verdict.DEAD, Verdict.UNKNOWN):
            why = site.evidence.reason or f"{site.callee}() {site.use.value}"
            missing = Missing(Place(site.path, site.line), why)
            return self.result(site, None, (), (missing,), why)
        hazards, missing_here = self.hazards(found)
        lacking = tuple(missing_here)
        if any(hazard.excused is None for hazard in hazards):
            return self.result(site, SiteClass.HAZARD, hazards, lacking, _because(hazards))
        if lacking:
            reason = f"{lacking[0].place}: not known: {lacking[0].text}"
            return self.result(site, None, hazards, lacking, reason)
        if hazards:
            return self.result(site, SiteClass.EXCUSED, hazards, (), _because(hazards))
        return self.result(site, SiteClass.REFLEX, (), (), _FOUND[SiteClass.REFLEX])

    def result(
        self,
        site: ProvenSite,
        answer: SiteClass | None,
        hazards: tuple[Hazard, ...],
        missing: tuple[Missing, ...],
        reason: str,
    ) -> SiteHazards:
        facts = {hazard.excused: None for hazard in hazards if hazard.excused is not None}
        if answer in (SiteClass.REFLEX, SiteClass.EXCUSED):
            facts |= dict.fromkeys(self.side.explained)
        return SiteHazards(site, answer, hazards, missing, tuple(facts), reason)

    def hazards(self, found: FoundSite) -> tuple[tuple[Hazard, ...], Sequence[Missing]]:
        """What is held on ways without the scope, the shortest way for each; what is not known."""
        runs = [run for run in self.product.runs(found.runs) if not run.opened]
        held = 0
        unnamed: dict[Place, None] = {}
        for run in runs:
            held |= run.held
            if run.held & self.product.facts.bit(UNNAMED):
                unnamed[self.product.frame(run.node, run.number).place] = None
        names = sorted(set(self.product.named(held)) - {UNNAMED})
        sure = [name for name in names if not name.startswith(UNSURE)]
        doubts = [name for name in names if name.removeprefix(UNSURE) not in sure]
        excused = [one for one in doubts if one.removeprefix(UNSURE) in self.facts.excused]
        hazards = tuple(self.hazard(name, runs) for name in [*sure, *excused])
        unsure = {name: runs for name in doubts if name not in excused}
        roots = list(self.product.roots(held))
        return hazards, [*self.doubtful(unsure), *self.missing(roots, unnamed)]

    def trail(self, fact: str, runs: Sequence[Run]) -> tuple[Root, list[Step]]:
        """A shortest way along which a fact comes to hold at a site."""
        trails = self.product.trails(fact)
        ends = [
            (trails.depth[end], number, end)
            for number, run in enumerate(runs)
            if (end := trails.best(run.node, run.gone, run.taken)) is not None
        ]
        _, number, end = min(ends, key=lambda one: one[:2])
        return trails.trail(end, runs[number].number)

    def hazard(self, fact: str, runs: Sequence[Run]) -> Hazard:
        """The two sides of one danger."""
        danger = self.by_name[fact.removeprefix(UNSURE)]
        entries = self.facts.excused.get(danger.name, ())
        excused = None
        if entries:
            entry = entries[0]
            excused = Fact(entry.id, f'{entry.statement} "{entry.quote}"', entry.source)
        hold = self.hold(danger, *self.trail(fact, runs))
        return Hazard(danger, hold, self.side.waits[danger], excused)

    def hold(self, danger: Danger, root: Root, trail: Sequence[Step]) -> Hold:
        """Where a danger was taken on a way."""
        chain = self.product.chain(root, trail)
        if danger.kind is DangerKind.WORKER or trail[0].holds:  # the outside holds it as it calls
            return Hold(danger, chain, 0, root.place, root.detail)
        frame = len(trail) - 1
        for number, (before, following) in enumerate(pairwise(trail)):
            if not before.holds and following.holds:
                frame = number
        node, index, _ = trail[frame]
        code = self.program.codes[node.instance.function.number]
        taken = [
            one.at
            for bits in node.instance.at(index)
            for one in bits[-2].held
            if one.name == danger.name and one.at >= 0
        ]
        at = min(taken, default=index)
        instruction = code.instructions[at]
        text = called(code, instruction) if isinstance(instruction, Call) else ""
        place = Place(code.routine.path, instruction.line)
        return Hold(danger, chain, frame, place, text)

    # -- what is not known ---------------------------------------------------------------------

    def doubtful(self, unsure: Mapping[str, Sequence[Run]]) -> Iterator[Missing]:
        """Locks of which it is not known whether they are held."""
        for fact, runs in unsure.items():
            root, trail = self.trail(fact, runs)
            frames = self.product.chain(root, trail).frames
            steps = " > ".join(str(frame) for frame in frames)
            name = fact.removeprefix(UNSURE)
            yield Missing(frames[-1].place, f"whether {name} is still held there ({steps})")

    def unknown_callers(self, roots: Sequence[tuple[int, Root]]) -> Iterator[Missing]:
        """Roots that code calls which was not read: what that holds is not known."""
        for number, root in roots:
            if root.kind not in UNKNOWN_CALLERS:
                continue
            function = self.program.codes[number].routine.key.name
            named = root.kind in NAMED_OUTSIDE
            place = self.outside.place(function) if named else root.place
            if place is not None:  # else no code outside of the paths names it
                text = f"what is held where the outside calls {function}() ({root.kind.value})"
                yield Missing(place, text)

    def missing(
        self, roots: Sequence[tuple[int, Root]], unnamed: Mapping[Place, None]
    ) -> Iterator[Missing]:
        """What would have to be known to say that nothing is held that reclaim waits for."""
        for place in unnamed:
            yield Missing(place, "which lock is held there")
        yield from self.unknown_callers(roots)
        yield from sorted(self.side.missing, key=lambda one: (one.place.path, one.place.line))
        certain = {d.name for d in self.side.waits if d.kind is DangerKind.WORKER}
        for number in dict(roots):
            function = self.program.codes[number].routine.key.name
            if function in self.side.possible and function not in certain:
                place, name = self.side.possible[function]
                yield Missing(place, f"whether the wait for {name} is one for {function}()")
        for name, (place, _) in sorted(self.side.open_ended.items()):
            for number, root in roots:
                if number in self.enders[name]:
                    function = self.program.codes[number].routine.key.name
                    yield Missing(
                        place,
                        f"whether reclaim waits for {name} until {function}() (started at "
                        f"{root.place}) has ended that wait",
                    )
                    break

    @cached_property
    def enders(self) -> Mapping[str, frozenset[int]]:
        """The functions that may end a wait, at any depth, by what is waited for."""
        return {
            name: self.leading_to(numbers) for name, (_, numbers) in self.side.open_ended.items()
        }

    def leading_to(self, numbers: Sequence[int]) -> frozenset[int]:
        """All functions that may run one of some functions."""
        found = set(numbers)
        waiting = list(numbers)
        while waiting:
            for caller in self.callers[waiting.pop()]:
                if caller not in found:
                    found.add(caller)
                    waiting.append(caller)
        return frozenset(found)

    @cached_property
    def callers(self) -> list[set[int]]:
        """The callers of each function."""
        found: list[set[int]] = [set() for _ in self.program.codes]
        for number, code in enumerate(self.program.codes):
            for _, call in code.calls():
                for target in self.program.targets(call):
                    found[target].add(number)
        return found


def _because(hazards: Sequence[Hazard]) -> str:
    first = next((one for one in hazards if one.excused is None), hazards[0])
    frame = first.hold.chain.frames[-1]
    blocks = first.wait.chain.frames[-1]
    verb = "runs in" if first.danger.kind is DangerKind.WORKER else "holds"
    return (
        f"{frame.place}: {verb} {first.danger}, taken at {first.hold.taken}; reclaim waits for it "
        f"at {blocks.place}"
    )
