"""Masks dropped where a scope is open already (class a), or that say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from convert.flow.hazards.model import SiteClass
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ScopeProofs, SiteUse
from convert.plan import Plan, PlannedSite
from convert.rules.scoped.answers import Answer, Change, Stays
from convert.rules.scoped.decide import IDLE
from convert.rules.scoped.stage import Ground, Pass, with_masks
from convert.rules.scoped.words import call_words, evidence_lines, opener_words, why_words
from convert.sites.model import Site

IN_SCOPE = "proven/in-scope"
STEPS = (IDLE, IN_SCOPE)
RULE = "already-in-scope"


def with_proven_masks(ground: Ground, final: bool = True) -> Plan:
    """The plan with the masks of a scope decided, and the steps that drop them.

    final: see `Pass`. Raises InternalCheckError if a mask would mean something else inside of the
    scope, or a place of the name is left without a decision.
    """
    return with_masks(ground, _proven_pass(ground, final))


def _proven_pass(ground: Ground, final: bool) -> Pass:
    proofs, mask = ground.proofs, ground.mask

    def answer(path: str, offset: int, given: int | None) -> Answer | None:
        return proven_answer(proofs, mask.plain, path, given)

    def subject(step: str) -> str:
        if step == IDLE:
            return f"drop {mask.forbids} from masks that allow more"
        return f"use {mask.plain} where a {proofs.scope} scope is always open"

    def facts(step: str, own: Sequence[PlannedSite]) -> dict[str, object]:
        return scope_facts(ground, own)

    return Pass(STEPS, answer, subject, facts, final, tuple(_notes(ground)))


def proven_answer(
    proofs: ScopeProofs, plain: str, path: str, given: int | None
) -> Change | Stays | None:
    """What the proofs say of a call's mask; None if they do not know the call."""
    proof = None if given is None else proofs.site(path, given)
    if proof is None:
        return None
    if proof.use is SiteUse.STORES:
        return Stays(
            "stored-mask",
            f"{call_words(proof.callee)} stores the mask: others allocate with it, where no "
            "proof holds",
            kept=True,
            proof=proof,
        )
    if proof.evidence.verdict is not Verdict.PROVEN:
        return Stays(RULE, why_words(proof.evidence), proof=proof)
    return Change(
        RULE,
        IN_SCOPE,
        SiteClass.IN_SCOPE,
        (plain,),
        f"a {proofs.scope} scope is always open here, so {plain} means the same",
        evidence_lines(proof.evidence),
        proof,
    )


def scope_facts(ground: Ground, own: Sequence[PlannedSite]) -> dict[str, object]:
    """What a message says of sites inside of open scopes."""
    proofs = ground.proofs
    openers = Counter(
        call_words(text)
        for planned in own
        if planned.scope is not None
        for text in {opener.text for opener in planned.scope.evidence.openers}
    )
    axioms = {a for p in own if p.scope is not None for a in p.scope.evidence.axioms}
    return {
        "scope": proofs.scope,
        "save": ground.table.scopes[proofs.scope].save,
        "openers": sorted(openers.items(), key=lambda row: (-row[1], row[0])),
        "groups": _groups(own),
        "scope_axioms": [axiom for axiom in proofs.axioms if axiom.id in axioms],
    }


def _notes(ground: Ground) -> Iterator[str]:
    proofs = ground.proofs
    yield (
        f"the {proofs.scope} proofs hold for the files that were read: "
        f"{', '.join(ground.plan.paths)}; callers outside of them count as unscoped"
    )
    for redundant in proofs.redundant_scopes:
        opener = redundant.opener
        yield (
            f"{opener.place}: {call_words(opener.text)} in {opener.function}() opens a scope "
            "that is always open there already (left as it is)"
        )


def _groups(own: Sequence[PlannedSite]) -> list[dict[str, object]]:
    """Converted sites as the commit message lists them: by what opens the scope for them."""
    found: dict[str, list[Site]] = {}
    for planned in own:
        proof = planned.scope
        openers = opener_words(proof.evidence.openers) if proof is not None else ""
        found.setdefault(openers, []).append(planned.site)
    return [{"openers": openers, "sites": sites} for openers, sites in found.items()]
