"""Hazards as all formats see them: sites with ids, by what reclaim waits for, and an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from convert.errors import InternalCheckError
from convert.flow.graph.model import Place, RootKind
from convert.flow.hazards.model import (
    Danger,
    Fact,
    Hazard,
    HazardReport,
    SiteClass,
    SiteHazards,
    Wait,
)
from convert.flow.placement.model import Anchor, HandleEnd, PlacedScope, Placement
from convert.flow.scopes.model import Chain
from convert.flow.scopes.results import ProvenSite
from convert.report.hazards.check import check_placement, check_report, key_of, placed_keys
from convert.report.scopes.view import named_sites

LineOf = Callable[[str, int], int]  # file and offset -> 1-based line


@dataclass(frozen=True)
class NamedHazards:
    """A site with its answer and its id, which is the one of `scopes`."""

    id: str
    told: SiteHazards

    @property
    def site(self) -> ProvenSite:
        """The place."""
        return self.told.site

    @property
    def place(self) -> Place:
        """Its line."""
        return Place(self.site.path, self.site.line)


@dataclass(frozen=True)
class Held:
    """A site, and one of the things that are held there."""

    named: NamedHazards
    hazard: Hazard


@dataclass(frozen=True)
class DangerView:
    """One thing that reclaim waits for. wait: a shortest way to it.

    sites: those whose mask forbids entering the filesystem and under which it is held; plain: the
    other allocations there.
    """

    danger: Danger
    wait: Wait
    sites: tuple[Held, ...]
    plain: tuple[Held, ...]

    @property
    def excused(self) -> Fact | None:
        """The fact by which reclaim never meets a holder, if one excuses all that is held here."""
        facts = {held.hazard.excused for held in (*self.sites, *self.plain)}
        return facts.pop() if len(facts) == 1 else None

    def count(self, answer: SiteClass | None) -> int:
        """How many of the sites have an answer; None for those where something is missing."""
        return sum(held.named.told.answer is answer for held in self.sites)


@dataclass(frozen=True)
class Account:
    """How many sites have which answer; refused: those where something is missing."""

    by_class: Mapping[SiteClass, int]
    refused: int

    @property
    def sites(self) -> int:
        """All of them."""
        return sum(self.by_class.values()) + self.refused

    def __str__(self) -> str:
        parts = [f"{number} {answer.value}" for answer, number in self.by_class.items()]
        return f"{self.sites} = {' + '.join(parts)} + {self.refused} refused"


@dataclass(frozen=True)
class EndView:
    """A function that opens or closes a handle, and where it begins."""

    end: HandleEnd
    place: Place


@dataclass(frozen=True)
class PlacedView:
    """A scope that would be added, with its number among them and the lines of its ends.

    opens: behind these statements; none: at the top of the function. closes: before these; none:
    at every way out. ends: of a handle, its ends.
    """

    number: int
    scope: PlacedScope
    place: Place
    opens: tuple[Place, ...]
    closes: tuple[Place, ...]
    ends: tuple[EndView, ...] = ()


@dataclass(frozen=True)
class HazardsView:
    """The hazards of some paths of a tree. Make it with `hazards_view`, which checks it."""

    tree: str
    revision: str | None
    paths: tuple[str, ...]
    report: HazardReport
    placement: Placement
    line_of: LineOf

    @cached_property
    def _ids(self) -> Mapping[tuple[str, int], str]:
        return {(n.site.path, n.site.offset): n.id for n in named_sites(self.report.proofs)}

    def named(self, told: SiteHazards) -> NamedHazards:
        """A site with its id. Raises InternalCheckError for a site that the proofs do not know."""
        found = self._ids.get(key_of(told))
        if found is None:
            raise InternalCheckError(f"{told.site.path}:{told.site.line}: not known to the proofs")
        return NamedHazards(found, told)

    @cached_property
    def sites(self) -> tuple[NamedHazards, ...]:
        """The sites whose mask forbids what the scope forbids, in file order."""
        return tuple(map(self.named, self.report.sites))

    @cached_property
    def plain(self) -> tuple[NamedHazards, ...]:
        """The other allocations under something that reclaim waits for."""
        return tuple(self.named(told) for told in self.report.plain if told.hazards)

    def answered(self, answer: SiteClass | None) -> tuple[NamedHazards, ...]:
        """The sites with an answer; None for those where something is missing."""
        return tuple(named for named in self.sites if named.told.answer is answer)

    @cached_property
    def account(self) -> Account:
        """How many sites have which answer."""
        return account_of(self.sites)

    @cached_property
    def dangers(self) -> tuple[DangerView, ...]:
        """What reclaim waits for, most sites first; things under which nothing allocates too."""
        waits = {wait.danger: wait for wait in self.report.waits}
        sites, plain = _by_danger(self.sites), _by_danger(self.plain)
        for held in (one for group in (*sites.values(), *plain.values()) for one in group):
            waits.setdefault(held.hazard.danger, held.hazard.wait)
        views = [
            DangerView(danger, wait, tuple(sites.get(danger, ())), tuple(plain.get(danger, ())))
            for danger, wait in waits.items()
        ]
        return tuple(sorted(views, key=lambda v: (-len(v.sites), -len(v.plain), v.danger)))

    @cached_property
    def scopes(self) -> tuple[PlacedView, ...]:
        """The scopes that would be added."""
        return tuple(
            PlacedView(
                number,
                scope,
                Place(scope.anchor.path, scope.line),
                self._places(scope.anchor, scope.anchor.opens, True),
                self._places(scope.anchor, scope.anchor.closes, False),
                tuple(EndView(end, self._place(end.path, end.start)) for end in scope.anchor.ends),
            )
            for number, scope in enumerate(self.placement.scopes, 1)
        )

    def _places(self, anchor: Anchor, calls: Sequence[int], opens: bool) -> tuple[Place, ...]:
        """The calls that open or close; those of a handle stand in the functions at its ends."""
        if not anchor.ends:
            return tuple(self._place(anchor.path, at) for at in calls)
        return tuple(
            self._place(end.path, at)
            for end in anchor.ends
            if end.opens is opens
            for at in (end.takes if opens else end.releases)
        )

    def _place(self, path: str, offset: int) -> Place:
        return Place(path, self.line_of(path, offset))

    @cached_property
    def placed(self) -> tuple[NamedHazards, ...]:
        """The sites of class (c) for which the scopes are enough."""
        return tuple(named for named in self._covered if not named.told.missing)

    @cached_property
    def uncertain(self) -> tuple[NamedHazards, ...]:
        """The sites of class (c) with a scope, on other ways to which something is not known."""
        return tuple(named for named in self._covered if named.told.missing)

    @property
    def _covered(self) -> tuple[NamedHazards, ...]:
        keys = placed_keys(self.placement)
        hazardous = self.answered(SiteClass.HAZARD)
        return tuple(named for named in hazardous if key_of(named.told) in keys)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know: of the proofs, the hazards and the placement."""
        proofs = self.report.proofs.notes
        return tuple(dict.fromkeys((*proofs, *self.report.notes, *self.placement.notes)))

    @property
    def complete(self) -> bool:
        """Whether every site has an answer, and for every one of class (c) scopes are enough."""
        return not (self.account.refused or self.placement.unplaced or self.uncertain)

    def at(self, path: str, line: int) -> tuple[SiteHazards, ...]:
        """The allocations in a line, whatever their masks."""
        known = (*self.report.sites, *self.report.plain)
        return tuple(one for one in known if (one.site.path, one.site.line) == (path, line))

    def by_path(self) -> Mapping[str, Account]:
        """The account of each path that was asked for; a site belongs to the innermost."""
        groups: dict[str, list[NamedHazards]] = {path: [] for path in self.paths}
        for named in self.sites:
            groups.setdefault(_home(named.site.path, self.paths), []).append(named)
        return {path: account_of(group) for path, group in groups.items()}

    def by_method(self) -> Mapping[str, Account]:
        """The account of each method from which a site without a scope is reached by a witness.

        A method is the member of a table that the outside calls, or else the function that it
        starts. A site counts once for each of its methods. Most sites first.
        """
        groups: dict[str, list[NamedHazards]] = {}
        for named in self.sites:
            for method in dict.fromkeys(_methods(named.told)):
                groups.setdefault(method, []).append(named)
        ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        return {method: account_of(group) for method, group in ordered}


def hazards_view(
    tree: str,
    revision: str | None,
    paths: Sequence[str],
    report: HazardReport,
    placement: Placement,
    line_of: LineOf,
) -> HazardsView:
    """The view of a report, checked.

    Raises InternalCheckError if a site has no answer or two, if an answer contradicts what was
    found, or if a site of class (c) has neither a scope nor a reason why not.
    """
    view = HazardsView(tree, revision, tuple(paths), report, placement, line_of)
    check_report(report)
    check_placement(report.sites, placement)
    return view


def account_of(sites: Iterable[NamedHazards]) -> Account:
    """How many of some sites have which answer."""
    counted = Counter(named.told.answer for named in sites)
    return Account({answer: counted[answer] for answer in SiteClass}, counted[None])


def _by_danger(sites: Iterable[NamedHazards]) -> dict[Danger, list[Held]]:
    found: dict[Danger, list[Held]] = {}
    for named in sites:
        for hazard in named.told.hazards:
            found.setdefault(hazard.danger, []).append(Held(named, hazard))
    return found


def _home(path: str, paths: Sequence[str]) -> str:
    above = [one for one in paths if path == one or path.startswith(f"{one}/")]
    return max(above, key=len, default=path)


def _methods(told: SiteHazards) -> list[str]:
    if told.answer is SiteClass.IN_SCOPE:
        return []
    chains = [hazard.hold.chain for hazard in told.hazards]
    if not chains and told.site.evidence.witness is not None:
        chains = [told.site.evidence.witness]
    return [_method(chain) for chain in chains]


def _method(chain: Chain) -> str:
    root = chain.root
    if root.kind is RootKind.TABLE and root.detail:
        return root.detail
    return f"{chain.frames[0].function}(), {root.detail or root.kind.value}"
