"""Scope proofs as the records of JSON reports."""

from __future__ import annotations

from convert.flow.scopes.model import Chain, ScopeEvidence
from convert.flow.scopes.results import ProvenSite
from convert.report.display import source_text


def scope_record(proof: ProvenSite | None) -> dict[str, object]:
    """A site's ``scope`` in the report; without a proof, nothing is known and nothing assumed."""
    if proof is None:
        return {
            "verdict": "unknown",
            "witness": [],
            "axioms": [],
            "covered": [],
            "openers": [],
            "reason": None,
        }
    return evidence_record(proof.evidence)


def evidence_record(evidence: ScopeEvidence) -> dict[str, object]:
    """The evidence, chains as ``function@line``."""
    return {
        "verdict": evidence.verdict.value,
        "witness": frames(evidence.witness),
        "axioms": list(evidence.axioms),
        "covered": frames(evidence.covered),
        "openers": [
            source_text(f"{opener.text} at {opener.place} in {opener.function}")
            for opener in evidence.openers
        ],
        "reason": source_text(evidence.reason) or None,
    }


def frames(chain: Chain | None) -> list[str]:
    """The frames of a chain, the root's function first."""
    return [] if chain is None else [source_text(str(frame)) for frame in chain.frames]
