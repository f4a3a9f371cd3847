"""Toy files on the mini kernel, and proofs about them that their comments state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.scopes.model import Chain, Frame, Opener, ScopeEvidence, Verdict
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse, Statistics
from convert.plan import Plan
from convert.semantics.scopes import ScopeTable, scope_table
from convert.source.dialect import Dialect, load_dialect
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree
from convert.tree.overlay import OverlayTree
from tests.support import MINIKERNEL

PATH = "fs/toy/toy.c"
_VERDICT = re.compile(
    r"\b(?!if\b)(\w+)\s*\([^\n]*/\* (proven|mixed|unscoped|dead|unknown|stores) \*/"
)


@cache
def base() -> DirectoryTree:
    tree = open_tree(str(MINIKERNEL))
    assert isinstance(tree, DirectoryTree)
    return tree


@cache
def scopes() -> ScopeTable:
    return scope_table(base())


@cache
def dialect() -> Dialect:
    return load_dialect(base(), ("fs",))


def toy_tree(files: Mapping[str, str]) -> OverlayTree:
    return OverlayTree(base(), {path: text.encode("latin-1") for path, text in files.items()})


def evidence(verdict: Verdict, path: str = PATH, line: int = 1) -> ScopeEvidence:
    """Evidence as the proofs give it: chains, openers and an axiom."""
    root = Root(RootKind.TABLE, Place(path, 90), "toy_operations.create")
    inside = Chain(
        root, (Frame("toy_create", Place(path, 91)), Frame("f", Place(path, line))), True
    )
    outside = Chain(
        root, (Frame("toy_scan", Place(path, 95)), Frame("f", Place(path, line))), False
    )
    opener = Opener("toy_create", Place(path, 92), "toy_trans_begin")
    proven = verdict is Verdict.PROVEN
    return ScopeEvidence(
        verdict,
        "nofs",
        None if verdict in (Verdict.PROVEN, Verdict.DEAD) else outside,
        inside if verdict in (Verdict.PROVEN, Verdict.MIXED) else None,
        (opener,) if verdict in (Verdict.PROVEN, Verdict.MIXED) else (),
        ("toy-roll",) if proven else (),
        f"{path}:{line}: a reason" if not proven else "",
    )


def stated_proofs(files: Mapping[str, str]) -> ScopeProofs:
    """One site for the first call of each line that a comment states a verdict for."""
    sites = []
    for path, text in files.items():
        for found in _VERDICT.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            stores = found[2] == "stores"
            verdict = Verdict.MIXED if stores else Verdict(found[2])
            use = SiteUse.STORES if stores else SiteUse.ALLOCATES
            told = evidence(verdict, path, line)
            mask = ("GFP_NOFS",)
            sites.append(
                ProvenSite(path, found.start(1), line, "f", found[1], mask, use, True, told)
            )
    return ScopeProofs("nofs", tuple(sites), (), (), (), Statistics(1, 1, 1, 0, 0), (), ())


def empty_plan(tree: KernelTree, paths: tuple[str, ...] = ("fs/toy",)) -> Plan:
    """A plan in which nothing is decided yet."""
    return Plan(
        tree=tree.name,
        revision=None,
        paths=paths,
        recipe="proven",
        profile="xfs",
        prefix="toy",
        sites=(),
        refusals=(),
        steps=(),
        differences=(),
        axioms=(),
        originals={},
        functions_found=0,
        functions_parsed=0,
        files_read=1,
    )
