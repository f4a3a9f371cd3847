"""Scope proofs about the states of a series, made when a change asks for one.

Where no scope is open on every path, the analysis of hazards is asked: a mask may lose NOFS where
nothing is held that reclaim waits for, or what reclaim takes of unreferenced objects alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from convert.flow.graph.build import build_graph
from convert.flow.graph.graph import CallGraph
from convert.flow.hazards.find import find_hazards
from convert.flow.hazards.model import HazardReport, SiteClass
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.prove import prove_scopes
from convert.flow.scopes.results import ScopeProofs
from convert.progress import Progress, silent
from convert.rules.scoped.words import opener_words, why_words
from convert.tree.kernel import KernelTree
from convert.verify.review.compare import Uncovered

_SCOPE = "nofs"
_NO_LOCKDEP = "__GFP_NOLOCKDEP"
_OUTSIDE = (Verdict.MIXED, Verdict.UNSCOPED)
_HARMLESS = (SiteClass.REFLEX, SiteClass.EXCUSED, SiteClass.IN_SCOPE)


class LastGraph:
    """Builds call graphs; the last one answers again while tree and paths stay the same.

    Proofs without locks say more where a budget is used up, so both are made of one graph.
    """

    def __init__(self) -> None:
        self._last: tuple[KernelTree, tuple[str, ...], CallGraph] | None = None

    def __call__(
        self,
        tree: KernelTree,
        paths: Sequence[str],
        *,
        cache_dir: Path | None = None,
        progress: Progress = silent,
    ) -> CallGraph:
        """The call graph of the files below some paths."""
        last = self._last
        if last is not None and last[0] is tree and last[1] == tuple(paths):
            return last[2]
        self._last = last = None  # two of them would be too much to keep
        graph = build_graph(tree, paths, cache_dir=cache_dir, progress=progress)
        self._last = (tree, tuple(paths), graph)
        return graph


@dataclass
class ProofsOfTrees:
    """Answers `ScopeProof`: proves the subsystem of a file in the tree of a commit, once."""

    cache_dir: Path | None = None
    progress: Progress = silent
    _known: dict[tuple[int, str, str], tuple[KernelTree, ScopeProofs]] = field(default_factory=dict)
    _asked: dict[tuple[int, str], HazardReport] = field(default_factory=dict)
    _graphs: LastGraph = field(default_factory=LastGraph)

    def __call__(
        self, tree: KernelTree, path: str, function: str, line: int, scope: str = _SCOPE
    ) -> str | Uncovered | None:
        """Why a line is inside of a scope, or a path on which it is not; None: nothing is known."""
        sites = [
            site
            for site in self._proofs(tree, subsystem(path), scope).sites
            if (site.path, site.line, site.function) == (path, line, function)
        ]
        verdicts = {site.evidence.verdict for site in sites}
        if verdicts == {Verdict.PROVEN}:
            openers = {opener for site in sites for opener in site.evidence.openers}
            return (
                f"a {scope} scope is open on every path: {opener_words(sorted(openers, key=str))}"
            )
        found = next((site for site in sites if site.evidence.verdict in _OUTSIDE), None)
        if found is None:
            return None
        held = None
        if scope == _SCOPE:
            held = self._held(tree, path, {site.offset for site in sites})
        return held or Uncovered(why_words(found.evidence))

    def _held(self, tree: KernelTree, path: str, offsets: set[int]) -> str | None:
        """Why reclaim may enter the filesystem at some places without a scope; None if not."""
        report = self._hazards(tree, subsystem(path))
        answers = [
            one
            for one in (*report.sites, *report.plain)
            if one.site.path == path and one.site.offset in offsets
        ]
        if not answers or any(one.answer not in _HARMLESS for one in answers):
            return None
        facts = {fact: None for one in answers for fact in one.facts}
        for one in answers:
            if one.answer is SiteClass.EXCUSED and _NO_LOCKDEP not in one.site.mask:
                return None  # lockdep would report what never happens
        words = "where no scope is open, nothing is held that reclaim waits for"
        if any(one.answer is SiteClass.EXCUSED for one in answers):
            words = (
                "where no scope is open, reclaim takes what is held of unreferenced objects alone"
            )
        why = "; ".join(f"{fact.statement} [{fact.source}]" for fact in facts)
        return f"{words}: {why}" if why else words

    def _hazards(self, tree: KernelTree, under: str) -> HazardReport:
        key = (id(tree), under)
        if key not in self._asked:
            self._proofs(tree, under, _SCOPE)  # keeps the tree
            self._asked[key] = find_hazards(
                tree,
                (under,),
                cache_dir=self.cache_dir,
                progress=self.progress,
                scope=_SCOPE,
                build=self._graphs,
            )
        return self._asked[key]

    def _proofs(self, tree: KernelTree, under: str, scope: str) -> ScopeProofs:
        key = (id(tree), under, scope)
        if key not in self._known:  # the tree is kept, so that its id stays its own
            proofs = prove_scopes(
                tree,
                (under,),
                cache_dir=self.cache_dir,
                progress=self.progress,
                scope=scope,
                build=self._graphs,
            )
            self._known[key] = (tree, proofs)
        return self._known[key][1]


def subsystem(path: str) -> str:
    """The directory to read for a proof about a file: ``fs/xfs`` for ``fs/xfs/libxfs/a.c``."""
    parts = PurePosixPath(path).parts
    deep = parts[0] == "fs" and len(parts) > 2
    return "/".join(parts[:2]) if deep else "/".join(parts[:-1]) or path
