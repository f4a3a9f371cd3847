"""What the analysis of the edited tree says of each mask that is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from convert.flow.hazards.model import HazardReport, SiteClass, SiteHazards
from convert.flow.scopes.results import ProvenSite, SiteUse
from convert.rules.hazards.words import (
    excuse_words,
    hazard_words,
    hazards_words,
    missing_words,
)
from convert.rules.hazards.writing import Written
from convert.rules.scoped.answers import Answer, Change, Stays
from convert.rules.scoped.decide import ScopeMask
from convert.rules.scoped.declared import FS_RECLAIM, NO_LOCKDEP
from convert.rules.scoped.proven import proven_answer
from convert.rules.scoped.words import evidence_lines, opener_words

NEW_SCOPE, REFLEX, EXCUSED = "scoped/new-scope", "scoped/nothing-held", "scoped/nolockdep"
STEPS = (NEW_SCOPE, REFLEX, EXCUSED)
RULE = "scope-at-hazard"
RULE_REFLEX, RULE_EXCUSED = "nothing-held", "excused-lock"
_NO_LOCKDEP = "__GFP_NOLOCKDEP"

Site = tuple[str, int]  # path, and offset of the callee in the tree as given


@dataclass
class HazardAnswers:
    """Answers for the text that holds the placed scopes.

    given: about the tree as given. now: about the text, the same if no scope was placed; its places
    go through ``moved``. unplaced: why no scope serves a site. lockdep: whether masks may be
    exempted from lockdep (recipe ``upstream``, in a tree that has such a flag). served, said:
    filled while asked: by site, the scopes that it relies on, and the answer.
    """

    given: HazardReport
    now: HazardReport
    moved: Callable[[SiteHazards], SiteHazards]
    mask: ScopeMask
    written: Sequence[Written]
    unplaced: Mapping[Site, str]
    lockdep: bool
    served: dict[Site, tuple[Written, ...]] = field(default_factory=dict)
    said: dict[Site, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the sites."""
        self._given = {(one.site.path, one.site.offset): one for one in self.given.sites}
        self._now = {(one.site.path, one.site.offset): one for one in self.now.sites}

    def __call__(self, path: str, offset: int, given: int | None) -> Answer | None:
        """The answer about one call; None if nothing is known of it."""
        if given is None:
            return None
        answer = self._looked_up(path, offset, given)
        if answer is not None:
            self.said[path, given] = answer
        return answer

    def _looked_up(self, path: str, offset: int, given: int) -> Answer | None:
        proof = self.given.proofs.site(path, given)
        first = self._given.get((path, given))
        if proof is None or first is None or proof.use is SiteUse.STORES:
            return proven_answer(self.given.proofs, self.mask.plain, path, given)
        if first.answer is SiteClass.IN_SCOPE:
            return proven_answer(self.given.proofs, self.mask.plain, path, given)
        now = first
        if self.now is not self.given:
            found = self._now.get((path, offset))
            if found is None:
                why = "the analysis did not find it again with the new scopes"
                return Stays(RULE, why, proof=proof, hazards=first)
            now = self.moved(found)
        return self._answer(proof, first, now)

    def _answer(self, proof: ProvenSite, first: SiteHazards, now: SiteHazards) -> Answer:
        match now.answer:
            case SiteClass.IN_SCOPE:
                return self._covered(proof, first, now, ())
            case SiteClass.REFLEX if first.answer is SiteClass.REFLEX:
                return self._reflex(proof, first)
            case SiteClass.REFLEX:
                return self._covered(proof, first, now, (FS_RECLAIM,))
            case SiteClass.EXCUSED:
                return self._excused(proof, now)
            case SiteClass.HAZARD:
                return Stays(RULE, self._why(proof, now), proof=proof, hazards=now)
        return Stays(
            RULE, f"what is held there is not known: {missing_words(now)}", proof=proof, hazards=now
        )

    def _covered(
        self, proof: ProvenSite, first: SiteHazards, now: SiteHazards, more: tuple[str, ...]
    ) -> Change:
        """A scope that was placed is open, at least wherever something is held."""
        site = proof.path, proof.offset
        evidence = now.site.evidence
        self.served[site] = tuple(one for one in self.written if one.opens(evidence.openers))
        if not self.served[site]:
            self.served[site] = tuple(one for one in self.written if one.serves(proof))
        openers = opener_words(evidence.openers)
        reason = f"with the new scopes one is open on every path: {openers}"
        if more:
            reason = (
                f"with the new scopes one is open ({openers}) wherever something is held that "
                f"reclaim waits for: {now.reason}"
            )
        lines = (*(hazard_words(one) for one in first.hazards), *evidence_lines(evidence))
        return Change(
            RULE, NEW_SCOPE, SiteClass.HAZARD, (self.mask.plain,), reason, lines, proof, more, first
        )

    def _reflex(self, proof: ProvenSite, known: SiteHazards) -> Change:
        facts = (f"{fact.id}: {fact.statement} [{fact.source}]" for fact in known.facts)
        return Change(
            RULE_REFLEX,
            REFLEX,
            SiteClass.REFLEX,
            (self.mask.plain,),
            f"nothing is held here that reclaim waits for: {known.reason}",
            (*evidence_lines(proof.evidence), *facts),
            proof,
            (FS_RECLAIM,),
            known,
        )

    def _excused(self, proof: ProvenSite, known: SiteHazards) -> Answer:
        why = excuse_words(known.hazards) or known.reason
        reason = f"reclaim takes what is held here of nobody who holds it: {why}"
        if not self.lockdep:
            return Stays(RULE_EXCUSED, reason, kept=True, proof=proof, hazards=known)
        return Change(
            RULE_EXCUSED,
            EXCUSED,
            SiteClass.EXCUSED,
            (self.mask.plain, _NO_LOCKDEP),
            reason,
            (*(hazard_words(one) for one in known.hazards), *evidence_lines(proof.evidence)),
            proof,
            (FS_RECLAIM, NO_LOCKDEP),
            known,
        )

    def _why(self, proof: ProvenSite, now: SiteHazards) -> str:
        """Why a mask with a hazard stays."""
        own = [one for one in now.hazards if one.excused is None]
        hazards = hazards_words(own or now.hazards) or now.reason
        why = self.unplaced.get((proof.path, proof.offset))
        if why is None:
            why = "the new scopes are not open on all paths to it"
        return f"{hazards}; {why}"
