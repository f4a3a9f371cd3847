"""What callers in other files hold is not known, so masks that would allow more stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from convert.flow.graph.model import RootKind
from convert.flow.hazards.model import HazardReport
from convert.flow.hazards.outside import OutsideCallers
from convert.rules.hazards.recipe import Choice, Means, with_hazards
from convert.rules.model import Converted, Refused
from convert.rules.scoped.stage import Ground
from convert.tree.kernel import KernelTree
from tests.rules.hazards.fakes import PATH, ToyEditor, analyse, place
from tests.rules.hazards.test_recipe import EXCUSED, LOCKED, REFLEX
from tests.rules.scoped.fakes import dialect, empty_plan, scopes, toy_tree

OTHER = "fs/other/main.c"


def called_from_outside(tree: KernelTree, kind: RootKind = RootKind.EXPORTED) -> HazardReport:
    """The report in which all chains without a scope start with a call of ``toy_create()``."""
    report = analyse(tree)
    sites = []
    for one in report.sites:
        evidence, witness = one.site.evidence, one.site.evidence.witness
        if witness is not None:
            witness = replace(witness, root=replace(witness.root, kind=kind))
        site = replace(one.site, evidence=replace(evidence, witness=witness))
        sites.append(replace(one, site=site))
    proofs = replace(report.proofs, sites=tuple(one.site for one in sites))
    return replace(report, proofs=proofs, sites=tuple(sites))


def decided(text: str, files: Mapping[str, str], kind: RootKind) -> object:
    tree = toy_tree({PATH: text, **files})
    report = called_from_outside(tree, kind)
    ground = Ground(empty_plan(tree), tree, report.proofs, scopes(), dialect)
    means = Means(lambda edited: called_from_outside(edited, kind), ToyEditor())
    plan = with_hazards(ground, report, place(tree, report), means, Choice(excused=True))
    (site,) = plan.sites
    return site.decision


TEXTS = [
    pytest.param(REFLEX, id="nothing-held"),
    pytest.param(EXCUSED, id="excused"),
    pytest.param(LOCKED.replace("hazard", "partly"), id="covered-on-some-paths"),
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", [RootKind.EXPORTED, RootKind.OUTSIDE])
def test_a_caller_elsewhere_keeps_the_mask(text: str, kind: RootKind) -> None:
    decision = decided(text, {OTHER: "\nvoid g(void)\n{\n\ttoy_create();\n}\n"}, kind)
    assert isinstance(decision, Refused)
    assert f"callers of toy_create() is not known: {OTHER}:4 names it" in decision.reason


@pytest.mark.parametrize("text", TEXTS)
def test_without_one_nobody_else_calls(text: str) -> None:
    files = {OTHER: "/* toy_create() */\n", "drivers/x.c": "int toy_create;\n"}
    assert isinstance(decided(text, files, RootKind.EXPORTED), Converted)


def test_a_scope_on_every_path_needs_to_know_nothing_of_callers() -> None:
    decision = decided(LOCKED, {OTHER: "int x = toy_create;\n"}, RootKind.EXPORTED)
    assert isinstance(decision, Converted)


def test_other_roots_are_no_calls() -> None:
    decision = decided(REFLEX, {OTHER: "int x = toy_create;\n"}, RootKind.TABLE)
    assert isinstance(decision, Converted)


def test_a_file_that_cannot_be_read_counts_with_all_that_it_names() -> None:
    tree = toy_tree({PATH: REFLEX, OTHER: "/* toy_create"})
    callers = OutsideCallers(tree, ["fs/toy"])
    report = called_from_outside(tree)
    callers.expect(report)
    assert callers.wanted == {"toy_create"}
    why = callers.why(report.sites[0].site.evidence.witness)
    assert why is not None
    assert f"{OTHER}:1 names it" in why
    assert callers.why(None) is None
