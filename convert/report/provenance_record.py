"""What is known of the memory that a free is given, as a record of the JSON report."""

from __future__ import annotations

from convert.flow.provenance.evidence import Missing, Reached
from convert.flow.provenance.verdict import Verdict
from convert.flow.provenance.wording import steps_text
from convert.plan import PlannedSite
from convert.report.display import encodable, source_text
from convert.rules.model import Converted


def provenance_record(planned: PlannedSite) -> dict[str, object] | None:
    """The record of one site; None for one that is no converted free."""
    decision = planned.decision
    if not isinstance(decision, Converted) or decision.provenance is None:
        return None
    return verdict_record(decision.provenance)


def verdict_record(verdict: Verdict) -> dict[str, object]:
    """A verdict as the schema describes it."""
    return {
        "memory": verdict.kind.value,
        "fits": verdict.plain,
        "complete": verdict.complete,
        "allocations": [_allocation(reached) for reached in verdict.reached],
        "told_apart": [_allocation(reached) for reached in verdict.apart],
        "missing": [_missing(missing) for missing in verdict.missing],
    }


def _allocation(reached: Reached) -> dict[str, object]:
    alloc = reached.alloc
    return {
        "file": encodable(alloc.path),
        "line": alloc.line,
        "function": alloc.function,
        "callee": alloc.callee,
        "family": alloc.family,
        "way": [source_text(step) for step in steps_text(reached)],
    }


def _missing(missing: Missing) -> dict[str, object]:
    at = missing.at
    return {
        "fact": source_text(missing.text),
        "file": None if at is None else encodable(at.path),
        "line": None if at is None else at.line,
    }
