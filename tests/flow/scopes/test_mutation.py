"""Disabling an opener makes the proofs fall that rely on it, also in the mini kernel."""

from __future__ import annotations

from convert.flow.graph.model import Place
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.prove import Budget, prove_scopes
from convert.flow.scopes.results import ProvenSite, ScopeProofs
from convert.tree.directory import DirectoryTree
from tests.flow.scopes.support import prove
from tests.support import MINIKERNEL

TWO = """
int root(int arg)
{
	struct handle *h;

	if (start(&h))
		return -1;
	here(1);
	end(h);
	return 0;
}
EXPORT_SYMBOL(root);
"""


def proven(proofs: ScopeProofs) -> dict[tuple[str, int], ProvenSite]:
    """The proven sites by place."""
    found = (site for site in proofs.sites if site.evidence.verdict is Verdict.PROVEN)
    return {(site.path, site.offset): site for site in found}


def test_a_disabled_opener_takes_its_proof_along() -> None:
    """The call that the evidence names, and the save inside it."""
    (site,) = proven(prove(TWO)).values()
    (opener,) = site.evidence.openers
    assert opener.text == "start"
    assert not proven(prove(TWO, disabled=frozenset({opener.place})))


def test_an_unrelated_place_changes_nothing() -> None:
    """Disabling what opens nothing leaves the proof."""
    assert proven(prove(TWO, disabled=frozenset({Place("fs/small/small.c", 1)})))


def test_mini_kernel() -> None:
    """Every proof falls, or another opener covers it."""
    tree = DirectoryTree(MINIKERNEL)
    before = proven(prove_scopes(tree, ["fs/minfs"]))
    assert before
    openers = {opener.place for site in before.values() for opener in site.evidence.openers}
    for place in openers:
        after = proven(prove_scopes(tree, ["fs/minfs"], disabled=frozenset({place})))
        for key, site in after.items():
            assert place not in {opener.place for opener in site.evidence.openers}
            assert site.evidence.openers
            assert key in before


def test_a_budget_that_is_used_up_proves_nothing() -> None:
    """What does not converge is unknown."""
    proofs = prove(TWO, budget=Budget(states=3))
    assert not proven(proofs)
    assert any("budget" in note for note in proofs.notes)
