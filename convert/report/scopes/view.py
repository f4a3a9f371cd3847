"""Scope proofs as all formats see them: sites with ids, those of interest, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from convert.errors import InputError
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse


@dataclass(frozen=True)
class NamedSite:
    """A site and its id: file, function, ``scope``, callee, and the ordinal among equals.

    The id does not change by edits elsewhere in the file.
    """

    id: str
    site: ProvenSite


@dataclass(frozen=True)
class ScopesView:
    """The proofs about some paths of a tree.

    ``only``: a file and line that the user asked for; then no other site is shown.
    """

    tree: str
    revision: str | None
    paths: tuple[str, ...]
    proofs: ScopeProofs
    only: tuple[str, int] | None = None

    @cached_property
    def sites(self) -> tuple[NamedSite, ...]:
        """Every place of a mask that was looked at, in file order."""
        return named_sites(self.proofs)

    @cached_property
    def forbidding(self) -> tuple[NamedSite, ...]:
        """The sites whose mask forbids what the scope forbids: what the question is about."""
        return tuple(
            named
            for named in self.sites
            if named.site.forbids and named.site.use is not SiteUse.OPENS
        )

    @property
    def shown(self) -> tuple[NamedSite, ...]:
        """The forbidding sites, or those at the line that was asked for, whatever their mask."""
        if self.only is None:
            return self.forbidding
        return tuple(n for n in self.sites if (n.site.path, n.site.line) == self.only)

    def counts(self) -> Mapping[Verdict, int]:
        """How many forbidding sites have each verdict; all verdicts are there."""
        found = Counter(named.site.evidence.verdict for named in self.forbidding)
        return {verdict: found[verdict] for verdict in Verdict}


def at_line(view: ScopesView, path: str, line: int) -> ScopesView:
    """The view of one line. Raises InputError, naming the nearest site, if there is none."""
    here = [named.site.line for named in view.sites if named.site.path == path]
    if not here:
        raise InputError(f"{path}: no allocation is known in this file (was it read?)")
    if line not in here:
        nearest = min(here, key=lambda other: abs(other - line))
        raise InputError(f"{path}:{line}: no allocation here; the nearest is in line {nearest}")
    return replace(view, only=(path, line))


def named_sites(proofs: ScopeProofs) -> tuple[NamedSite, ...]:
    """The sites with their ids."""
    seen: Counter[str] = Counter()
    found = []
    for site in sorted(proofs.sites, key=lambda site: (site.path, site.offset)):
        stem = f"{site.path}:{site.function}:scope:{site.callee}"
        seen[stem] += 1
        found.append(NamedSite(f"{stem}:{seen[stem]}", site))
    return tuple(found)


def verdict_words(counts: Mapping[Verdict, int]) -> str:
    """``56 = 19 proven + 26 mixed + …``, verdicts that do not occur left out."""
    parts = [f"{number} {verdict.value}" for verdict, number in counts.items() if number]
    return f"{sum(counts.values())} = {' + '.join(parts) or '0'}"


def by_file(sites: Iterable[NamedSite]) -> Mapping[str, tuple[NamedSite, ...]]:
    """The sites of each file."""
    found: dict[str, list[NamedSite]] = {}
    for named in sites:
        found.setdefault(named.site.path, []).append(named)
    return {path: tuple(found[path]) for path in sorted(found)}
