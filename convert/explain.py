"""One site told whole: what it is, what it promises, why, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from convert.errors import InputError
from convert.flow.scopes.results import ProvenSite, ScopeProofs
from convert.plan import Plan, PlannedSite
from convert.report.diffs import site_diff
from convert.report.hazards.place import place_lines
from convert.report.hazards.view import HazardsView
from convert.report.scopes.callers import caller_lines
from convert.rules.model import Converted, Kept, Refused
from convert.rules.scoped.words import evidence_lines
from convert.semantics.model import Contract


def place_of(text: str) -> tuple[str, int]:
    """``FILE:LINE`` as its parts. Raises InputError for anything else."""
    found = re.fullmatch(r"(.+):(\d+)", text)
    if found is None:
        raise InputError(f"{text}: name a place as FILE:LINE, e.g. fs/xfs/xfs_buf.c:192")
    return found.group(1), int(found.group(2))


def sites_at(plan: Plan, path: str, line: int) -> tuple[PlannedSite, ...]:
    """The sites that cover a line. Raises InputError, naming the nearest line, if there is none."""
    here = [s for s in plan.sites if s.site.file == path]
    found = tuple(s for s in here if _covers(s, line))
    if found:
        return found
    if not here:
        raise InputError(f"{path}: no site in this file; `kmem-convert inventory` lists the files")
    nearest = min((s.site.line for s in here), key=lambda other: abs(other - line))
    raise InputError(f"{path}:{line}: no site here; the nearest is in line {nearest}")


def explain(
    plan: Plan,
    path: str,
    line: int,
    proofs: ScopeProofs | None = None,
    hazards: HazardsView | None = None,
) -> Iterator[str]:
    """The lines of the explanation of every site at a place.

    ``proofs``: what is known of allocation scopes, where that was asked for; ``hazards`` likewise.
    Raises InputError, naming the nearest line, if neither the plan nor the proofs know the place.
    """
    known = proof_sites(proofs, path, line)
    told: set[int] = set()
    for planned in () if known and not _has_sites(plan, path, line) else sites_at(plan, path, line):
        site, decision = planned.site, planned.decision
        where = f" in {site.function}()" if site.function else ""
        yield f"{site.file}:{site.line}:{site.column}: {site.kind.value} {site.callee}{where}"
        yield from (f"    {row}" for row in site.text.split("\n"))
        yield f"  contract: {contract_words(planned.contract)}"
        match decision:
            case Converted():
                yield from _converted(plan, planned, decision)
            case Kept(_, reason):
                yield f"  kept: {reason}"
            case Refused(_, reason, blocks):
                yield f"  refused: {reason}"
                if blocks:
                    yield "  the wrappers cannot be removed as long as this stays"
        own = planned.scope or _proof_of(planned, known)
        if own is not None and proofs is not None:
            told.add(own.offset)
            yield from _scope(proofs, own)
        elif proofs is None:
            yield "  scope: not looked at; no mask here forbids what a scope forbids"
        else:
            yield "  scope: no proof is known about this place"
    for proof in known:
        if proof.offset not in told and proofs is not None:
            yield f"{proof.path}:{proof.line}: {proof.callee} in {proof.function}()"
            yield f"  mask: {' | '.join(proof.mask) or 'not known'}; {proof.use.value}"
            yield from _scope(proofs, proof)
    if hazards is not None:
        yield from place_lines(hazards, path, line)


def asks_for_scopes(plan: Plan, path: str, line: int, text: str) -> bool:
    """Whether a place is one about which scope proofs have something to say.

    ``text``: the line as it is written.
    """
    if "NOFS" in text:
        return True
    here = [s for s in plan.sites if s.site.file == path]
    return any(
        planned.contract.fs_reclaim is False or "NOFS" in planned.site.text
        for planned in here
        if _covers(planned, line)
    )


def proof_sites(proofs: ScopeProofs | None, path: str, line: int) -> tuple[ProvenSite, ...]:
    """The places that the proofs know in a line."""
    if proofs is None:
        return ()
    return tuple(site for site in proofs.sites if (site.path, site.line) == (path, line))


def _covers(planned: PlannedSite, line: int) -> bool:
    return planned.site.line <= line <= planned.site.line + planned.site.text.count("\n")


def _has_sites(plan: Plan, path: str, line: int) -> bool:
    return any(s.site.file == path and _covers(s, line) for s in plan.sites)


def _proof_of(planned: PlannedSite, known: tuple[ProvenSite, ...]) -> ProvenSite | None:
    """The proof about a site of the text as given."""
    if planned.stage:
        return None
    return next((site for site in known if site.offset == planned.site.span.start), None)


def _scope(proofs: ScopeProofs, site: ProvenSite) -> Iterator[str]:
    """The evidence, and the tree of callers with where the scope opens."""
    for number, row in enumerate(evidence_lines(site.evidence)):
        yield f"  {row}" if not number else f"    {row}"
    tree = proofs.callers_tree(site.path, site.offset)
    if tree is not None:
        yield "  callers (+ the scope is open where the function leads on, - it is not):"
        yield from (f"    {row}" for row in caller_lines(tree))


def _converted(plan: Plan, planned: PlannedSite, decision: Converted) -> Iterator[str]:
    for row in decision.evidence:
        yield f"    {row}"
    if decision.gfp_before or decision.gfp_after:
        yield f"  flags: {' | '.join(decision.gfp_before) or '0'}"
        yield f"  mask:  {' | '.join(decision.gfp_after) or 'the value of a variable'}"
    number = next((step.number for step in plan.steps if step.id == decision.step), None)
    yield f"  converted by commit {number}: {decision.reason}"
    texts = {difference.id: difference.text for difference in plan.differences}
    for name in decision.differences:
        yield f"  declared difference: {texts[name]}"
    for note in decision.notes:
        yield f"  note: {note}"
    yield from (f"    {row}" for row in site_diff(plan, planned, 1).splitlines())


def contract_words(contract: Contract) -> str:
    """A contract in words; what the text does not decide is left out."""
    words = {
        "zeroed": ("zeroed", "not zeroed"),
        "may_fail": ("may fail", "never fails"),
        "fs_reclaim": ("may enter the filesystem for reclaim", "never enters the filesystem"),
        "nowarn": ("no failure report", "reports failures"),
        "nolockdep": ("hidden from lockdep", "seen by lockdep"),
        "sleeps": ("may sleep", "does not sleep"),
    }
    given = [
        pair[0] if value else pair[1]
        for name, pair in words.items()
        if (value := getattr(contract, name)) is not None
    ]
    return ", ".join(given) or "decided by a variable, or no allocation"
