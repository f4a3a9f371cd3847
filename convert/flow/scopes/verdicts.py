"""The verdict about each site, with its witness, its openers and the tree of its callers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convert.flow.graph.model import Place, Root
from convert.flow.scopes.model import Chain, Opener, ScopeEvidence, Verdict
from convert.flow.scopes.reach import CLOSED, OPEN, UNKNOWN, Node, Reach, after
from convert.flow.scopes.results import CallerNode, SiteUse
from convert.flow.scopes.sites import FoundSite

_MOST_CALLERS = 400  # nodes of one tree of callers


@dataclass
class Judge:
    """Judges sites by what reaches them. exhausted: the run gave up, so nothing is proven."""

    scope: str
    reach: Reach
    axioms: tuple[str, ...]
    exhausted: bool

    def evidence(self, site: FoundSite) -> ScopeEvidence:
        """The verdict about a site."""
        ways = list(self.ways(site))
        by_state = {state: [w for w in ways if w[2] == state] for state in (CLOSED, OPEN, UNKNOWN)}
        where = f"{site.routine.path}:{site.line}"
        if site.use is SiteUse.STORES:
            return self.stored(site, by_state[CLOSED] + by_state[UNKNOWN] + by_state[OPEN])
        if not ways:
            reason = f"{where}: no root reaches this {site.callee}() in the files that were read"
            return ScopeEvidence(Verdict.DEAD, self.scope, None, None, (), (), reason)
        covered = self.shortest(by_state[OPEN])
        witness = self.shortest(by_state[CLOSED]) or self.shortest(by_state[UNKNOWN])
        openers = self.reach.openers((node, index) for node, index, _ in by_state[OPEN])
        verdict = _verdict(by_state)
        if self.exhausted and verdict is not Verdict.UNSCOPED:
            verdict = Verdict.UNKNOWN
        reason = self.reason(verdict, where, witness, covered, openers)
        return ScopeEvidence(
            verdict,
            self.scope,
            None if verdict is Verdict.PROVEN else witness,
            covered,
            openers,
            self.axioms,
            reason,
        )

    def ways(self, site: FoundSite) -> Iterator[tuple[Node, int, int]]:
        """All nodes that run a site: with the instruction, and the state of the scope there."""
        for number, index in site.runs:
            for node in self.reach.nodes.get(number, ()):
                for bits in node.instance.at(index):
                    yield node, index, after(bits, node.entry)

    def shortest(self, ways: list[tuple[Node, int, int]]) -> Chain | None:
        if not ways:
            return None
        node, index, state = min(ways, key=lambda way: (self.reach.length(way[0]), way[1]))
        return self.reach.chain(node, index, state == OPEN)

    def stored(self, site: FoundSite, ways: list[tuple[Node, int, int]]) -> ScopeEvidence:
        reason = (
            f"{site.routine.path}:{site.line}: {site.callee}() keeps the mask; the allocations "
            f"that use it happen elsewhere and are not followed"
        )
        witness = self.shortest(ways)
        return ScopeEvidence(Verdict.UNKNOWN, self.scope, witness, None, (), (), reason)

    def reason(
        self,
        verdict: Verdict,
        where: str,
        witness: Chain | None,
        covered: Chain | None,
        openers: tuple[Opener, ...],
    ) -> str:
        opened = f"{openers[0].text}() at {openers[0].place}" if openers else "a caller"
        if verdict is Verdict.PROVEN:
            more = f" and {len(openers) - 1} more" if len(openers) > 1 else ""
            return f"{where}: the {self.scope} scope is open on every path: {opened}{more}"
        if self.exhausted:
            return f"{where}: the budget of the analysis was used up before it came to an end"
        if witness is None:
            return f"{where}: no path was found"
        start = f"{witness.frames[0].function}() ({witness.root.kind.value})"
        if verdict is Verdict.UNKNOWN:
            return (
                f"{where}: on a path from {start} the scope was closed with a cookie that is not "
                f"known, so that it may be open or not"
            )
        also = f"; open on others ({opened})" if covered is not None else ""
        return f"{where}: reached from {start} with no {self.scope} scope open{also}"

    # -- trees of callers ----------------------------------------------------------------------

    def tree(self, site: FoundSite) -> CallerNode | None:
        """The callers of a site, up to the roots; None if nothing reaches it."""
        ways = list(self.ways(site))
        if not ways:
            return None
        budget = [_MOST_CALLERS]
        seen: set[Node] = set()
        tops: dict[tuple[str, int, bool], CallerNode] = {}
        for node, index, state in sorted(ways, key=lambda way: self.reach.length(way[0])):
            made = self.caller(node, index, state == OPEN, seen, budget)
            tops.setdefault((made.function, made.place.line, made.open), made)
        first, *others = tops.values()
        if not others:
            return first
        return CallerNode(
            site.routine.key.name,
            Place(site.routine.path, site.line),
            all(one.open for one in tops.values()),
            None,
            None,
            False,
            tuple(tops.values()),
        )

    def caller(
        self, node: Node, index: int, opened: bool, seen: set[Node], budget: list[int]
    ) -> CallerNode:
        frame = self.reach.frame(node, index)
        opener = self.local_opener(node, index)
        repeated = node in seen or budget[0] <= 0
        root = self.root_of(node)
        callers: list[CallerNode] = []
        if not repeated and opener is None:
            seen.add(node)
            shown: set[tuple[str, int]] = set()
            for other, at in self.reach.callers.get(node, ()):
                place = self.reach.frame(other, at)
                if (place.function, place.place.line) in shown or budget[0] <= 0:
                    continue
                shown.add((place.function, place.place.line))
                budget[0] -= 1
                is_open = node.entry == OPEN
                callers.append(self.caller(other, at, is_open, seen, budget))
        return CallerNode(
            frame.function, frame.place, opened, opener, root, repeated, tuple(callers)
        )

    def root_of(self, node: Node) -> Root | None:
        if node.entry != CLOSED or any(node.instance.context):
            return None
        key = self.reach.codes[node.instance.function.number].routine.key
        roots = self.reach.roots.get(key, ())
        return roots[0] if roots else None

    def local_opener(self, node: Node, index: int) -> Opener | None:
        """The call of this function that opened what is open at an instruction."""
        for bits, facts in node.instance.at(index).items():
            marks = facts.get(self.reach.opened)
            if "1" in bits and marks is not None and marks.marks:
                return self.reach.opener(node.instance.function.number, min(marks.marks))
        return None


def _verdict(by_state: dict[int, list[tuple[Node, int, int]]]) -> Verdict:
    if by_state[OPEN] and not by_state[CLOSED] and not by_state[UNKNOWN]:
        return Verdict.PROVEN
    if by_state[CLOSED]:
        return Verdict.MIXED if by_state[OPEN] else Verdict.UNSCOPED
    return Verdict.UNKNOWN
