"""Scope proofs as the records of JSON reports."""

from __future__ import annotations

from collections.abc import Iterable

from convert.flow.graph.model import Place
from convert.flow.scopes.model import Chain, ScopeEvidence
from convert.flow.scopes.results import ProvenSite, UsedAxiom
from convert.report.display import encodable, source_text


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


def root_record(chain: Chain | None) -> dict[str, object] | None:
    """Why the outside can start the first function of a chain."""
    if chain is None:
        return None
    root = chain.root
    return {
        **place_record(root.place),
        "kind": root.kind.value,
        "detail": source_text(root.detail),
    }


def place_record(place: Place) -> dict[str, object]:
    """A place as the keys ``file`` and ``line``."""
    return {"file": encodable(place.path), "line": place.line}


def axiom_records(axioms: Iterable[UsedAxiom]) -> list[dict[str, str]]:
    """The facts of the profile that were used."""
    return [
        {
            "id": one.id,
            "statement": source_text(one.statement),
            "source": source_text(one.source),
            "checked": source_text(one.checked),
        }
        for one in axioms
    ]
