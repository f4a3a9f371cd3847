"""Scope proofs about the states of a series, made when a change asks for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from convert.flow.scopes.model import Verdict
from convert.flow.scopes.prove import prove_scopes
from convert.flow.scopes.results import ScopeProofs
from convert.progress import Progress, silent
from convert.rules.scoped.words import opener_words, why_words
from convert.tree.kernel import KernelTree
from convert.verify.review.compare import Uncovered

_SCOPE = "nofs"


@dataclass
class ProofsOfTrees:
    """Answers `ScopeProof`: proves the subsystem of a file in the tree of a commit, once."""

    cache_dir: Path | None = None
    progress: Progress = silent
    _known: dict[tuple[int, str], tuple[KernelTree, ScopeProofs]] = field(default_factory=dict)

    def __call__(
        self, tree: KernelTree, path: str, function: str, line: int
    ) -> str | Uncovered | None:
        """Why a line is inside of a scope, or a path on which it is not; None: nothing is known."""
        sites = [
            site
            for site in self._proofs(tree, subsystem(path)).sites
            if (site.path, site.line, site.function) == (path, line, function)
        ]
        verdicts = {site.evidence.verdict for site in sites}
        if verdicts == {Verdict.PROVEN}:
            openers = {opener for site in sites for opener in site.evidence.openers}
            return (
                f"a {_SCOPE} scope is open on every path: {opener_words(sorted(openers, key=str))}"
            )
        for site in sites:
            if site.evidence.verdict in (Verdict.MIXED, Verdict.UNSCOPED):
                return Uncovered(why_words(site.evidence))
        return None

    def _proofs(self, tree: KernelTree, under: str) -> ScopeProofs:
        key = (id(tree), under)
        if key not in self._known:  # the tree is kept, so that its id stays its own
            proofs = prove_scopes(
                tree, (under,), cache_dir=self.cache_dir, progress=self.progress, scope=_SCOPE
            )
            self._known[key] = (tree, proofs)
        return self._known[key][1]


def subsystem(path: str) -> str:
    """The directory to read for a proof about a file: ``fs/xfs`` for ``fs/xfs/libxfs/a.c``."""
    parts = PurePosixPath(path).parts
    deep = parts[0] == "fs" and len(parts) > 2
    return "/".join(parts[:2]) if deep else "/".join(parts[:-1]) or path
