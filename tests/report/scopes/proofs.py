"""Proofs about a toy file, of every verdict and use."""

from __future__ import annotations

from dataclasses import replace

from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.scopes.model import Opener, Verdict
from convert.flow.scopes.results import (
    CallerNode,
    Coverage,
    IdleMask,
    InferredEffect,
    ProvenSite,
    RedundantScope,
    ScopeProofs,
    SiteUse,
    Statistics,
    UsedAxiom,
)
from convert.report.scopes.view import ScopesView
from tests.rules.scoped.fakes import PATH, evidence

ROOT = Root(RootKind.WORK, Place(PATH, 70), 'toy_work with a " in it')
OPENER = Opener("toy_create", Place(PATH, 60), "toy_trans_begin")


def site(line: int, verdict: Verdict, use: SiteUse = SiteUse.ALLOCATES) -> ProvenSite:
    told = evidence(verdict, PATH, line)
    return ProvenSite(PATH, 10 * line, line, "f", "kmalloc", ("GFP_NOFS",), use, True, told)


def node(function: str, line: int, *callers: CallerNode, is_open: bool = False) -> CallerNode:
    return CallerNode(function, Place(PATH, line), is_open, None, None, False, callers)


def tree() -> CallerNode:
    root = replace(node("toy_work", 71), root=ROOT)
    opened = replace(node("toy_create", 61, root, is_open=True), opened_at=OPENER)
    other = replace(node("toy_scan", 50), repeated=True)
    return node("f", 1, opened, other, is_open=True)


def proofs() -> ScopeProofs:
    sites = [site(line, verdict) for line, verdict in enumerate(Verdict, 1)]
    sites.append(site(9, Verdict.MIXED, SiteUse.STORES))
    sites.append(replace(site(10, Verdict.PROVEN), mask=("GFP_KERNEL",), forbids=False))
    sites.append(site(11, Verdict.PROVEN, SiteUse.OPENS))
    sites.append(replace(site(12, Verdict.UNSCOPED), mask=(), forbids=None))
    return ScopeProofs(
        "nofs",
        tuple(sites),
        (InferredEffect("toy_trans_begin", Place(PATH, 40), "opens it when it returns 0"),),
        (Coverage(Place(PATH, 99), "toy_old", "nothing calls it"),),
        (UsedAxiom("toy-roll", "rolling keeps the scope", "fs/toy/README", "3 parameters"),),
        Statistics(12, 34, 56, 7, 0),
        (RedundantScope(OPENER, evidence(Verdict.PROVEN)),),
        (IdleMask(PATH, 5, 1, "f", "GFP_KERNEL | GFP_NOFS", "GFP_KERNEL"),),
        ("something to know",),
        {(PATH, 10): tree()},
    )


def view() -> ScopesView:
    return ScopesView("toys", None, ("fs/toy",), proofs())
