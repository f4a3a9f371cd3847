"""Hazards and placed scopes in words: for reasons, evidence and commit messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convert.flow.graph.model import Place
from convert.flow.hazards.model import DangerKind, Hazard, Hold, SiteHazards, Wait
from convert.flow.placement.model import AnchorKind, PlacedScope
from convert.flow.placement.wording import ends_words
from convert.rules.scoped.words import call_words, chain_words

_FEW = 5


def danger_words(hazard: Hazard) -> str:
    """A lock with its kind, or a worker."""
    danger = hazard.danger
    return f"{danger} ({danger.what})" if danger.what else str(danger)


def hold_words(hold: Hold) -> str:
    """The allocation side: where the lock is taken or the worker starts, and the allocation."""
    where = hold.chain.frames[-1].place
    if hold.danger.kind is DangerKind.WORKER:
        return f"{hold.danger} allocates at {where}: {chain_words(hold.chain)}"
    function = hold.chain.frames[hold.frame].function
    return (
        f"{call_words(hold.call)} in {function}() takes it at {hold.taken}, and the allocation "
        f"follows at {where}: {chain_words(hold.chain)}"
    )


def wait_words(wait: Wait) -> str:
    """The reclaim side: the chain to the line that blocks, through workers where there are some."""
    return "; there ".join(
        f"{call_words(one.call)} blocks at {one.chain.frames[-1].place}: {chain_words(one.chain)}"
        for one in (*wait.behind, wait)
    )


def hazard_words(hazard: Hazard) -> str:
    """Both sides in one sentence, for reasons."""
    blocks = hazard.wait.chain.frames[-1].place
    allocates = hazard.hold.chain.frames[-1].place
    if hazard.danger.kind is DangerKind.WORKER:
        return (
            f"{hazard.danger} allocates at {allocates}, and reclaim waits for it at {blocks} "
            f"({chain_words(hazard.wait.chain)})"
        )
    return (
        f"{hazard.danger} is held at {allocates} (taken at {hazard.hold.taken}), and reclaim "
        f"blocks on it at {blocks} ({chain_words(hazard.wait.chain)})"
    )


def hazards_words(hazards: Sequence[Hazard]) -> str:
    """The first hazard with both sides, and the names of the others; empty if there is none."""
    if not hazards:
        return ""
    others = [str(one.danger) for one in hazards[1:]]
    also = f"; likewise {', '.join(others)}" if others else ""
    return hazard_words(hazards[0]) + also


def missing_words(hazards: SiteHazards) -> str:
    """What would have to be known."""
    found = dict.fromkeys(
        one.text if one.text.startswith(f"{one.place}:") else f"{one.place}: {one.text}"
        for one in hazards.missing
    )
    listed = list(found)
    more = f"; and {len(listed) - _FEW} more" if len(listed) > _FEW else ""
    return ("; ".join(listed[:_FEW]) or hazards.reason) + more


def excuse_words(hazards: Iterable[Hazard]) -> str:
    """The facts by which reclaim never meets the holder, with their sources."""
    rows: dict[str, None] = {}
    for hazard in hazards:
        if hazard.excused is not None:
            fact = hazard.excused
            rows[f"{hazard.danger}: {fact.statement.rstrip('.')} [{fact.source}]"] = None
    return "; ".join(rows)


def comment_words(scope: PlacedScope) -> str:
    """What is written above the call that opens a scope: what makes it necessary."""
    if not scope.hazards:
        return ""
    hazard = scope.hazards[0]
    first, *_ = (*hazard.wait.behind, hazard.wait)
    where = first.chain.frames[-1].function
    if hazard.danger.kind is DangerKind.WORKER:
        what = "this work" if scope.anchor.kind is AnchorKind.WORKER else str(hazard.danger)
        return f"Reclaim waits for {what}, in {where}()."
    return f"Reclaim takes {hazard.danger}, too, in {where}()."


def scope_subject(scope: PlacedScope) -> str:
    """The subject of a scope's commit, without prefix."""
    anchor = scope.anchor
    what = f"{anchor.function}()"
    if anchor.kind is AnchorKind.HANDLE:
        what = f"the handles of {ends_words(anchor.openers)}"
    return f"place {what} under NOFS allocation context"


def where_words(scope: PlacedScope) -> str:
    """Where to open and to close the scope, behind "open a scope"."""
    match scope.anchor.kind:
        case AnchorKind.LOCK:
            return "right after the lock is taken, and close it right before it is released"
        case AnchorKind.WORKER:
            return "when the worker starts, and close it on each way out"
        case AnchorKind.PHASE:
            return "at the start of the function, and close it on each way out"
        case AnchorKind.HANDLE:
            closer = ends_words(scope.anchor.closers)
            structure = scope.anchor.structure.removeprefix("struct ")
            return (
                f"with the handle, and close it with the handle, in {closer}; "
                f"{scope.anchor.member} in struct {structure} keeps what that needs"
            )


def alternative_words(scope: PlacedScope) -> str:
    """The other places that were considered, in one line."""
    return "; ".join(f"{one.place}: {one.text} (cost {one.cost})" for one in scope.alternatives)


def first_few(places: Sequence[Place]) -> list[str]:
    """The first places, and how many more there are."""
    listed = [str(place) for place in places[:_FEW]]
    return [*listed, f"{len(places) - _FEW} more"] if len(places) > _FEW else listed
